// What only a real PostgreSQL shows: several servers at once on one database.
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CATALOGUE } from '../../src/db/migrations/catalogue.ts';
import { openDatabase } from '../../src/db/open.ts';
import { migratePostgres } from '../../src/db/postgres/migrate.ts';

const server = process.env.TEST_DATABASE_URL as string;
const admin = postgres(server, { max: 1, onnotice: () => {} });
const name = `stepwise_migrate_${randomUUID().replaceAll('-', '')}`;
const url = new URL(server);
url.pathname = `/${name}`;

beforeAll(() => admin.unsafe(`create database ${name}`));
afterAll(async () => {
  await admin.unsafe(`drop database ${name} with (force)`);
  await admin.end();
});

const empty = (client: postgres.Sql) =>
  client.unsafe('drop schema public cascade; drop schema if exists drizzle cascade; create schema public');

test('#195 three servers that migrate an empty database at once all succeed, and each step is applied once', async () => {
  const client = postgres(url.href, { max: 1, onnotice: () => {} });
  for (let round = 0; round < 10; round++) {
    await empty(client);
    await Promise.all([migratePostgres(url.href), migratePostgres(url.href), migratePostgres(url.href)]);
    const steps = await client`select hash from drizzle.__drizzle_migrations`;
    expect(new Set(steps.map((step) => step.hash)).size).toBe(steps.length);
    const [exercises] = await client`select count(*)::int as n from exercises`;
    expect(exercises?.n).toBe(CATALOGUE.length);
  }
  await client.end();
});

test('migrating again keeps what an operator changed', async () => {
  const client = postgres(url.href, { max: 1 });
  await client`update exercises set name = 'Push-ups' where default_order = 1`;
  await migratePostgres(url.href);
  expect(await client`select name from exercises where default_order = 1`).toEqual([{ name: 'Push-ups' }]);
  await client.end();
});

test('the pool carries the limits that keep one statement from holding up the others', async () => {
  const database = await openDatabase({
    databaseUrl: url.href,
    poolSize: 2,
    migrateAtStart: false,
    dataDir: '',
  });
  const client = postgres(url.href, { max: 1 });
  const slow = database.db.execute(sql`select pg_sleep(6)`);
  await expect(slow).rejects.toMatchObject({ code: '57014' });
  await client.end();
  await database.close();
});
