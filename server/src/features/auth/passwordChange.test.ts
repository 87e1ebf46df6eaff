// What is under way while a password is changed: sign-ins, refreshes, other changes. Each meets the change at a definite
// point, because statements wait here until the test lets them go on.
import { expect, test } from 'vitest';
import { openTestDatabase, startApp, type User } from '../../../test/harness.ts';
import { waitForLockWaits } from '../../../test/lockWaits.ts';
import { sessionOf } from '../../../test/tokens.ts';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';

const database = await openTestDatabase();
const { db } = database;

/** Done in place of a statement, which it runs. @param inner where the statement was about to run */
type Step = (runOn: (on: Database) => Promise<object[]>, inner: Database) => Promise<object[]>;
/** What is done in place of the next statement of a name. */
const steps = new Map<string, Step>();
/** What is done before the next transaction: of what runs here, that of a change. */
let beforeTransaction: (() => Promise<void>) | undefined;

/** Hands statements to the database, but those that a test waits for. */
const watched = (inner: Database): Database => ({
  ...inner,
  executePrepared(statement, values) {
    const step = steps.get(statement.name);
    steps.delete(statement.name);
    return step
      ? step((on) => on.executePrepared(statement, values), inner)
      : inner.executePrepared(statement, values);
  },
  async transaction(job) {
    const before = beforeTransaction;
    beforeTransaction = undefined;
    await before?.();
    return inner.transaction((tx) => job(watched(tx)));
  },
});

const api = await startApp({ database: { ...database, db: watched(db) } });
const NEW = 'a new pass phrase';

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

const signIn = (user: User, password = user.password) =>
  api.rest('POST', '/users/signIn', { body: { username: user.login, password } });
const change = (user: User, token = user.token, new_password = NEW) =>
  api.rest('POST', '/users/me/password', { token, body: { current_password: user.password, new_password } });
const refresh = (refresh_token: string) => api.rest('POST', '/users/refresh', { body: { refresh_token } });
const me = async (token: string) => (await api.rest('GET', '/users/me', { token })).status;
const sessions = async ({ id }: User) =>
  (await db.execute<{ id: number }>(sql`select id from sessions where user_id = ${id} order by id`)).map(
    (row) => row.id,
  );

/** Stops the next statement of a name, or the next change, before it runs. @returns when it is there, and what lets it go on */
function stopAt(name: string) {
  const [there, going] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const stop = () => {
    there.resolve();
    return going.promise;
  };
  if (name === 'change') beforeTransaction = stop;
  else steps.set(name, (runOn, inner) => stop().then(() => runOn(inner)));
  return { there: there.promise, goOn: going.resolve };
}

/** Holds the next statement of a name open: it has run, and is not committed. @returns when it has, and what commits it */
function holdOpen(name: string) {
  const [there, going] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  steps.set(name, (runOn) =>
    db.transaction(async (tx) => {
      const rows = await runOn(tx);
      there.resolve();
      await going.promise;
      return rows;
    }),
  );
  return { there: there.promise, commit: going.resolve };
}

// #333: At each point where they can meet, on PostgreSQL with both waiting for the lock.
test('#333 a sign-in whose password was checked before the change opens no session after it', async () => {
  const ann = await api.register();
  const stopped = stopAt('session.open');
  const underWay = signIn(ann);
  await stopped.there;
  expect((await change(ann)).status).toBe(200);
  const before = await sessions(ann);
  stopped.goOn();
  expect((await underWay).body).toMatchObject({
    status: 401,
    code: 'WRONG_CREDENTIALS',
    detail: 'Wrong credential passed',
  });
  expect(await sessions(ann)).toEqual(before);
  expect((await signIn(ann, NEW)).status).toBe(200);
});

test('#333 a sign-in that the change finds uncommitted is waited for, and its session ends', async () => {
  const ann = await api.register();
  const held = holdOpen('session.open');
  const underWay = signIn(ann);
  await held.there;
  const changed = change(ann);
  await waitForLockWaits(database, 1);
  held.commit();
  const signedIn = await underWay;
  expect([signedIn.status, (await changed).status]).toEqual([200, 200]);
  expect(await me(signedIn.body.access_token)).toBe(401);
  expect((await refresh(signedIn.body.refresh_token)).status).toBe(401);
  expect(await sessions(ann)).toEqual([sessionOf(ann.token)]);
});

test('#333 a sign-in that finds the change uncommitted waits for it, and opens nothing', async () => {
  const ann = await api.register();
  const [renewing, going] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const opening = stopAt('session.open');
  const underWay = signIn(ann);
  await opening.there;
  // The password is changed, within the transaction that then ends the sessions.
  steps.set('user.changePassword', async (runOn, inner) => {
    const rows = await runOn(inner);
    renewing.resolve();
    await going.promise;
    return rows;
  });
  const changed = change(ann);
  await renewing.promise;
  opening.goOn();
  await waitForLockWaits(database, 1);
  going.resolve();
  expect([(await changed).status, (await underWay).status]).toEqual([200, 401]);
  expect(await sessions(ann)).toEqual([sessionOf(ann.token)]);
});

// #334: An old one is refused without ending the session; clients that ignore the answer sign in again.
test('#334 the change gives the session new tokens; a copy of its refresh token from before is worth nothing', async () => {
  const ann = await api.register();
  const copied = (await signIn(ann)).body as Tokens;
  const { status, body } = await change(ann, copied.access_token);
  expect([status, body]).toEqual([
    200,
    {
      message: 'Password changed',
      access_token: expect.any(String),
      token_type: 'Bearer',
      user_id: ann.id,
      expires_in: 1800,
      refresh_token: expect.any(String),
      refresh_expires_in: 7 * 86_400,
    },
  ]);
  expect(sessionOf(body.access_token)).toBe(sessionOf(copied.access_token));
  for (let n = 0; n < 3; n++) expect((await refresh(copied.refresh_token)).status).toBe(401);
  // Clients that know nothing of the new tokens go on until the access token ends.
  for (const token of [copied.access_token, body.access_token]) expect(await me(token)).toBe(200);

  const next = (await refresh(body.refresh_token)).body as Tokens;
  expect(await me(next.access_token)).toBe(200);
  expect((await refresh(body.refresh_token)).body.refresh_token, 'its answer was lost').toBe(
    next.refresh_token,
  );
  expect((await refresh(copied.refresh_token)).status).toBe(401);
  expect(await me(next.access_token), 'the session goes on').toBe(200);
  const trail = await db.execute<{ event: string }>(
    sql`select event from audit_trail where user_id = ${ann.id} order by id`,
  );
  expect(trail.map(({ event }) => event)).toEqual(['registered', 'signed_in', 'password_changed']);
});

test('#334 nor is what a copy was exchanged for, while the change was under way', async () => {
  const ann = await api.register();
  const copied = (await signIn(ann)).body as Tokens;
  const stopped = stopAt('change');
  const changed = change(ann, copied.access_token);
  await stopped.there;
  const thief = (await refresh(copied.refresh_token)).body as Tokens;
  expect(thief.refresh_token).toEqual(expect.any(String));
  stopped.goOn();
  const { body } = await changed;
  for (const { refresh_token } of [thief, copied]) expect((await refresh(refresh_token)).status).toBe(401);
  expect((await refresh(body.refresh_token)).status).toBe(200);
});

test('#334 a refresh that the change finds uncommitted is waited for, and what it gave is worth nothing', async () => {
  const ann = await api.register();
  const copied = (await signIn(ann)).body as Tokens;
  const held = holdOpen('session.refresh');
  const underWay = refresh(copied.refresh_token);
  await held.there;
  const changed = change(ann, copied.access_token);
  await waitForLockWaits(database, 1);
  held.commit();
  const thief = (await underWay).body as Tokens;
  const { body } = await changed;
  expect((await refresh(thief.refresh_token)).status).toBe(401);
  expect((await refresh(body.refresh_token)).status).toBe(200);
});

test('#334 a session that ends meanwhile changes nothing', async () => {
  const ann = await api.register();
  const { access_token } = (await signIn(ann)).body as Tokens;
  const stopped = stopAt('change');
  const underWay = change(ann, access_token);
  await stopped.there;
  expect(
    (await api.rest('DELETE', `/users/me/sessions/${sessionOf(access_token)}`, { token: ann.token })).status,
  ).toBe(200);
  stopped.goOn();
  expect((await underWay).body).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  expect([(await signIn(ann, NEW)).status, (await signIn(ann)).status]).toEqual([401, 200]);
});

test('#333 the account stays when the password is changed while its removal is under way', async () => {
  const ann = await api.register();
  const { access_token } = (await signIn(ann)).body as Tokens;
  const stopped = stopAt('user.remove');
  const underWay = api.rest('DELETE', `/users/${ann.id}`, {
    token: access_token,
    body: { password: ann.password },
  });
  await stopped.there;
  expect((await change(ann)).status).toBe(200);
  stopped.goOn();
  expect((await underWay).body).toMatchObject({ status: 401, code: 'WRONG_CREDENTIALS' });
  expect((await signIn(ann, NEW)).status).toBe(200);
});

test('#333 a hash that is only made anew meanwhile costs nobody a sign-in, a change or a removal', async () => {
  const ann = await api.register();
  const { argon2id, hash } = await import('argon2');
  const outdate = async (password: string) => {
    const weak = await hash(password, { type: argon2id, memoryCost: 2048, timeCost: 1, parallelism: 1 });
    await db.execute(sql`update users set password = ${weak} where id = ${ann.id}`);
  };
  /** Does something whose check of the password comes before a sign-in that makes the hash anew, and the rest after it. */
  const around = async (name: string, password: string, run: () => Promise<{ status: number }>) => {
    await outdate(password);
    const stopped = stopAt(name);
    const underWay = run();
    await stopped.there;
    expect((await signIn(ann, password)).status).toBe(200);
    stopped.goOn();
    return (await underWay).status;
  };
  expect(await around('user.rehash', ann.password, () => signIn(ann))).toBe(200);
  expect(await around('session.open', ann.password, () => signIn(ann))).toBe(200);
  expect(await around('change', ann.password, () => change(ann))).toBe(200);
  const removal = () => api.rest('DELETE', `/users/${ann.id}`, { token: ann.token, body: { password: NEW } });
  expect(await around('user.remove', NEW, removal)).toBe(200);
});
