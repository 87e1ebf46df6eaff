import { expect, test } from 'vitest';
import { joinJson, toJson } from './jsonText.ts';

const row = (n: number) => ({
  id: n,
  title: `"Бег" 🏃 ${n}`,
  done: n % 2 === 0,
  note: n % 3 === 0 ? null : undefined,
  of: [n, []],
});
const rows = (count: number) => Array.from({ length: count }, (_, n) => row(n));

test.each([
  ['a value', 7],
  ['null', null],
  ['an empty list', []],
  ['a short list', rows(3)],
  ['a list as long as a piece', rows(50)],
  ['a list of a piece and one more', rows(51)],
  ['a long list', rows(1234)],
  ['a long list with gaps', Array.from({ length: 200 }, (_, n) => (n % 7 ? n : undefined))],
  [
    'a long list within objects',
    { result: { data: { first: undefined, data: row(1), resources: rows(120), user_id: 7 } } },
  ],
  ['two long lists', { tasks: rows(60), nothing: {}, resources: rows(70) }],
  ['a long text', 'я'.repeat(100_000)],
])('#355 %s is written as JSON.stringify writes it', (_, value) => {
  expect(toJson(value).toString()).toBe(JSON.stringify(value));
});

test('#355 what is long is bytes, which are joined as text is', () => {
  const long = toJson(rows(60));
  expect(long).toBeInstanceOf(Buffer);
  expect(joinJson([long, '1', toJson('🏃')]).toString()).toBe(`${JSON.stringify(rows(60))},1,"🏃"`);
  expect(joinJson(['1', '2'])).toBe('1,2');
});
