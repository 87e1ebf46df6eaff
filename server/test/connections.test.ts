// How many connections one address may hold, and which end with their answer.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { samplesOf } from './exposition.ts';
import { openTestDatabase, startApp, type TestApp } from './harness.ts';
import { PLENTY } from './rates.ts';
import { answersIn, exchangeWith, head, received } from './wire.ts';

const database = await openTestDatabase();
const onlyTwenty = { ...PLENTY, address: { max: 20, seconds: 60 } };

async function listening(app: TestApp, host = '127.0.0.1'): Promise<number> {
  await app.app.listen({ port: 0, host });
  return (app.app.server.address() as AddressInfo).port;
}

/** Opens a connection and asks. @returns the connection, or undefined where it was closed instead of an answer */
async function hold(port: number, from: string, host = '127.0.0.1'): Promise<Socket | undefined> {
  const socket = connect({ port, host, localAddress: from }).on('error', () => {});
  onTestFinished(() => void socket.destroy());
  const closed = new Promise<undefined>((resolve) => socket.once('close', () => resolve(undefined)));
  socket.write(head('GET /livez'));
  const answer = new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(String(bytes))));
  const first = await Promise.race([answer, closed]);
  expect(first ?? 'HTTP/1.1 200 ').toMatch(/^HTTP\/1\.1 200 /);
  return first === undefined ? undefined : socket;
}

const holdMany = (count: number, ...more: Parameters<typeof hold>) =>
  Promise.all(Array.from({ length: count }, () => hold(...more)));
const kept = (sockets: readonly (Socket | undefined)[]) => sockets.filter((socket) => socket !== undefined);

// #364: The network of 64 bits is tested in server/test/limits.test.ts (addressKey).
test('#364 an address holds so many connections, one more is closed at once, and others come in', async () => {
  const into = createMetrics('0');
  const api = await startApp({ database, rates: PLENTY, connectionsPerAddress: 10, metrics: { into } });
  const port = await listening(api);
  const mine = await holdMany(30, port, '127.0.0.2');
  expect(kept(mine)).toHaveLength(10);
  expect(kept(await holdMany(10, port, '127.0.0.3'))).toHaveLength(10);
  const told = async () =>
    samplesOf(await into.render()).filter(({ name }) => name.startsWith('stepwise_connections_'));
  expect(await told()).toMatchObject([
    { labels: { most: 'address' }, value: 20 },
    { labels: { most: 'all' }, value: 0 },
    { name: 'stepwise_connections_addresses', value: 2 },
  ]);

  // Who lets go of one has another.
  kept(mine)[0]?.destroy();
  await expect.poll(async () => kept(await holdMany(1, port, '127.0.0.2'))).toHaveLength(1);
  const others = kept(await holdMany(5, port, '127.0.0.2'));
  expect(others).toHaveLength(0);
  api.app.server.closeAllConnections();
  // And nothing is kept of who has none.
  await expect.poll(async () => (await told()).at(-1)).toMatchObject({ value: 0 });
});

test('#364 of IPv6 a network of 64 bits is one address', async () => {
  const api = await startApp({ database, rates: PLENTY, connectionsPerAddress: 2 });
  await api.app.ready();
  // Real connections that come from where we say.
  const addresses = ['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1', '2001:db8::ffff:0:0:3'];
  const server = createServer((socket) => {
    Object.defineProperty(socket, 'remoteAddress', { value: addresses.shift() });
    api.app.server.emit('connection', socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const outcomes = [];
  for (let n = 0; n < 4; n++) outcomes.push((await hold(port, '127.0.0.1')) !== undefined);
  expect(outcomes).toEqual([true, true, true, false]);
});

test('#364 one that is refused says nothing and is reset', async () => {
  const api = await startApp({ database, rates: PLENTY, connectionsPerAddress: 1 });
  const port = await listening(api);
  await hold(port, '127.0.0.2');
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
  const [error] = await once(socket, 'error');
  expect(error.code).toBe('ECONNRESET');
  expect(socket.bytesRead).toBe(0);
});

test('#364 on a socket for both versions of IP an address is the same as on one of its own', async () => {
  const api = await startApp({
    database,
    rates: PLENTY,
    connectionsPerAddress: 3,
    trustedProxies: ['127.0.0.9'],
  });
  const port = await listening(api, '::');
  expect(kept(await holdMany(6, port, '127.0.0.2'))).toHaveLength(3);
  expect(kept(await holdMany(6, port, '127.0.0.9'))).toHaveLength(6);
  expect(kept(await holdMany(6, port, '::1', '::1'))).toHaveLength(3);
});

test('#364 a trusted proxy holds as many as there are, and its clients are nobody’s neighbours', async () => {
  const api = await startApp({
    database,
    rates: PLENTY,
    connectionsPerAddress: 3,
    trustedProxies: ['127.0.0.8/31'],
  });
  const port = await listening(api);
  expect(kept(await holdMany(20, port, '127.0.0.9'))).toHaveLength(20);
  expect(kept(await holdMany(20, port, '127.0.0.7'))).toHaveLength(3);
});

test('#364 without limits there is none by address', async () => {
  const api = await startApp({ database, connectionsPerAddress: 3 });
  expect(kept(await holdMany(20, await listening(api), '127.0.0.2'))).toHaveLength(20);
});

test.each([
  'GET /livez',
  'GET /nowhere',
  'OPTIONS /users',
  'GET /trpc/health.check',
  'GET /trpc/events.stream',
  'GET /users/me',
])('#365 after a 429 (%s) the connection ends', async (line) => {
  const api = await startApp({ database, rates: onlyTwenty });
  const port = await listening(api);
  const requests = Array.from({ length: 20 }, () => head('GET /livez'));
  const answers = await exchangeWith(port, ...requests, head(line), head('GET /livez'));
  expect(answers.map(({ status }) => status)).toEqual([...requests.map(() => 200), 429]);
  expect(answers.at(-1)?.headers.connection).toBe('close');
});

test('#365 also where a user has to wait, over both transports and in a batch', async () => {
  const api = await startApp({ database, rates: { ...PLENTY, user: { max: 2, seconds: 60 } } });
  const port = await listening(api);
  const { token } = await api.register();
  const authorization = { Authorization: `Bearer ${token}` };
  // Once the token has been verified, calls on one connection are counted in their order.
  expect((await api.rest('GET', '/users/me', { token })).status).toBe(200);
  expect(
    await exchangeWith(port, head('GET /users/me', authorization), head('GET /users/me', authorization)),
  ).toMatchObject([{ status: 200 }, { status: 429, headers: { connection: 'close' } }]);
  for (const path of ['/trpc/auth.me', '/trpc/auth.me?batch=1', '/trpc/auth.me,health.check?batch=1'])
    expect(await exchangeWith(port, head(`GET ${path}`, authorization)), path).toMatchObject([
      { status: path.includes(',') ? 207 : 429, headers: { connection: 'close' } },
    ]);
});

test('#365 an EventSource that has to wait is told so, and its connection ends', async () => {
  const api = await startApp({ database, rates: onlyTwenty });
  const port = await listening(api);
  const requests = Array.from({ length: 20 }, () => head('GET /livez'));
  const answers = await exchangeWith(
    port,
    ...requests,
    head('GET /trpc/events.stream', { Accept: 'text/event-stream' }),
  );
  expect(answers.at(-1)).toMatchObject({ status: 200, headers: { connection: 'close' } });
  expect(answers.at(-1)?.body).toContain('RATE_LIMITED');
});

test('#365 a trusted proxy’s connection, which brings the requests of others, goes on', async () => {
  const api = await startApp({ database, rates: onlyTwenty, trustedProxies: ['127.0.0.9'] });
  const port = await listening(api);
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' });
  const text = received(socket);
  const from = (address: string) => head('GET /livez', { 'X-Forwarded-For': address });
  socket.write(
    from('192.0.2.1').repeat(21) +
      head('GET /livez', { 'X-Forwarded-For': '192.0.2.2', Connection: 'close' }),
  );
  const statuses = answersIn(await text).map(({ status }) => status);
  expect(statuses).toEqual([...Array(20).fill(200), 429, 200]);
});
