// The weekly summaries: to whom, when, what they say, and that none is told twice.
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { Database } from '../src/db/database.ts';
import { addDays, type DayState, type RunDay, runs, type Schedule, streak } from '../src/domain/index.ts';
import { StreamEvent, type Summary as SummaryContract } from '../src/features/events/contract.ts';
import { summaries } from '../src/features/summaries/job.ts';
import { openTestDatabase, startApp, type User } from './harness.ts';
import { insertUsers } from './insertUsers.ts';
import { randomOf } from './random.ts';
import { bothTransports } from './transports.ts';

/** The clock of the server and of the job; undefined: that of the machine. */
let clock: string | undefined;
const now = () => new Date(clock ?? Date.now());
afterEach(() => {
  clock = undefined;
});
const api = await startApp({ now });
const [rest] = bothTransports(api);

type Summary = z.output<typeof SummaryContract>;

/** @returns how many were told, and who should look */
async function tellAll(db: Database = api.database.db) {
  const changed = new Set<number>();
  const { told = 0 } = await summaries.run(db, new AbortController().signal, {
    data: {},
    now,
    publishChange: (user_id) => void changed.add(user_id),
  });
  return { told, changed };
}

/** Lets the user's time come. */
const due = (user_id: number, ago = '1 minute') =>
  api.database.db.execute(
    sql`update users set summary_due_at = ${now().toISOString()}::timestamptz - ${ago}::interval where id = ${user_id}`,
  );

const summariesOf = async (user_id: number) =>
  api.database.db.execute<{ type: string; data: Summary }>(
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
    streak: 0,
    done: 0,
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
    streak: 0,
    done: 0,
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

/** The week that is told: 2026-W10. */
const MONDAY = '2026-03-02';
const AFTER = addDays(MONDAY, 7);

/** One letter a date up to the Sunday of the week: d done, s skipped, - neither. */
const datesOf = (text: string): [date: string, letter: string][] => {
  const letters = [...text.replaceAll(' ', '')];
  return letters.map((letter, n) => [addDays(AFTER, n - letters.length), letter]);
};

describe('what the days of the week came to', () => {
  const send = async ({ token }: User, method: string, path: string, body?: object) => {
    const answer = await api.rest(method, path, { token, ...(body && { body }) });
    expect(answer.status, answer.text).toBeLessThan(300);
    return answer.body;
  };

  /** A user in a zone who is to train on these weekdays, from three weeks before on. */
  async function newPerson(time_zone: string, training_days: readonly number[]) {
    const ann = await api.register();
    clock = `${addDays(MONDAY, -21)}T12:00:00Z`;
    await send(ann, 'PATCH', '/users/me/profile', { time_zone });
    const plan = { goal: 'x', age: 30, gender: 'male', weight: 80, height: 180, training_days };
    await send(ann, 'POST', '/physicalPlans', plan);
    return ann;
  }

  async function live(ann: User, text: string): Promise<void> {
    for (const [date, letter] of datesOf(text)) {
      clock = `${date}T12:00:00Z`;
      const { id } = await send(ann, 'POST', '/outherTasks', { title: 'x' });
      if (letter === 'd') await send(ann, 'POST', `/users/me/days/${date}`, { tasks: [id] });
      if (letter === 's') await send(ann, 'POST', `/users/me/days/${date}/skip`);
    }
  }

  async function tell(ann: User, instant: string): Promise<Summary> {
    clock = instant;
    await due(ann.id);
    await tellAll();
    const [told, ...more] = await summariesOf(ann.id);
    expect(more).toEqual([]);
    expect(StreamEvent.parse(told)).toEqual(told);
    expect(told?.data.week).toBe('2026-W10');
    return told?.data as Summary;
  }

  const DAILY = [1, 2, 3, 4, 5, 6, 7];
  const MON_WED_FRI = [1, 3, 5];

  test.each([
    ['all of two weeks', DAILY, 'ddddddd ddddddd', { streak: 14, done: 7 }],
    ['a skipped day', DAILY, 'ddddddd dsddddd', { streak: 13, done: 6 }],
    ['a missed day', DAILY, 'ddddddd dd-dddd', { streak: 4, done: 6 }],
    ['a missed Sunday', DAILY, 'ddddddd dddddd-', { streak: 0, done: 6 }],
    ['a missed day that is made good', MON_WED_FRI, 'd-d-d-- d--dd--', { streak: 6, done: 3 }],
    ['a missed day that nothing makes good', MON_WED_FRI, 'd-d-d-- d---d--', { streak: 1, done: 2 }],
    ['a week without a day', DAILY, 'ddddddd -------', { streak: 0, done: 0 }],
    ['a week that was skipped', DAILY, 'ddddddd sssssss', { streak: 7, done: 0 }],
    ['no day at all', DAILY, '', { streak: 0, done: 0 }],
  ])('#612 %s', async (_, days, text, expected) => {
    for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
      const ann = await newPerson(zone, days);
      await live(ann, text);
      // Monday in both, 1 o'clock in the west and 2 of the next night in the east.
      expect(await tell(ann, `${AFTER}T12:00:00Z`), zone).toMatchObject(expected);
      const { streak } = await send(ann, 'GET', '/users/me/history/summary');
      if (zone === 'Pacific/Pago_Pago') expect(streak.current).toBe(expected.streak);
    }
  });

  test('#612 what is done after the week is not of it, and a Sunday that is not over is not missed', async () => {
    const east = await newPerson('Pacific/Kiritimati', DAILY);
    await live(east, 'ddddddd');
    clock = `${AFTER}T01:00:00Z`;
    const { id } = await send(east, 'POST', '/outherTasks', { title: 'x' });
    await send(east, 'POST', `/users/me/days/${AFTER}`, { tasks: [id] });
    expect(await tell(east, `${AFTER}T03:04:00Z`)).toMatchObject({ streak: 7, done: 7 });
    const west = await newPerson('Pacific/Pago_Pago', DAILY);
    await live(west, 'ddddddd dddddd-');
    expect(await tell(west, `${AFTER}T03:04:00Z`)).toMatchObject({ streak: 13, done: 6 });
  });

  test('#613 days left are those that the plan answers on that date, by its deadline', async () => {
    const left = { 'Pacific/Kiritimati': 11, 'Pacific/Pago_Pago': 13 };
    for (const [zone, days_left] of Object.entries(left)) {
      const ann = await newPerson(zone, DAILY);
      const book = { type: 'book', name: 'x', description: '', volume: 10 };
      const [resource] = await send(ann, 'POST', '/resources/bulk', [book] as unknown as object);
      const plan = { name: 'x', goal: 'x', progress: 30, resource_list: [resource], deadline: '2026-03-20' };
      await send(ann, 'POST', '/mentalPlans', plan);
      expect((await tell(ann, `${AFTER}T10:30:00Z`)).mental_plan).toMatchObject({ days_left });
      expect(await send(ann, 'GET', '/mentalPlans')).toMatchObject([{ progress: days_left }]);
    }
    // A deadline that is over: the last day goes on while something is unfinished.
    const late = await newPerson('Pacific/Pago_Pago', DAILY);
    await send(late, 'POST', '/mentalPlans', {
      name: 'x',
      goal: 'x',
      resource_list: [],
      deadline: '2026-03-01',
    });
    await send(late, 'POST', '/resources', { type: 'book', name: 'x', description: '', volume: 10 });
    expect((await tell(late, `${AFTER}T10:30:00Z`)).mental_plan).toMatchObject({ days_left: 1 });
  });

  test('#612 of random histories it is what the rules make of all days, however long ago', async () => {
    const random = randomOf(612);
    const { db } = api.database;
    clock = `${AFTER}T12:00:00Z`;
    const people = [];
    for (let n = 0; n < 60; n++) {
      const { id } = await api.register();
      const length = random.pick([7, 14, 28, 70]);
      const mask = random.pick([127, 127, 21, 31, 0]);
      const schedules: Schedule[] = [{ from_date: '2025-01-01', training: mask, study: 0 }];
      if (random.oneIn(3))
        schedules.push({
          from_date: addDays(AFTER, -random.int(1, 30)),
          training: random.int(0, 127),
          study: 0,
        });
      const likely = random.pick([2, 5, 20]);
      const rows: RunDay[] = [];
      for (let day = -length; day < random.pick([0, 1]); day++) {
        const state: DayState = random.oneIn(6) ? random.pick(['skipped', 'open', 'reported']) : 'done';
        if (!random.oneIn(likely)) rows.push({ date: addDays(AFTER, day), state, run: 0 });
      }
      const gap = random.oneIn(4) ? addDays(AFTER, -random.int(1, 40)) : AFTER;
      const kept = rows.filter(({ date }) => date <= gap);
      const run = new Map(runs(kept, schedules, '0001-01-01'));
      const days = kept.map((row) => ({ ...row, run: run.get(row.date) ?? 0, user_id: id }));
      await db.execute(sql`
        insert into days (user_id, date, state, run)
        select user_id, date, state, run
        from json_populate_recordset(null::days, ${JSON.stringify(days)}::text::json)`);
      await db.execute(sql`
        insert into schedules (user_id, from_date, training, study)
        select ${id}, from_date, training, study
        from json_populate_recordset(null::schedules, ${JSON.stringify(schedules)}::text::json)`);
      await due(id);
      const ofWeek = days.filter(({ date }) => date < AFTER);
      people.push({
        id,
        streak: streak(ofWeek, schedules, AFTER).current,
        done: ofWeek.filter(({ date, state }) => date >= MONDAY && ['done', 'reported'].includes(state))
          .length,
      });
    }
    await tellAll();
    expect(people.filter((one) => one.streak > 0).length).toBeGreaterThan(15);
    for (const { id, streak, done } of people) {
      const [told] = await summariesOf(id);
      expect(told?.data).toMatchObject({ streak, done });
    }
  });

  test('#614 who changes something while days are read is told by what stands then', async () => {
    const ann = await newPerson('UTC', DAILY);
    await live(ann, 'ddddddd dddddd-');
    const { db } = api.database;
    let isFirst = true;
    const meanwhile: Database = {
      ...db,
      async executePrepared(statement, values) {
        const rows = await db.executePrepared(statement, values);
        if (isFirst) await live(ann, 'd');
        isFirst = false;
        return rows;
      },
    };
    clock = `${AFTER}T12:00:00Z`;
    await due(ann.id);
    expect((await tellAll(meanwhile)).changed).not.toContain(ann.id);
    expect(await tell(ann, `${AFTER}T13:00:00Z`)).toMatchObject({ streak: 14, done: 7 });
  });

  test('#614 a hundred users take as many statements as one', async () => {
    const said: string[] = [];
    const { db } = api.database;
    const counting: Database = {
      ...db,
      executePrepared(statement, values) {
        said.push(statement.name);
        return db.executePrepared(statement, values);
      },
    };
    clock = `${AFTER}T12:00:00Z`;
    for (const many of [1, 40]) {
      for (let n = 0; n < many; n++) await due((await api.register()).id);
      said.length = 0;
      expect((await tellAll(counting)).told).toBe(many);
      expect(said).toEqual(['summary.due', 'summary.tell', 'summary.due']);
    }
  });
});

test('a new user’s time is a Monday to come', async () => {
  const ann = await api.register();
  expect(await nextOf(ann.id)).toMatchObject({ day: 1, hour: 3, ahead: true });
});

const crowd = await openTestDatabase();
afterAll(() => crowd.close());

test('of a thousand users each is told once, however many tell them at a time', async () => {
  const { db } = crowd;
  await db.execute(
    sql.raw(
      insertUsers(`(login, login_key, password, summary_due_at)
        select 'u' || n, 'u' || n, 'x', now() - make_interval(secs => n) from generate_series(1, 1000) n`),
    ),
  );
  const results = await Promise.all([1, 2, 3].map(() => tellAll(db)));
  // A turn that is taken is passed by, and tried in the next run.
  results.push(await tellAll(db));
  expect(results.reduce((sum, { told }) => sum + told, 0)).toBe(1000);
  const [counts] = await db.execute(sql`
    select count(*)::int as events, count(distinct user_id)::int as users, max(seq)::int as last from events where type = 'summary.created'`);
  expect(counts).toEqual({ events: 1000, users: 1000, last: 1 });
});
