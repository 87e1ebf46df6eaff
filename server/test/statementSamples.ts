// Values with which tests run any statement.
import type { Statement } from '../src/db/statement.ts';

/** By type of the parameter. */
const BY_TYPE: Readonly<Record<string, unknown>> = {
  boolean: true,
  int: 70,
  bigint: 70,
  float8: 5,
  text: 'x',
  gender: 'male',
  resource_type: 'book',
  json: {},
  date: '2026-11-28',
  timestamptz: new Date('2026-11-28T12:00:00Z'),
  'int[]': [70, 71],
  'bigint[]': [70, 71],
};

/** @returns a value for each parameter of a statement */
export const sampleInput = ({ shape }: Statement): Record<string, unknown> =>
  Object.fromEntries(Object.entries(shape).map(([key, kind]) => [key, BY_TYPE[kind.replace('?', '')]]));
