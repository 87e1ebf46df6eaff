import secureJson from 'secure-json-parse';
import { expect, test } from 'vitest';
import { parseBody, parseJson } from './json.ts';

const MAX_VALUES = 20_000;
const outcome = (parse: () => unknown) => {
  try {
    return { value: parse() };
  } catch {
    return 'refused';
  }
};
const escaped = (text: string) =>
  [...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');

test.each([
  '{"a":1,"b":[true,null,"x"]}',
  '{"__proto__":1}',
  '{"__proto__":null}',
  '{"a":"__proto__"}',
  '["__proto__"]',
  '{"__proto_":1,"_proto__":2}',
  `{"${escaped('__proto__')}":{}}`,
  '{"__prot\\u006F__":{}}',
  '{"a":[{"b":{"__proto__" : {}}}]}',
  '{"constructor":{"prototype":1}}',
  '{"constructor":{"prototyp":1}}',
  '{"constructor":"prototype"}',
  '{"constructor":null}',
  `{"${escaped('constructor')}":{"${escaped('prototype')}":null}}`,
  '[{"\\u0063onstructor" :\n{"prototype":{}}}]',
  '{"\\"__proto__":1}',
  '{"a\\\\":1,"__proto__":1}',
  '{"a":"\\\\\\"","constructor":{"prototype":1}}',
  '{"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["}',
  '"__proto__"',
  'null',
  '1',
  '{"a":1',
  '{"a":"',
  '{"a":"\\',
  '"',
  '',
  ']',
  '{"a":1}}',
])('#363 %s is read as the library reads it', (text) => {
  const theirs = outcome(() =>
    secureJson.parse(text, undefined, { protoAction: 'error', constructorAction: 'error' }),
  );
  expect(outcome(() => parseJson(text, 'The body'))).toEqual(theirs);
});

const list = (unit: string, values: number) => `[${Array(values).fill(unit).join(',')}]`;

test.each([
  ['numbers', '1', 1],
  ['empty objects', '{}', 2],
  ['empty lists', '[]', 2],
  ['keys that could set a prototype', '{"constructor":{}}', 3],
  ['texts', '""', 1],
  ['texts of commas', '",,,,[["', 1],
])('#363 a body of 20,000 values is read and a larger one is refused unread: %s', (_, unit, each) => {
  const read = (count: number) => parseBody(Buffer.from(list(unit, count)));
  const most = Math.floor((MAX_VALUES - 1) / each);
  expect(read(most)).toHaveLength(most);
  expect(() => read(most + 1)).toThrow('The body has more than 20000 values');
  // Broken at its end, which nobody comes to.
  expect(() => parseBody(Buffer.from(`${list(unit, MAX_VALUES)}}`))).toThrow(
    'The body has more than 20000 values',
  );
});
