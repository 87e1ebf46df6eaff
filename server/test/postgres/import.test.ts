// pnpm db:import as an operator runs it: a process, between two real databases.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createIdMap } from '../../scripts/import/idMap.ts';
import { BIGINTS } from '../../src/db/postgres/connection.ts';
import { migratePostgres } from '../../src/db/postgres/migrate.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { startApp } from '../harness.ts';
import { insertUsers } from '../insertUsers.ts';
import { REPORT, SUMMARY, TARGET } from './importReport.ts';
import { HASH, makeOldSystem } from './oldSystem.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/import.ts', import.meta.url));

const server = process.env.TEST_DATABASE_URL as string;
const admin = postgres(server, { max: 1, onnotice: () => {} });
const made: { name: string; client: postgres.Sql }[] = [];

/** An empty database of its own, gone when the file is done. */
async function emptyDatabase() {
  const name = `stepwise_import_${randomUUID().replaceAll('-', '')}`;
  await admin.unsafe(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const client = postgres(url.href, { max: 3, types: BIGINTS, onnotice: () => {} });
  made.push({ name, client });
  return { url: url.href, client };
}

afterAll(async () => {
  for (const { name, client } of made) {
    await client.end();
    await admin.unsafe(`drop database ${name} with (force)`);
  }
  await admin.end();
});

function start(to: string | undefined, ...args: string[]) {
  // NAME=value before the arguments is put into the environment, as a shell does.
  const settings = args
    .splice(0, args.findLastIndex((arg) => /^[A-Z_]+=/.test(arg)) + 1)
    .map((arg) => arg.split(/=(.*)/s));
  const env = { ...process.env, NODE_ENV: 'test', DATABASE_URL: to ?? '', ...Object.fromEntries(settings) };
  const child = spawn(process.execPath, [SCRIPT, ...args], {
    env,
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const ended = new Promise<{ code: number | null; signal: string | null; output: string; lines: string[] }>(
    (resolve) =>
      child.on('close', (code, signal) =>
        resolve({ code, signal, output, lines: output.split('\n').filter(Boolean) }),
      ),
  );
  return { child, ended };
}

const run = (to: string | undefined, ...args: string[]) => start(to, ...args).ended;
const told = (lines: readonly string[], kind: string) => lines.filter((line) => line.startsWith(`${kind} `));
const summary = (lines: readonly string[]): Record<string, number[]> =>
  Object.fromEntries(
    lines.slice(-9).map((line) => [line.split(' ')[0], line.trim().split(/\s+/).slice(1).map(Number)]),
  );

const TABLES = Object.keys(SUMMARY);

/** Every row of every table; the times at which rows were copied are left out. */
async function contents(client: postgres.Sql): Promise<Record<string, unknown[]>> {
  const all: Record<string, unknown[]> = {};
  for (const table of [...TABLES, 'stepwise_import.kept']) {
    const rows = await client.unsafe(`select to_jsonb(t) - 'created_at' as row from ${table} t order by 1`);
    all[table] = rows.map(({ row }) => row);
  }
  return all;
}

const source = await emptyDatabase();
const target = await emptyDatabase();
await makeOldSystem(source.client);
const first = await run(
  target.url,
  '--from',
  source.url.replace('postgres:', 'postgresql+asyncpg:'),
  '--batch',
  '2',
);

describe('one import', () => {
  test('ends well, and tells of every row that it repaired or refused and why', () => {
    expect(first.code, first.output).toBe(0);
    expect([...told(first.lines, 'repaired'), ...told(first.lines, 'refused')].sort()).toEqual(
      [...REPORT].sort(),
    );
  });

  test('shows how far it is, table by table, and ends with the sums', () => {
    for (const [table, [read]] of Object.entries(SUMMARY))
      expect(first.lines).toContain(`${table}: ${read} of ${read}`);
    expect(summary(first.lines)).toEqual(SUMMARY);
  });

  test.each(['$2b$', 'plain text password', 'ann@', '3 Ann', 'Buy shoes', 'First'])(
    'says nothing of what stands in the rows (%s)',
    (text) => {
      expect(first.output).not.toContain(text);
    },
  );

  test.each(Object.entries(TARGET))(
    'leaves in %s exactly the rows that it should',
    async (table, { columns, rows }) => {
      const kept = table.startsWith('workout')
        ? 'where id < 18'
        : table === 'exercises'
          ? 'where key is null or default_order is not null'
          : '';
      const found = await target.client.unsafe(`select ${columns} from ${table} ${kept} order by id`);
      expect(found.map((row) => Object.values(row))).toEqual(rows);
    },
  );

  test('leaves of each user the login and the row of event sequences', async () => {
    const rows = await target.client`
      select id, login_key, key
      from users u join logins l using (login_key) join event_sequences s on s.user_id = u.id
      where l.user_id = u.id order by id`;
    expect(rows.map((row) => Object.values(row))).toEqual(
      TARGET.users?.rows.map(([id, , login_key]) => [id, login_key, login_key]),
    );
  });

  test('keeps the time at which a user came', async () => {
    const rows = await target.client`select id, created_at from users where id in (3, 12) order by id`;
    expect(rows.map((row) => row.created_at.toISOString())).toEqual([
      '2023-04-05T06:07:08.123Z',
      '2023-04-06T00:00:00.000Z',
    ]);
  });

  test('gives every plan seven days with exercises', async () => {
    const rows = await target.client`
      select p.id, count(distinct w.day_of_week)::int as days, bool_and(exists (select from workout_exercises x where x.workout_id = w.id)) as full
      from physical_plans p join workouts w on w.physical_plan_id = p.id group by p.id order by p.id`;
    expect([...rows]).toEqual([1, 2, 3, 4, 11].map((id) => ({ id, days: 7, full: true })));
  });

  test('sets the sequences past the ids that it kept', async () => {
    for (const table of TABLES) {
      const [row] = await target.client.unsafe(
        `select nextval(pg_get_serial_sequence('${table}', 'id'))::int > max(id) as past from ${table}`,
      );
      expect([table, row?.past]).toEqual([table, true]);
    }
  });

  test('leaves the source as it was', async () => {
    const other = await emptyDatabase();
    await makeOldSystem(other.client);
    for (const table of TABLES) {
      const rows = (client: postgres.Sql) =>
        client.unsafe(`select t::text as row from ${table} t order by id`);
      expect([...(await rows(source.client))]).toEqual([...(await rows(other.client))]);
    }
  });
});

test('a second import changes nothing, and tells again what it refuses', async () => {
  const before = await contents(target.client);
  const again = await run(target.url, '--from', source.url);
  expect(again.code, again.output).toBe(0);
  expect(await contents(target.client)).toEqual(before);
  expect(told(again.lines, 'repaired')).toEqual([]);
  expect(told(again.lines, 'refused').sort()).toEqual(
    REPORT.filter((line) => line.startsWith('refused')).sort(),
  );
  expect(summary(again.lines)).toEqual(
    Object.fromEntries(
      Object.entries(SUMMARY).map(([table, [read, copied, , , refused]]) => [
        table,
        [read, 0, copied, 0, refused],
      ]),
    ),
  );
});

test('an import that is killed in the middle of a batch, three times, is completed by the next', async () => {
  const { url, client } = await emptyDatabase();
  await migratePostgres(url);
  await createIdMap(client);
  // The row of each table at which it is stopped, and the rows that whole batches have brought by then.
  const stops = [
    ['users', 9, [3]],
    ['mental_plan_resources', 6, [1, 2, 3, 4]],
    ['outer_tasks', 4, [1, 2]],
  ] as const;
  for (const [table, source_id, ids] of stops) {
    const blocker = await client.reserve();
    await blocker`begin`;
    await blocker`insert into stepwise_import.kept values (${table}, ${source_id}, 0, 1)`;
    const { child, ended } = start(url, '--from', source.url, '--batch', '2');
    const waiting = async () => {
      const [row] = await admin`
        select count(*)::int as n from pg_stat_activity
        where datname = ${new URL(url).pathname.slice(1)} and wait_event_type = 'Lock' and query like '%stepwise_import.kept%'`;
      return row?.n;
    };
    await expect.poll(waiting).toBe(1);
    child.kill('SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    await blocker`rollback`;
    blocker.release();
    const rows = await client.unsafe(`select id from ${table} order by id`);
    expect([table, rows.map(({ id }) => id)]).toEqual([table, ids]);
  }
  const last = await run(url, '--from', source.url, '--batch', '2');
  expect(last.code, last.output).toBe(0);
  expect(await contents(client)).toEqual(await contents(target.client));
});

test('a row that the database itself refuses is reported, and keeps no other away', async () => {
  const { url, client } = await emptyDatabase();
  await migratePostgres(url);
  await client`alter table outer_tasks add constraint of_an_operator check (title <> 'Buy shoes')`;
  const { code, lines } = await run(url, '--from', source.url);
  expect(code).toBe(0);
  expect(lines).toContain('refused outer_tasks 1: the database refuses it (SQLSTATE 23514)');
  expect(summary(lines)).toMatchObject({ users: SUMMARY.users, outer_tasks: [7, 4, 0, 4, 3] });
  expect(await client`select count(*)::int as n from outer_tasks`).toEqual([{ n: 4 }]);
});

describe('a later import', () => {
  const old = { url: '', client: undefined as unknown as postgres.Sql };
  const ours = { ...old };
  beforeAll(async () => {
    Object.assign(old, await emptyDatabase());
    Object.assign(ours, await emptyDatabase());
    await makeOldSystem(old.client);
    await migratePostgres(ours.url);
    // Somebody registered here before: the ids of the old system are not all free.
    // The last is from before logins with invisible characters were refused.
    await ours.client.unsafe(
      insertUsers(`(login, login_key, password)
        values ('native1', 'native1', '!'), ('native2', 'native2', '!'), ('native3', 'native3', '!'), (E'na\\u3164t', E'na\\u1160t', '!')`),
    );
    await ours.client`insert into outer_tasks (user_id, title) values (1, 'Native'), (1, 'Native')`;
    expect((await run(ours.url, '--from', old.url)).code).toBe(0);
    // As an import of the version before kept it.
    await ours.client`
      alter table stepwise_import.kept
        drop column user_id,
        alter column target_id type integer`;
  });

  test('had found ids taken, and gave those rows others without mixing anybody up', async () => {
    const users = await ours.client`select id, login from users where login in ('Ann', 'native3')`;
    expect([...users]).toEqual([
      { id: 3, login: 'native3' },
      { id: 41, login: 'Ann' },
    ]);
    const tasks =
      await ours.client`select u.login, t.title from outer_tasks t join users u on u.id = t.user_id order by t.id`;
    expect(tasks.map(({ login, title }) => `${login}: ${title}`.slice(0, 20))).toEqual([
      'native1: Native',
      'native1: Native',
      'bob: —',
      'Карл: 🏃🏃🏃🏃🏃🏃🏃',
      'Ann: Buy shoes',
      'Ann: —',
      'Ann: Great id',
    ]);
  });

  test('brings what was refused and is in order now, and what is new, and gives a new reader a copy', async () => {
    await old.client`update users set login = 'no-space' where id = 6`;
    await old.client`update users set login = 'NAT' where id = 7`;
    await old.client`insert into mental_plans (id, user_id, name, goal, progress) values (50, 6, 'New', 'New', 1)`;
    await old.client`insert into mental_plan_resources (id, mental_plan_id, resource_id, progress) values (50, 50, 2, 7)`;
    const { lines, code } = await run(ours.url, '--from', old.url);
    expect(code).toBe(0);
    expect(lines).toContain(
      'refused users 7: the login "NAT" is that of users 4, upper and lower case being one',
    );
    expect(summary(lines)).toMatchObject({
      users: [10, 1, 5, 0, 4],
      mental_plans: [7, 1, 4, 0, 2],
      resources: [15, 1, 9, 1, 5],
    });
    const rows = await ours.client`
      select u.login, r.id <> 2 as copied, r.user_id = u.id as own, l.progress
      from mental_plan_resources l join mental_plans p on p.id = l.mental_plan_id join resources r on r.id = l.resource_id join users u on u.id = p.user_id
      where r.name = 'Three readers' order by l.id`;
    expect(rows.map((row) => Object.values(row))).toEqual([
      ['Ann', false, true, 10],
      ['bob', true, true, 30],
      ['dora', true, true, 0],
      ['Ann', false, true, 90.5],
      ['no-space', true, true, 7],
    ]);
  });

  test('leaves alone what users have changed or removed since', async () => {
    await ours.client`delete from users where login = 'dora'`;
    await ours.client`update outer_tasks set title = 'Changed' where title = 'Buy shoes'`;
    await ours.client`delete from outer_tasks where title = 'Great id'`;
    const before = await contents(ours.client);
    const { lines, code } = await run(ours.url, '--from', old.url);
    expect(code).toBe(0);
    expect(
      Object.values(summary(lines)).every(([, copied, , repaired]) => copied === 0 && repaired === 0),
    ).toBe(true);
    expect(await contents(ours.client)).toEqual(before);
  });

  test('that starts beside another waits for it, and both end well', async () => {
    const both = await emptyDatabase();
    const [one, two] = await Promise.all([
      run(both.url, '--from', source.url),
      run(both.url, '--from', source.url),
    ]);
    expect([one.code, two.code], one.output + two.output).toEqual([0, 0]);
    const copied = [one, two].map(({ lines }) =>
      Object.values(summary(lines)).reduce((sum, [, copied = 0]) => sum + copied, 0),
    );
    expect(copied.sort((a, b) => a - b)).toEqual([
      0,
      Object.values(SUMMARY).reduce((sum, [, n]) => sum + n, 0),
    ]);
  });
});

test('#370 the URL of the source comes from the environment, unless an argument names another, and is never printed', async () => {
  const { url, client } = await emptyDatabase();
  const withPassword = new URL(source.url);
  withPassword.password = 'hush';
  const byEnvironment = await run(url, `IMPORT_SOURCE_URL=${withPassword.href}`);
  expect(byEnvironment.code, byEnvironment.output).toBe(0);
  expect(summary(byEnvironment.lines)).toEqual(SUMMARY);
  const copied = await contents(client);
  const byArgument = await run(
    url,
    'IMPORT_SOURCE_URL=postgres://user:hush@127.0.0.1:1/db',
    '--from',
    withPassword.href,
  );
  expect(byArgument.code, byArgument.output).toBe(0);
  expect(await contents(client)).toEqual(copied);
  for (const { output } of [byEnvironment, byArgument]) expect(output).not.toContain('hush');
});

describe('an import is refused in one line', () => {
  test.each([
    ['without a source', () => [target.url] as const, 'usage: pnpm db:import [--batch 1000]'],
    [
      'with a batch of none',
      () => [target.url, 'IMPORT_SOURCE_URL=postgres://user:hush@host/db', '--batch', '0'] as const,
      'usage: ',
    ],
    [
      'with a source that is no PostgreSQL URL',
      () => [target.url, '--from', 'mysql://user:hush@host/db'] as const,
      '--from: its scheme is not',
    ],
    [
      '#370 with a setting that is no PostgreSQL URL',
      () => [target.url, 'IMPORT_SOURCE_URL=mysql://user:hush@host/db'] as const,
      'IMPORT_SOURCE_URL: its scheme is not',
    ],
    [
      '#370 with a setting whose host does not answer',
      () => [target.url, 'IMPORT_SOURCE_URL=postgres://user:hush@127.0.0.1:1/db'] as const,
      'ECONNREFUSED',
    ],
    [
      'with an unknown option',
      () => [target.url, '--form', 'postgres://user:hush@host/db'] as const,
      'usage: ',
    ],
    ['without a target', () => [undefined, '--from', source.url] as const, 'DATABASE_URL: required'],
    [
      'from a database into itself',
      () => [source.url, '--from', otherName(source.url)] as const,
      'the same database',
    ],
    [
      'from a database without the tables',
      () => [target.url, '--from', server] as const,
      'the source lacks users.id',
    ],
    [
      'from a host that does not answer',
      () => [target.url, '--from', 'postgres://user:hush@127.0.0.1:1/db'] as const,
      'ECONNREFUSED',
    ],
  ])('%s', async (_, args, line) => {
    const [to, ...rest] = args();
    const { code, output, lines } = await run(to, ...rest);
    expect([code, lines.length], output).toEqual([1, 1]);
    expect(output).toMatch(/^stepwise: /);
    expect(output).toContain(line);
    expect(output).not.toContain('hush');
  });

  test('into a database that is something else’s, which stays as it is', async () => {
    const other = await emptyDatabase();
    await makeOldSystem(other.client);
    const { code, lines } = await run(other.url, '--from', source.url);
    expect([code, lines]).toEqual([1, [expect.stringContaining('tables of something else')]]);
    expect([
      ...(await other.client`select nspname from pg_namespace where nspname in ('drizzle', 'stepwise_import')`),
    ]).toEqual([]);
  });
});

/** The same database under another name of the host. */
function otherName(url: string): string {
  const other = new URL(url);
  other.hostname = other.hostname === 'localhost' ? '127.0.0.1' : 'localhost';
  return other.href;
}

describe('after the import', async () => {
  const database = openPostgres(target.url, 3);
  const api = await startApp({ database });
  afterAll(() => database.close());
  const signIn = (username: string) =>
    api.rest('POST', '/users/signIn', { body: { username, password: 'correct horse' } });
  const stored = async (id: number) =>
    (await target.client`select password from users where id = ${id}`)[0]?.password;

  test.each([
    ['ANN', 3],
    ['Карл', 9],
    ['empty', 40],
  ])('%s signs in with the old password, which is an argon2id hash from then on', async (login, id) => {
    expect(await stored(id)).toMatch(/^\$2[by]\$/);
    for (const _ of [1, 2]) {
      const { status, body } = await signIn(login);
      expect([status, body.user_id]).toEqual([200, id]);
      expect(await stored(id)).toMatch(/^\$argon2id\$/);
    }
  });

  test('somebody whose hash was none cannot sign in', async () => {
    for (const password of ['plain text password', '!', HASH])
      expect((await api.rest('POST', '/users/signIn', { body: { username: 'bob', password } })).status).toBe(
        401,
      );
  });

  // The harness holds every answer against the OpenAPI document.
  test('everything of a user is read over REST', async () => {
    const token = (await signIn('Ann')).body.access_token;
    const read = async (path: string) => {
      const { status, body } = await api.rest('GET', path, { token });
      expect([path, status]).toEqual([path, 200]);
      return body;
    };
    expect(await read('/users/me')).toEqual({ id: 3, login: 'Ann', created_at: '2023-04-05T06:07:08.123Z' });
    expect((await read('/physicalPlans')).map((plan: { id: number }) => plan.id)).toEqual([3, 2, 1]);
    const plan = await read('/users/3/physical-plan');
    expect(plan.data).toEqual({
      id: 3,
      user_id: 3,
      goal: 'x',
      age: 30,
      gender: 'male',
      weight: 70.5,
      height: 50,
      bmi: 282,
      progress: 0,
      day: 7,
      version: 1,
      aim: null,
      level: null,
      schedule: 'sequence',
      training_days: [1, 2, 3, 4, 5, 6, 7],
      days_per_week: 7,
      sessions: 0,
    });
    expect(
      plan.days.map((day: { day_of_week: number; exercises: object[] }) => [
        day.day_of_week,
        day.exercises.length,
      ]),
    ).toEqual([1, 2, 3, 4, 5, 6, 7].map((day) => [day, 8]));
    expect(await read('/users/3/mental-plan')).toEqual({
      data: { id: 2, user_id: 3, name: '—', goal: '—', progress: 30, deadline: null, version: 1 },
      user_id: 3,
      resources: [
        {
          resource: {
            id: 1,
            type: 'book',
            name: 'One reader',
            description: 'Text',
            volume: 300,
            unit: 'chapter',
          },
          progress: 300,
        },
        {
          resource: {
            id: 2,
            type: 'video',
            name: 'Three readers',
            description: '',
            volume: 90.5,
            unit: 'minute',
          },
          progress: 90.5,
        },
        {
          resource: {
            id: 6,
            type: 'book',
            name: '—',
            description: 'd'.repeat(5000),
            volume: 1_000_000,
            unit: 'chapter',
          },
          progress: 0,
        },
        {
          resource: { id: 7, type: 'book', name: 'No volume', description: '', volume: 42, unit: 'chapter' },
          progress: 42,
        },
        {
          resource: { id: 8, type: 'book', name: 'Zero volume', description: '', volume: 1, unit: 'chapter' },
          progress: 0,
        },
        {
          resource: { id: 13, type: 'book', name: 'Great id', description: '', volume: 5, unit: 'chapter' },
          progress: 5,
        },
      ],
    });
    expect((await read('/mentalPlans')).length).toBe(2);
    expect((await read('/resources')).length).toBe(6);
    expect((await read('/exercises')).length).toBe(47);
    const imported = { user_id: 3, due_on: null, series_id: null, recurrence: null };
    expect(await read('/users/3/outer-tasks')).toEqual([
      { ...imported, id: 1, title: 'Buy shoes', status: true },
      { ...imported, id: 2, title: '—', status: false },
      { ...imported, id: 7, title: 'Great id', status: false },
    ]);
  });

  test('a new plan gets the eight default exercises in their order, and new rows get ids of their own', async () => {
    const token = (await signIn('empty')).body.access_token;
    const body = { goal: 'New', age: 30, gender: 'male', weight: 70, height: 170 };
    const plan = await api.rest('POST', '/physicalPlans', { token, body });
    expect(plan.status).toBe(201);
    const names = plan.body.days[6].exercises.map((exercise: { name: string }) => exercise.name);
    expect([names.length, names[0], names[4]]).toEqual([8, 'Отжимания', 'Бёрпи']);
    expect((await api.rest('POST', '/outherTasks', { token, body: { title: 'New' } })).status).toBe(201);
    await api.register();
  });
});
