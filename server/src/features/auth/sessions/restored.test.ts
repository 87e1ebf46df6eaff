// What tokens are worth after a backup was restored: the database then gives ids again that it had given already.
import { createHmac, hkdfSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { startApp } from '../../../../test/harness.ts';
import { openStream } from '../../../../test/streams.ts';
import { decoded, SECRET, sessionOf, signed } from '../../../../test/tokens.ts';
import { bothTransports } from '../../../../test/transports.ts';
import { sql } from '../../../db/drizzle.ts';
import { createRefreshTokens } from '../../../security/refreshTokens.ts';

/** A server that was running when the backup was restored, and one that was started after it. */
const running = await startApp();
const { db } = running.database;
const started = await startApp({ database: running.database });
const base = await running.app.listen({ port: 0, host: '127.0.0.1' });

const PASSWORD = 'correct horse battery';

async function signUp(login: string, api = running) {
  const { status, body } = await api.rest('POST', '/users', { body: { login, password: PASSWORD } });
  expect(status).toBe(201);
  return body as { user_id: number; access_token: string; refresh_token: string };
}

/** Makes the database forget what came after a moment, as a backup of that moment does. */
async function backup() {
  const [users] = await db.execute<{ id: number }>(sql`select coalesce(max(id), 0) as id from users`);
  const [sessions] = await db.execute<{ id: number }>(sql`select coalesce(max(id), 0) as id from sessions`);
  return async () => {
    await db.execute(sql`delete from users where id > ${users?.id}`);
    await db.execute(sql`delete from sessions where id > ${sessions?.id}`);
    await db.execute(
      sql`select setval(pg_get_serial_sequence('users', 'id'), ${(users?.id ?? 0) + 1}, false)`,
    );
    await db.execute(
      sql`select setval(pg_get_serial_sequence('sessions', 'id'), ${(sessions?.id ?? 0) + 1}, false)`,
    );
  };
}

const named = ({ access_token }: { access_token: string }) => {
  const { sub, sid } = decoded(access_token.split('.')[1]);
  return { sub, sid };
};

// #331: A server that went on during the restore remembers open sessions for 10 s.
test('#331 tokens from the time that a restored backup does not know open nobody’s account', async () => {
  await signUp('before');
  const restore = await backup();
  const bob = await signUp('bob');
  await running.rest('POST', '/outherTasks', { token: bob.access_token, body: { title: 'of bob' } });
  await restore();
  const carol = await signUp('carol');
  expect(named(carol), 'the same user and session by number').toEqual(named(bob));

  for (const { call } of [...bothTransports(running), ...bothTransports(started)])
    expect(await call('auth.refresh', { refresh_token: bob.refresh_token })).toMatchObject({
      status: 401,
      code: 'UNAUTHENTICATED',
    });
  // The other one remembers an open session for ten seconds (security/sessionCache.test.ts).
  for (const { call } of bothTransports(started))
    for (const procedure of ['auth.me', 'task.list'])
      expect(await call(procedure, {}, bob.access_token)).toMatchObject({
        status: 401,
        code: 'UNAUTHENTICATED',
      });
  for (const api of [running, started])
    expect((await api.rest('GET', '/users/me', { token: carol.access_token })).body.login).toBe('carol');
  const { status, body } = await running.rest('POST', '/users/refresh', {
    body: { refresh_token: carol.refresh_token },
  });
  expect([status, body.user_id]).toEqual([200, carol.user_id]);
});

test('#331 nor do they end its session, by signing out', async () => {
  const restore = await backup();
  const bob = await signUp('bob-the-second');
  await restore();
  const carol = await signUp('carol-the-second');
  expect(named(carol)).toEqual(named(bob));
  const reader = await openStream(base, '/events', { token: carol.access_token });
  expect(await reader.next()).toMatchObject({ event: { type: 'ready' } });

  for (const api of [running, started])
    for (const transport of bothTransports(api)) {
      expect((await transport.call('auth.signOut', {}, bob.access_token)).status).toBe(200);
      expect((await transport.call('auth.signOut', { refresh_token: bob.refresh_token })).status).toBe(200);
    }
  expect((await started.rest('GET', '/users/me', { token: carol.access_token })).status).toBe(200);
  expect(
    (await running.rest('POST', '/outherTasks', { token: carol.access_token, body: { title: 'of carol' } }))
      .status,
  ).toBe(201);
  expect(await reader.next(), 'the stream goes on').toMatchObject({ event: { type: 'task.created' } });
  reader.leave();
});

test('#331 a stream ends whose session’s id is that of another one by now', async () => {
  const bob = await signUp('bob-the-third');
  const reader = await openStream(base, '/events', { token: bob.access_token });
  expect(await reader.next()).toMatchObject({ event: { type: 'ready' } });
  await db.execute(
    sql`update sessions set nonce = 'abcdefghijklmno_' where id = ${sessionOf(bob.access_token)}`,
  );
  expect(await reader.next()).toMatchObject({ event: { type: 'end', reason: 'session_ended' } });
});

// #332: Refresh tokens of this version are refused by the one before.
test('#332 a session that a server of the version before opened goes on with its tokens, which hold no value', async () => {
  const { user_id, access_token } = await signUp('dave');
  const session_id = sessionOf(access_token);
  await db.execute(sql`update sessions set nonce = null where id = ${session_id}`);
  const iat = Math.floor(Date.now() / 1000);
  const old = signed({ sid: session_id, sub: String(user_id), iat, exp: iat + 600 });
  expect((await started.rest('GET', '/users/me', { token: old })).body.login).toBe('dave');
  expect((await started.rest('GET', '/users/me', { token: access_token })).status, 'one with a value').toBe(
    401,
  );

  const seal = (counter: number) =>
    createRefreshTokens([SECRET]).encode({ user_id, session_id, nonce: undefined, counter });
  const refreshed = await started.rest('POST', '/users/refresh', { body: { refresh_token: seal(0) } });
  expect(refreshed.status).toBe(200);
  // Either version may be the next to see them.
  expect(refreshed.body.refresh_token).toBe(seal(1));
  expect(decoded(refreshed.body.access_token.split('.')[1])).not.toHaveProperty('nonce');
  expect((await started.rest('GET', '/users/me', { token: refreshed.body.access_token })).status).toBe(200);
  expect((await started.rest('POST', '/users/signOut', { body: { refresh_token: seal(1) } })).status).toBe(
    200,
  );
  expect((await started.rest('GET', '/users/me', { token: refreshed.body.access_token })).status).toBe(401);
});

/** A refresh token of the version before, which does not say whose the session is. */
function sealedWithoutUser(session_id: number, counter: number, nonce: string): string {
  const content = Buffer.concat([Buffer.alloc(9, 2), Buffer.from(nonce, 'base64url')]);
  content.writeUInt32BE(session_id, 1);
  content.writeUInt32BE(counter, 5);
  const key = Buffer.from(hkdfSync('sha256', SECRET, '', 'stepwise refresh token', 32));
  const mac = createHmac('sha256', key).update(content).digest().subarray(0, 16);
  return Buffer.concat([content, mac]).toString('base64url');
}

test('#693 a refresh token that does not say whose the session is still works, and the next one says it', async () => {
  const [kept, ended] = [await signUp('grace'), await signUp('heidi')];
  const [keptOld, endedOld] = [kept, ended].map(({ access_token }) => {
    const { sid, nonce } = decoded(access_token.split('.')[1]) as { sid: number; nonce: string };
    return sealedWithoutUser(sid, 0, nonce);
  });
  const send = (path: string, refresh_token: string | undefined) =>
    started.rest('POST', path, { body: { refresh_token } });
  const { status, body } = await send('/users/refresh', keptOld);
  expect([status, body.user_id]).toEqual([200, kept.user_id]);
  expect(createRefreshTokens([SECRET]).decode(body.refresh_token)).toMatchObject({
    user_id: kept.user_id,
    counter: 1,
  });
  expect((await send('/users/refresh', body.refresh_token)).status).toBe(200);
  expect((await send('/users/signOut', endedOld)).status).toBe(200);
  expect((await started.rest('GET', '/users/me', { token: ended.access_token })).status).toBe(401);
  for (const path of ['/users/refresh', '/users/signOut'])
    expect((await send(path, endedOld)).status, path).toBe(path === '/users/refresh' ? 401 : 200);
});

test('#332 a server of the version before opens sessions as ever beside this one', async () => {
  const { user_id } = await signUp('erin');
  const [row] = await db.execute<{ id: number; nonce: string | null; refreshable_from: number }>(sql`
    insert into sessions (user_id, device, idle_expires_at, absolute_expires_at)
    values (${user_id}, '', now() + interval '1 day', now() + interval '1 day') returning id, nonce, refreshable_from`);
  expect(row).toEqual({ id: expect.any(Number), nonce: null, refreshable_from: 0 });
  const iat = Math.floor(Date.now() / 1000);
  const token = signed({ sid: row?.id, sub: String(user_id), iat, exp: iat + 600 });
  expect((await running.rest('GET', '/users/me', { token })).body.login).toBe('erin');
});

test('#331 nothing that a user is given holds the value, but tokens', async () => {
  const { access_token: token } = await signUp('frank');
  const { nonce } = decoded(token.split('.')[1]) as { nonce: string };
  for (const path of ['/users/me', '/users/me/sessions', '/users/me/export']) {
    const { status, text } = await running.rest('GET', path, { token });
    expect([status, text.includes(nonce)], path).toEqual([200, false]);
  }
});
