// Limits, on both doors.
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { FREE_FAILURES, LONGEST_WAIT, memoryStore, waitAfter } from '../src/security/limitStore.ts';
import { addressKey, PRODUCTION_RATES, type Rates } from '../src/security/limits.ts';
import { startApp } from './harness.ts';

const plenty = { most: 100_000, seconds: 60 };
const rates = (change: Partial<Rates>): Rates => ({ address: plenty, user: plenty, signIn: plenty, registration: plenty, ...change });

const guessing = await startApp({ rates: rates({}) });
const calling = await startApp({ rates: rates({ user: { most: 20, seconds: 60 } }) });
const storming = await startApp({ rates: rates({ address: { most: 20, seconds: 60 } }), trustedProxies: ['10.0.0.0/8'] });
const entering = await startApp({ rates: rates({ signIn: { most: 3, seconds: 600 }, registration: { most: 2, seconds: 3600 } }) });

const guess = (username: string, password: string) => guessing.rest('POST', '/users/signIn', { body: { username, password } });

test('#19 the sixth wrong password in a row has to wait, longer each time; so does the right one', async () => {
  const ann = await guessing.register();
  for (let failure = 1; failure <= FREE_FAILURES; failure++) expect((await guess(ann.login, 'not it at all')).status).toBe(401);
  const sixth = await guess(ann.login, 'not it at all');
  expect(sixth).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' }, headers: { 'retry-after': '1' } });
  expect((await guess(ann.login, ann.password)).status).toBe(429);
  expect((await guess(ann.login.toUpperCase(), ann.password)).status, 'another spelling is the same account').toBe(429);
});

test('#14 an unknown login is limited as a known one is', async () => {
  const answers = [];
  for (let failure = 1; failure <= 6; failure++) answers.push((await guess('nobody-has-this', 'not it at all')).status);
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
    for (let failure = 0; failure < 4; failure++) expect((await guess(ann.login, 'not it at all')).status).toBe(401);
    expect((await guess(ann.login, ann.password)).status).toBe(200);
  }
});

test('a body that is refused is no guess', async () => {
  const ann = await guessing.register();
  for (let i = 0; i < 10; i++) {
    const headers = { 'content-type': 'text/plain' };
    expect((await guessing.rest('POST', '/users/signIn', { body: 'x', headers })).status).toBe(415);
    expect((await guessing.rest('POST', '/users/signIn', { body: { username: ann.login } })).status).toBe(400);
  }
  expect((await guess(ann.login, ann.password)).status).toBe(200);
});

test('#24 a wrong current password counts as a guess', async () => {
  const ann = await guessing.register();
  const change = () =>
    guessing.rest('POST', '/users/me/password', {
      token: ann.token,
      body: { current_password: 'not it at all', new_password: 'a new pass phrase' },
    });
  for (let failure = 0; failure < FREE_FAILURES; failure++) expect((await change()).status).toBe(401);
  expect((await change()).status).toBe(429);
  expect((await guess(ann.login, ann.password)).status).toBe(429);
});

test('#19 waits double from one second to fifteen minutes', () => {
  expect([4, 5, 6, 7, 14, 15, 1000].map(waitAfter)).toEqual([0, 1, 2, 4, 512, LONGEST_WAIT, LONGEST_WAIT]);
});

test('a wait that is over lets one more try through', async () => {
  let time = 0;
  const store = memoryStore(() => time);
  for (let failure = 0; failure < FREE_FAILURES; failure++) expect(await store.attempt('a')).toBe(0);
  expect(await store.attempt('a')).toBe(1);
  time += 1000;
  expect(await store.attempt('a')).toBe(0);
  expect(await store.attempt('a')).toBe(2);
});

test('#138 #142 a user has so many calls over both doors, and is told how many are left', async () => {
  const [ann, bob] = [await calling.register(), await calling.register()];
  const first = await calling.rest('GET', '/outherTasks', { token: ann.token });
  expect(first.headers).toMatchObject({ 'ratelimit-limit': '20', 'ratelimit-remaining': '19' });
  for (let call = 2; call <= 20; call++) expect((await calling.rpc('task.list', {}, ann.token)).status).toBe(200);
  const refused = await calling.rest('GET', '/outherTasks', { token: ann.token });
  expect(refused).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await calling.rpc('task.list', {}, ann.token)).body.error.data).toMatchObject({ reason: 'RATE_LIMITED', httpStatus: 429 });
  const headers = { authorization: `Bearer ${ann.token}` };
  const elsewhere = await calling.app.inject({ url: '/outherTasks', headers, remoteAddress: '192.0.2.7' });
  expect(elsewhere.statusCode, 'same user, another address').toBe(429);
  expect((await calling.rest('GET', '/outherTasks', { token: bob.token })).status, 'another user, same address').toBe(200);
});

test('#138 whoever waits as long as was said is answered again, and nobody sooner', async () => {
  let time = 0;
  const store = memoryStore(() => time);
  const waiting = await startApp({ database: calling.database, rates: rates({ user: { most: 2, seconds: 7 } }), store });
  const { token } = await waiting.register();
  const call = () => waiting.rest('GET', '/outherTasks', { token });
  for (let round = 0; round < 2; round++) {
    expect((await call()).headers).toMatchObject({ 'ratelimit-limit': '2', 'ratelimit-remaining': '1', 'ratelimit-reset': '7' });
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
      query: { batch: '1', input: JSON.stringify(Object.fromEntries(Array.from({ length: 10 }, (_, index) => [index, {}]))) },
    });
  expect((await batch()).status).toBe(200);
  expect((await batch()).status).toBe(200);
  expect((await batch()).status).toBe(429);
});

test('#147 ten sign-ins in one batch are ten sign-ins', async () => {
  const several = await startApp({ database: calling.database, rates: rates({ signIn: { most: 4, seconds: 600 } }) });
  const body = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [n, { username: `user${n}`, password: 'not it at all' }]));
  const url = `/trpc/${Array.from({ length: 10 }, () => 'auth.signIn').join(',')}?batch=1`;
  const answer = await several.rest('POST', url, { body });
  const statuses = answer.body.map((part: { error: { data: { httpStatus: number } } }) => part.error.data.httpStatus);
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
async function statusesBehindProxy(remoteAddress: string, forwarded: (call: number) => string): Promise<number[]> {
  const statuses: number[] = [];
  for (let call = 0; call < 25; call++) {
    const answer = await storming.app.inject({ url: '/health', headers: { 'x-forwarded-for': forwarded(call) }, remoteAddress });
    statuses.push(answer.statusCode);
  }
  return statuses;
}

test.each([
  ['a port of its own each time', '10.3.0.1', (call: number) => `198.51.100.20:${40_000 + call}`],
  ['a port of IPv6 each time', '10.3.0.2', (call: number) => `[2001:db8:1::1]:${40_000 + call}`],
  ['another spelling', '10.3.0.3', (call: number) => ['198.51.100.21', '::ffff:198.51.100.21', '[::ffff:c633:6415]:1'][call % 3] as string],
  ['a port at each proxy', '10.3.0.4', (call: number) => `198.51.100.22:${call + 1}, 10.3.9.9:${call + 1}`],
  ['garbage that the client made', '10.3.0.5', (call: number) => `x${call}, 198.51.100.23:${call + 1}`],
  ['garbage that the proxy made', '10.3.0.6', (call: number) => `198.51.100.${100 + call}, _x${call}`],
  ['an address before an empty place', '10.3.0.7', (call: number) => `198.51.100.${100 + call}, `],
  ['a zone of its own each time', '10.3.0.8', (call: number) => `fe80::1%x${call}`],
])('#271 limits hold for %s', async (_, proxy, forwarded) => {
  expect((await statusesBehindProxy(proxy, forwarded)).filter((status) => status === 429)).toHaveLength(5);
});

test('#271 two addresses behind one proxy, with ports, are two', async () => {
  const statuses = await statusesBehindProxy('10.3.0.9', (call) => `198.51.100.${30 + (call % 2)}:${call + 1}`);
  expect(statuses).toEqual(statuses.map(() => 200));
});

test('#271 Forwarded is not believed', async () => {
  const send = (call: number) =>
    storming.app.inject({ url: '/health', headers: { forwarded: `for=198.51.100.${call}` }, remoteAddress: '10.3.0.10' });
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
  const lines = await calling.database.db.execute<{ ip: string }>(sql`select ip from audit_trail where user_id = ${answer.json().user_id}`);
  expect(lines[0]?.ip).toBe('192.0.2.9');
});

test('#21 sign-ins and registrations from one address are limited, whatever the account', async () => {
  const signIn = (n: number) => entering.rest('POST', '/users/signIn', { body: { username: `user${n}`, password: 'not it at all' } });
  for (let n = 0; n < 3; n++) expect((await signIn(n)).status).toBe(401);
  expect((await signIn(3)).status).toBe(429);
  expect(PRODUCTION_RATES.signIn.most).toBeLessThanOrEqual(30);
  await entering.register();
  await entering.register();
  expect((await entering.rest('POST', '/users', { body: { login: 'one-more', password: 'correct horse' } })).status).toBe(429);
});

test.each([
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:0:1:aaaa::1', '2001:db8:0:1::/64'],
  ['2001:DB8::1:bbbb:0:0:1', '2001:db8:0:1::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('#140 %s counts as %s', (address, key) => {
  expect(addressKey(address)).toBe(key);
});

test('#141 many other keys do not push a limited one out', async () => {
  const store = memoryStore();
  await store.hit('limited', 7, 60);
  for (let n = 0; n < 20_000; n++) await store.hit(`other-${n}`, 1, 60);
  expect((await store.hit('limited', 1, 60)).count).toBe(8);
});
