// The role that db:migrate makes for servers and workers: it can do their work, and change nothing but rows.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import postgres from 'postgres';
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { checkPostgres } from '../../src/db/postgres/migrate.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { startJobs } from '../../src/jobs/run.ts';
import { describeStartupError } from '../../src/startupErrors.ts';
import { startApp } from '../harness.ts';

const MIGRATE = fileURLToPath(new URL('../../scripts/migrate.ts', import.meta.url));
const PACE = {
  pollingIntervalSeconds: 0.5,
  cronMonitorIntervalSeconds: 1,
  cronWorkerIntervalSeconds: 1,
  monitorIntervalSeconds: 1,
  superviseIntervalSeconds: 1,
};

const server = process.env.TEST_DATABASE_URL as string;
const admin = postgres(server, { max: 1, onnotice: () => {} });
const id = randomUUID().slice(0, 8);
const name = `stepwise_served_${id}`;
/** No superuser, as with managed databases: the database is its own, and it may make roles. */
const owner = `stepwise_keeper_${id}`;
/** Quotes are needed around it wherever it stands. */
const role = `Stepwise-server "${id}"`;
const quoted = `"${role.replaceAll('"', '""')}"`;

await admin.unsafe(`create role ${owner} login createrole`);
beforeEach(async () => {
  await admin.unsafe(`drop database if exists ${name} with (force)`);
  await admin.unsafe(`drop role if exists ${quoted}`);
  await admin.unsafe(`create database ${name} owner ${owner}`);
});
afterAll(async () => {
  await admin.unsafe(`drop database if exists ${name} with (force)`);
  await admin.unsafe(`drop role if exists ${quoted}`);
  await admin.unsafe(`drop role ${owner}`);
  await admin.end();
});

/** The database as that user. */
function urlAs(user: string, password = ''): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  url.username = user;
  url.password = password;
  return url.href;
}

function client(url: string): postgres.Sql {
  const opened = postgres(url, { max: 1, onnotice: () => {} });
  onTestFinished(() => opened.end({ timeout: 1 }));
  return opened;
}

/** Runs db:migrate as the owner. @returns its exit code and what it wrote */
async function migrate(settings: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const env = { PATH: process.env.PATH, NODE_ENV: 'production', DATABASE_URL: urlAs(owner), ...settings };
  const child = spawn(process.execPath, [MIGRATE], {
    env,
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output };
}

const DONE = { code: 0, output: 'postgres: the schema is up to date\n' };

/** Everything that a statement can make or change but rows. */
const made = (sql: postgres.Sql) => sql`
  select n.nspname, c.relname, c.relkind, c.relowner, (select count(*) from pg_attribute a where a.attrelid = c.oid) as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname !~ '^pg_(catalog|toast)|information_schema' order by 1, 2`;

// #373: Large objects are nothing that PostgreSQL lets one forbid.
test('#373 #374 as the role of its own a server migrates nothing, serves, and does the background work', async () => {
  expect(await migrate({ SERVER_DATABASE_URL: urlAs(role, 'hush') })).toEqual(DONE);
  const url = urlAs(role);
  const outside = client(urlAs(new URL(server).username));
  const before = await made(outside);
  // The queues are there before anything works.
  expect(
    (await outside`select name from pgboss.queue where name !~ '^__' order by 1`).map((row) => row.name),
  ).toEqual(['dead-letters', 'export', 'purge', 'summaries']);
  expect((await outside`select name from pgboss.schedule order by 1`).map((row) => row.name)).toEqual([
    'purge',
    'summaries',
  ]);

  await checkPostgres(url, { jobs: true });
  const database = openPostgres(url, 4);
  onTestFinished(() => database.close());
  const rung: unknown[] = [];
  const silence = database.listen((user_id) => rung.push(user_id));
  onTestFinished(silence);
  const { rest, register } = await startApp({ database });
  const { token } = await register();
  for (const [method, path, body, status] of [
    ['POST', '/physicalPlans', { goal: 'Run', age: 30, gender: 'female', weight: 64, height: 172 }, 201],
    ['POST', '/resources/bulk', [{ type: 'book', name: 'Deep Work', description: '', volume: 304 }], 201],
    ['POST', '/outherTasks', { title: 'Buy shoes' }, 201],
    ['GET', '/users/me/export', undefined, 200],
    ['POST', '/users/me/exports', undefined, 202],
  ] as const)
    expect((await rest(method, path, { token, body })).status, `${method} ${path}`).toBe(status);
  await expect.poll(() => rung.filter((user) => user !== undefined).length).toBeGreaterThan(0);

  // Of each kind that the background work removes or tells there is something.
  await outside`insert into sessions (user_id, device, idle_expires_at, absolute_expires_at)
    select id, 'gone', now() - interval '1 hour', now() + interval '1 day' from users`;
  await outside`update users set summary_due_at = now() - interval '1 minute'`;
  const complaints: unknown[] = [];
  const log = new Writable({
    write(line, _encoding, done) {
      const entry = JSON.parse(String(line));
      if (entry.level >= 40) complaints.push(entry);
      done();
    },
  });
  const jobs = startJobs({ database, databaseUrl: url, logger: pino(log), pace: PACE });
  onTestFinished(() => jobs.stop());
  const exported = async () => (await rest('GET', '/users/me/exports', { token })).body[0]?.state;
  await expect.poll(exported).toBe('done');
  for (const job of ['purge', 'summaries'])
    await outside`insert into pgboss.job (name, policy, singleton_key) values (${job}, 'exclusive', 'now')`;
  await expect.poll(async () => (await outside`select from sessions where device = 'gone'`).length).toBe(0);
  await expect
    .poll(async () => (await outside`select from events where type = 'summary.created'`).length)
    .toBe(1);
  // pg-boss has looked after its tables meanwhile.
  await expect
    .poll(
      async () =>
        (await outside`select from pgboss.queue where maintain_on is null and name !~ '^__'`).length,
    )
    .toBe(0);
  expect(complaints).toEqual([]);
  expect([...(await made(outside))]).toEqual([...before]);
});

test('#373 as that role nothing can be made or changed but rows, and of those only what servers write', async () => {
  // As it is in databases of older versions of PostgreSQL.
  await client(urlAs(new URL(server).username)).unsafe('grant create on schema public to public');
  expect(await migrate({ SERVER_DATABASE_URL: urlAs(role) })).toEqual(DONE);
  const sql = client(urlAs(role));
  const refusals: Record<string, string> = {};
  for (const statement of [
    'create table more (id int)',
    'create table pgboss.more (id int)',
    'create temporary table more (id int)',
    'create schema more',
    'create function more() returns int language sql as $$ select 1 $$',
    'create index more on users (id)',
    'create role more',
    'alter table users add column more int',
    'alter table audit_trail disable trigger all',
    'drop table audit_trail',
    'truncate users cascade',
    'reindex table users',
    'update exercises set name = $$x$$',
    'delete from drizzle.__drizzle_migrations',
  ])
    refusals[statement] = await sql.unsafe(statement).then(
      () => 'done',
      ({ code }) => code,
    );
  expect(new Set(Object.values(refusals)), JSON.stringify(refusals)).toEqual(new Set(['42501']));
});

test('#373 each migration gives the role what it needs anew, and nothing else', async () => {
  expect(await migrate({ SERVER_DATABASE_URL: urlAs(role) })).toEqual(DONE);
  const outside = client(urlAs(new URL(server).username));
  const rights = () => outside`
    select relname, relacl::text from pg_class where relnamespace in (select oid from pg_namespace where nspname in ('public', 'drizzle', 'pgboss')) order by 1`;
  const before = await rights();
  await outside.unsafe(
    `grant truncate, references on users to ${quoted}; revoke insert on events from ${quoted}`,
  );
  expect([...(await rights())]).not.toEqual([...before]);
  expect(await migrate({ SERVER_DATABASE_URL: urlAs(role) })).toEqual(DONE);
  expect([...(await rights())]).toEqual([...before]);
});

test('#374 what a new version of the queues needs is made by db:migrate, and until then the role is told so', async () => {
  expect(await migrate({ SERVER_DATABASE_URL: urlAs(role), JOBS: 'off' })).toEqual(DONE);
  const told = (start: Promise<unknown>) => start.then(() => 'done', describeStartupError);
  expect(await told(checkPostgres(urlAs(role), { jobs: true }))).toBe(
    'stepwise: the database lacks the queues of the background work: run db:migrate as the owner of the tables, or set JOBS=off',
  );
  await checkPostgres(urlAs(role));
  expect(await migrate({ SERVER_DATABASE_URL: urlAs(role) })).toEqual(DONE);
  await checkPostgres(urlAs(role), { jobs: true });

  const outside = client(urlAs(new URL(server).username));
  const [now] =
    await outside`update pgboss.version v set version = v.version - 1 from pgboss.version old returning old.version`;
  const database = openPostgres(urlAs(role), 2);
  onTestFinished(() => database.close());
  const lines: { msg?: string; reason?: string }[] = [];
  const log = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(String(line)));
      done();
    },
  });
  const jobs = startJobs({ database, databaseUrl: urlAs(role), logger: pino(log), pace: PACE });
  onTestFinished(() => jobs.stop());
  await expect
    .poll(() => lines.find(({ msg }) => msg === 'background work cannot begin yet')?.reason)
    .toBe(
      'the queues of the background work are not those of this version: run db:migrate as the role that owns them',
    );
  await outside`update pgboss.version set version = ${now?.version}`;
  // An index that is left to be made beside what runs.
  await outside`insert into pgboss.bam (name, version, status, table_name, command)
    values ('later', 1, 'pending', 'job_common', 'create index concurrently if not exists later on pgboss.job_common (created_on)')`;
  expect(await migrate({ SERVER_DATABASE_URL: urlAs(role) })).toEqual(DONE);
  expect(await outside`select indisvalid from pg_index where indexrelid = 'pgboss.later'::regclass`).toEqual([
    { indisvalid: true },
  ]);
  await expect.poll(() => lines.some(({ msg }) => msg === 'background work has begun')).toBe(true);
});

test('#375 roles that could do more than serve are refused in one line, without the password', async () => {
  const mighty = `SERVER_DATABASE_URL: the role ROLE can change tables or roles, as the owner can: name one of its own for the servers`;
  const lacks = 'the role OWNER lacks rights that are needed, as an administrator run: ';
  const refusal = async (user: string, settings: Record<string, string> = {}) => {
    const { code, output } = await migrate({ SERVER_DATABASE_URL: urlAs(user, 'hush'), ...settings });
    expect(code).toBe(1);
    expect(output).not.toContain('hush');
    return output.replaceAll(quoted, 'ROLE').replaceAll(owner, 'OWNER').replaceAll(name, 'DATABASE');
  };
  const outside = client(urlAs(new URL(server).username));
  expect(await refusal(owner)).toBe(`stepwise: ${mighty.replace('ROLE', 'OWNER')}\n`);
  await outside.unsafe(`create role ${quoted} login superuser`);
  expect(await refusal(role)).toBe(`stepwise: ${mighty}\n`);
  await outside.unsafe(`alter role ${quoted} nosuperuser; grant ${owner} to ${quoted}`);
  expect(await refusal(role)).toBe(`stepwise: ${mighty}\n`);
  await outside.unsafe(
    `revoke ${owner} from ${quoted}; alter table exercises owner to ${quoted}; grant all on exercises to ${owner}`,
  );
  expect(await refusal(role)).toBe(`stepwise: ${lacks}reassign owned by ROLE to OWNER\n`);
  await outside.unsafe(
    `alter table exercises owner to ${owner}; drop role ${quoted}; alter role ${owner} nocreaterole`,
  );
  expect(await refusal(role)).toBe(`stepwise: ${lacks}create role ROLE login\n`);
  await outside.unsafe(
    `alter database ${name} owner to ${new URL(server).username}; grant create on database ${name} to ${owner}; create role ${quoted} login`,
  );
  expect(await refusal(role)).toBe(
    `stepwise: ${lacks}revoke create, temporary on database DATABASE from public, ROLE\n`,
  );
  expect(await refusal(role, { DATABASE_URL: '' })).toContain(
    'DATABASE_URL: required with SERVER_DATABASE_URL',
  );
});
