// A primary and its standby in one URL: which of them is used, by whom, and which never is.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { sql } from '../../src/db/drizzle.ts';
import { parseConnection } from '../../src/db/postgres/connectionSettings.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { startBouncer } from './bouncer.ts';
import { freePort } from './cluster.ts';
import { type PlainNode, startPair } from './pair.ts';
import { startProxy } from './proxy.ts';
import { call, register, type ServerProcess, serversOfTests, spawnChild, spawnServer } from './servers.ts';

const SCRIPTS = fileURLToPath(new URL('../../scripts', import.meta.url));
const pair = await startPair();

const { servers, start } = serversOfTests();

/** Runs a script of the operator's. @returns its exit code and what it wrote */
async function script(name: string, DATABASE_URL: string): Promise<[unknown, string[]]> {
  const { exit, output } = spawnChild(process.execPath, [join(SCRIPTS, `${name}.ts`)], {
    DATABASE_URL,
    JWT_SECRET_KEY: 'a-secret-for-tests-of-at-least-32-bytes',
  });
  return [await exit, output];
}

const write = (server: ServerProcess, token: string, title: string) =>
  call(server.url, 'POST', '/outherTasks', token, { title });
const read = (server: ServerProcess, token: string) => call(server.url, 'GET', '/outherTasks', token);
const statusOf = (server: ServerProcess, path: string) =>
  call(server.url, 'GET', path).then(({ status }) => status);
const refused = { status: 503, retryAfter: expect.any(String) };
const tasksOn = async ({ sql }: PlainNode) =>
  (await sql`select title from outer_tasks`).map(({ title }) => title as string);
const connectionsTo = async ({ sql }: PlainNode) => [
  ...(await sql`select application_name, query from pg_stat_activity where application_name like 'stepwise%'`),
];

/** The standby is named first, or last. */
const urls = () => {
  const [standby, primary] = [pair.standby.port, pair.primary.port];
  return [
    `postgres://postgres@127.0.0.1:${standby},127.0.0.1:${primary}/postgres?target_session_attrs=read-write`,
    `postgres://postgres@127.0.0.1:${primary},127.0.0.1:${standby}/postgres?target_session_attrs=primary`,
    `host=127.0.0.1,127.0.0.1 port=${standby},${primary} dbname=postgres user=postgres`,
  ];
};

test('#741 migrations, servers, the listener, background work and scripts get to the primary, whichever host is named first', async () => {
  for (const [n, url] of urls().entries()) {
    expect(await script('migrate', url)).toEqual([0, ['postgres: the schema is up to date']]);
    const server = await start(url);
    const token = await register(server.url, `ann-${n}`);
    const exported = await call(server.url, 'POST', '/users/me/exports', token);
    expect(exported.status).toBe(202);
    const state = async () =>
      (await call(server.url, 'GET', `/users/me/exports/${exported.body.id}`, token)).body.state;
    await expect.poll(state, { interval: 200 }).toBe('done');
    const stream = await fetch(`${server.url}/events`, { headers: { authorization: `Bearer ${token}` } });
    await expect
      .poll(
        async () =>
          (await pair.primary.sql`select from pg_stat_activity where query = 'listen events'`).length,
      )
      .toBe(1);
    await stream.body?.cancel();
    expect((await script('jobs', url))[0]).toBe(0);
    const [code, accounts] = await script('users', url);
    expect([code, accounts.join('\n')]).toEqual([0, expect.stringContaining(`ann-${n}`)]);
    expect(await connectionsTo(pair.standby)).toEqual([]);
    await server.end('SIGTERM');
  }
});

test('#743 while only a standby can be reached nothing is read, /readyz says no, and who starts waits', async () => {
  const [url = ''] = urls();
  const server = await start(url);
  const token = await register(server.url, 'ben');
  await pair.primary.stop();
  await expect.poll(() => statusOf(server, '/readyz')).toBe(503);
  expect(await statusOf(server, '/livez')).toBe(200);
  expect(await read(server, token)).toMatchObject(refused);
  expect(await write(server, token, 'nowhere')).toMatchObject(refused);
  expect(await script('migrate', url)).toEqual([
    1,
    [expect.stringMatching(/^stepwise: only hosts that take no writes can be reached/)],
  ]);
  const waiting = spawnServer({ PORT: String(await freePort()), DATABASE_URL: url });
  servers.push(waiting);
  await expect.poll(() => waiting.output.join('\n')).toContain('"reason":"CONNECTION_UNSUITABLE"');
  expect(await statusOf(waiting, '/readyz')).toBe(503);

  await pair.primary.start();
  await expect.poll(() => statusOf(server, '/readyz')).toBe(200);
  await expect.poll(() => statusOf(waiting, '/readyz')).toBe(200);
  expect(await write(server, token, 'here')).toMatchObject({ status: 201 });
});

test('#743 a server whose one host takes no writes reads, and is not ready', async () => {
  const writer = await start(`postgres://postgres@127.0.0.1:${pair.primary.port}/postgres`);
  const token = await register(writer.url, 'cleo');
  await expect.poll(() => pair.standby.sql`select from users where login = 'cleo'`).toHaveLength(1);
  const server = spawnServer({
    PORT: String(await freePort()),
    DATABASE_URL: `postgres://postgres@127.0.0.1:${pair.standby.port}/postgres`,
    MIGRATE_AT_START: 'false',
    JOBS: 'off',
  });
  servers.push(server);
  await expect.poll(() => read(server, token).then(({ status }) => status)).toBe(200);
  expect(await write(server, token, 'nowhere')).toMatchObject(refused);
  expect(await statusOf(server, '/readyz')).toBe(503);
  expect(await statusOf(writer, '/readyz')).toBe(200);
});

test('#745 a host that does not answer is not asked for each connection, and is in nobody’s way', async () => {
  const proxy = await startProxy(pair.primary.port);
  await proxy.set('blackhole');
  const settings = parseConnection(
    `postgres://postgres@127.0.0.1:${proxy.port},127.0.0.1:${pair.primary.port}/postgres`,
  );
  const { db, close } = openPostgres(settings, 8);
  onTestFinished(close);
  // One after the other, each on a connection of its own, as those before it are still in use.
  const all = Promise.withResolvers<void>();
  const held: Promise<void>[] = [];
  for (let n = 0; n < 5; n++) {
    const { promise: port, resolve } = Promise.withResolvers<number | undefined>();
    const transaction = db.transaction(async (tx) => {
      const [row] = await tx.execute<{ port: number }>(sql`select inet_server_port() as port`);
      resolve(row?.port);
      await all.promise;
    });
    held.push(transaction);
    expect(await port).toBe(pair.primary.port);
  }
  all.resolve();
  await Promise.all(held);
  // Once to find out what the server is, and once by the pools.
  expect(proxy.accepted()).toBeLessThanOrEqual(2);
});

test('#748 behind a pooler no transaction runs on a standby to which the pooler was pointed', async () => {
  const proxy = await startProxy(pair.primary.port);
  const bouncer = await startBouncer(
    { port: proxy.port, folder: pair.folder },
    { pooled: 'dbname=postgres user=postgres pool_mode=transaction' },
  );
  // It would keep its connections.
  onTestFinished(bouncer.kill);
  const server = await start(
    `postgres://postgres@127.0.0.1:${bouncer.port}/pooled?target_session_attrs=primary`,
  );
  const token = await register(server.url, 'dan');
  expect(await write(server, token, 'one')).toMatchObject({ status: 201 });
  expect(await read(server, token)).toMatchObject({ status: 200 });
  proxy.point(pair.standby.port);
  proxy.breakAll('fin');
  for (let n = 0; n < 20; n++) {
    expect(await read(server, token)).toMatchObject(refused);
    expect(await write(server, token, 'nowhere')).toMatchObject(refused);
  }
  await expect.poll(() => statusOf(server, '/readyz')).toBe(503);
  proxy.point(pair.primary.port);
  proxy.breakAll('fin');
  await expect.poll(() => write(server, token, 'two').then(({ status }) => status)).toBe(201);
  expect(await read(server, token)).toMatchObject({ status: 200 });
});

// At the end: what it leaves is no pair any more.
test('#744 a former primary is left, and is not used when it comes back as a primary of its own', async () => {
  const server = await start(pair.url);
  const token = await register(server.url, 'eve');
  expect(await write(server, token, 'before')).toMatchObject({ status: 201 });
  const former = pair.primary;
  await former.sql`alter system set default_transaction_read_only = on`;
  await former.sql`alter system set synchronous_standby_names = ''`;
  await former.sql`select pg_reload_conf()`;
  await pair.promote();
  await expect
    .poll(() => write(server, token, 'after').then(({ status }) => status), { interval: 100 })
    .toBe(201);
  await expect.poll(() => connectionsTo(former)).toEqual([]);
  expect((await read(server, token)).body[0]).toMatchObject({ title: 'after' });

  await former.sql`set default_transaction_read_only = off`;
  await former.sql`alter system reset default_transaction_read_only`;
  await former.stop();
  await former.start();
  const before = await tasksOn(former);
  await pair.primary.stop();
  await expect.poll(() => statusOf(server, '/readyz')).toBe(503);
  for (let n = 0; n < 20; n++) {
    expect(await read(server, token)).toMatchObject(refused);
    expect(await write(server, token, 'lost')).toMatchObject(refused);
  }
  expect(await tasksOn(former)).toEqual(before);
  await pair.primary.start();
  await expect.poll(() => write(server, token, 'again').then(({ status }) => status)).toBe(201);
  expect(await tasksOn(pair.primary)).toEqual(expect.arrayContaining(['before', 'after', 'again']));
});
