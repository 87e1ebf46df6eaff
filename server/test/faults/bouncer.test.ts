// PgBouncer in transaction mode between the server and PostgreSQL: each transaction may run on another connection.
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { migratePostgres } from '../../src/db/postgres/migrate.ts';
import { startBouncer } from './bouncer.ts';
import { freePort, startCluster } from './cluster.ts';
import { expectStored, newJournal, writeOne } from './journal.ts';
import { repeatUntilStopped } from './load.ts';
import { call, register, startServer, waitUntilReady } from './servers.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('pooled');
await migratePostgres(url);
const admin = postgres(url, { max: 1 });
afterAll(() => admin.end({ timeout: 1 }));
const bouncer = await startBouncer(
  cluster,
  { pooled: 'dbname=pooled user=postgres' },
  `pool_mode = transaction
default_pool_size = 3
ignore_startup_parameters = default_transaction_read_only,statement_timeout,lock_timeout,idle_in_transaction_session_timeout`,
);
const { port, tell } = bouncer;
// It starts at the same time, and waits for PgBouncer.
const server = await startServer({
  PORT: String(await freePort()),
  DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/pooled`,
  DATABASE_PREPARE: 'off',
  MIGRATE_AT_START: 'false',
});

// #186: With DATABASE_PREPARE off, and a PgBouncer that ignores what we ask for when we connect.
test('#186 behind PgBouncer in transaction mode calls succeed, also through RECONNECT and a pause of 1.5 s; its restart costs 503s alone', async () => {
  const token = await register(server.url, 'pooled');
  const journal = newJournal();
  const reads: Record<string, number> = {};
  const stop = repeatUntilStopped(8, async (writer, n) => {
    await writeOne(server.url, token, `${writer}-${n}`, n % 2 === 1, journal);
    const { status } = await call(server.url, 'GET', '/outherTasks?limit=5', token);
    reads[status] = (reads[status] ?? 0) + 1;
  });
  const refused = () => (journal.statuses[503] ?? 0) + (reads[503] ?? 0);
  const acknowledges = async (more: number) => {
    const enough = journal.acknowledged.length + more;
    await expect.poll(() => journal.acknowledged.length).toBeGreaterThan(enough);
  };
  await acknowledges(100);
  await tell('reconnect pooled');
  await acknowledges(100);
  expect([journal.statuses, reads]).toEqual([{ 201: expect.any(Number) }, { 200: expect.any(Number) }]);
  // A busy machine may resume so late that calls are rightly refused: one of five pauses has to cost none.
  const refusedInPauses: number[] = [];
  while (!refusedInPauses.includes(0) && refusedInPauses.length < 5) {
    const before = refused();
    const start = performance.now();
    await Promise.all([tell('pause pooled'), sleep(1500)]);
    await tell('resume pooled');
    console.log(`a pause of ${Math.round(performance.now() - start)} ms`);
    await acknowledges(100);
    refusedInPauses.push(refused() - before);
  }
  expect(refusedInPauses).toContain(0);

  const refusedBefore = refused();
  await bouncer.kill();
  await expect.poll(refused).toBeGreaterThan(refusedBefore);
  bouncer.start();
  await waitUntilReady(server.url);
  await acknowledges(100);
  await stop();
  console.log('and a restart', journal.statuses);
  expect(journal.wrong).toEqual([]);
  expect(Object.keys(reads).filter((status) => status !== '200' && status !== '503')).toEqual([]);
  await expectStored(admin, journal);
});

test('#185 behind PgBouncer a database that is made read-only is read and not written', async () => {
  const token = await register(server.url, 'reader');
  const statusOf = (method: string, body?: object) =>
    call(server.url, method, '/outherTasks', token, body).then(({ status }) => status);
  await admin`alter database pooled set default_transaction_read_only = on`;
  await tell('reconnect pooled');
  await expect.poll(() => statusOf('POST', { title: 'read-only' })).toBe(503);
  expect(await statusOf('GET')).toBe(200);
  await admin.begin('read write', (tx) => tx`alter database pooled reset default_transaction_read_only`);
  await tell('reconnect pooled');
  await expect.poll(() => statusOf('POST', { title: 'writable again' })).toBe(201);
});
