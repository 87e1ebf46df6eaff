// Roles that are not the owner of everything, and databases that are not for us: each start works, or says in one line
// what is missing.
import { randomUUID } from 'node:crypto';
import { getTableName, is, sql } from 'drizzle-orm';
import { PgTable } from 'drizzle-orm/pg-core';
import postgres from 'postgres';
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { checkPostgres, migratePostgres } from '../../src/db/postgres/migrate.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { TABLE_PRIVILEGES } from '../../src/db/postgres/privileges.ts';
import * as schema from '../../src/db/schema/index.ts';
import { startJobs } from '../../src/jobs/run.ts';
import { createLogger } from '../../src/logger.ts';
import { describeStartupError } from '../../src/startupErrors.ts';
import { startApp } from '../harness.ts';

const server = process.env.TEST_DATABASE_URL as string;
const admin = postgres(server, { max: 1, onnotice: () => {} });
const id = randomUUID().slice(0, 8);
const role = `stepwise_role_${id}`;
const owner = `stepwise_owner_${id}`;
const name = `stepwise_roles_${id}`;
await admin.unsafe(`create role ${role} login`);
await admin.unsafe(`create role ${owner} login`);
afterAll(async () => {
  await admin.unsafe(`drop database if exists ${name} with (force)`);
  await admin.unsafe(`drop role ${role}`);
  await admin.unsafe(`drop role ${owner}`);
  await admin.end();
});

/** The database as that user. */
function urlAs(user: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  url.username = user;
  return url.href;
}
const url = urlAs(role);

const create = async (how = '') => {
  await admin.unsafe(`drop database if exists ${name} with (force)`);
  await admin.unsafe(`create database ${name} ${how}`);
};
beforeEach(() => create());

/** Runs statements in the database as an administrator. */
async function as(user: string, ...statements: string[]): Promise<void> {
  const client = postgres(user === '' ? urlAs(new URL(server).username) : urlAs(user), {
    max: 1,
    onnotice: () => {},
  });
  for (const statement of statements) await client.unsafe(statement);
  await client.end();
}
const asAdmin = (...statements: string[]) => as('', ...statements);

/** What a start says that does not succeed. */
const saysOf = (start: Promise<unknown>): Promise<unknown> =>
  start.then(
    () => 'done',
    (error) => describeStartupError(error),
  );

/** Does what an administrator is told, until a start succeeds. @returns what was told */
async function obeying(start: () => Promise<unknown>): Promise<string[]> {
  const told: string[] = [];
  for (;;) {
    const says = (await saysOf(start())) as string;
    if (says === 'done') return told;
    const [, statements] =
      /^stepwise: the role \S+ lacks rights that are needed, as an administrator run: ([^\n]*?)(?:; or set JOBS=off[^\n]*)?$/.exec(
        says,
      ) ?? [];
    if (statements === undefined || told.length === 5) throw new Error(says);
    told.push(statements.replaceAll(role, 'ROLE').replaceAll(name, 'DATABASE'));
    await asAdmin(...statements.replaceAll(/ \(or: [^)]*\)/g, '').split('; '));
  }
}

/** A user registers, and everything of a plan is made and removed again. */
async function expectServes(): Promise<void> {
  const database = openPostgres(url, 4);
  onTestFinished(() => database.close());
  const { rest, register } = await startApp({ database });
  const { token } = await register();
  for (const [method, path, body, status] of [
    ['POST', '/physicalPlans', { goal: 'Run', age: 30, gender: 'female', weight: 64, height: 172 }, 201],
    ['POST', '/resources/bulk', [{ type: 'book', name: 'Deep Work', description: '', volume: 304 }], 201],
    ['POST', '/outherTasks', { title: 'Buy shoes' }, 201],
    ['GET', '/users/me/export', undefined, 200],
    ['POST', '/users/me/exports', undefined, 202],
    ['POST', '/users/signOut', undefined, 200],
  ] as const)
    expect((await rest(method, path, { token, body })).status, `${method} ${path}`).toBe(status);
}

test.each(['a schema of its own name', 'another search_path'])(
  '#296 a role with %s has its tables where all have them',
  async (kind) => {
    await asAdmin(`grant create on schema public to ${role}`, `grant create on database ${name} to ${role}`);
    if (kind === 'another search_path')
      await asAdmin(
        'create schema elsewhere',
        `alter role ${role} in database ${name} set search_path = elsewhere`,
        `grant all on schema elsewhere to ${role}`,
      );
    else await asAdmin(`create schema authorization ${role}`);
    await migratePostgres(url);
    await migratePostgres(url);
    await checkPostgres(url);
    await asAdmin('select from public.users', 'select from public.exercise_catalogue');
    await expectServes();
  },
);

test('#298 a role that may make nothing is told each right that it lacks, and with those it migrates, serves and works', async () => {
  const start = () => migratePostgres(url, { jobs: true });
  expect(await obeying(start)).toEqual([
    'grant create on schema public to ROLE; create schema drizzle authorization ROLE (or: grant create on database DATABASE to ROLE)',
    'create schema pgboss authorization ROLE (or: grant create on database DATABASE to ROLE)',
  ]);
  await expectServes();
  const database = openPostgres(url, 2);
  onTestFinished(() => database.close());
  const jobs = startJobs({
    database,
    databaseUrl: url,
    logger: await createLogger('silent', false),
    jobs: [],
  });
  onTestFinished(() => jobs.stop());
  const client = postgres(url, { max: 1 });
  onTestFinished(() => client.end());
  const queues = () => client`select name from pgboss.queue where name = 'dead-letters'`.catch(() => []);
  await expect.poll(queues).toHaveLength(1);
});

test('#298 a role that only serves is told each right that it lacks on what another role has made', async () => {
  await asAdmin(`grant create on database ${name} to ${owner}`, `grant create on schema public to ${owner}`);
  await migratePostgres(urlAs(owner));
  // Its owner goes on to look after references.
  await asAdmin('revoke usage on schema public from public', `grant usage on schema public to ${owner}`);
  const told = await obeying(() => checkPostgres(url));
  expect(told).toEqual([
    'grant usage on schema public to ROLE; grant usage on schema drizzle to ROLE; grant select on drizzle.__drizzle_migrations to ROLE',
    'grant select, insert, update, delete on all tables in schema public to ROLE',
  ]);
  await expectServes();
  // What is up to date is not migrated: no more rights are asked for.
  await migratePostgres(url);
  await asAdmin(`revoke update on users from ${role}`, `revoke delete, update on audit_trail from ${role}`);
  expect(await obeying(() => checkPostgres(url))).toEqual(['grant update on users to ROLE']);
});

test('#298 who does not own the tables cannot migrate them, and is told whose they are', async () => {
  await asAdmin(`grant create on database ${name} to ${owner}`, `grant create on schema public to ${owner}`);
  await migratePostgres(urlAs(owner));
  await asAdmin(
    'delete from drizzle.__drizzle_migrations where id = (select max(id) from drizzle.__drizzle_migrations)',
    `grant usage, create on schema public, drizzle to ${role}`,
    `grant all on all tables in schema public, drizzle to ${role}`,
  );
  expect(await saysOf(migratePostgres(url, { postDeployment: true }))).toBe(
    `stepwise: the role ${role} lacks rights that are needed, as an administrator run: grant ${owner} to ${role} (the owner of tables that a migration may change), or migrate as ${owner}`,
  );
});

test('#298 a role that may not connect is told so in PostgreSQL’s own words', async () => {
  await asAdmin(`revoke connect on database ${name} from public`);
  expect(await saysOf(migratePostgres(url))).toMatch(
    /^stepwise: the database refuses the user of its URL \(DATABASE_URL\): [^\n]*"stepwise_roles_\w+"$/,
  );
});

test('#299 what the URL sets otherwise than answers need it changes nothing', async () => {
  await asAdmin(`grant create on schema public to ${role}`, `grant create on database ${name} to ${role}`);
  const wrong = `${url}?options=-c%20search_path%3Delsewhere%20-c%20TimeZone%3DAsia/Kathmandu`;
  await migratePostgres(wrong);
  const database = openPostgres(wrong, 2);
  onTestFinished(() => database.close());
  const ask = sql`select current_setting('search_path') as path, current_setting('TimeZone') as zone`;
  expect([...(await database.db.execute(ask))]).toEqual([{ path: 'public', zone: 'UTC' }]);
});

test('every table has its rights listed', () => {
  const tables = Object.values(schema).filter((value) => is(value, PgTable));
  expect(Object.keys(TABLE_PRIVILEGES).sort()).toEqual(
    tables.map((table) => getTableName(table as PgTable)).sort(),
  );
});

test.each(['SQL_ASCII', 'LATIN1'])('#299 a database in %s is refused by name', async (encoding) => {
  await create(`encoding '${encoding}' locale 'C' template template0`);
  for (const start of [migratePostgres, checkPostgres])
    expect(await saysOf(start(urlAs(new URL(server).username)))).toBe(
      `stepwise: the database has server_encoding ${encoding}, and must have UTF8: make the database anew, with: create database … encoding 'UTF8' template template0`,
    );
});
