// What every test file's answers and log are held against when it is done finds what it should.
import { glob, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openApiDocument } from '../src/http/documents/openapi.ts';
import { appRouter } from '../src/router.ts';
import { checkAgainstDocument } from './conformance.ts';
import { type ScannedAnswer, scanAnswers, scanLog, tokensIn } from './scan.ts';
import { signed } from './tokens.ts';

const document = openApiDocument(appRouter, '0.1.0');
const TASK = {
  ...{ id: 1, user_id: 7, title: 'Run', status: false },
  ...{ due_on: null, series_id: null, recurrence: null },
};

const answer = (payload: unknown, change: Partial<ScannedAnswer> = {}): ScannedAnswer => ({
  method: 'POST',
  url: '/outherTasks',
  route: '/outherTasks',
  status: 201,
  contentType: 'application/json; charset=utf-8',
  payload: JSON.stringify(payload),
  authorization: `Bearer ${signed({ sub: '7' })}`,
  called: ['task.create'],
  ...change,
});

test('#84 an answer with a secret, a column of ours or the id of another user is found', () => {
  const texts = { ...TASK, title: '"password": "hash" password_hash $argon' };
  expect(() => scanAnswers([answer(TASK), answer(texts)], ['a secret'])).not.toThrow();
  for (const key of ['password', 'password_hash', 'login_key', 'hash', 'token_hash', 'rt_key', 'counter'])
    expect(() => scanAnswers([answer({ ...TASK, [key]: 'x' })], []), key).toThrow('secrets in answers');
  for (const title of ['$argon2id$v=19', '$2b$12$abc', 'a secret'])
    expect(() => scanAnswers([answer({ ...TASK, title })], ['a secret']), title).toThrow(
      'secrets in answers',
    );
  expect(() => scanAnswers([answer([TASK, { ...TASK, user_id: 8 }])], [])).toThrow('another user');
  expect(() => scanAnswers([answer({ ...TASK }, { authorization: undefined })], [])).toThrow('another user');
});

test('#85 an answer that its schema does not know, or that has a key besides, is found', () => {
  expect(() => checkAgainstDocument(document, [answer(TASK)])).not.toThrow();
  for (const wrong of [{ ...TASK, extra: 1 }, { ...TASK, title: 1 }, { id: 1 }, [TASK]])
    expect(() => checkAgainstDocument(document, [answer(wrong)]), JSON.stringify(wrong)).toThrow(
      'does not know',
    );
  for (const change of [{ status: 299 }, { contentType: 'text/plain' }])
    expect(() => checkAgainstDocument(document, [answer(TASK, change)])).toThrow('does not know');
});

// #164: The lines of the fault suite are searched at the end of each of its files
// (server/test/faults/servers.ts).
test('#164 a line of the log with a secret, or with anything that a client can write, is found', () => {
  const line = {
    level: 30,
    time: 1,
    request_id: 'a-harmless-id',
    method: 'GET',
    procedure: 'task.list,unknown',
    status: 200,
    ms: 1,
    msg: 'request',
  };
  const names = new Set(['task.list', '/docs']);
  const failure = {
    level: 50,
    time: 1,
    reason: 'INTERNAL',
    causes: [{ name: 'Error', code: '42P01', frames: ['at x'] }],
    msg: 'request failed',
  };
  expect(() =>
    scanLog([line, { ...line, procedure: undefined, route: '/docs' }, failure], ['a secret'], names),
  ).not.toThrow();
  const [token = ''] = tokensIn([answer({ access_token: 'abc.def.ghi' })]);
  for (const msg of ['a secret', 'Bearer x', '$argon2id', 'x.eyJhb', token])
    expect(() => scanLog([{ ...line, msg }], ['a secret', token], names), msg).toThrow('secrets in the log');
  for (const change of [
    { url: '/x?y' },
    { err: {} },
    { procedure: 'nonsense' },
    { route: '/x' },
    { request_id: 'a b' },
    { weight: 80 },
  ])
    expect(() => scanLog([{ ...line, ...change }], [], names), JSON.stringify(change)).toThrow(
      'what a client wrote',
    );
  expect(() => scanLog([{ ...failure, causes: [{ message: 'x' }] }], [], names)).toThrow(
    'what a client wrote',
  );
});

test('#164 tests start the server through the harness, or as processes whose output they look at', async () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const found: string[] = [];
  for await (const path of glob('{server,client}/{src,test}/**/*.ts', { cwd: root })) {
    const text = await readFile(`${root}/${path}`, 'utf8');
    if (/\bbuildApp\(|src\/main\.ts/.test(text) && !path.startsWith('server/src/')) found.push(path);
  }
  expect(found.sort()).toEqual([
    'server/test/backup.test.ts',
    'server/test/faults/servers.ts',
    'server/test/harness.ts',
    'server/test/process.test.ts',
    'server/test/secrets.test.ts',
    'server/test/users.test.ts',
  ]);
});
