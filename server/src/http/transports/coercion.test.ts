import { expect, test } from 'vitest';
import { z } from 'zod';
import { coerce, coercionPlan } from './coercion.ts';

const Contract = z.object({
  n: z.number().optional(),
  flag: z.boolean().default(false),
  name: z.string(),
  any: z.unknown(),
  list: z.array(z.int()),
  rows: z.array(z.object({ n: z.number(), type: z.enum(['1', '2']) })),
});
const plan = coercionPlan(Contract);

test('text is read where the contract wants a number or a boolean, and nowhere else', () => {
  const sent = {
    n: '-0.50',
    flag: 'true',
    name: '7',
    any: '7',
    list: ['1', 2],
    rows: [{ n: '3', type: '1' }],
    other: '5',
  };
  expect(coerce(plan, sent)).toEqual({
    n: -0.5,
    flag: true,
    name: '7',
    any: '7',
    list: [1, 2],
    rows: [{ n: 3, type: '1' }],
    other: '5',
  });
});

test.each([
  '',
  ' 1',
  '1 ',
  '+1',
  '01',
  '1.',
  '.5',
  '1e3',
  '0x10',
  '١',
  'NaN',
  'Infinity',
  'true',
  null,
  true,
  [],
  {},
])('%j is no number', (value) => {
  expect(coerce(plan, { n: value })).toEqual({ n: value });
});

test.each(['True', '1', 'yes', '', 1, null])('%j is no boolean', (value) => {
  expect(coerce(plan, { flag: value })).toEqual({ flag: value });
});

test('what was sent and the contract stay as they were', () => {
  const sent = Object.freeze({ n: '1', list: Object.freeze(['1']) });
  coerce(plan, sent);
  expect(Contract.shape.n.safeParse('1').success).toBe(false);
});

test('a kind of schema without a rule is refused when the server starts', () => {
  expect(() => coercionPlan(z.object({ when: z.date() }))).toThrow('date');
});
