import { sql } from 'drizzle-orm';
import { decodeJwt } from 'jose';
import { expect, test } from 'vitest';
import { type Request, startApp } from '../../../../test/harness.ts';

const api = await startApp({
  productionHashCost: true,
  sessions: { idle: 3600, absolute: 7200, perUser: 3 },
});

/** A token answer. */
interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly refresh_expires_in: number;
}

/** A new user signed in once, by registration. */
async function newcomer() {
  const user = await api.register();
  return { ...user, signIn: () => signIn(user.login, user.password) };
}

async function signIn(username: string, password: string, device = 'test'): Promise<Tokens> {
  const answer = await api.rest('POST', '/users/signIn', {
    body: { username, password },
    headers: { 'user-agent': device },
  });
  expect(answer.status).toBe(200);
  return answer.body;
}

const refresh = (refresh_token: string) => api.rest('POST', '/users/refresh', { body: { refresh_token } });
const me = async (token: string) => (await api.rest('GET', '/users/me', { token })).status;
const sessionOf = (token: string) => decodeJwt(token).sid as number;

/** Moves a session's clock: the database alone keeps time. */
const age = (token: string, seconds: number) =>
  api.database.db.execute(sql`
    update sessions set rotated_at = rotated_at - make_interval(secs => ${seconds}),
      idle_expires_at = idle_expires_at - make_interval(secs => ${seconds}),
      absolute_expires_at = absolute_expires_at - make_interval(secs => ${seconds})
    where id = ${sessionOf(token)}`);

const trail = async (user_id: number): Promise<string[]> => {
  const answer: unknown = await api.database.db.execute(
    sql`select event from audit_trail where user_id = ${user_id} order by id`,
  );
  const rows = Array.isArray(answer) ? answer : (answer as { rows: unknown[] }).rows;
  return (rows as { event: string }[]).map((row) => row.event);
};

test('#50 a refresh gives a new pair, and both access tokens work', async () => {
  const ann = await newcomer();
  const first = await ann.signIn();
  expect(first).toMatchObject({
    token_type: 'Bearer',
    user_id: ann.id,
    expires_in: 1800,
    refresh_expires_in: 3600,
  });
  const answer = await refresh(first.refresh_token);
  expect(answer).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
  expect(answer.body.refresh_token).not.toBe(first.refresh_token);
  expect(Buffer.from(first.refresh_token, 'base64url')).toHaveLength(49);
  expect(await me(first.access_token)).toBe(200);
  expect(await me(answer.body.access_token)).toBe(200);
});

// #51: The answer is dropped, not the connection.
test('#51 a token whose answer was lost can be sent again within a minute, for the same successor', async () => {
  const { refresh_token } = await (await newcomer()).signIn();
  const one = await refresh(refresh_token);
  const two = await refresh(refresh_token);
  expect(two.status).toBe(200);
  expect(two.body.refresh_token).toBe(one.body.refresh_token);
});

// #52: On three instances as well.
test('#52 twenty parallel refreshes agree on one successor', async () => {
  const { refresh_token } = await (await newcomer()).signIn();
  const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(refresh_token)));
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
  expect(new Set(answers.map((answer) => answer.body.refresh_token)).size).toBe(1);
});

const REUSES: readonly { when: string; meanwhile: (first: Tokens, second: Tokens) => Promise<Tokens> }[] = [
  {
    when: 'its successor was used',
    meanwhile: async (_first, second) => (await refresh(second.refresh_token)).body,
  },
  {
    when: 'a minute has passed',
    meanwhile: (first, second) => age(first.access_token, 61).then(() => second),
  },
];

test.each(REUSES)(
  '#53 a token that comes again after $when ends the whole session',
  async ({ meanwhile }) => {
    const ann = await newcomer();
    const first = await ann.signIn();
    const second: Tokens = (await refresh(first.refresh_token)).body;
    const latest: Tokens = await meanwhile(first, second);
    expect((await refresh(first.refresh_token)).status).toBe(401);
    expect((await refresh(latest.refresh_token)).status).toBe(401);
    expect(await me(latest.access_token)).toBe(401);
    expect(await me(ann.token), 'the other session lives').toBe(200);
    expect(await trail(ann.id)).toContain('refresh_token_reused');
  },
);

test('#54 thief and victim who take turns are found out at the second turn', async () => {
  const victim = await (await newcomer()).signIn();
  const thief: Tokens = (await refresh(victim.refresh_token)).body;
  await age(victim.access_token, 300);
  expect((await refresh(thief.refresh_token)).status).toBe(200);
  await age(victim.access_token, 300);
  expect((await refresh(thief.refresh_token)).status).toBe(401);
  expect(await me(victim.access_token)).toBe(401);
});

test('#55 what was not sealed here is refused without asking the database', async () => {
  const { refresh_token } = await (await newcomer()).signIn();
  const bytes = Buffer.from(refresh_token, 'base64url');
  const flipped = Buffer.from(bytes.map((byte, index) => (index === 4 ? byte ^ 1 : byte)));
  const later = Buffer.from(bytes.map((byte, index) => (index === 8 ? byte ^ 1 : byte)));
  for (const text of [
    refresh_token.slice(1),
    `${refresh_token}=`,
    flipped.toString('base64url'),
    later.toString('base64url'),
    '',
    'x',
  ])
    expect((await refresh(text)).status, text).toBe(401);
  expect((await refresh('x'.repeat(50_000))).status).toBe(400);
  expect((await refresh(refresh_token)).status).toBe(200);
});

// #56: 200 with a message, as the contract has it.
test('#56 signing out ends the session, and a second time is no error', async () => {
  const ann = await newcomer();
  const { access_token, refresh_token } = await ann.signIn();
  expect((await api.rest('POST', '/users/signOut', { token: access_token })).status).toBe(200);
  expect(await me(access_token)).toBe(401);
  expect((await refresh(refresh_token)).status).toBe(401);
  expect((await api.rest('POST', '/users/signOut', { token: access_token })).status).toBe(200);
  expect((await api.rest('POST', '/users/signOut', { body: { refresh_token } })).status).toBe(200);
  expect((await api.rest('POST', '/users/signOut', {})).status).toBe(401);
  expect(await me(ann.token), 'the other session lives').toBe(200);
});

// #57: A changed password ends the other sessions.
test('#24 #57 a changed password ends all other sessions', async () => {
  const ann = await newcomer();
  const other = await ann.signIn();
  const change = (current_password: unknown, new_password: string) =>
    api.rest('POST', '/users/me/password', { token: ann.token, body: { current_password, new_password } });
  expect((await change(undefined, 'a new pass phrase')).status).toBe(400);
  expect((await change('not the password', 'a new pass phrase')).status).toBe(401);
  expect((await change(ann.password, 'short')).status).toBe(400);
  expect((await change(ann.password, 'a new pass phrase')).status).toBe(200);
  expect(await me(ann.token)).toBe(200);
  expect(await me(other.access_token)).toBe(401);
  expect((await refresh(other.refresh_token)).status).toBe(401);
  await signIn(ann.login, 'a new pass phrase');
  expect(await trail(ann.id)).toEqual([
    'registered',
    'signed_in',
    'password_refused',
    'password_changed',
    'signed_in',
  ]);
});

test('of two changes of one password at once one wins', async () => {
  const ann = await newcomer();
  const answers = await Promise.all(
    ['the first new one', 'the second new one'].map((new_password) =>
      api.rest('POST', '/users/me/password', {
        token: ann.token,
        body: { current_password: ann.password, new_password },
      }),
    ),
  );
  expect(answers.map((answer) => answer.status).sort()).toEqual([200, 401]);
});

test('#58 a session ends when it is idle too long, and at the latest after its full time', async () => {
  const ann = await newcomer();
  const idle = await ann.signIn();
  await age(idle.access_token, 3601);
  expect((await refresh(idle.refresh_token)).status).toBe(401);

  const busy = await ann.signIn();
  await age(busy.access_token, 3000);
  const next: Tokens = (await refresh(busy.refresh_token)).body;
  await age(busy.access_token, 3000);
  const last: Tokens = (await refresh(next.refresh_token)).body;
  await age(busy.access_token, 1300);
  expect((await refresh(last.refresh_token)).status).toBe(401);
});

test('#59 one session too many ends the oldest', async () => {
  const ann = await newcomer();
  const sessions = [await ann.signIn(), await ann.signIn(), await ann.signIn()];
  expect(await me(ann.token)).toBe(401);
  for (const { access_token } of sessions) expect(await me(access_token)).toBe(200);
});

test("#60 one sees and ends one's own sessions, and nobody else's", async () => {
  const ann = await newcomer();
  const phone = await signIn(ann.login, ann.password, 'phone');
  const { body } = await api.rest('GET', '/users/me/sessions', { token: ann.token });
  expect(body).toMatchObject([
    { id: sessionOf(phone.access_token), device: 'phone', current: false },
    { id: sessionOf(ann.token), current: true },
  ]);
  for (const { created_at, last_seen_at } of body)
    expect(Math.abs(Date.parse(created_at) - Date.parse(last_seen_at))).toBeLessThan(60_000);

  const stranger = await newcomer();
  const id = sessionOf(phone.access_token);
  expect((await api.rest('DELETE', `/users/me/sessions/${id}`, { token: stranger.token })).status).toBe(404);
  expect(await me(phone.access_token)).toBe(200);
  expect((await api.rest('DELETE', `/users/me/sessions/${id}`, { token: ann.token })).status).toBe(200);
  expect(await me(phone.access_token)).toBe(401);
  expect((await api.rest('DELETE', `/users/me/sessions/${id}`, { token: ann.token })).status).toBe(404);
});

test('#25 an account that is removed leaves the number and what happened, and nothing else', async () => {
  const ann = await newcomer();
  await api.rest('POST', '/outherTasks', { token: ann.token, body: { title: 'x' } });
  expect(
    (await api.rest('DELETE', `/users/${ann.id}`, { token: ann.token, body: { password: ann.password } }))
      .status,
  ).toBe(200);
  expect(await me(ann.token)).toBe(401);
  expect(await trail(ann.id)).toEqual(['registered', 'account_removed']);
  const again = await api.register(ann.login);
  expect(again.id).not.toBe(ann.id);
  expect((await api.rest('GET', '/outherTasks', { token: again.token })).body).toEqual([]);
});

// #167: A 404 is not noted: a foreign object and a missing one are the same to the statement.
test('#167 the audit trail cannot be changed, nor shortened before its time', async () => {
  const ann = await newcomer();
  const change = (statement: ReturnType<typeof sql>) => api.database.db.execute(statement);
  await expect(change(sql`update audit_trail set event = 'x' where user_id = ${ann.id}`)).rejects.toThrow();
  await expect(change(sql`delete from audit_trail where user_id = ${ann.id}`)).rejects.toThrow();
});

test('#167 a line of it says what happened to whom, from where and in which request, and no more', async () => {
  const ann = await newcomer();
  const requests: [string, unknown][] = [];
  const send = async (event: string, method: string, url: string, request: Request) => {
    requests.push([event, (await api.rest(method, url, request)).headers['x-request-id']]);
  };
  const body = { username: ann.login, password: ann.password };
  const { refresh_token } = await ann.signIn();
  await send('sign_in_failed', 'POST', '/users/signIn', { body: { ...body, password: 'not it at all' } });
  await send('signed_in', 'POST', '/users/signIn', { body });
  await refresh((await refresh(refresh_token)).body.refresh_token);
  await send('refresh_token_reused', 'POST', '/users/refresh', { body: { refresh_token } });
  const phrases = { current_password: ann.password, new_password: 'a new pass phrase' };
  await send('password_changed', 'POST', '/users/me/password', { token: ann.token, body: phrases });
  await send('account_removed', 'DELETE', `/users/${ann.id}`, {
    token: ann.token,
    body: { password: 'a new pass phrase' },
  });
  const rows = await api.database.db.execute<Record<string, unknown>>(
    sql`select to_jsonb(t) as line from audit_trail t where user_id = ${ann.id} order by id`,
  );
  const lines = rows.map(({ line }) => line as Record<string, unknown>);
  for (const line of lines) {
    expect(Object.keys(line).sort()).toEqual(['at', 'event', 'id', 'ip', 'request_id', 'user_id']);
    expect([line.user_id, line.ip]).toEqual([ann.id, '127.0.0.1']);
  }
  for (const [event, id] of requests)
    expect(lines.filter((line) => line.request_id === id).map((line) => line.event)).toEqual([event]);
});

test('#167 a failed sign-in is noted, with the account if there is one', async () => {
  const ann = await newcomer();
  await api.rest('POST', '/users/signIn', { body: { username: ann.login, password: 'not it at all' } });
  expect(await trail(ann.id)).toEqual(['registered', 'sign_in_failed']);
});

test('#80 the export holds everything of the user and no secret', async () => {
  const ann = await newcomer();
  const { token } = ann;
  await api.rest('POST', '/physicalPlans', {
    token,
    body: { goal: 'g', age: 30, gender: 'male', weight: 70, height: 180 },
  });
  const [resource] = (
    await api.rest('POST', '/resources/bulk', {
      token,
      body: [{ type: 'book', name: 'b', description: '', volume: 10 }],
    })
  ).body;
  await api.rest('POST', '/mentalPlans', {
    token,
    body: { name: 'n', goal: 'g', resource_list: [resource] },
  });
  await api.rest('POST', '/outherTasks', { token, body: { title: 't' } });
  const { status, body } = await api.rest('GET', '/users/me/export', { token });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    user: { id: ann.id, login: ann.login },
    sessions: [{ id: sessionOf(token) }],
    physical_plans: [{ goal: 'g', bmi: 21.6 }],
    mental_plans: [{ name: 'n', resources: [{ resource_id: resource, progress: 0 }] }],
    resources: [{ id: resource, name: 'b' }],
    tasks: [{ title: 't', status: false }],
    audit_trail: [{ event: 'registered' }, { event: 'account_exported' }],
  });
  expect(body.physical_plans[0].days).toHaveLength(7);
  expect((await api.rpc('auth.export', undefined, token)).body.result.data.tasks).toEqual(body.tasks);
});

test('#16 a hash made with other parameters is made anew at the next sign-in', async () => {
  const ann = await newcomer();
  const { argon2id, hash } = await import('argon2');
  const weak = await hash(ann.password, { type: argon2id, memoryCost: 8192, timeCost: 1, parallelism: 1 });
  await api.database.db.execute(sql`update users set password = ${weak} where id = ${ann.id}`);
  await ann.signIn();
  const answer: unknown = await api.database.db.execute(sql`select password from users where id = ${ann.id}`);
  const [row] = (Array.isArray(answer) ? answer : (answer as { rows: unknown[] }).rows) as {
    password: string;
  }[];
  expect(row?.password).toMatch(/^\$argon2id\$v=19\$m=19456,/);
  await ann.signIn();
});
