// Migrations that fail, are killed, wait for locks or come from another version.
import { readFileSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { MIGRATIONS_FOLDER } from '../../src/db/migrations/journal.ts';
import { withoutPostDeployment } from '../../src/db/migrations/version.ts';
import { freePort, startCluster } from './cluster.ts';
import { watchLateness } from './lateness.ts';
import { call, folder, spawnServer, startServer, waitUntilReady } from './servers.ts';

const cluster = await startCluster();
const journal = JSON.parse(readFileSync(join(MIGRATIONS_FOLDER, 'meta/_journal.json'), 'utf8'));
/** What a start applies. */
const applicable = withoutPostDeployment(journal.entries.map(({ tag }: { tag: string }) => tag));
const all = applicable.length;

/** The first migration alone: what there was before the others. */
const first = join(folder, 'first');
beforeAll(async () => {
  await mkdir(join(first, 'meta'), { recursive: true });
  const [entry] = journal.entries;
  await writeFile(join(first, 'meta/_journal.json'), JSON.stringify({ ...journal, entries: [entry] }));
  await cp(join(MIGRATIONS_FOLDER, `${entry.tag}.sql`), join(first, `${entry.tag}.sql`));
});

/** A database in the state after the first migration, with a client for the test. */
async function oldDatabase(name: string) {
  const url = await cluster.createDatabase(name);
  const admin = postgres(url, { max: 2, onnotice: () => {} });
  onTestFinished(() => admin.end({ timeout: 1 }));
  await migrate(drizzle(admin), { migrationsFolder: first });
  const applied = async () => (await admin`select from drizzle.__drizzle_migrations`).length;
  const tables = async () =>
    (await admin`select tablename from pg_tables where schemaname = 'public' order by 1`).map(
      (row) => row.tablename as string,
    );
  return { url, admin, applied, tables };
}

const waitsForLock = (admin: postgres.Sql) =>
  expect
    .poll(
      () =>
        admin`select from pg_stat_activity where application_name = 'stepwise migrations' and wait_event_type = 'Lock'`,
    )
    .toHaveLength(1);

const start = async (url: string, env: Record<string, string> = {}) =>
  spawnServer({ PORT: String(await freePort()), DATABASE_URL: url, ...env });

test('#196 a migration that fails half way leaves nothing behind, ends the start, and works once the cause is gone', async () => {
  const { url, admin, applied, tables } = await oldDatabase('half');
  // The second migration makes other tables before this one.
  await admin`create table sessions (mine int)`;
  const before = await tables();
  const server = await start(url);
  expect(await server.exit).toBe(1);
  expect(server.output.join('\n')).toContain('42P07');
  expect([await tables(), await applied()]).toEqual([before, 1]);
  await admin`drop table sessions`;
  const again = await startServer({ PORT: String(await freePort()), DATABASE_URL: url });
  expect(await applied()).toBe(all);
  expect(await tables()).toContain('audit_trail');
  expect(await again.end('SIGTERM')).toBe(0);
});

test('#196 killed in the middle of a migration, the next start finds nothing of it and applies it all', async () => {
  const { url, admin, applied, tables } = await oldDatabase('killed');
  const before = await tables();
  await admin.begin(async (tx) => {
    // Reached after some statements of the second migration.
    await tx`lock table physical_plans in access share mode`;
    const server = await start(url);
    await waitsForLock(admin);
    expect(await server.end('SIGKILL')).toBe('SIGKILL');
  });
  await expect
    .poll(() => admin`select from pg_stat_activity where application_name = 'stepwise migrations'`)
    .toHaveLength(0);
  expect([await tables(), await applied()]).toEqual([before, 1]);
  const again = await startServer({ PORT: String(await freePort()), DATABASE_URL: url });
  expect(await applied()).toBe(all);
  expect(await again.end('SIGTERM')).toBe(0);
});

test('#196 a server that does not migrate refuses a database with pending migrations, or without any', async () => {
  const { url } = await oldDatabase('pending');
  const empty = await cluster.createDatabase('empty');
  for (const [DATABASE_URL, missing] of [
    [url, applicable.slice(1)],
    [empty, applicable],
  ] as const) {
    const server = await start(DATABASE_URL, { MIGRATE_AT_START: 'false' });
    expect(await server.exit).toBe(1);
    expect(server.output.at(-1)).toBe(
      `stepwise: the database lacks migrations (${missing.join(', ')}): run db:migrate, or set MIGRATE_AT_START=true`,
    );
  }
});

test('#196 a server refuses a database that a newer version has migrated, whether it migrates itself or not', async () => {
  const { url, admin } = await oldDatabase('newer');
  const own = await startServer({ PORT: String(await freePort()), DATABASE_URL: url });
  expect(await own.end('SIGTERM')).toBe(0);
  await admin`insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', ${Date.now() + 1e9})`;
  for (const MIGRATE_AT_START of ['true', 'false']) {
    const server = await start(url, { MIGRATE_AT_START });
    expect(await server.exit).toBe(1);
    expect(server.output.at(-1)).toMatch(
      /^stepwise: the database has migrations that this version does not know/,
    );
  }
});

test('#197 a migration gives up a locked table after 0.5 s, lets others pass, and tries again', async () => {
  const { url, admin, applied } = await oldDatabase('locked');
  let server: ReturnType<typeof spawnServer> | undefined;
  const waits: number[] = [];
  const lateMs = watchLateness();
  const account = { login: 'early', password: 'correct horse battery' };
  await admin.begin(async (tx) => {
    await tx`lock table physical_plans in access share mode`;
    server = await start(url);
    for (let attempt = 0; attempt < 2; attempt++) {
      await waitsForLock(admin);
      // Nothing meets a schema that is not ready.
      expect(await call(server.url, 'POST', '/users', undefined, account)).toMatchObject({
        status: 503,
        retryAfter: '1',
      });
      // This reader stands behind the migration in the queue for the table: it goes on when the migration lets go.
      const begin = performance.now();
      await admin`select count(*) from physical_plans`;
      waits.push(Math.round(performance.now() - begin));
    }
  });
  console.log('readers behind the migration waited', waits, 'ms');
  expect(Math.max(...waits) - lateMs()).toBeLessThan(4000);
  await waitUntilReady((server as ReturnType<typeof spawnServer>).url);
  expect(await applied()).toBe(all);
});
