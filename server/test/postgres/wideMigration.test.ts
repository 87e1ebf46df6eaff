// The migration to wide ids and keys that begin with the user, beside servers that write: those of the version before until
// 0011, those of this version from then on (docs/decisions/0024-distributed-schema.md).
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { seedExercises } from '../../src/db/migrations/seed.ts';
import { migratePostgres } from '../../src/db/postgres/migrate.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { runInTransaction } from '../../src/db/postgres/ownConnection.ts';
import { prepareServerRole } from '../../src/db/postgres/serverRole.ts';
import { memoizedProbe } from '../../src/db/postgres/session.ts';
import { openForServer } from '../../src/db/startup.ts';
import { repeatUntilStopped } from '../faults/load.ts';
import { startApp } from '../harness.ts';
import { fill, migrateUpTo, oldStatements } from './oldVersion.ts';

const server = process.env.TEST_DATABASE_URL as string;
const admin = postgres(server, { max: 1, onnotice: () => {} });
const id = randomUUID().slice(0, 8);
const role = `stepwise_served_${id}`;
const made: string[] = [];
afterAll(async () => {
  for (const name of made) await admin.unsafe(`drop database if exists ${name} with (force)`);
  await admin.unsafe(`drop role if exists ${role}`);
  await admin.end();
});

function urlOf(name: string, user?: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  if (user !== undefined) url.username = user;
  return url.href;
}

async function createDatabase(what: string): Promise<string> {
  const name = `stepwise_${what}_${id}`;
  await admin.unsafe(`create database ${name}`);
  made.push(name);
  return name;
}

function connect(url: string, max = 1): postgres.Sql {
  const client = postgres(url, { max, onnotice: () => {} });
  onTestFinished(() => client.end({ timeout: 1 }));
  return client;
}

/** A database at 0009 with the catalogue. @returns its name */
async function oldDatabase(what: string, client: (url: string) => postgres.Sql = connect): Promise<string> {
  const name = await createDatabase(what);
  await migrateUpTo(client(urlOf(name)), '0010_owners');
  await runInTransaction(
    urlOf(name),
    memoizedProbe(urlOf(name)),
    { name: 'seed', settings: {} },
    seedExercises,
  );
  return name;
}

/** Every row as a text, by table. That an audit line is nobody's was null and is 0. */
async function rowsOf(client: postgres.Sql, prefix = ''): Promise<Record<string, string[]>> {
  const tables = await client`
    select tablename as name
    from pg_tables
    where schemaname = 'public' and tablename <> 'exercise_catalogue' and not starts_with(tablename, 'next_')
    order by 1`;
  const found: Record<string, string[]> = {};
  for (const { name } of tables) {
    const nobody = name === 'audit_trail' ? ` || jsonb_build_object('user_id', coalesce(t.user_id, 0))` : '';
    const rows = await client.unsafe(
      `select (to_jsonb(t)${nobody})::text as row from ${prefix}${name} t order by 1`,
    );
    found[name] = rows.map(({ row }) => row);
  }
  return found;
}

/** That there are the same rows, with the first that differ. */
function expectSameRows(actual: Record<string, string[]>, expected: Record<string, string[]>): void {
  const differences = Object.keys({ ...expected, ...actual }).flatMap((table) => {
    const [has, wants] = [new Set(actual[table]), new Set(expected[table])];
    const lost = [...wants].filter((row) => !has.has(row));
    const more = [...has].filter((row) => !wants.has(row));
    return lost.length + more.length === 0
      ? []
      : [{ table, lost: lost.length, more: more.length, first: [lost[0], more[0]] }];
  });
  expect(differences).toEqual([]);
}

/** Waits until the migration waits in a statement that takes such a lock of the table. @returns its process of PostgreSQL */
async function waitForMigration(client: postgres.Sql, table: string, mode: string): Promise<number> {
  let found: number | undefined;
  await expect
    .poll(
      async () => {
        const [waiting] = await client`
          select a.pid
          from pg_stat_activity a
          join pg_locks l using (pid)
          where a.datname = current_database()
            and a.application_name = 'stepwise migrations'
            and a.wait_event_type = 'Lock'
            and l.relation = to_regclass(${table})
            and l.mode = ${mode}`;
        found = waiting?.pid;
        return found;
      },
      { interval: 20 },
    )
    .toBeDefined();
  return found as number;
}

/** Holds what a statement locks until it is released. */
async function hold(client: postgres.Sql, statement: string): Promise<() => Promise<void>> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const done = client.begin(async (tx) => {
    await tx.unsafe(statement);
    held.resolve();
    await promise;
  });
  await held.promise;
  return async () => {
    resolve();
    await done;
  };
}

let name: string;
let owner: postgres.Sql;
beforeAll(async () => {
  name = await oldDatabase('wide', (url) => {
    owner = postgres(url, { max: 1, onnotice: () => {} });
    return owner;
  });
  await fill(owner);
  await prepareServerRole(urlOf(name), { user: role, password: '' });
});
afterAll(() => owner?.end({ timeout: 1 }));

test('#764 what servers of the version before write while owners are filled in has its owner and login', async () => {
  const client = connect(urlOf(name, role), 4);
  const old = oldStatements(client);
  const plans = await owner`select id, user_id from physical_plans order by id`;
  const before = await rowsOf(owner);
  let written = 0;
  const stop = repeatUntilStopped(3, async (caller, n) => {
    const user = await old.register(`New-${caller}-${n}`);
    await old.createMentalPlan(user);
    await old.writeExport(user);
    const own = await old.createPlan(user);
    await old.swap(own);
    // Of accounts from before, each once.
    const plan = plans[3 * n + caller];
    if (plan && n % 2 === 0) {
      await old.swap(plan.id);
      await old.createPlan(plan.user_id);
      await old.removePlan(plan.user_id, plan.id);
    }
    if (plan && n % 4 === 1) await old.removeUser(plan.user_id);
    const task = await old.createTask(user, 'Walk');
    await old.changeTask(user, task, 'Run');
    if (n % 3 === 0) await old.removePlan(user, own);
    if (n % 5 === 0) await old.removeUser(user);
    written++;
  });
  await expect.poll(() => written).toBeGreaterThan(10);
  await migratePostgres(urlOf(name));
  const during = written;
  await expect.poll(() => written).toBeGreaterThan(during + 10);
  await stop();

  const tags = await owner`select count(*)::int as n from drizzle.__drizzle_migrations`;
  expect(tags).toEqual([{ n: 12 }]);
  const wrong = await owner`
    select 'workouts' as of, count(*)::int as n
    from workouts w join physical_plans p on p.id = w.physical_plan_id
    where w.user_id is distinct from p.user_id
    union all
    select 'workout_exercises', count(*)::int
    from workout_exercises x
    join workouts w on w.id = x.workout_id
    join physical_plans p on p.id = w.physical_plan_id
    where x.user_id is distinct from p.user_id
    union all
    select 'mental_plan_resources', count(*)::int
    from mental_plan_resources l join mental_plans m on m.id = l.mental_plan_id
    where l.user_id is distinct from m.user_id
    union all
    select 'export_parts', count(*)::int
    from export_parts x join exports e on e.id = x.export_id
    where x.user_id is distinct from e.user_id
    union all
    select 'logins', count(*)::int
    from users u full join logins l on l.user_id = u.id and l.login_key = u.login_key
    where u.id is null or l.user_id is null`;
  expect(wrong.filter(({ n }) => n > 0)).toEqual([]);
  expect(await owner`select key, login_key from logins where key = 'soft' order by login_key`).toEqual([
    { key: 'soft', login_key: 'soft' },
    { key: 'soft', login_key: 'so\u00adft' },
  ]);
  expect(await owner`select from logins where key <> login_key`).toHaveLength(1);
  // Nothing is lost that was not removed.
  const after = await rowsOf(owner);
  expect(after.events?.filter((row) => before.events?.includes(row)).length).toBeGreaterThan(10_000);
  expect(after.outer_tasks?.length).toBeGreaterThan(10_000);
  expect(after.workout_exercises?.length).toBeGreaterThan(10_000);
  for (const [table, rows] of Object.entries(after)) expect(rows.length, table).toBeGreaterThan(0);
});

test('#765 an exercise of an older workout has its owner before the workout has one, and who is removed gets no login', async () => {
  const between = await oldDatabase('between');
  const client = connect(urlOf(between), 2);
  await fill(client, 3);
  // Without anything that another backfill would wait for.
  const [{ id: leaving } = {}] = await client`
    insert into users (login, login_key, password) values ('Bare', 'bare', 'hash') returning id`;
  await migrateUpTo(client, '0011_owners_known');
  const [workout] = await client`select id from workouts where user_id is null limit 1`;
  expect(
    await client`
      insert into workout_exercises (workout_id, exercise_id, sets)
      select ${workout?.id}, max(id), 1 from exercises
      returning user_id`,
  ).toEqual([{ user_id: expect.any(Number) }]);

  const commit = await hold(client, `delete from users where id = ${leaving}`);
  const migrated = migratePostgres(urlOf(between));
  await waitForMigration(client, 'users', 'RowShareLock');
  await commit();
  await migrated;
  expect(await client`select from logins`).toHaveLength(5);
});

/** What a server of this version does for its users. */
async function openWriter() {
  const database = openPostgres(urlOf(name, role), 6);
  onTestFinished(() => database.close());
  const { rest, register, log } = await startApp({ database });
  const users = await Promise.all(Array.from({ length: 6 }, () => register()));
  const wrong: string[] = [];
  /** Of tasks and plans, by id: what was acknowledged last. */
  const titles = new Map<number, string>();
  const goals = new Map<number, string>();
  let written = 0;
  let later = 0;
  const call = async (expected: number, ...request: Parameters<typeof rest>) => {
    for (;;) {
      const { status, body, text } = await rest(...request);
      if (status === expected) return body;
      // What failed so has changed nothing, and clients send it again.
      if (status === 503) later++;
      else {
        const causes = log.find((line) => line.request_id === body.request_id && line.causes)?.causes;
        wrong.push(`${request[0]} ${request[1]}: ${status} ${text} ${JSON.stringify(causes)}`);
        return body;
      }
    }
  };
  const writeAs = async (token: string, what: string, n: number) => {
    const task = await call(201, 'POST', '/outherTasks', { token, body: { title: what } });
    titles.set(task.id, what);
    await call(200, 'PATCH', `/outherTasks/${task.id}`, { token, body: { title: `${what}!` } });
    titles.set(task.id, `${what}!`);
    const recurrence = { freq: 'daily' };
    const daily = { title: `${what} again`, due_on: '2026-12-01', recurrence };
    const { id: recurring } = await call(201, 'POST', '/outherTasks', { token, body: daily });
    titles.set(recurring, daily.title);
    const goal = { goal: what, age: 30, gender: 'female', weight: 64, height: 172 };
    const { id: plan } = (await call(201, 'POST', '/physicalPlans', { token, body: goal })).data;
    goals.set(plan, what);
    const mental = { name: what, goal: what, resource_list: [] };
    await call(201, 'POST', '/mentalPlans', { token, body: mental });
    const book = { type: 'book', name: what, description: '', volume: 304 };
    await call(201, 'POST', '/resources', { token, body: book });
    if (n % 2 === 0) {
      await call(200, 'DELETE', `/physicalPlans/${plan}`, { token });
      goals.delete(plan);
      await call(200, 'DELETE', `/outherTasks/${task.id}`, { token });
      titles.delete(task.id);
    }
    return [task.id, recurring, plan];
  };
  let round = 0;
  return {
    users,
    wrong,
    later: () => later,
    titles,
    goals,
    /** Resolves when so many rounds more are written. */
    writes: (more: number) => {
      const enough = written + more;
      return expect.poll(() => written).toBeGreaterThan(enough);
    },
    /** @returns stops it */
    start: () =>
      repeatUntilStopped(3, async (caller) => {
        const n = round++;
        await writeAs(users[n % users.length]?.token as string, `${caller}-${n}`, n);
        if (n % 3 === 0) {
          const guest = await register();
          const [task, recurring, plan] = await writeAs(guest.token, `guest ${n}`, 1);
          const { token, password } = guest;
          await call(200, 'DELETE', `/users/${guest.id}`, { token, body: { password } });
          titles.delete(task);
          titles.delete(recurring);
          goals.delete(plan);
        }
        written++;
      }),
  };
}

test('#766 while rows are copied and tables exchanged servers write and nothing is lost; a run that was killed goes on', async () => {
  const client = connect(urlOf(name), 4);
  const [{ last } = { last: 0 }] = await client`select max(id)::int as last from users`;
  // As db:migrate does for tables that are new.
  await prepareServerRole(urlOf(name), { user: role, password: '' });
  const writer = await openWriter();
  let stop = writer.start();
  await writer.writes(3);

  // Killed in the middle of a table.
  const release = await hold(
    client,
    'select from workout_exercises where id = (select max(id) from workout_exercises where user_id <= 600) for update',
  );
  const killed = migratePostgres(urlOf(name), { postDeployment: true }).then(
    () => 'done',
    () => 'failed',
  );
  await writer.writes(3);
  const pid = await waitForMigration(client, 'workout_exercises', 'RowShareLock');
  await client`select pg_terminate_backend(${pid})`;
  expect(await killed).toBe('failed');
  await release();
  const [copied] = await client`
    select count(*)::int as rows, (select count(*)::int from workout_exercises) as of
    from next_workout_exercises`;
  expect(copied?.rows).toBeLessThan(copied?.of);
  expect(await client`select from next_audit_trail where request_id = 'old'`).toHaveLength(1);
  await client`delete from audit_trail where at < now() - interval '1 year'`;

  // The exchange waits until this one has looked at both tables.
  const look = await hold(client, 'lock table users in access share mode');
  const reports: object[] = [];
  const resumed = migratePostgres(urlOf(name), {
    postDeployment: true,
    onWait: (line, facts) => reports.push({ line, ...facts }),
  });
  await waitForMigration(client, 'users', 'AccessExclusiveLock');
  await writer.writes(3);
  await stop();
  const reference = await rowsOf(client);
  expectSameRows(await rowsOf(client, 'next_'), reference);
  stop = writer.start();
  await writer.writes(2);
  await look();
  await resumed;
  await writer.writes(5);
  await stop();
  expect(writer.wrong).toEqual([]);
  console.log('503:', writer.later(), 'reports:', reports);
  // Once for each transaction of each connection.
  expect(writer.later()).toBeLessThan(50);

  // What the writer did not touch is as it was, and what it wrote is as it was acknowledged.
  const after = await rowsOf(client);
  const untouched = (rows: Record<string, string[]>) =>
    Object.fromEntries(
      Object.entries(rows).map(([table, all]) => [
        table,
        all.filter((row) => {
          const { id, user_id } = JSON.parse(row);
          return (table === 'users' ? id : (user_id ?? 0)) <= last;
        }),
      ]),
    );
  expectSameRows(untouched(after), untouched(reference));
  const ids = writer.users.map(({ id }) => id);
  const tasks = await client`select id, title from outer_tasks where user_id in ${client(ids)}`;
  expect(new Map(tasks.map((row) => [Number(row.id), row.title]))).toEqual(writer.titles);
  const plans = await client`select id, goal from physical_plans where user_id in ${client(ids)}`;
  expect(new Map(plans.map((row) => [Number(row.id), row.goal]))).toEqual(writer.goals);
  expect(await client`select from users where id > ${last} and id <> all(${ids})`).toEqual([]);

  // Numbers go on.
  const sequences = await client`
    select table_name as name
    from information_schema.columns
    where table_schema = 'public' and is_identity = 'YES'`;
  for (const { name: table } of sequences) {
    const [numbers] = await client.unsafe(
      `select nextval(pg_get_serial_sequence('${table}', 'id')) > max(id) as next from ${table}`,
    );
    expect([table, numbers?.next]).toEqual([table, true]);
  }
});

/** The schema as PostgreSQL describes it, and who may do what. */
async function schemaOf(client: postgres.Sql) {
  const ours = client`
    select oid, relname as name, relacl, relkind
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'S', 'v', 'i')`;
  return {
    columns: await client`
      select c.name, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull, a.attidentity,
        a.attgenerated, pg_get_expr(d.adbin, d.adrelid) as value
      from (${ours}) c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
      where c.relkind = 'r'
      order by 1, 2`,
    relations: await client`select name, relkind from (${ours}) c order by 1`,
    indexes: await client`
      select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1`,
    constraints: await client`
      select conrelid::regclass::text as of, conname, convalidated, pg_get_constraintdef(oid) as definition
      from pg_constraint
      where connamespace = 'public'::regnamespace
      order by 1, 2`,
    triggers: await client`
      select pg_get_triggerdef(t.oid) as definition, tgenabled
      from pg_trigger t
      where not tgisinternal and tgrelid in (select oid from (${ours}) c)
      order by 1`,
    functions: await client`
      select proname, pg_get_functiondef(oid) as definition
      from pg_proc
      where pronamespace = 'public'::regnamespace
      order by 1`,
    sequences: await client`
      select sequencename, data_type::text, start_value, min_value, max_value, increment_by, cache_size
      from pg_sequences
      where schemaname = 'public'
      order by 1`,
    grants: await client`
      select c.name, acl.grantee::regrole::text, acl.privilege_type
      from (${ours}) c, aclexplode(c.relacl) acl
      order by 1, 2, 3`,
  };
}

test('#767 a migrated database has the schema of a new one, with the same rights of the role of servers', async () => {
  const migrated = connect(urlOf(name));
  const rights = (await schemaOf(migrated)).grants;
  const created = await createDatabase('created');
  await migratePostgres(urlOf(created));
  await prepareServerRole(urlOf(created), { user: role, password: '' });
  const expected = await schemaOf(connect(urlOf(created)));
  await prepareServerRole(urlOf(name), { user: role, password: '' });
  const actual = await schemaOf(migrated);
  for (const part of Object.keys(expected) as (keyof typeof expected)[])
    expect([...actual[part]], part).toEqual([...expected[part]]);
  // It could serve before it got its rights anew.
  const of = (rows: typeof rights) =>
    rows.filter(({ grantee }) => grantee === role).map((row) => ({ ...row }));
  expect(of(actual.grants).length).toBeGreaterThan(50);
  expect(of(rights)).toEqual(
    expect.arrayContaining(of(actual.grants).filter((row) => row.name !== 'logins')),
  );
});

test('#768 where nothing is pending, the migration changes nothing', async () => {
  const client = connect(urlOf(name));
  const state = () => client`
    select oid::int, xmin::text, relname
    from pg_class
    where relnamespace = 'public'::regnamespace
    order by 1`;
  const before = await state();
  await migratePostgres(urlOf(name), { postDeployment: true });
  await migratePostgres(urlOf(name));
  expect([...(await state())].map(({ relname }) => relname)).toEqual(before.map(({ relname }) => relname));
  expect(await client`select from drizzle.__drizzle_migrations`).toHaveLength(15);
});

test('#827 an administrator who migrates does not become the owner of the tables, and others may use what they might', async () => {
  const [owner, reader] = [`stepwise_owner_${id}`, `stepwise_reader_${id}`];
  const owned = await oldDatabase('owned');
  const client = connect(urlOf(owned));
  await client.unsafe(`create role ${owner} login; create role ${reader}`);
  onTestFinished(async () => {
    await client.unsafe(`drop owned by ${owner}, ${reader} cascade`);
    await client.unsafe(`drop role ${owner}, ${reader}`);
  });
  const tables = (await client`select tablename as name from pg_tables where schemaname = 'public'`).map(
    ({ name }) => name as string,
  );
  for (const table of tables) await client.unsafe(`alter table ${table} owner to ${owner}`);
  await client.unsafe(`
    grant select on outer_tasks to ${reader} with grant option;
    grant select (id, login) on users to ${reader};
    grant select on sequence outer_tasks_id_seq to ${reader}`);
  await migratePostgres(urlOf(owned), { postDeployment: true });
  const owners = await client`
    select distinct pg_get_userbyid(relowner) as owner
    from pg_class
    where oid = any(${tables.map((table) => `public.${table}`)}::regclass[])`;
  expect([...owners]).toEqual([{ owner }]);
  expect([
    ...(await client`
      select has_table_privilege(${reader}, 'outer_tasks', 'select with grant option') as tasks,
        has_column_privilege(${reader}, 'users', 'login', 'select') as logins,
        has_column_privilege(${reader}, 'users', 'password', 'select') as passwords,
        has_sequence_privilege(${reader}, 'outer_tasks_id_seq', 'select') as ids`),
  ]).toEqual([{ tasks: true, logins: true, passwords: false, ids: true }]);
});

/** Runs db:migrate. @returns its exit code and the lines that it wrote */
async function runMigrate(database: string, ...words: string[]) {
  const script = fileURLToPath(new URL('../../scripts/migrate.ts', import.meta.url));
  const env = { PATH: process.env.PATH, NODE_ENV: 'production', DATABASE_URL: urlOf(database), JOBS: 'off' };
  const child = spawn(process.execPath, [script, ...words], { env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const lines = output.trim().split('\n');
  // It tells how far it is every five seconds.
  return { code, lines: lines.filter((line) => !line.startsWith('filling rows')) };
}

test('#770 db:migrate says when its second part is to run, and so does a server that starts before it', async () => {
  const parts = await oldDatabase('parts');
  const usage =
    'stepwise: db:migrate, or db:migrate --post-deployment once no server of the version before runs';
  for (const words of [['--post'], ['--post-deployment', 'now'], ['--post-deployment', '--post-deployment']])
    expect(await runMigrate(parts, ...words)).toEqual({ code: 1, lines: [usage] });
  const done = 'postgres: the schema is up to date';
  const pending = ['0012_wide_tables', '0013_exchange', '0014_keys_valid'];
  const todo = 'once no server of the version before runs, run db:migrate --post-deployment';
  expect(await runMigrate(parts)).toEqual({ code: 0, lines: [done, `${todo} (${pending.join(', ')})`] });
  const start = async (migrateAtStart: boolean) => {
    const told: unknown[] = [];
    const database = await openForServer({
      databaseUrl: urlOf(parts),
      poolSize: 2,
      migrateAtStart,
      dataDir: '',
    });
    await database.prepare((line, facts) => told.push([line, facts]));
    await database.close();
    return told;
  };
  for (const migrateAtStart of [false, true])
    expect(await start(migrateAtStart)).toEqual([[todo, { pending }]]);
  expect(await runMigrate(parts, '--post-deployment')).toEqual({ code: 0, lines: [done] });
  expect(await start(true)).toEqual([]);
});
