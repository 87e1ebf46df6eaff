// `pnpm users` on PostgreSQL, while a server runs on it.
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { sql } from '../../src/db/drizzle.ts';
import { openTestDatabase, startApp } from '../harness.ts';
import { codeIn, runUsers } from '../programs.ts';

const database = await openTestDatabase();
const api = await startApp({ database });
const users = (...args: string[]) =>
  runUsers(tmpdir(), { DATABASE_URL: database.url as string, NODE_ENV: 'production' }, ...args);
const NEW = 'a new pass phrase';

const signIn = (username: string, password: string) =>
  api.rest('POST', '/users/signIn', { body: { username, password } });

test('#381 #385 #387 beside a running server it blocks, unblocks, signs out and makes codes', async () => {
  const ann = await api.register();
  const me = async () => (await api.rest('GET', '/users/me', { token: ann.token })).status;
  expect(await me()).toBe(200);
  expect(await users('block', String(ann.id))).toEqual({
    code: 0,
    stdout: `${ann.id} ${ann.login}: blocked, sessions ended: 1\n`,
    stderr: '',
  });
  await expect.poll(me, { interval: 250 }).toBe(401);
  expect((await signIn(ann.login, ann.password)).body.code).toBe('ACCOUNT_BLOCKED');
  expect((await users('--login', ann.login, '--blocked')).stdout).toContain(ann.login);

  await users('unblock', String(ann.id));
  expect((await signIn(ann.login, ann.password)).status).toBe(200);
  expect((await users('sign-out', String(ann.id))).stdout).toBe(
    `${ann.id} ${ann.login}: sessions ended: 1\n`,
  );
  const code = codeIn(await users('code', String(ann.id)));
  const reset = await api.rest('POST', '/users/resetPassword', {
    body: { login: ann.login, code, new_password: NEW },
  });
  expect([reset.status, (await signIn(ann.login, NEW)).status]).toEqual([200, 200]);
  expect(JSON.stringify(api.log)).not.toContain(code);

  const lines = await database.db.execute<{ event: string; ip: string; request_id: string }>(
    sql`select event, ip, request_id from audit_trail where user_id = ${ann.id} and ip = '' order by id`,
  );
  expect(lines.map(({ event }) => event)).toEqual([
    'account_blocked',
    'account_unblocked',
    'sessions_ended',
    'reset_code_made',
  ]);
  expect(new Set(lines.map(({ request_id }) => request_id)).size, 'one for each run').toBe(4);
});
