// What `pnpm db:rebuild` finds and repairs: rows that somebody has changed behind the server's back.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { rebuildUser } from '../src/dayRecord/rebuild.ts';
import type { Database } from '../src/db/database.ts';
import { sql } from '../src/db/drizzle.ts';
import { openDatabase } from '../src/db/open.ts';
import { openTestDatabase, startApp, type User } from './harness.ts';
import { insertUsers } from './insertUsers.ts';
import { runProgram } from './programs.ts';
import { expectRebuilt } from './rebuilt.ts';
import { bothTransports } from './transports.ts';
import { userRows, userRowVersions } from './userRows.ts';

const now = new Date('2026-03-06T12:00:00Z');
const api = await startApp({ now: () => now });
const [rest] = bothTransports(api);
const { db } = api.database;

const dateOf = (n: number) => `2026-03-0${n}`;

/** A user with plans, a book and tasks, who has done four days and skipped one. */
async function trainee() {
  const user = await api.register();
  const call = async (procedure: string, input: object) => {
    const answer = await rest.call(procedure, input, user.token);
    expect(answer.status, `${procedure}: ${JSON.stringify(answer.data)}`).toBeLessThan(300);
    return answer.data;
  };
  const plan = (
    await call('physicalPlan.create', { goal: 'Run', age: 30, gender: 'male', weight: 80, height: 180 })
  ).data.id as number;
  const { mental_plan_id: mental } = await call('mentalPlan.create', {
    name: 'Spring',
    goal: 'Read',
    resource_list: [],
    progress: 20,
  });
  const book = (await call('resource.create', { type: 'book', name: 'SICP', description: '', volume: 40 }))
    .data as number;
  const tasks: number[] = [];
  for (const title of ['Shop', 'Cook', 'Call', 'Rest']) tasks.push((await call('task.create', { title })).id);
  const exercise: number = (await call('physicalPlan.exercises', {}))[0].id;
  for (const [n, task] of tasks.entries())
    await call('day.complete', {
      date: dateOf(n + 1),
      workout: { plan_id: plan, exercises: [{ exercise_id: exercise, done: [30] }] },
      resources: [{ resource_id: book, delta: n + 1.5 }],
      tasks: [task],
    });
  await call('day.skip', { date: dateOf(5) });
  await expectRebuilt(db, user.id);
  return { ...user, call, plan, mental, book, exercise, task: tasks[0] as number };
}

const check = (user: User) => rebuildUser(db, user.id, { now, repair: false });
const repair = (user: User) => rebuildUser(db, user.id, { now, repair: true });

describe('a row that was changed by hand', () => {
  test('#600 is named by table, key and column, and without the word nothing is changed', async () => {
    const ann = await trainee();
    expect(await check(ann)).toEqual([]);
    await db.execute(
      sql`update days set pages = 7, run = 9 where user_id = ${ann.id} and date = ${dateOf(2)}`,
    );
    await db.execute(sql`delete from days where user_id = ${ann.id} and date = ${dateOf(3)}`);
    await db.execute(sql`insert into days (user_id, date, state) values (${ann.id}, '2025-12-24', 'done')`);
    await db.execute(sql`update months set reps = reps + 1 where user_id = ${ann.id}`);
    await db.execute(
      sql`update progressions set k = 0 where plan_id = ${ann.plan} and exercise_id = ${ann.exercise}`,
    );
    await db.execute(sql`update physical_plans set sessions = 1, day = 2 where id = ${ann.plan}`);
    await db.execute(sql`update mental_plans set progress = 3 where id = ${ann.mental}`);
    await db.execute(sql`update mental_plan_resources set progress = 0 where resource_id = ${ann.book}`);
    await db.execute(sql`update outer_tasks set status = false, done_on = null where id = ${ann.task}`);

    const before = await userRowVersions(api, ann.id);
    const differences = await check(ann);
    expect(differences?.every(({ isRepairable }) => isRepairable)).toBe(true);
    expect(differences?.map(({ isRepairable: _, ...difference }) => difference)).toEqual([
      { table: 'days', key: dateOf(2), column: 'run', stored: 9, rebuilt: 2 },
      { table: 'days', key: dateOf(2), column: 'pages', stored: 7, rebuilt: 0 },
      { table: 'days', key: dateOf(3), rebuilt: 'a row' },
      { table: 'days', key: '2025-12-24', stored: 'a row' },
      { table: 'months', key: '2026-03-01', column: 'reps', stored: 121, rebuilt: 120 },
      {
        table: 'progressions',
        key: `plan ${ann.plan} exercise ${ann.exercise}`,
        column: 'k',
        stored: 0,
        rebuilt: 4,
      },
      { table: 'physical_plans', key: String(ann.plan), column: 'sessions', stored: 1, rebuilt: 4 },
      { table: 'physical_plans', key: String(ann.plan), column: 'day', stored: 2, rebuilt: 5 },
      {
        table: 'mental_plan_resources',
        key: `plan ${ann.mental} resource ${ann.book}`,
        column: 'progress',
        stored: 0,
        rebuilt: 12,
      },
      { table: 'outer_tasks', key: String(ann.task), column: 'status', stored: false, rebuilt: true },
      { table: 'outer_tasks', key: String(ann.task), column: 'done_on', stored: null, rebuilt: dateOf(1) },
      { table: 'mental_plans', key: String(ann.mental), column: 'progress', stored: 3, rebuilt: 16 },
    ]);
    expect(await userRowVersions(api, ann.id)).toEqual(before);
  });

  test('#601 is repaired with no fact and nobody else touched, and the second time there is nothing', async () => {
    const [ann, bob] = [await trainee(), await trainee()];
    const whole = await userRows(api, ann.id);
    const others = await userRowVersions(api, bob.id);
    await db.execute(sql`delete from days where user_id = ${ann.id} and date <> ${dateOf(4)}`);
    await db.execute(
      sql`update days set state = 'open', revision = 9, fact_seq = null where user_id = ${ann.id}`,
    );
    await db.execute(sql`delete from months where user_id = ${ann.id}`);
    await db.execute(sql`insert into months (user_id, month) values (${ann.id}, '2020-01-01')`);
    await db.execute(sql`delete from progressions where user_id = ${ann.id}`);
    await db.execute(
      sql`update outer_tasks set status = false, done_on = '2020-01-01' where user_id = ${ann.id}`,
    );
    expect((await repair(ann))?.length).toBeGreaterThan(10);
    const repaired = await userRows(api, ann.id);
    for (const table of [
      'facts',
      'days',
      'months',
      'progressions',
      'outer_tasks',
      'physical_plans',
      'schedules',
    ])
      expect(repaired[table], table).toEqual(whole[table]);
    await expectRebuilt(db, ann.id);
    expect(await userRowVersions(api, bob.id)).toEqual(others);

    const versions = await userRowVersions(api, ann.id);
    expect(await repair(ann)).toEqual([]);
    expect(await userRowVersions(api, ann.id)).toEqual(versions);
  });

  test('#602 clients hear of what was repaired, and what was kept in memory is read again', async () => {
    const ann = await trainee();
    const target = async () => {
      const { workout } = await ann.call('day.today', {});
      return workout.exercises.find((one: { exercise_id: number }) => one.exercise_id === ann.exercise)
        .target;
    };
    const right = await target();
    await db.execute(sql`update progressions set k = 0 where plan_id = ${ann.plan}`);
    await db.execute(sql`update physical_plans set progress = 70 where id = ${ann.plan}`);
    const { version } = (await ann.call('physicalPlan.byUser', { id: ann.id })).data;
    expect(await repair(ann)).toHaveLength(2);
    expect(await target()).toBe(right);
    expect((await ann.call('physicalPlan.byUser', { id: ann.id })).data.version).toBe(version + 1);
    const told = await db.execute<{ type: string; data: object }>(
      sql`select type, data from events where user_id = ${ann.id} order by seq desc limit 2`,
    );
    expect(told).toMatchObject([
      { type: 'day.changed', data: { date: dateOf(5), state: 'skipped', revision: 1 } },
      { type: 'physicalPlan.changed', data: { id: ann.plan, progress: 0, version: version + 1 } },
    ]);
  });
});

test('#603 facts that contradict each other are named and stay', async () => {
  const ann = await trainee();
  await db.execute(sql`
    insert into facts (user_id, seq, kind, date, zone, data)
    select user_id, max(seq) + 1, 'days_left.adjusted', ${dateOf(6)}::date, 'UTC', jsonb_build_object(
      'counters', jsonb_build_array(
        jsonb_build_object('of', 'days_left', 'id', ${ann.mental}::int, 'before', 30, 'after', 16)))
    from facts where user_id = ${ann.id} group by user_id`);
  const broken = {
    table: 'facts',
    column: `before of mental_plans ${ann.mental} progress`,
    stored: 30,
    rebuilt: 16,
    isRepairable: false,
  };
  expect(await repair(ann)).toEqual(expect.arrayContaining([expect.objectContaining(broken)]));
  expect(await check(ann)).toMatchObject([broken]);
});

test('#604 a plan, a task and a resource that are gone are nothing to compare with', async () => {
  const ann = await trainee();
  await ann.call('task.remove', { id: ann.task });
  await ann.call('resource.remove', { id: ann.book });
  await ann.call('physicalPlan.remove', { id: ann.plan });
  expect(await check(ann)).toEqual([]);
});

test('#605 beside changes that are being made it finds none of them half done', async () => {
  const ann = await trainee();
  const moves = [];
  const found = [];
  for (let n = 0; n < 10; n++) {
    moves.push(rest.call('day.reopen', { date: dateOf((n % 5) + 1) }, ann.token));
    moves.push(rest.call('day.complete', { date: dateOf(6), tasks: [ann.task] }, ann.token));
    moves.push(rest.call('day.reopen', { date: dateOf(6) }, ann.token));
    found.push(n % 2 ? check(ann) : repair(ann));
  }
  expect((await Promise.all(moves)).filter(({ status }) => status >= 500)).toEqual([]);
  expect((await Promise.all(found)).flat()).toEqual([]);
  await expectRebuilt(db, ann.id);
});

describe('#606 the program', () => {
  const SKIPPED = sql`jsonb_build_object('counters', '[]'::jsonb, 'content', null)`;

  /** 1,200 users of whom two have facts without the rows: the second and one behind the second batch. */
  async function fill(filled: Database): Promise<number[]> {
    const rows = await filled.execute<{ id: number }>(
      sql.raw(
        insertUsers(`(login, login_key, password)
          select 'p' || n, 'p' || n, 'x' from generate_series(1, 1200) n`),
      ),
    );
    const ids = [rows[1]?.id as number, rows[1100]?.id as number];
    for (const id of ids)
      await filled.execute(sql`
        insert into facts (user_id, seq, kind, date, zone, data)
        values (${id}, 1, 'day.skipped', '2026-03-02', 'UTC', ${SKIPPED})`);
    return ids;
  }

  interface Filled {
    readonly ids: readonly number[];
    readonly env: Record<string, string>;
  }

  const engines: Record<string, () => Promise<Filled>> = {
    async 'the embedded database'() {
      const folder = await mkdtemp(join(tmpdir(), 'stepwise-rebuild-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const dataDir = join(folder, 'data');
      const options = { databaseUrl: undefined, dataDir, poolSize: 1, migrateAtStart: true };
      const database = await openDatabase(options);
      const ids = await fill(database.db);
      await database.close();
      return { ids, env: { DATA_DIR: dataDir } };
    },
  };
  if (process.env.TEST_DATABASE_URL !== undefined)
    engines.PostgreSQL = async () => {
      const database = await openTestDatabase();
      onTestFinished(() => database.close());
      return { ids: await fill(database.db), env: { DATABASE_URL: database.url as string } };
    };

  // Seven processes, one after the other.
  test.each(Object.entries(engines))('finds, repairs and tells by its exit code, on %s', async (_, open) => {
    const { ids, env } = await open();
    const [first, second] = ids as [number, number];
    const run = (...args: string[]) => runProgram('rebuild.ts', tmpdir(), env, ...args);
    const lines = (id: number) => [
      `user ${id}: days 2026-03-02: no row → a row`,
      `user ${id}: months 2026-03-01: no row → a row`,
    ];
    const found = {
      code: 1,
      stdout: [...lines(first), ...lines(second), 'users compared: 2, differences: 4, repaired: 0', ''].join(
        '\n',
      ),
      stderr: '',
    };
    expect(await run()).toEqual(found);
    expect(await run('--user', String(second), '--repair')).toEqual({
      code: 0,
      stdout: [...lines(second), 'users compared: 1, differences: 2, repaired: 2', ''].join('\n'),
      stderr: '',
    });
    expect(await run()).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/differences: 2, repaired: 0\n$/),
    });
    expect(await run('--repair')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/differences: 2, repaired: 2\n$/),
    });
    expect(await run()).toEqual({
      code: 0,
      stdout: 'users compared: 2, differences: 0, repaired: 0\n',
      stderr: '',
    });
    expect(await run('--user', '2000000000')).toMatchObject({ code: 1, stdout: '' });
    expect(await run('--user', 'ann')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'stepwise: db:rebuild [--user ID] [--repair]\n',
    });
  });
});
