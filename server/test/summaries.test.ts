// The weekly summaries: to whom, when, what they say, and that none is told twice.
import { sql } from 'drizzle-orm';
import { afterAll, expect, test } from 'vitest';
import type { Database } from '../src/db/database.ts';
import { StreamEvent } from '../src/features/events/contract.ts';
import { summaries } from '../src/features/summaries/job.ts';
import { openTestDatabase, startApp } from './harness.ts';
import { bothTransports } from './transports.ts';

const api = await startApp();
const [rest] = bothTransports(api);

/** @returns how many were told, and who should look */
async function tellAll(db: Database = api.database.db) {
  const changed = new Set<number>();
  const { told = 0 } = await summaries.run(db, new AbortController().signal, {
    data: {},
    publishChange: (user_id) => void changed.add(user_id),
  });
  return { told, changed };
}

/** Lets the user's time come. */
const due = (user_id: number, ago = '1 minute') =>
  api.database.db.execute(
    sql`update users set summary_due_at = now() - ${ago}::interval where id = ${user_id}`,
  );

const summariesOf = async (user_id: number) =>
  api.database.db.execute<{ type: string; data: { week: string; tasks: object } }>(
    sql`select type, data from events where user_id = ${user_id} and type = 'summary.created' order by seq`,
  );

const nextOf = async (user_id: number) => {
  const rows = await api.database.db.execute<{ day: number; hour: number; ahead: boolean; week: string }>(sql`
    select extract(isodow from summary_due_at at time zone 'UTC')::int as day, extract(hour from summary_due_at at time zone 'UTC')::int as hour,
      summary_due_at > now() and summary_due_at < now() + interval '8 days' as ahead,
      to_char(now() at time zone 'UTC' - interval '7 days', 'IYYY-"W"IW') as week
    from users where id = ${user_id}`);
  return rows[0];
};

test('a user is told how the week went, once, and then next Monday', async () => {
  const ann = await api.register();
  const made = async (procedure: string, input: object) =>
    (await rest.call(procedure, input, ann.token)).data;
  const tasks = [];
  for (const title of ['one', 'two', 'three', 'four']) tasks.push(await made('task.create', { title }));
  for (const status of [true, false, true]) await made('task.update', { id: tasks[0].id, status });
  await made('task.update', { id: tasks[1].id, status: true });
  await made('task.remove', { id: tasks[1].id });
  await made('task.update', { id: tasks[2].id, title: 'renamed' });
  // Made and done in weeks before, which no event is kept of.
  await api.database.db.execute(
    sql`insert into outer_tasks (user_id, title, status) select ${ann.id}, 'old', true from generate_series(1, 5)`,
  );
  const plan = (
    await made('physicalPlan.create', { goal: 'Run', age: 30, gender: 'male', weight: 70, height: 175 })
  ).data;
  await made('physicalPlan.update', { id: plan.id, day: 4, progress: 12.5 });
  const books = await made('resource.createMany', {
    resources: [100, 10, 30].map((volume) => ({ type: 'book', name: 'x', description: '', volume })),
  });
  const { mental_plan_id } = await made('mentalPlan.create', {
    name: 'x',
    goal: 'x',
    resource_list: books,
    progress: 12,
  });
  await made('resource.update', { id: books[0], progress: 50 });
  await made('resource.update', { id: books[1], progress: 10 });

  expect((await tellAll()).changed, 'before its time').not.toContain(ann.id);
  await due(ann.id);
  expect((await tellAll()).changed).toContain(ann.id);
  const [told, ...more] = await summariesOf(ann.id);
  const next = await nextOf(ann.id);
  expect(more).toEqual([]);
  expect(told?.data).toEqual({
    week: next?.week,
    tasks: { created: 4, completed: 2, open: 2, done: 6 },
    physical_plan: { id: plan.id, day: 4, progress: 12.5 },
    mental_plan: { id: mental_plan_id, days_left: 12, resources: 3, finished: 1, percent: 50 },
  });
  expect(StreamEvent.parse(told)).toEqual(told);
  expect(next).toMatchObject({ day: 1, ahead: true });
  expect((await tellAll()).changed).not.toContain(ann.id);
});

test('who has nothing is told that', async () => {
  const ann = await api.register();
  await due(ann.id);
  await tellAll();
  const [told] = await summariesOf(ann.id);
  expect(told?.data).toMatchObject({
    tasks: { created: 0, completed: 0, open: 0, done: 0 },
    physical_plan: null,
    mental_plan: null,
  });
  expect(StreamEvent.parse(told)).toEqual(told);
  expect(await nextOf(ann.id)).toMatchObject({ day: 1, hour: 3, ahead: true });
});

test.each([
  { active: [8, 9, 13, 20], quiet: 2 },
  { active: [0, 23, 1, 22], quiet: 11 },
  { active: [5], quiet: 17 },
])('of one who is active at $active o’clock the quiet hour is $quiet', async ({ active, quiet }) => {
  const ann = await api.register();
  await api.database.db.execute(sql`
    insert into events (user_id, seq, type, data, at)
    select ${ann.id}, n, 'task.removed', '{}', date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - interval '2 days' + make_interval(hours => hour)
    from unnest(${sql.raw(`array[${active}]`)}) with ordinality as t(hour, n)`);
  await api.database.db.execute(
    sql`update event_sequences set last = ${active.length} where user_id = ${ann.id}`,
  );
  await due(ann.id);
  await tellAll();
  expect(await nextOf(ann.id)).toMatchObject({ day: 1, hour: quiet, ahead: true });
});

test('who could not be told for weeks is told of the last one', async () => {
  const ann = await api.register();
  await due(ann.id, '24 days');
  await tellAll();
  const next = await nextOf(ann.id);
  expect((await summariesOf(ann.id)).map(({ data }) => data.week)).toEqual([next?.week]);
  expect(next).toMatchObject({ day: 1, ahead: true });
});

test('a new user’s time is a Monday to come', async () => {
  const ann = await api.register();
  expect(await nextOf(ann.id)).toMatchObject({ day: 1, hour: 3, ahead: true });
});

const crowd = await openTestDatabase();
afterAll(() => crowd.close());

test('of a thousand users each is told once, however many tell them at a time', async () => {
  const { db } = crowd;
  await db.execute(sql`
    insert into users (login, login_key, password, summary_due_at)
    select 'u' || n, 'u' || n, 'x', now() - make_interval(secs => n) from generate_series(1, 1000) n`);
  const results = await Promise.all([1, 2, 3].map(() => tellAll(db)));
  // A turn that is taken is passed by, and tried in the next run.
  results.push(await tellAll(db));
  expect(results.reduce((sum, { told }) => sum + told, 0)).toBe(1000);
  const [counts] = await db.execute(sql`
    select count(*)::int as events, count(distinct user_id)::int as users, max(seq)::int as last from events where type = 'summary.created'`);
  expect(counts).toEqual({ events: 1000, users: 1000, last: 1 });
});
