// What operators do with accounts, and the codes that set a new password.
import { describe, expect, test, vi } from 'vitest';
import { openTestDatabase, startApp, type User } from '../../../../test/harness.ts';
import { waitForLockWaits } from '../../../../test/lockWaits.ts';
import { PLENTY } from '../../../../test/rates.ts';
import { openStream } from '../../../../test/streams.ts';
import { bothTransports } from '../../../../test/transports.ts';
import type { Database } from '../../../db/database.ts';
import { sql } from '../../../db/drizzle.ts';
import { createMemoryStore, FREE_FAILURES } from '../../../security/rateLimitStore.ts';
import { purge } from '../../purge/job.ts';
import { blockAccount, listAccounts, makeResetCode, signOutAccount, unblockAccount } from './queries.ts';

const NEW = 'a new pass phrase';
const OPERATOR = { ip: '', request_id: 'a-run-of-the-program' };

const database = await openTestDatabase();
const { db } = database;
/** Done before the next statement of a name, the next transaction, or its commit. */
const before = new Map<string, () => Promise<void>>();
const watched = (inner: Database): Database => ({
  ...inner,
  async executePrepared(statement, values) {
    const step = before.get(statement.name);
    before.delete(statement.name);
    await step?.();
    return inner.executePrepared(statement, values);
  },
  async transaction(job) {
    // Not within it: the embedded database runs one transaction after the other.
    const step = before.get('transaction');
    before.delete('transaction');
    await step?.();
    return inner.transaction(async (tx) => {
      const done = await job(tx);
      const last = before.get('commit');
      before.delete('commit');
      await last?.();
      return done;
    });
  },
});
let time = 0;
const api = await startApp({
  database: { ...database, db: watched(db) },
  rates: PLENTY,
  store: createMemoryStore(() => time),
  trustedProxies: ['127.0.0.1'],
});
/** Another instance on the same database: it remembers nothing of the first one's sessions. */
const other = await startApp({ database });
const transports = bothTransports(api);

const signIn = (user: User, password = user.password) =>
  api.rest('POST', '/users/signIn', { body: { username: user.login, password } });
const refresh = (refresh_token: string) => api.rest('POST', '/users/refresh', { body: { refresh_token } });
const me = async (token: string, at = api) => (await at.rest('GET', '/users/me', { token })).status;
const reset = (user: User, code: string | undefined, new_password = NEW, ip = '198.51.100.1') =>
  api.rest('POST', '/users/resetPassword', {
    body: { login: user.login, code, new_password },
    headers: { 'x-forwarded-for': ip },
  });
const codeOf = async ({ id }: User) => (await makeResetCode(db, OPERATOR, id))?.code as string;
const trailOf = async ({ id }: User) =>
  (
    await db.execute<{ event: string }>(sql`select event from audit_trail where user_id = ${id} order by id`)
  ).map(({ event }) => event);
const WRONG = { status: 401, code: 'WRONG_CREDENTIALS', detail: 'Wrong credential passed' };

describe.each(transports)('over $name', ({ call }) => {
  test('#380 nobody signs in to a blocked account, and only who knows its password is told why', async () => {
    const ann = await api.register();
    const enter = (password: string) => call('auth.signIn', { username: ann.login, password });
    await blockAccount(db, OPERATOR, ann.id);
    for (let n = 0; n < 2 * FREE_FAILURES; n++)
      expect(await enter(ann.password)).toMatchObject({
        status: 403,
        code: 'ACCOUNT_BLOCKED',
        detail: 'The account is blocked',
      });
    const stranger = await enter('not it at all');
    const nobody = await call('auth.signIn', {
      username: 'nobody-has-this-login',
      password: 'not it at all',
    });
    expect(stranger).toMatchObject(WRONG);
    expect(stranger.body).toEqual(nobody.body);
    expect(await call('auth.register', { login: ann.login, password: NEW })).toMatchObject({ status: 409 });

    await unblockAccount(db, OPERATOR, ann.id);
    expect(await enter(ann.password)).toMatchObject({ status: 200, data: { user_id: ann.id } });
  });

  test('#382 a code sets a new password once, and ends all sessions', async () => {
    const ann = await api.register();
    const second = (await signIn(ann)).body;
    expect([await me(ann.token), await me(second.access_token)], 'remembered from here on').toEqual([
      200, 200,
    ]);
    const code = await codeOf(ann);
    expect(code).toMatch(/^([0-9a-hjkmnp-tv-z]{4}-){6}[0-9a-hjkmnp-tv-z]{4}$/);
    const use = () =>
      call('auth.resetPassword', {
        login: ann.login.toUpperCase(),
        code: ` ${code.toUpperCase().replaceAll('-', ' ')}`,
        new_password: NEW,
      });
    expect(await use()).toMatchObject({ status: 200, data: { message: 'Password changed' } });
    expect([
      await me(ann.token),
      await me(second.access_token),
      (await refresh(second.refresh_token)).status,
    ]).toEqual([401, 401, 401]);
    expect([(await signIn(ann)).status, (await signIn(ann, NEW)).status]).toEqual([401, 200]);
    expect(await use()).toMatchObject(WRONG);
  });

  test('#382 the new password keeps the rules of passwords, and one that does not costs no code', async () => {
    const ann = await api.register();
    const code = await codeOf(ann);
    const use = (new_password: string) =>
      call('auth.resetPassword', { login: ann.login, code, new_password });
    expect(await use('short')).toMatchObject({
      status: 400,
      code: 'VALIDATION',
      errors: [{ path: 'new_password' }],
    });
    for (const weak of ['password123', ann.login])
      expect(await use(weak)).toMatchObject({
        status: 400,
        code: 'WEAK_PASSWORD',
        errors: [{ path: 'new_password' }],
      });
    expect((await use(NEW)).status).toBe(200);
  });

  test('#384 guesses of codes count as those of passwords do: after five one has to wait, longer each time', async () => {
    const ann = await api.register();
    const code = await codeOf(ann);
    const use = (given: string) =>
      call('auth.resetPassword', { login: ann.login, code: given, new_password: NEW });
    for (let failure = 0; failure < FREE_FAILURES; failure++)
      expect(await use('0000-0000')).toMatchObject(WRONG);
    expect(await use('0000-0000')).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    expect(await use(code), 'the right one has to wait too').toMatchObject({ status: 429 });
    expect(
      await call('auth.signIn', { username: ann.login, password: 'x' }),
      'at the same counter',
    ).toMatchObject({ status: 429 });
    time += 1000;
    expect((await use(code)).status).toBe(200);
  });

  test('#386 where registration is closed nobody registers, and all else goes on', async () => {
    const closed = await startApp({ database, isRegistrationOpen: false });
    const [transport] = bothTransports(closed).filter(
      ({ name }) => name === (call === transports[0].call ? 'REST' : 'tRPC'),
    );
    const ann = await api.register();
    const count = async () =>
      (await db.execute<{ n: number }>(sql`select count(*)::int as n from users`))[0]?.n;
    const accounts = await count();
    for (const login of ['somebody-new', ann.login])
      expect(await transport?.call('auth.register', { login, password: NEW })).toMatchObject({
        status: 403,
        code: 'REGISTRATION_CLOSED',
        detail: 'Registration is closed',
      });
    expect(await count()).toBe(accounts);
    expect(
      (await transport?.call('auth.signIn', { username: ann.login, password: ann.password }))?.status,
    ).toBe(200);
    expect((await transport?.call('health.check'))?.status).toBe(200);
    const document = async (at: typeof api) => (await at.rest('GET', '/openapi.json')).text;
    expect(await document(closed)).toBe(await document(api));
    for (const path of ['/', '/docs', '/redoc'])
      expect((await closed.rest('GET', path)).status, path).toBe(200);
  });
});

test('#380 a password that is right for a blocked account gives no failures away, and forgives none', async () => {
  const ann = await api.register();
  await blockAccount(db, OPERATOR, ann.id);
  for (let failure = 0; failure < FREE_FAILURES; failure++) {
    expect((await signIn(ann)).status).toBe(403);
    expect((await signIn(ann, 'not it at all')).status).toBe(401);
  }
  expect((await signIn(ann)).status).toBe(429);
  time += 1000;
  expect((await signIn(ann)).status).toBe(403);
});

test.each(['block', 'sign-out'] as const)(
  '#381 with a %s the tokens of all sessions are refused: here within 10 s, elsewhere at once',
  async (how) => {
    const ann = await api.register();
    const bob = await api.register();
    const second = (await signIn(ann)).body;
    const tokens = [ann.token, second.access_token];
    for (const token of tokens) expect(await me(token)).toBe(200);
    const done =
      how === 'block' ? await blockAccount(db, OPERATOR, ann.id) : await signOutAccount(db, OPERATOR, ann.id);
    expect(done).toMatchObject({ login: ann.login, ended: 2 });
    for (const token of tokens) expect(await me(token, other)).toBe(401);
    expect((await refresh(second.refresh_token)).body).toMatchObject({
      status: 401,
      code: 'UNAUTHENTICATED',
    });
    // What an instance remembers it remembers for less than that.
    const now = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now + 10_000);
    for (const token of tokens) expect(await me(token)).toBe(401);
    clock.mockRestore();
    expect(await me(bob.token)).toBe(200);
    expect((await signIn(ann)).status).toBe(how === 'block' ? 403 : 200);
  },
);

test('#381 a stream of a blocked account ends', async () => {
  const ann = await api.register();
  const stream = await openStream(await other.app.listen({ port: 0, host: '127.0.0.1' }), '/events', ann);
  await stream.next();
  await blockAccount(db, OPERATOR, ann.id);
  expect((await stream.rest()).map(({ event }) => event)).toEqual([{ type: 'end', reason: 'session_ended' }]);
});

test('#381 a sign-in that was checked before the block opens no session after it', async () => {
  const ann = await api.register();
  before.set('session.open', async () => void (await blockAccount(db, OPERATOR, ann.id)));
  expect((await signIn(ann)).body).toMatchObject({ status: 403, code: 'ACCOUNT_BLOCKED' });
  expect(await listAccounts(db, { login: ann.login, isBlocked: true, limit: 2 })).toMatchObject([
    { id: ann.id, sessions: 0 },
  ]);
});

test('#381 a block that finds a change of the password uncommitted waits for it, and ends the session that stays', async () => {
  const ann = await api.register();
  const body = { current_password: ann.password, new_password: NEW };
  let block: ReturnType<typeof blockAccount> | undefined;
  before.set('commit', async () => {
    block = blockAccount(db, OPERATOR, ann.id);
    await waitForLockWaits(database, 1);
  });
  const changed = await api.rest('POST', '/users/me/password', { token: ann.token, body });
  expect([changed.status, await block]).toMatchObject([200, { was_blocked: false, ended: 1 }]);
  expect((await refresh(changed.body.refresh_token)).status).toBe(401);
  expect([(await signIn(ann)).status, (await signIn(ann, NEW)).status]).toEqual([401, 403]);
});

test('#382 of a code only its hash is stored; a new one replaces it, and it ends after an hour', async () => {
  const ann = await api.register();
  const first = await codeOf(ann);
  const second = await codeOf(ann);
  const rows = await db.execute<{ row: string; seconds: number }>(
    sql`select t::text as row, extract(epoch from expires_at - created_at)::int as seconds from password_resets t where user_id = ${ann.id}`,
  );
  expect(rows).toMatchObject([{ seconds: 3600 }]);
  for (const code of [first, second])
    for (const said of [code, code.replaceAll('-', '')]) expect(rows[0]?.row).not.toContain(said);
  expect((await reset(ann, first)).body).toMatchObject(WRONG);
  await db.execute(
    sql`update password_resets set expires_at = now() - interval '1 second' where user_id = ${ann.id}`,
  );
  expect((await reset(ann, second)).body).toMatchObject(WRONG);
  const { password_resets } = await purge.run(db, new AbortController().signal);
  expect(password_resets).toBeGreaterThan(0);
  expect(await db.execute(sql`select from password_resets where user_id = ${ann.id}`)).toEqual([]);
});

test('#382 a code is worth nothing for another login, nor after a block, a change of the password or the removal', async () => {
  const [ann, bob] = [await api.register(), await api.register()];
  expect((await reset(bob, await codeOf(ann))).body).toMatchObject(WRONG);

  const code = await codeOf(ann);
  await blockAccount(db, OPERATOR, ann.id);
  expect(await makeResetCode(db, OPERATOR, ann.id)).toEqual({ login: ann.login, code: undefined });
  await unblockAccount(db, OPERATOR, ann.id);
  expect((await reset(ann, code)).body).toMatchObject(WRONG);

  const another = await codeOf(bob);
  const changed = await api.rest('POST', '/users/me/password', {
    token: bob.token,
    body: { current_password: bob.password, new_password: 'yet another phrase' },
  });
  expect(changed.status).toBe(200);
  expect((await reset(bob, another)).body).toMatchObject(WRONG);

  const last = await codeOf(bob);
  await api.rest('DELETE', `/users/${bob.id}`, {
    token: bob.token,
    body: { password: 'yet another phrase' },
  });
  expect((await reset(bob, last)).body).toMatchObject(WRONG);
  expect(await db.execute(sql`select from password_resets where user_id in (${ann.id}, ${bob.id})`)).toEqual(
    [],
  );
});

test('#383 of redemptions of one code at the same time one wins', async () => {
  const ann = await api.register();
  const code = await codeOf(ann);
  const phrases = Array.from({ length: 4 }, (_, n) => `${NEW} ${n}`);
  const answers = await Promise.all(phrases.map((phrase) => reset(ann, code, phrase)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
  const winner = phrases[answers.findIndex(({ status }) => status === 200)];
  for (const phrase of phrases)
    expect((await signIn(ann, phrase)).status).toBe(phrase === winner ? 200 : 401);
});

test('#383 a redemption that finds another one uncommitted waits for it, and changes nothing', async () => {
  const ann = await api.register();
  const code = await codeOf(ann);
  let second: ReturnType<typeof reset> | undefined;
  before.set('commit', async () => {
    second = reset(ann, code, 'the phrase of the second');
    await waitForLockWaits(database, 1);
  });
  expect((await reset(ann, code)).status).toBe(200);
  expect((await second)?.body).toMatchObject(WRONG);
  expect([(await signIn(ann, NEW)).status, (await signIn(ann, 'the phrase of the second')).status]).toEqual([
    200, 401,
  ]);
});

test('#383 a redemption that finds the code used, replaced or dropped at its last moment changes nothing', async () => {
  const ann = await api.register();
  for (const meanwhile of [
    async (code: string) => expect((await reset(ann, code, 'the phrase of the first')).status).toBe(200),
    () => codeOf(ann),
    () => blockAccount(db, OPERATOR, ann.id),
  ]) {
    const code = await codeOf(ann);
    before.set('transaction', async () => void (await meanwhile(code)));
    expect((await reset(ann, code)).body).toMatchObject(WRONG);
  }
  await unblockAccount(db, OPERATOR, ann.id);
  expect([(await signIn(ann, NEW)).status, (await signIn(ann, 'the phrase of the first')).status]).toEqual([
    401, 200,
  ]);
});

test('#383 a sign-in with the old password that is under way when the code is redeemed opens no session', async () => {
  const ann = await api.register();
  const code = await codeOf(ann);
  before.set('session.open', async () => expect((await reset(ann, code)).status).toBe(200));
  expect((await signIn(ann)).body).toMatchObject(WRONG);
});

test('#384 redemptions count as sign-ins of their address, and an unknown login is refused as a known one is', async () => {
  const few = await startApp({ database, rates: { ...PLENTY, signIn: { max: 3, seconds: 600 } } });
  const ann = await few.register();
  const use = (login: string) =>
    few.rest('POST', '/users/resetPassword', { body: { login, code: '0000', new_password: NEW } });
  const [known, unknown] = [(await use(ann.login)).body, (await use('nobody-has-this-login')).body];
  expect({ ...known, request_id: '' }).toEqual({ ...unknown, request_id: '' });
  const body = { username: ann.login, password: ann.password };
  expect((await few.rest('POST', '/users/signIn', { body })).status).toBe(200);
  expect((await use(ann.login)).status).toBe(429);
  expect((await few.rest('POST', '/users/signIn', { body })).status).toBe(429);
});

test('#384 strangers who guess elsewhere do not hold up who was here before, and a reset is remembered as a sign-in', async () => {
  const ann = await api.register();
  const HERE = '192.0.2.7';
  expect((await reset(ann, await codeOf(ann), NEW, HERE)).status).toBe(200);
  for (let n = 0; n <= FREE_FAILURES; n++) await reset(ann, '0000', NEW, `203.0.113.${n}`);
  const code = await codeOf(ann);
  expect((await reset(ann, code, NEW, '203.0.113.99')).status).toBe(429);
  expect((await reset(ann, code, NEW, HERE)).status).toBe(200);
});

test('#385 each of it stands in the audit trail, with the address of who asked, and none for an operator', async () => {
  const ann = await api.register();
  await signOutAccount(db, OPERATOR, ann.id);
  const code = await codeOf(ann);
  await reset(ann, '0000', NEW, '192.0.2.8');
  await reset(ann, code, NEW, '192.0.2.8');
  await blockAccount(db, OPERATOR, ann.id);
  await blockAccount(db, OPERATOR, ann.id);
  await signIn(ann, NEW);
  await codeOf(ann);
  await unblockAccount(db, OPERATOR, ann.id);
  await unblockAccount(db, OPERATOR, ann.id);
  expect(await trailOf(ann)).toEqual([
    'registered',
    'sessions_ended',
    'reset_code_made',
    'password_reset_failed',
    'password_reset',
    'account_blocked',
    'sign_in_blocked',
    'account_unblocked',
  ]);
  const lines = await db.execute<{ event: string; ip: string; request_id: string }>(
    sql`select event, ip, request_id from audit_trail where user_id = ${ann.id} order by id`,
  );
  const operators = lines.filter(({ request_id }) => request_id === OPERATOR.request_id);
  expect(operators.map(({ event }) => event)).toEqual([
    'sessions_ended',
    'reset_code_made',
    'account_blocked',
    'account_unblocked',
  ]);
  expect(new Set(operators.map(({ ip }) => ip))).toEqual(new Set(['']));
  expect(lines.filter(({ event }) => event.startsWith('password_reset')).map(({ ip }) => ip)).toEqual([
    '192.0.2.8',
    '192.0.2.8',
  ]);
});

test('#385 no code is in the log, nor in what is exported of its user', async () => {
  const ann = await api.register();
  const code = await codeOf(ann);
  const text = (await api.rest('GET', '/users/me/export', { token: ann.token })).text;
  expect(text).toContain('reset_code_made');
  await reset(ann, code);
  for (const said of [code, code.replaceAll('-', '')]) {
    expect(JSON.stringify(api.log)).not.toContain(said);
    expect(text).not.toContain(said);
  }
});

test('#387 accounts are listed newest first, page by page, by login or a part of it in any spelling, or those that are blocked', async () => {
  const marker = `lister-${crypto.randomUUID()}`;
  const [first, second, third] = [
    await api.register(`${marker}-A`),
    await api.register(`${marker}-Bob`),
    await api.register(`${marker}-b`),
  ];
  const ids = async (page: Partial<Parameters<typeof listAccounts>[1]>) =>
    (await listAccounts(db, { part: marker, limit: 50, ...page })).map(({ id }) => id);
  expect(await ids({})).toEqual([third.id, second.id, first.id]);
  expect(await ids({ limit: 2 })).toEqual([third.id, second.id]);
  expect(await ids({ before: second.id })).toEqual([first.id]);
  expect(await ids({ part: `${marker.toUpperCase()}-BO` })).toEqual([second.id]);
  expect(await ids({ part: `${marker}-_` })).toEqual([]);
  expect(await ids({ login: `${marker.toUpperCase()}-B` })).toEqual([third.id]);
  expect(await ids({ login: marker })).toEqual([]);
  await blockAccount(db, OPERATOR, second.id);
  expect(await ids({ isBlocked: true })).toEqual([second.id]);
  const [account] = await listAccounts(db, { login: `${marker}-Bob`, limit: 1 });
  const moment = expect.stringMatching(/^\d{4}-.*Z$/);
  expect(account).toEqual({
    id: second.id,
    login: second.login,
    created_at: moment,
    blocked_at: moment,
    sessions: 0,
    last_seen_at: null,
  });
  await signIn(third);
  expect(await listAccounts(db, { login: third.login, limit: 1 })).toMatchObject([
    { sessions: 2, last_seen_at: moment, blocked_at: null },
  ]);
});

test('#387 what is done to an account that there is not is told', async () => {
  for (const act of [blockAccount, unblockAccount, signOutAccount, makeResetCode])
    expect(await act(db, OPERATOR, 2_000_000_000)).toBeUndefined();
});
