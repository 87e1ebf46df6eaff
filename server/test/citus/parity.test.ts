// The same calls on one PostgreSQL, or the embedded one, and on a distributed database: they answer the same, and leave the
// same rows.
import { describe, expect, test } from 'vitest';
import { sql } from '../../src/db/drizzle.ts';
import { purge } from '../../src/features/purge/job.ts';
import { summaries } from '../../src/features/summaries/job.ts';
import { type Answer, openTestDatabase, startApp, type TestApp } from '../harness.ts';
import { userRows } from '../userRows.ts';
import { openDistributedDatabase } from './cluster.ts';

const TODAY = '2026-11-28';
const now = () => new Date(`${TODAY}T12:00:00Z`);

const one = await openTestDatabase();
const distributed = await openDistributedDatabase();
const apis: readonly TestApp[] = [
  await startApp({ database: one, now }),
  await startApp({ database: distributed, now }),
];

const PLAN = { goal: 'Run', age: 30, gender: 'male', weight: 70, height: 175 };
const book = (name: string) => ({ type: 'book', name, description: 'x', volume: 10 });

/** What is not the same twice: moments, random values, and what a node adds to the ids that it makes. */
const withoutChance = (text: string): string =>
  text
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00(:00)?)?/g, 'MOMENT')
    .replaceAll(/\b\d{15,16}\b/g, (id) => String(Number(id) % 2 ** 48))
    .replaceAll(/[\w$=.+/,-]{32,}/g, 'RANDOM');

/** Whose ids the coordinator makes. */
const ID_TABLES = [
  'outer_tasks',
  'task_series',
  'physical_plans',
  'mental_plans',
  'resources',
  'calendars',
  'sessions',
  'audit_trail',
];

/** A distributed database takes ids before the statement, also for rows that it does not insert then. */
async function alignIds(): Promise<void> {
  for (const table of ID_TABLES) {
    const [sequence] = await distributed.db.execute<{ last: number; called: boolean }>(
      sql`select last_value::int as last, is_called as called from ${sql.identifier(`${table}_id_seq`)}`,
    );
    await one.db.execute(
      sql`select setval(pg_get_serial_sequence(${`public.${table}`}, 'id'), ${sequence?.last}::int, ${sequence?.called}::boolean)`,
    );
  }
}

/** Calls both. @returns the answers, which are the same */
async function both(call: (api: TestApp, at: number) => Promise<Answer>): Promise<readonly Answer[]> {
  await alignIds();
  const answers = [];
  for (const [at, api] of apis.entries()) answers.push(await call(api, at));
  const [first, second] = answers.map(({ status, text }) => ({ status, text: withoutChance(text) }));
  expect(second).toEqual(first);
  return answers;
}

const users = await Promise.all(apis.map((api) => api.register('ann')));
/** @returns the data of the answer, which is the same */
async function does(procedure: string, input?: unknown) {
  const [answer] = await both((api, at) => api.rpc(procedure, input, users[at]?.token));
  expect(answer?.status, `${procedure} ${answer?.text}`).toBeLessThan(300);
  return answer?.body.result.data;
}

describe('the same calls do the same', () => {
  test('#803 tasks, also those that recur', async () => {
    const { id } = await does('task.create', { title: 'Run' });
    await does('task.update', { id, title: 'Walk', status: true });
    await does('task.update', { id, status: false });
    const water = await does('task.create', {
      title: 'Water',
      due_on: '2026-11-27',
      recurrence: { freq: 'daily' },
    });
    await does('task.update', { id: water.id, status: true });
    await does('task.update', { id: water.id + 1, title: 'Water all' });
    await does('task.skip', { id: water.id + 1 });
    await does('task.remove', { id });
    await does('task.list', { status: false });
    await does('task.byUser', { id: users[0]?.id });
  });

  test('#804 plans, resources and days', async () => {
    const physical = (await does('physicalPlan.create', PLAN)).data;
    const leveled = (await does('physicalPlan.create', { ...PLAN, level: 1 })).data;
    await does('physicalPlan.update', { id: leveled.id, weight: 71 });
    const [first] = await does('resource.createMany', { resources: [book('a'), book('b'), book('c')] });
    const mental = await does('mentalPlan.create', { name: 'x', goal: 'x', resource_list: [first] });
    const added = (await does('resource.create', book('d'))).data;
    await does('mentalPlan.update', { id: mental.mental_plan_id, resource_list: [first, added] });
    await does('resource.update', { id: added, volume: 12, progress: 3 });
    const task = await does('task.create', { title: 'Shop' });
    const weekly = await does('task.create', {
      title: 'Clean',
      due_on: TODAY,
      recurrence: { freq: 'weekly' },
    });
    await does('day.today', {});
    await does('day.complete', {
      date: TODAY,
      tasks: [task.id, weekly.id],
      resources: [{ resource_id: added, delta: 2 }],
    });
    await does('day.today', {});
    await does('day.correct', { date: TODAY, tasks: [task.id] });
    await does('day.reopen', { date: TODAY });
    await does('day.skip', { date: TODAY });
    await does('history.days', {});
    await does('history.months', {});
    await does('history.summary', {});
    await does('resource.list', {});
    await does('mentalPlan.list', {});
    await does('physicalPlan.list', {});
    await does('physicalPlan.remove', { id: physical.id });
    await does('resource.remove', { id: first });
    await does('mentalPlan.remove', { id: mental.mental_plan_id });
  });

  test('#805 body, profile and calendars', async () => {
    await does('body.add', { weight: 71.5 });
    await does('body.add', { weight: 72, date: '2026-11-20' });
    await does('body.list', {});
    await does('body.trend', {});
    await does('body.remove', { date: '2026-11-20' });
    await does('profile.update', { study_days: [1, 3], time_zone: 'Europe/Berlin' });
    await does('profile.get', {});
    const { id } = await does('calendar.create', {});
    await does('calendar.list', {});
    await does('calendar.revoke', { id });
  });

  test('#806 a call with an Idempotency-Key runs once', async () => {
    const call = (api: TestApp, at: number) =>
      api.rest('POST', '/outherTasks', {
        token: users[at]?.token as string,
        body: { title: 'Once' },
        headers: { 'idempotency-key': 'k' },
      });
    await both(call);
    await both(call);
  });

  test('#807 the jobs of all users', async () => {
    for (const api of apis) {
      await api.database.db.execute(
        sql`update users set summary_due_at = ${'2026-11-23T03:00:00Z'}::timestamptz`,
      );
      await api.database.db.execute(sql`
        insert into events (user_id, seq, type, data, at)
        select ${users[0]?.id}::bigint, -n, 'task.removed', '{}', now() - interval '9 days' - n * interval '1 hour'
        from generate_series(1, 5) n`);
    }
    const outcomes = [];
    for (const { database } of apis) {
      const told: number[] = [];
      const signal = new AbortController().signal;
      const context = { now, publishChange: (user_id: number) => void told.push(user_id) };
      outcomes.push([
        await summaries.run(database.db, signal, context as never),
        told,
        await purge.run(database.db, signal),
      ]);
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[0]).toMatchObject([{ told: 1 }, [users[0]?.id], { events: 5 }]);
  });

  test('#808 what they leave is the same', async () => {
    const [first, second] = await Promise.all(apis.map((api) => userRows(api, users[0]?.id as number)));
    for (const [table, rows] of Object.entries(first ?? {}))
      expect(second?.[table]?.map(withoutChance).sort(), table).toEqual(rows.map(withoutChance).sort());
  });

  test('#829 with an account its sessions end at once, and its login is free', async () => {
    const signIn = () =>
      both((api, at) => api.rpc('auth.signIn', { username: 'ann', password: users[at]?.password as string }));
    const more = await signIn();
    const tokens = more.map(({ body }, at) => [body.result.data.access_token, users[at]?.token] as string[]);
    const list = (token: (at: number) => string | undefined) =>
      both((api, at) => api.rpc('task.list', {}, token(at)));
    // From now on both are remembered.
    for (const nth of [0, 1]) expect((await list((at) => tokens[at]?.[nth]))[1]?.status).toBe(200);
    const [removal] = await both((api, at) => {
      const own = users[at];
      return api.rpc('auth.remove', { id: own?.id, password: own?.password }, own?.token);
    });
    expect(removal?.status).toBe(200);
    for (const nth of [0, 1]) expect((await list((at) => tokens[at]?.[nth]))[1]?.status).toBe(401);
    for (const api of apis)
      expect(Object.values(await userRows(api, users[0]?.id as number)).flat()).toEqual([]);
    expect((await signIn())[0]?.status).toBe(401);
    const [again] = await both((api) =>
      api.rpc('auth.register', { login: 'ann', password: 'correct horse battery' }),
    );
    expect(again?.status).toBe(200);
  });
});
