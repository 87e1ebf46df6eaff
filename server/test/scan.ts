// Searches all that an app of a test said for what nobody may read.
import { expect } from 'vitest';
import type { RecordedAnswer } from './conformance.ts';
import { decoded } from './tokens.ts';

export interface ScannedAnswer extends RecordedAnswer {
  readonly authorization: string | undefined;
  /** The procedures that were called. */
  readonly called: readonly string[];
}

type Line = Readonly<Record<string, unknown>>;

/** Columns and hashes; a client's own text has its quotes escaped. */
const BANNED = [
  '"password":',
  '"password_hash":',
  '"login_key":',
  '"hash":',
  '"token_hash":',
  '"rt_key":',
  '"counter":',
  '"nonce":',
  '"refreshable_from":',
  '$argon2',
  '$2b$',
];

/** Fails if an answer holds a secret, a column that is nobody's business, or the id of another user than its caller. */
export function scanAnswers(answers: readonly ScannedAnswer[], secrets: Iterable<string>): void {
  const text = answers.map(({ payload }) => payload).join('\n');
  expect(
    [...BANNED, ...secrets].filter((secret) => text.includes(secret)),
    'secrets in answers',
  ).toEqual([]);
  expect(answers.filter(namesAnother), 'answers with the id of another user').toEqual([]);
}

function namesAnother({ authorization, called, payload, status }: ScannedAnswer): boolean {
  const ids = [...payload.matchAll(/"user_id":(\d+)/g)].map(([, id]) => id);
  // A sign-in under a token may be another user's.
  if (ids.length === 0 || status >= 400 || called.some((name) => name.startsWith('auth.'))) return false;
  return ids.some((id) => id !== decoded(authorization?.split('.')[1] ?? 'e30').sub);
}

/** Access and refresh tokens, and tokens of calendars, that were given out. */
export const tokensIn = (answers: readonly ScannedAnswer[]): string[] =>
  answers.flatMap(({ payload }) =>
    [...payload.matchAll(/"(?:access|refresh)_token":"([^"]+)"|"\/calendars\/([^"]+)\.ics"/g)].map(
      ([, token, calendar]) => (token ?? calendar) as string,
    ),
  );

/** What a line may hold: nothing that a client can write into but its request id, which is of a harmless form. */
const KEYS = new Set([
  'level',
  'time',
  'pid',
  'hostname',
  'request_id',
  'method',
  'procedure',
  'route',
  'status',
  'ms',
  'msg',
  'reason',
  'causes',
]);
const CAUSE = new Set(['name', 'code', 'frames']);

/**
 * Fails if a line of the log holds a secret, or a key that is not known to be harmless.
 * @param names the procedures and routes that there are
 */
export function scanLog(log: readonly Line[], secrets: Iterable<string>, names: ReadonlySet<string>): void {
  scanLogText(log.map((line) => JSON.stringify(line)).join('\n'), secrets);
  expect(
    log.filter((line) => !isHarmless(line, names)),
    'lines of the log that can hold what a client wrote',
  ).toEqual([]);
}

/** Fails if what a server wrote holds a secret, or what looks like one. */
export function scanLogText(text: string, secrets: Iterable<string>): void {
  const found = ['Bearer ', '$argon2', '.eyJ', ...secrets].filter((secret) => text.includes(secret));
  expect(found, 'secrets in the log').toEqual([]);
}

function isHarmless(line: Line, names: ReadonlySet<string>): boolean {
  const { procedure, route, request_id, causes = [] } = line;
  return (
    Object.keys(line).every((key) => KEYS.has(key)) &&
    (causes as object[]).every((cause) => Object.keys(cause).every((key) => CAUSE.has(key))) &&
    [...String(procedure ?? 'unknown').split(','), route ?? 'unknown'].every(
      (name) => name === 'unknown' || names.has(String(name)),
    ) &&
    (request_id === undefined || /^[\w-]{8,64}$/.test(String(request_id)))
  );
}
