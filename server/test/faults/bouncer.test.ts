// PgBouncer in transaction mode between the server and PostgreSQL: each transaction may run on another connection.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { migratePostgres } from '../../src/db/migrate.ts';
import { freePort, startCluster } from './cluster.ts';
import { expectStored, newJournal, writeOne } from './journal.ts';
import { keepDoing } from './load.ts';
import { call, isWell, register, spawnChild, startServer } from './servers.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('pooled');
// Migrations hold a lock of their session: they go to PostgreSQL itself.
await migratePostgres(url);
const admin = postgres(url, { max: 1 });
afterAll(() => admin.end({ timeout: 1 }));
// What the server asks for when it connects is not passed on; the database sets it instead.
for (const [name, value] of Object.entries({ statement_timeout: '4s', lock_timeout: '2s', idle_in_transaction_session_timeout: '10s' }))
  await admin.unsafe(`alter database pooled set ${name} = '${value}'`);

const port = await freePort();
const config = join(cluster.folder, 'pgbouncer.ini');
writeFileSync(join(cluster.folder, 'users.txt'), '"postgres" ""\n');
writeFileSync(
  config,
  `[databases]
pooled = host=127.0.0.1 port=${cluster.port} dbname=pooled user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
auth_file = ${join(cluster.folder, 'users.txt')}
admin_users = postgres
pool_mode = transaction
default_pool_size = 3
ignore_startup_parameters = default_transaction_read_only,statement_timeout,lock_timeout,idle_in_transaction_session_timeout
`,
);

/** PgBouncer refuses to run as root. */
const start = () =>
  process.getuid?.() === 0
    ? spawnChild('setpriv', ['--reuid=65534', '--clear-groups', '/usr/sbin/pgbouncer', config])
    : spawnChild('/usr/sbin/pgbouncer', [config]);
let bouncer = start();
const console_ = postgres(`postgres://postgres@127.0.0.1:${port}/pgbouncer`, { max: 1, fetch_types: false, onnotice: () => {} });
afterAll(() => console_.end({ timeout: 1 }));
const tell = (command: string) => console_.unsafe(command).simple();
// It starts at the same time, and waits for PgBouncer.
const server = await startServer({
  PORT: String(await freePort()),
  DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/pooled`,
  DATABASE_PREPARE: 'off',
  MIGRATE_AT_START: 'false',
});

test('#186 behind PgBouncer in transaction mode calls succeed, also through RECONNECT and a pause of 1.5 s; its restart costs 503s alone', async () => {
  const token = await register(server.url, 'pooled');
  const journal = newJournal();
  const reads: Record<string, number> = {};
  const stop = keepDoing(8, async (writer, n) => {
    await writeOne(server.url, token, `${writer}-${n}`, n % 2 === 1, journal);
    const { status } = await call(server.url, 'GET', '/outherTasks?limit=5', token);
    reads[status] = (reads[status] ?? 0) + 1;
  });
  const acknowledges = async (more: number) => {
    const enough = journal.acknowledged.length + more;
    await expect.poll(() => journal.acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(enough);
  };
  await acknowledges(100);
  await tell('reconnect pooled');
  await acknowledges(100);
  await tell('pause pooled');
  await sleep(1500);
  await tell('resume pooled');
  await acknowledges(100);
  console.log('through RECONNECT and PAUSE', journal.statuses, reads);
  expect(journal.statuses).toEqual({ 201: expect.any(Number) });
  expect(reads).toEqual({ 200: expect.any(Number) });

  bouncer.child.kill('SIGKILL');
  await bouncer.exit;
  await expect.poll(() => journal.statuses[503] ?? 0, { timeout: 10_000 }).toBeGreaterThan(0);
  bouncer = start();
  await isWell(server.url, 5000);
  await acknowledges(100);
  await stop();
  console.log('and a restart', journal.statuses);
  expect(journal.wrong).toEqual([]);
  await expectStored(admin, journal);
});
