// Limits, over both transports.
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import {
  backOffSeconds,
  createMemoryStore,
  FREE_FAILURES,
  MAX_WAIT_SECONDS,
} from '../src/security/rateLimitStore.ts';
import { addressKey, PRODUCTION_RATES } from '../src/security/rateLimits.ts';
import { startApp } from './harness.ts';
import { PLENTY } from './rates.ts';

const guessing = await startApp({ rates: PLENTY });
const calling = await startApp({ rates: { ...PLENTY, user: { max: 20, seconds: 60 } } });
const storming = await startApp({
  rates: { ...PLENTY, address: { max: 20, seconds: 60 } },
  trustedProxies: ['10.0.0.0/8'],
});
const behindProxy = await startApp({ rates: PLENTY, trustedProxies: ['10.0.0.0/8'] });
const entering = await startApp({
  rates: { ...PLENTY, signIn: { max: 3, seconds: 600 }, registration: { max: 2, seconds: 3600 } },
});

const guess = (username: string, password: string) =>
  guessing.rest('POST', '/users/signIn', { body: { username, password } });

test('#19 the sixth wrong password in a row has to wait, longer each time; so does the right one', async () => {
  const ann = await guessing.register();
  for (let failure = 1; failure <= FREE_FAILURES; failure++)
    expect((await guess(ann.login, 'not it at all')).status).toBe(401);
  const sixth = await guess(ann.login, 'not it at all');
  expect(sixth).toMatchObject({
    status: 429,
    body: { code: 'RATE_LIMITED' },
    headers: { 'retry-after': '1' },
  });
  expect((await guess(ann.login, ann.password)).status).toBe(429);
  expect(
    (await guess(ann.login.toUpperCase(), ann.password)).status,
    'another spelling is the same account',
  ).toBe(429);
});

test('#14 an unknown login is limited as a known one is', async () => {
  const answers = [];
  for (let failure = 1; failure <= 6; failure++)
    answers.push((await guess('nobody-has-this', 'not it at all')).status);
  expect(answers).toEqual([401, 401, 401, 401, 401, 429]);
});

test('#19 guesses that run at once count as if they came one after another', async () => {
  const ann = await guessing.register();
  const answers = await Promise.all(Array.from({ length: 20 }, () => guess(ann.login, 'not it at all')));
  expect(answers.filter((answer) => answer.status === 401)).toHaveLength(FREE_FAILURES);
});

test('#20 the sessions of a guessed-at account are unharmed', async () => {
  const ann = await guessing.register();
  for (let failure = 0; failure < 10; failure++) await guess(ann.login, 'not it at all');
  expect((await guessing.rest('GET', '/users/me', { token: ann.token })).status).toBe(200);
});

test('the right password in between starts the count anew', async () => {
  const ann = await guessing.register();
  for (let round = 0; round < 2; round++) {
    for (let failure = 0; failure < 4; failure++)
      expect((await guess(ann.login, 'not it at all')).status).toBe(401);
    expect((await guess(ann.login, ann.password)).status).toBe(200);
  }
});

test('a body that is refused is no guess', async () => {
  const ann = await guessing.register();
  for (let i = 0; i < 10; i++) {
    const headers = { 'content-type': 'text/plain' };
    expect((await guessing.rest('POST', '/users/signIn', { body: 'x', headers })).status).toBe(415);
    expect((await guessing.rest('POST', '/users/signIn', { body: { username: ann.login } })).status).toBe(
      400,
    );
  }
  expect((await guess(ann.login, ann.password)).status).toBe(200);
});

/** Signs in from an address, which the proxy in front names. */
const signInFrom = async (address: string, username: string, password: string) => {
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': address };
  const payload = JSON.stringify({ username, password });
  const answer = await behindProxy.app.inject({
    method: 'POST',
    url: '/users/signIn',
    payload,
    headers,
    remoteAddress: '10.0.0.1',
  });
  return answer.statusCode;
};

test('#346 strangers who guess do not shut out the owner, who signed in from the same address before', async () => {
  const ann = await behindProxy.register();
  expect(await signInFrom('192.0.2.1', ann.login, ann.password)).toBe(200);
  for (let n = 0; n < 20; n++) await signInFrom(`198.51.100.${n}`, ann.login, 'not it at all');
  expect(await signInFrom('203.0.113.9', ann.login, ann.password), 'the wait of all strange addresses').toBe(
    429,
  );
  expect(await signInFrom('192.0.2.1', ann.login, ann.password)).toBe(200);
  expect(
    await signInFrom('203.0.113.9', ann.login, 'still guessing'),
    'her sign-in ends no wait of theirs',
  ).toBe(429);
  for (let failure = 0; failure < FREE_FAILURES; failure++)
    expect(await signInFrom('192.0.2.1', ann.login, 'oh no')).toBe(401);
  expect(
    await signInFrom('192.0.2.1', ann.login, ann.password),
    'guesses from her address are counted there',
  ).toBe(429);
});

test('#346 nor keep the owner from changing the password or removing the account in an open session', async () => {
  const ann = await behindProxy.register();
  for (let n = 0; n < 20; n++) await signInFrom(`198.51.100.${n}`, ann.login, 'not it at all');
  const body = { current_password: ann.password, new_password: 'a new pass phrase' };
  expect((await behindProxy.rest('POST', '/users/me/password', { token: ann.token, body })).status).toBe(200);
  const removal = await behindProxy.rest('DELETE', `/users/${ann.id}`, {
    token: ann.token,
    body: { password: 'a new pass phrase' },
  });
  expect(removal.status).toBe(200);
});

test('#24 a wrong current password counts as a guess of that session’s user, and as none at signing in', async () => {
  const ann = await guessing.register();
  const change = () =>
    guessing.rest('POST', '/users/me/password', {
      token: ann.token,
      body: { current_password: 'not it at all', new_password: 'a new pass phrase' },
    });
  for (let failure = 0; failure < FREE_FAILURES; failure++) expect((await change()).status).toBe(401);
  expect((await change()).status).toBe(429);
  expect((await guess(ann.login, ann.password)).status).toBe(200);
});

test('#345 what has to be hashed for a user who is signed in is limited, by user and by address', async () => {
  const limited = await startApp({
    database: guessing.database,
    rates: { ...PLENTY, userHashes: { max: 5, seconds: 60 }, addressHashes: { max: 7, seconds: 60 } },
  });
  const change = async ({ token, password }: { token: string; password: string }) => {
    const body = { current_password: password, new_password: password };
    return (await limited.rest('POST', '/users/me/password', { token, body })).status;
  };
  const [ann, bob, eve] = [await limited.register(), await limited.register(), await limited.register()];
  expect([await change(ann), await change(ann), await change(ann)], 'two hashes each').toEqual([
    200, 200, 429,
  ]);
  expect([await change(bob), await change(eve)], 'the address has had six').toEqual([200, 429]);
});

test('#345 a server that has no time to look at a password counts no failure', async () => {
  // Hashes as in production, so that the queue cannot empty faster than requests come in.
  const crowded = await startApp({ database: guessing.database, rates: PLENTY, productionHashCost: true });
  const fail = (username: string) =>
    crowded.rest('POST', '/users/signIn', { body: { username, password: 'not it at all' } });
  const ann = await crowded.register();
  // The first unknown login waits for the hash that it is compared with.
  await fail('somebody');
  const others = Array.from({ length: 60 }, (_, n) => fail(`somebody-${n}`));
  const hers = Array.from({ length: 4 }, () => fail(ann.login));
  const statuses = (await Promise.all([...others, ...hers])).map(({ status }) => status);
  expect(statuses.slice(-4), 'one address, whose share of the queue is taken').toEqual([503, 503, 503, 503]);
  // Had those counted, the second of these would have to wait.
  const next = [];
  for (let failure = 0; failure < FREE_FAILURES; failure++) next.push((await fail(ann.login)).status);
  expect(next).toEqual([401, 401, 401, 401, 401]);
});

test('#19 waits double from one second to fifteen minutes', () => {
  expect([4, 5, 6, 7, 14, 15, 1000].map(backOffSeconds)).toEqual([
    0,
    1,
    2,
    4,
    512,
    MAX_WAIT_SECONDS,
    MAX_WAIT_SECONDS,
  ]);
});

test('a wait that is over lets one more try through', async () => {
  let time = 0;
  const store = createMemoryStore(() => time);
  for (let failure = 0; failure < FREE_FAILURES; failure++)
    expect((await store.beginAttempt('a')).waitSeconds).toBe(0);
  expect((await store.beginAttempt('a')).waitSeconds).toBe(1);
  time += 1000;
  expect((await store.beginAttempt('a')).waitSeconds).toBe(0);
  expect((await store.beginAttempt('a')).waitSeconds).toBe(2);
});

// #142: A user is limited over all addresses and transports, two users at one address apart. One address in the
// test.
test('#138 #142 a user has so many calls over both transports, and is told how many are left', async () => {
  const [ann, bob] = [await calling.register(), await calling.register()];
  const first = await calling.rest('GET', '/outherTasks', { token: ann.token });
  expect(first.headers).toMatchObject({ 'ratelimit-limit': '20', 'ratelimit-remaining': '19' });
  for (let call = 2; call <= 20; call++)
    expect((await calling.rpc('task.list', {}, ann.token)).status).toBe(200);
  const refused = await calling.rest('GET', '/outherTasks', { token: ann.token });
  expect(refused).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await calling.rpc('task.list', {}, ann.token)).body.error.data).toMatchObject({
    reason: 'RATE_LIMITED',
    httpStatus: 429,
  });
  const headers = { authorization: `Bearer ${ann.token}` };
  const elsewhere = await calling.app.inject({ url: '/outherTasks', headers, remoteAddress: '192.0.2.7' });
  expect(elsewhere.statusCode, 'same user, another address').toBe(429);
  expect(
    (await calling.rest('GET', '/outherTasks', { token: bob.token })).status,
    'another user, same address',
  ).toBe(200);
});

test('#138 whoever waits as long as was said is answered again, and nobody sooner', async () => {
  let time = 0;
  const store = createMemoryStore(() => time);
  const waiting = await startApp({
    database: calling.database,
    rates: { ...PLENTY, user: { max: 2, seconds: 7 } },
    store,
  });
  const { token } = await waiting.register();
  const call = () => waiting.rest('GET', '/outherTasks', { token });
  for (let round = 0; round < 2; round++) {
    expect((await call()).headers).toMatchObject({
      'ratelimit-limit': '2',
      'ratelimit-remaining': '1',
      'ratelimit-reset': '7',
    });
    expect((await call()).headers['ratelimit-remaining']).toBe('0');
    time += 2500;
    const { status, headers } = await call();
    expect([status, headers['retry-after']]).toEqual([429, '5']);
    time += 4499;
    expect((await call()).status).toBe(429);
    time += 501;
  }
});

test('#147 every call of a batch counts', async () => {
  const ann = await calling.register();
  const batch = () =>
    calling.rest('GET', `/trpc/${Array.from({ length: 10 }, () => 'task.list').join(',')}`, {
      token: ann.token,
      query: {
        batch: '1',
        input: JSON.stringify(Object.fromEntries(Array.from({ length: 10 }, (_, index) => [index, {}]))),
      },
    });
  expect((await batch()).status).toBe(200);
  expect((await batch()).status).toBe(200);
  expect((await batch()).status).toBe(429);
});

test('#598 a call of a streamed batch that has to wait says 429, as any other', async () => {
  const ann = await calling.register();
  const lines: string[] = [];
  const input = JSON.stringify(Object.fromEntries(Array.from({ length: 10 }, (_, index) => [index, {}])));
  for (let batch = 0; batch < 3; batch++) {
    const { text } = await calling.rest('GET', `/trpc/${Array(10).fill('task.list').join(',')}`, {
      token: ann.token,
      query: { batch: '1', input },
      headers: { 'trpc-accept': 'application/jsonl' },
    });
    lines.push(...text.split('\n').filter((line: string) => line.includes('"error"')));
  }
  expect(lines).toHaveLength(10);
  for (const line of lines)
    expect(line).toMatch(
      /"code":-32029,.*"code":"TOO_MANY_REQUESTS","httpStatus":429,.*"reason":"RATE_LIMITED"/,
    );
});

test('#147 ten sign-ins in one batch are ten sign-ins', async () => {
  const several = await startApp({
    database: calling.database,
    rates: { ...PLENTY, signIn: { max: 4, seconds: 600 } },
  });
  const body = Object.fromEntries(
    Array.from({ length: 10 }, (_, n) => [n, { username: `user${n}`, password: 'not it at all' }]),
  );
  const url = `/trpc/${Array.from({ length: 10 }, () => 'auth.signIn').join(',')}?batch=1`;
  const answer = await several.rest('POST', url, { body });
  const statuses = answer.body.map(
    (part: { error: { data: { httpStatus: number } } }) => part.error.data.httpStatus,
  );
  expect([answer.status, statuses.filter((status: number) => status === 401).length]).toEqual([207, 4]);
  expect(statuses.filter((status: number) => status === 429)).toHaveLength(6);
});

test.each([
  ['unknown paths', { method: 'GET', url: '/nothing' }, 404],
  ['OPTIONS', { method: 'OPTIONS', url: '/health' }, 204],
  ['calls without a token', { method: 'GET', url: '/users/me' }, 401],
] as const)('#145 a storm of %s is limited too', async (name, { method, url }, usual) => {
  const headers = { 'x-forwarded-for': `192.0.2.${name.length}`, 'x-real-ip': '1.1.1.1' };
  const send = () => storming.app.inject({ method, url, headers, remoteAddress: '10.1.2.3' });
  for (let call = 0; call < 20; call++) expect((await send()).statusCode).toBe(usual);
  expect((await send()).statusCode).toBe(429);
});

test('#139 an address is what the last proxy that we trust saw, whatever a client claims', async () => {
  const send = (forwarded: string, remoteAddress: string) =>
    storming.app.inject({ url: '/health', headers: { 'x-forwarded-for': forwarded }, remoteAddress });
  for (let call = 0; call < 20; call++) await send(`198.51.100.${call}, 203.0.113.5`, '10.0.0.1');
  expect((await send('198.51.100.99, 203.0.113.5', '10.0.0.1')).statusCode).toBe(429);
  for (let call = 0; call < 20; call++) await send(`198.51.100.${call}`, '203.0.113.6');
  expect((await send('198.51.100.99', '203.0.113.6')).statusCode, 'no trusted proxy').toBe(429);
});

/** @returns the statuses of 25 calls, of which an address has 20: each is sent with the header that `forwarded` makes */
async function statusesBehindProxy(
  remoteAddress: string,
  forwarded: (call: number) => string,
): Promise<number[]> {
  const statuses: number[] = [];
  for (let call = 0; call < 25; call++) {
    const answer = await storming.app.inject({
      url: '/health',
      headers: { 'x-forwarded-for': forwarded(call) },
      remoteAddress,
    });
    statuses.push(answer.statusCode);
  }
  return statuses;
}

test.each([
  ['a port of its own each time', '10.3.0.1', (call: number) => `198.51.100.20:${40_000 + call}`],
  ['a port of IPv6 each time', '10.3.0.2', (call: number) => `[2001:db8:1::1]:${40_000 + call}`],
  [
    'another spelling',
    '10.3.0.3',
    (call: number) => ['198.51.100.21', '::ffff:198.51.100.21', '[::ffff:c633:6415]:1'][call % 3] as string,
  ],
  ['a port at each proxy', '10.3.0.4', (call: number) => `198.51.100.22:${call + 1}, 10.3.9.9:${call + 1}`],
  ['garbage that the client made', '10.3.0.5', (call: number) => `x${call}, 198.51.100.23:${call + 1}`],
  ['garbage that the proxy made', '10.3.0.6', (call: number) => `198.51.100.${100 + call}, _x${call}`],
  ['an address before an empty place', '10.3.0.7', (call: number) => `198.51.100.${100 + call}, `],
  ['a zone of its own each time', '10.3.0.8', (call: number) => `fe80::1%x${call}`],
])('#271 limits hold for %s', async (_, proxy, forwarded) => {
  expect((await statusesBehindProxy(proxy, forwarded)).filter((status) => status === 429)).toHaveLength(5);
});

test('#271 two addresses behind one proxy, with ports, are two', async () => {
  const statuses = await statusesBehindProxy(
    '10.3.0.9',
    (call) => `198.51.100.${30 + (call % 2)}:${call + 1}`,
  );
  expect(statuses).toEqual(statuses.map(() => 200));
});

test('#271 Forwarded is not believed', async () => {
  const send = (call: number) =>
    storming.app.inject({
      url: '/health',
      headers: { forwarded: `for=198.51.100.${call}` },
      remoteAddress: '10.3.0.10',
    });
  for (let call = 0; call < 20; call++) expect((await send(call)).statusCode).toBe(200);
  expect((await send(21)).statusCode).toBe(429);
});

test.each([
  ['198.51.100.40:5678', '198.51.100.40'],
  ['[2001:DB8::1]:443', '2001:db8::1'],
  ['unknown', '10.3.0.11'],
  ['<script>, _hidden', '10.3.0.11'],
  ['198.51.100.41, garbage', '10.3.0.11'],
])('#271 of "%s" the audit trail keeps %s', async (forwarded, ip) => {
  const behind = await startApp({ database: calling.database, trustedProxies: ['10.0.0.0/8'] });
  const login = `user-${randomUUID()}`;
  const answer = await behind.app.inject({
    method: 'POST',
    url: '/users',
    payload: { login, password: 'correct horse battery' },
    headers: { 'x-forwarded-for': forwarded },
    remoteAddress: '10.3.0.11',
  });
  const [line] = await calling.database.db.execute<{ ip: string }>(
    sql`select ip from audit_trail where user_id = ${answer.json().user_id} and event = 'registered'`,
  );
  expect(line?.ip).toBe(ip);
});

test('#271 a socket tells an address of IPv4 in one spelling too', async () => {
  const login = `user-${randomUUID()}`;
  const answer = await calling.app.inject({
    method: 'POST',
    url: '/users',
    payload: { login, password: 'correct horse battery' },
    remoteAddress: '::ffff:192.0.2.9',
  });
  const lines = await calling.database.db.execute<{ ip: string }>(
    sql`select ip from audit_trail where user_id = ${answer.json().user_id}`,
  );
  expect(lines[0]?.ip).toBe('192.0.2.9');
});

test('#21 sign-ins and registrations from one address are limited, whatever the account', async () => {
  const signIn = (n: number) =>
    entering.rest('POST', '/users/signIn', { body: { username: `user${n}`, password: 'not it at all' } });
  for (let n = 0; n < 3; n++) expect((await signIn(n)).status).toBe(401);
  expect((await signIn(3)).status).toBe(429);
  expect(PRODUCTION_RATES.signIn.max).toBeLessThanOrEqual(30);
  await entering.register();
  await entering.register();
  expect(
    (await entering.rest('POST', '/users', { body: { login: 'one-more', password: 'correct horse' } }))
      .status,
  ).toBe(429);
});

// #140: An IPv6 network counts as one, an IPv4 address as itself in any form.
test.each([
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:0:1:aaaa::1', '2001:db8:0:1::/64'],
  ['2001:DB8::1:bbbb:0:0:1', '2001:db8:0:1::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('#140 #364 %s counts as %s', (address, key) => {
  expect(addressKey(address)).toBe(key);
});

test('#141 many other keys do not push a limited one out', async () => {
  const store = createMemoryStore();
  await store.increment('user', 'limited', 7, 60);
  for (let n = 0; n < 20_000; n++) await store.increment('user', `other-${n}`, 1, 60);
  expect((await store.increment('user', 'limited', 1, 60)).count).toBe(8);
});

test('#347 a count costs the same with a million keys as with few, and whoever is new then waits', () => {
  let time = 0;
  const store = createMemoryStore(() => time, 1000);
  for (let n = 0; n < 1000; n++)
    expect(store.increment('user', `user-${n}`, 1, 60)).toMatchObject({ count: 1 });
  for (let n = 0; n < 100; n++)
    expect(store.increment('user', `stranger-${n}`, 1, 60)).toEqual({
      count: Number.POSITIVE_INFINITY,
      resetSeconds: 60,
    });
  expect(store.increment('user', 'user-7', 1, 60), 'who is counted stays counted').toMatchObject({
    count: 2,
  });
  expect(store.increment('address', 'stranger', 1, 60), 'another kind is not full').toMatchObject({
    count: 1,
  });
  time = 61_000;
  // Each count sweeps a few of those that have expired: soon there is room again.
  const counts = Array.from(
    { length: 300 },
    (_, n) => (store.increment('user', `later-${n}`, 1, 60) as { count: number }).count,
  );
  expect(counts.at(-1)).toBe(1);
});

test('#347 guesses are slowed also when there is no room for their account', async () => {
  const store = createMemoryStore(() => 1, 10);
  for (let n = 0; n < 10; n++) expect((await store.beginAttempt(`account-${n}`)).waitSeconds).toBe(0);
  for (let n = 0; n < 3; n++) expect((await store.beginAttempt('one-more')).waitSeconds).toBe(60);
});

test('#345 an attempt that is taken back leaves count and wait as they were, and no later wait goes with it', async () => {
  let time = 1;
  const store = createMemoryStore(() => time);
  const attempts = [];
  for (let n = 0; n < FREE_FAILURES; n++) attempts.push(await store.beginAttempt('a'));
  await store.undoAttempt('a', 5);
  expect(await store.beginAttempt('a')).toEqual({ waitSeconds: 0, failures: 5 });
  await store.undoAttempt('a', 2);
  expect((await store.beginAttempt('a')).waitSeconds, 'the wait belongs to another attempt').toBe(1);
  time += 1000;
  expect(await store.beginAttempt('a')).toEqual({ waitSeconds: 0, failures: 5 });
});
