// A server that starts before its database does, or on one that is not for it.
import postgres from 'postgres';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { freePort, startCluster } from './cluster.ts';
import { watchLateness } from './lateness.ts';
import { startProxy } from './proxy.ts';
import {
  call,
  register,
  registerSecret,
  type ServerProcess,
  spawnServer,
  waitUntilReady,
} from './servers.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('start');
const proxy = await startProxy(cluster.port);
const proxied = url.replace(`:${cluster.port}/`, `:${proxy.port}/`);
const PORT = String(await freePort());

const servers: ServerProcess[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) if (server.ended() === undefined) await server.end('SIGKILL');
});

function start(env: Record<string, string>): ServerProcess {
  const server = spawnServer({ PORT, ...env });
  servers.push(server);
  return server;
}

const listens = (server: ServerProcess) =>
  expect.poll(() => call(server.url, 'GET', '/livez')).toMatchObject({ status: 200 });

/** The lines in which it says why it waits. */
const waits = (server: ServerProcess) => server.output.filter((line) => line.includes('waiting for it'));

/** What a server answers whose database is not there, or not prepared. */
async function expectWaiting(server: ServerProcess): Promise<void> {
  const unavailable = { status: 503, retryAfter: '1' };
  expect(await call(server.url, 'GET', '/livez')).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await call(server.url, 'GET', '/readyz')).toMatchObject({
    ...unavailable,
    body: { status: 'unavailable' },
  });
  const away = {
    status: 'unavailable',
    database: 'disconnected',
    version: expect.any(String),
    timestamp: expect.any(String),
  };
  expect(await call(server.url, 'GET', '/health')).toMatchObject({ ...unavailable, body: away });
  const account = { login: 'early', password: 'correct horse battery' };
  for (const [path, body] of Object.entries({
    '/users': account,
    '/users/signIn': { username: account.login, password: account.password },
  }))
    expect(await call(server.url, 'POST', path, undefined, body)).toMatchObject({
      ...unavailable,
      body: { code: 'UNAVAILABLE' },
    });
  const data = { reason: 'UNAVAILABLE' };
  expect(await call(server.url, 'POST', '/trpc/auth.register', undefined, account)).toMatchObject({
    ...unavailable,
    body: { error: { data } },
  });
}

test.each([
  ['in development, migrating first,', {}],
  ['in production', { NODE_ENV: 'production', DRAIN_MS: '0' }],
])(
  '#175 %s it listens while PostgreSQL is down, and is ready within 5 s after it is up',
  async (_name, env: Record<string, string>) => {
    await cluster.stop();
    const server = start({ DATABASE_URL: url, ...env });
    await listens(server);
    await expectWaiting(server);
    await cluster.start();
    const lateMs = watchLateness();
    const readyMs = await waitUntilReady(server.url);
    console.log(`ready ${Math.round(readyMs)} ms after PostgreSQL`);
    expect(readyMs - lateMs()).toBeLessThan(5000);
    const token = await register(server.url, `first-${server.child.pid}`);
    expect((await call(server.url, 'GET', '/users/me', token)).status).toBe(200);
    // Told again when the reason changes: PostgreSQL may be seen while it still starts up.
    const reasons = waits(server).map((line) => JSON.parse(line).reason);
    expect([['ECONNREFUSED'], ['ECONNREFUSED', '57P03']]).toContainEqual(reasons);
    expect(await server.end('SIGTERM')).toBe(0);
  },
);

test.each(['fin', 'blackhole'] as const)('#175 it tries again at least every 5 s (%s)', async (fault) => {
  await proxy.set(fault);
  onTestFinished(() => proxy.set('pass'));
  const server = start({ DATABASE_URL: proxied });
  await listens(server);
  for (let n = 0; n < 3; n++) {
    const [before, start, lateMs] = [proxy.accepted(), performance.now(), watchLateness()];
    await expect.poll(() => proxy.accepted()).toBeGreaterThan(before);
    expect(performance.now() - start - lateMs()).toBeLessThan(5000);
  }
  await proxy.set('pass');
  await waitUntilReady(server.url);
});

test('#175 a server that is told to end while it waits ends with 0', async () => {
  await proxy.set('refuse');
  onTestFinished(() => proxy.set('pass'));
  const server = start({ DATABASE_URL: proxied });
  await listens(server);
  expect(await server.end('SIGTERM')).toBe(0);
});

test('#175 a database that does not exist or a wrong password ends the start with a line that says so', async () => {
  const admin = postgres(url, { max: 1, onnotice: () => {} });
  onTestFinished(() => admin.end());
  await admin.unsafe(`create role stranger login password 'right-password'`);
  await cluster.requirePassword('stranger');
  registerSecret('right-password');
  registerSecret('wrong-password');
  const host = `127.0.0.1:${cluster.port}`;
  const refusal = (why: string) =>
    `stepwise: the database refuses the connection: ${why}; check its URL (DATABASE_URL)`;
  for (const [DATABASE_URL, why] of [
    [`postgres://stranger:wrong-password@${host}/start`, 'the password is wrong'],
    [`postgres://postgres@${host}/nowhere`, 'there is no such database'],
  ] as const)
    for (const MIGRATE_AT_START of ['true', 'false']) {
      const server = start({ DATABASE_URL, MIGRATE_AT_START });
      expect(await server.exit).toBe(1);
      expect(server.output.at(-1)).toBe(refusal(why));
    }
});

test('#175 one that turns out to be wrong when PostgreSQL comes up ends the server that waited for it', async () => {
  await cluster.stop();
  const server = start({ DATABASE_URL: url.replace(/start$/, 'nowhere') });
  await listens(server);
  // Let it have tried: it must be waiting when the answer changes.
  await expect.poll(() => waits(server).length).toBe(1);
  await cluster.start();
  expect(await server.exit).toBe(1);
  expect(server.output.at(-1)).toContain('there is no such database');
});
