// Values at the borders of what the wire contract takes.
import { expect } from 'vitest';
import type { Outcome } from './transports.ts';

/** The largest id: of no object in a test. */
export const MISSING = Number.MAX_SAFE_INTEGER;

/** What no number field takes, over either transport. */
export const NOT_NUMBERS = [
  '',
  '0x10',
  '1e3',
  ' 1',
  '1 ',
  '+1',
  '01',
  '1.',
  '.5',
  'NaN',
  'Infinity',
  'one',
  true,
  null,
  [1],
  { value: 1 },
];

/** What no id or whole number field takes either. */
export const NOT_INTEGERS = [...NOT_NUMBERS, 1.5, '1.5'];

/** What no field for an id takes. */
export const NOT_IDS = [...NOT_INTEGERS, 0, -1, 2 ** 53];

export const NOT_BOOLEANS = ['', 'TRUE', 'yes', '1', 0, 1, null, [true], {}];

/** What no text field takes. Numbers too: text is never made of them. */
const NOT_TEXT = ['a\0b', 'a\ud800b', '\udc00', 7, true, null, ['a'], {}];

const BLANK = ['', ' ', '\t\r\n', '\u00a0\u3000', '\u200b'];

const RUNNER = '🏃';

/** Kept byte for byte: outer white space, both forms of é, marks of direction, control characters, quotes and escapes. */
export const ODD_TEXT = ' \te\u0301 \u00e9 \u202e ﬁ K \u0001 "\'\\ \\u0000 {} $1 %s <b> 😀👩‍👧\ufeff\r\n ';

/** Borders of a text of 1 to `max` characters, counted in code points. */
export const text = (max: number) => ({
  taken: ['x', ODD_TEXT, '0', 'null', RUNNER.repeat(max)],
  refused: [...NOT_TEXT, ...BLANK, `${RUNNER.repeat(max)}x`, 'x'.repeat(max + 1)],
});

/** Borders of a text that may be empty. */
export const textOrEmpty = (max: number) => ({
  taken: ['', ODD_TEXT, RUNNER.repeat(max)],
  refused: [...NOT_TEXT, `${RUNNER.repeat(max)}x`, 'x'.repeat(max + 1)],
});

/** The numbers next to `value`, as far as a double can tell them apart. */
export const justBelow = (value: number): number => neighbour(value, -1n);
export const justAbove = (value: number): number => neighbour(value, 1n);

function neighbour(value: number, step: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigInt64(0, view.getBigInt64(0) + step);
  return view.getFloat64(0);
}

/** A value as a message names it. */
export const shown = (value: unknown): string => {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 60 ? `${json.slice(0, 60)}… (${json.length})` : json;
};

/** Fails unless the call was refused as bad input, because of `path` alone. */
export function expectRefused(outcome: Outcome, path: string, value: unknown): void {
  expect(outcome, `${path}: ${shown(value)}`).toMatchObject({ status: 400, code: 'VALIDATION' });
  expect(
    outcome.errors?.map((error) => error.path.split('.')[0]),
    `${path}: ${shown(value)}`,
  ).toEqual(outcome.errors?.map(() => path));
  expect(outcome.errors, `${path}: ${shown(value)}`).not.toHaveLength(0);
}
