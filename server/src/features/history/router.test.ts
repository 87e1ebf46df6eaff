// Rows of days, months and schedules are written by SQL here; how they come about is a matter of the day.
import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { startApp, type User } from '../../../test/harness.ts';
import { bothTransports } from '../../../test/transports.ts';
import { addDays, maskOf, monthOf, type RunDay, runs, type Schedule } from '../../domain/index.ts';
import type { HistorySummary } from './contract.ts';

const MONDAY = '2026-03-02';
let now = new Date();
beforeEach(() => {
  now = at(MONDAY);
});
const api = await startApp({ now: () => now });
const { db } = api.database;
const [rest] = bothTransports(api);

const PLAN = { goal: 'Run', age: 30, gender: 'male', weight: 80, height: 180 };
const DAILY: Schedule = { from_date: '2026-01-01', training: 127, study: 0 };
const MON_WED_FRI: Schedule = { ...DAILY, training: 0, study: maskOf([1, 3, 5]) };

/** @returns noon of the date, in UTC */
function at(date: string): Date {
  return new Date(`${date}T12:00:00Z`);
}

interface Row {
  readonly date: string;
  readonly state: RunDay['state'];
  readonly [column: string]: unknown;
}

/** One letter a date from the Monday on: d done, r reported, s skipped, o open, - no row. */
function rowsOf(text: string, more: object = {}): Row[] {
  const states = { d: 'done', r: 'reported', s: 'skipped', o: 'open' } as const;
  return [...text.replaceAll(' ', '')].flatMap((letter, day) => {
    const state = states[letter as keyof typeof states];
    return state ? [{ ...more, date: addDays(MONDAY, day), state }] : [];
  });
}

/** Writes what a user has done, with its runs. */
async function record({ id }: User, rows: readonly Row[], schedules: readonly Schedule[] = []) {
  const found = new Map(
    runs(
      rows.map((row) => ({ ...row, run: 0 })),
      schedules,
      '0001-01-01',
    ),
  );
  const whole = rows.map((row) => ({ ...row, user_id: id, run: found.get(row.date) ?? 0 }));
  await insert('days', whole);
  await insert(
    'schedules',
    schedules.map((one) => ({ ...one, user_id: id })),
  );
}

async function insert(table: string, rows: readonly object[]) {
  const name = sql.identifier(table);
  for (const row of rows) {
    const columns = sql.raw(Object.keys(row).join(', '));
    await db.execute(sql`
      insert into ${name} (${columns})
      select ${columns} from json_populate_record(null::${name}, ${JSON.stringify(row)}::text::json)`);
  }
}

async function summaryOf({ token }: User): Promise<HistorySummary> {
  return (await rest.call('history.summary', {}, token)).data;
}

const SUMS = {
  met: 3,
  exercises: 4,
  reps: 40,
  hold_s: 30,
  active_s: 200,
  kcal_per_kg: 0.21,
  pages: 12,
  chapters: 0.25,
  lessons: 1,
  minutes: 15,
  study_minutes: 74,
  tasks: 2,
};
const { met: _, exercises: __, kcal_per_kg: ___, ...SHOWN } = SUMS;
const NOTHING = Object.fromEntries(Object.keys(SHOWN).map((key) => [key, 0]));
const times = (factor: number) =>
  Object.fromEntries(Object.entries(SHOWN).map(([key, value]) => [key, value * factor]));

describe.each(bothTransports(api))('$name', ({ call }) => {
  test('#520 days that have a row are told as they stand, newest first, and no others', async () => {
    const ann = await api.register();
    await call('physicalPlan.create', PLAN, ann.token);
    const done = {
      ...SUMS,
      date: '2026-02-28',
      state: 'done',
      revision: 2,
      fact_seq: 7,
      plan_id: 5,
      slot: 3,
      advanced: true,
      counted_down: true,
      workout: true,
      run: 4,
    };
    const untouched = {
      revision: 0,
      fact_seq: null,
      plan_id: null,
      slot: null,
      advanced: false,
      counted_down: false,
      workout: false,
      ...NOTHING,
      met: 0,
      exercises: 0,
      run: 0,
    };
    await insert('days', [
      { ...untouched, user_id: ann.id, kcal_per_kg: 0, date: MONDAY, state: 'open', tasks: -1 },
      { ...done, user_id: ann.id },
    ]);
    const { kcal_per_kg: _, ...shown } = done;
    expect((await call('history.days', {}, ann.token)).data).toEqual([
      { ...untouched, date: MONDAY, state: 'open', tasks: -1, kcal: 0 },
      { ...shown, kcal: 16.8 },
    ]);
  });

  test('#521 a page has 30 days unless it is asked for 1 to 366, all of them before a date', async () => {
    const ann = await api.register();
    await record(ann, rowsOf('d'.repeat(40)));
    const dates = async (input: object) =>
      (await call('history.days', input, ann.token)).data.map(({ date }: Row) => date);
    const days = (from: number, to: number) =>
      Array.from({ length: from - to + 1 }, (_, day) => addDays(MONDAY, from - day));
    expect(await dates({})).toEqual(days(39, 10));
    expect(await dates({ limit: 366 })).toEqual(days(39, 0));
    expect(await dates({ limit: 2, before: addDays(MONDAY, 39) })).toEqual(days(38, 37));
    expect(await dates({ limit: 2, before: addDays(MONDAY, 1) })).toEqual(days(0, 0));
    expect(await dates({ before: MONDAY })).toEqual([]);
    expect(await dates({ before: '9999-12-31' })).toEqual(days(39, 10));
    expect(await dates({ before: '0001-01-01' })).toEqual([]);
    for (const [key, value] of [
      ['limit', 0],
      ['limit', 367],
      ['limit', 1.5],
      ['before', '2026-02-29'],
      ['before', '2026-3-1'],
      ['before', '0000-12-31'],
      ['before', 'yesterday'],
    ] as const)
      expect(await call('history.days', { [key]: value }, ann.token)).toMatchObject({
        status: 400,
        errors: [{ path: key }],
      });
  });

  test('#655 months that have a row are told as they stand, newest first, and no others', async () => {
    const ann = await api.register();
    await call('physicalPlan.create', PLAN, ann.token);
    const done = { ...SUMS, done: 20, skipped: 3, workouts: 18 };
    await insert(
      'months',
      [
        { ...done, user_id: ann.id, month: '2026-01-01' },
        { ...NOTHING, user_id: ann.id, month: '2026-03-01', done: 0, skipped: 0, workouts: 0, met: 0 },
      ].map((row) => ({ exercises: 0, kcal_per_kg: 0, ...row })),
    );
    const { kcal_per_kg: _, ...shown } = done;
    expect((await call('history.months', {}, ann.token)).data).toEqual([
      { ...NOTHING, month: '2026-03-01', done: 0, skipped: 0, workouts: 0, met: 0, exercises: 0, kcal: 0 },
      { ...shown, month: '2026-01-01', kcal: 16.8 },
    ]);
  });

  test('#656 a page has 12 months unless it is asked for 1 to 120, all of them before a date', async () => {
    const ann = await api.register();
    const all = Array.from({ length: 130 }, (_, at) => {
      const number = 2026 * 12 + 2 - at;
      return `${Math.floor(number / 12)}-${String((number % 12) + 1).padStart(2, '0')}-01`;
    });
    await insert(
      'months',
      all.map((month) => ({ ...SUMS, user_id: ann.id, month, done: 1, skipped: 0, workouts: 0 })),
    );
    const months = async (input: object) =>
      (await call('history.months', input, ann.token)).data.map(({ month }: { month: string }) => month);
    expect(await months({})).toEqual(all.slice(0, 12));
    expect(await months({ limit: 120 })).toEqual(all.slice(0, 120));
    expect(await months({ limit: 120, before: all[119] })).toEqual(all.slice(120));
    expect(await months({ limit: 1, before: '2026-02-02' })).toEqual(['2026-02-01']);
    expect(await months({ limit: 1, before: '2026-02-01' })).toEqual(['2026-01-01']);
    expect(await months({ before: '0001-01-01' })).toEqual([]);
    for (const [key, value] of [
      ['limit', 0],
      ['limit', 121],
      ['limit', 1.5],
      ['before', '2026-02-29'],
      ['before', '2026-02'],
    ] as const)
      expect(await call('history.months', { [key]: value }, ann.token)).toMatchObject({
        status: 400,
        errors: [{ path: key }],
      });
  });

  test('#522 who has done nothing has a history of nothing', async () => {
    const { token } = await api.register();
    const window = {
      due: 0,
      done: 0,
      skipped: 0,
      missed: 0,
      made_good: 0,
      adherence: null,
      met: null,
      workouts: 0,
      ...NOTHING,
      kcal: null,
    };
    expect((await call('history.summary', {}, token)).data).toEqual({
      since: null,
      streak: { current: 0, best: 0, pending: false },
      windows: { 7: window, 30: window, 90: window },
      all: { done: 0, skipped: 0, workouts: 0, ...NOTHING, kcal: null },
      weight: null,
      learning_finish: null,
    });
    expect((await call('history.days', {}, token)).data).toEqual([]);
  });

  // The examples of the specification; `today` is the n-th day from the Monday, which is 0.
  test.each([
    ['done Mon Tue, skipped Wed, done Thu', DAILY, 'ddsd', 3, 3, 3, false],
    ['done Mon Tue Thu', DAILY, 'dd-d', 3, 1, 2, false],
    ['due Mon Wed Fri, Wed made good on Thu', MON_WED_FRI, 'd--dd', 4, 3, 3, false],
    ['due Mon Wed Fri, today Thu', MON_WED_FRI, 'd', 3, 1, 1, true],
    ['due Mon Wed Fri, done Mon Fri, today next Mon', MON_WED_FRI, 'd---d', 7, 1, 1, false],
  ] as const)('#523 %s', async (_, schedule, text, today, current, best, pending) => {
    const ann = await api.register();
    await record(ann, rowsOf(text), [schedule]);
    now = at(addDays(MONDAY, today));
    const { data } = await call('history.summary', {}, ann.token);
    expect(data.streak).toEqual({ current, best, pending });
    expect(data.since).toBe(MONDAY);
  });

  test('#524 windows count due, done, skipped, missed and made good dates, and sum what was done', async () => {
    const ann = await api.register();
    await call('physicalPlan.create', PLAN, ann.token);
    await db.execute(sql`delete from schedules where user_id = ${ann.id}`);
    const rows = rowsOf('d--dd-- ds--r--', { ...SUMS, workout: true }).map((row) =>
      row.state === 'skipped' ? { date: row.date, state: row.state } : row,
    );
    await record(ann, rows, [MON_WED_FRI]);
    now = at(addDays(MONDAY, 13));
    const { windows } = (await call('history.summary', {}, ann.token)).data;
    expect(windows[7]).toEqual({
      due: 3,
      done: 2,
      skipped: 1,
      missed: 1,
      made_good: 0,
      adherence: 2 / 3,
      met: 0.75,
      workouts: 2,
      ...times(2),
      kcal: 33.6,
    });
    // Before the Monday nothing was done, and from 1 January on something was due: on 6 of the dates before it.
    expect(windows[30]).toMatchObject({
      due: 12,
      done: 5,
      skipped: 1,
      missed: 8,
      made_good: 1,
      adherence: 4 / 12,
      workouts: 5,
      ...times(5),
      kcal: 84,
    });
    expect(windows[90]).toMatchObject({ done: 5, ...times(5) });
  });
});

test('#524 a window ends at its first date, whatever else the first week holds', async () => {
  const ann = await api.register();
  await record(ann, rowsOf('dd', { pages: 1 }), [DAILY]);
  for (const [days, pages] of [
    [89, 2],
    [90, 1],
    [91, 0],
  ] as const) {
    now = at(addDays(MONDAY, days));
    expect((await summaryOf(ann)).windows[90]).toMatchObject({ done: pages, pages });
  }
});

test('#523 a run that ended long ago, and one that nothing has ended since', async () => {
  const [ann, bob] = [await api.register(), await api.register()];
  await record(ann, rowsOf('ddd'), [DAILY]);
  await record(bob, rowsOf('ddd'), [DAILY, { from_date: '2026-03-05', training: 0, study: 0 }]);
  now = at('2027-03-02');
  expect((await summaryOf(ann)).streak).toEqual({ current: 0, best: 3, pending: false });
  expect((await summaryOf(bob)).streak).toEqual({ current: 3, best: 3, pending: false });
});

test('#523 days after today count once it is their date', async () => {
  const ann = await api.register();
  await record(ann, rowsOf('ddd'), [DAILY]);
  expect(await summaryOf(ann)).toMatchObject({ streak: { current: 1 }, windows: { 7: { done: 1 } } });
});

test('#525 everything is the sum of the months', async () => {
  const ann = await api.register();
  await rest.call('physicalPlan.create', PLAN, ann.token);
  const months = ['2016-01-01', monthOf(MONDAY)];
  await insert(
    'months',
    months.map((month) => ({ ...SUMS, user_id: ann.id, month, done: 5, skipped: 2, workouts: 4 })),
  );
  expect((await summaryOf(ann)).all).toEqual({
    done: 10,
    skipped: 4,
    workouts: 8,
    ...times(2),
    kcal: 33.6,
  });
});

test('#526 kilocalories are those for the weight of the current plan, and none under 18, with nutrition off or without a plan', async () => {
  const ann = await api.register();
  await record(ann, rowsOf('d', SUMS));
  await insert('months', [{ ...SUMS, user_id: ann.id, month: monthOf(MONDAY), done: 1 }]);
  const kcals = async () => {
    const { data: days } = await rest.call('history.days', {}, ann.token);
    const { data: months } = await rest.call('history.months', {}, ann.token);
    const { windows, all } = await summaryOf(ann);
    const found = new Set([
      days[0].kcal,
      months[0].kcal,
      windows[7].kcal,
      windows[30].kcal,
      windows[90].kcal,
      all.kcal,
    ]);
    expect(JSON.stringify([days, months])).not.toContain('kcal_per_kg');
    return [...found];
  };
  const profile = (change: object) => rest.call('profile.update', change, ann.token);
  expect(await kcals()).toEqual([null]);
  const { id } = (await rest.call('physicalPlan.create', PLAN, ann.token)).data.data;
  expect(await kcals()).toEqual([16.8]);
  await rest.call('physicalPlan.update', { id, weight: 65 }, ann.token);
  expect(await kcals()).toEqual([13.7]);
  await profile({ nutrition: 'off' });
  expect(await kcals()).toEqual([null]);
  await profile({ nutrition: 'no_deficit' });
  expect(await kcals()).toEqual([13.7]);
  // The birth date decides before the age of the plan, from the eighteenth birthday on.
  await profile({ birth_date: '2008-03-03' });
  expect(await kcals()).toEqual([null]);
  now = at('2026-03-03');
  expect(await kcals()).toEqual([13.7]);
  await profile({ birth_date: null });
  await rest.call('physicalPlan.create', { ...PLAN, age: 17 }, ann.token);
  expect(await kcals()).toEqual([null]);
  await profile({ birth_date: '1996-05-20' });
  expect(await kcals()).toEqual([16.8]);
});

test('#527 today is the date of the user: of the zone, the start of the day, and over a change of the clocks', async () => {
  const ann = await api.register();
  await record(ann, rowsOf('dd'), [DAILY]);
  const current = async (instant: string, profile: object) => {
    now = new Date(instant);
    await rest.call('profile.update', profile, ann.token);
    return (await summaryOf(ann)).streak.current;
  };
  // 3 March in Kiritimati, 1 March in Pago Pago, at the same instant.
  expect(await current('2026-03-02T10:30:00Z', { time_zone: 'Pacific/Kiritimati' })).toBe(2);
  expect(await current('2026-03-02T10:30:00Z', { time_zone: 'Pacific/Pago_Pago' })).toBe(0);
  // The day begins at 3, also in the night in which 2:00 to 3:00 is left out.
  await db.execute(sql`update days set date = date + 26 where user_id = ${ann.id}`);
  const berlin = { time_zone: 'Europe/Berlin', day_start: 3 };
  expect(await current('2026-03-29T00:59:00Z', berlin)).toBe(1);
  expect(await current('2026-03-29T01:00:00Z', berlin)).toBe(2);
});

describe('#528 learning is finished', () => {
  const BOOK = { type: 'book', name: 'SICP', description: '', volume: 100, unit: 'page' };

  async function reader(plan: object, ...volumes: number[]) {
    const ann = await api.register();
    const made = await rest.call(
      'mentalPlan.create',
      { name: 'Spring', goal: 'Read', resource_list: [], progress: 30, ...plan },
      ann.token,
    );
    const books = [];
    for (const volume of volumes)
      books.push((await rest.call('resource.create', { ...BOOK, volume }, ann.token)).data.data as number);
    const plan_id = made.data.mental_plan_id as number;
    let seq = 0;
    const reads = async (date: string, id: number | undefined, delta: number, data: object = {}) => {
      const counters = [{ of: 'resource', id, plan_id, before: 0, after: delta }];
      await insert('facts', [
        {
          user_id: ann.id,
          seq: ++seq,
          kind: 'day.done',
          date,
          at: now,
          zone: 'UTC',
          v: 1,
          data: { counters, ...data },
        },
      ]);
    };
    return { ann, books, reads, finish: async () => (await summaryOf(ann)).learning_finish };
  }

  test('when the last resource is, at its pace', async () => {
    const { ann, books, reads, finish } = await reader({}, 100, 40);
    await reads(MONDAY, books[0], 10);
    now = at(addDays(MONDAY, 4));
    expect(await finish()).toBeNull();
    await reads('2026-03-03', books[1], 10);
    // 2 pages a day: 50 days from today on, which counts, as nothing was read today.
    expect(await finish()).toBe(addDays(MONDAY, 4 + 49));
    await rest.call('profile.update', { study_days: [1, 2, 3, 4, 5] }, ann.token);
    expect(await finish()).toBe(addDays(MONDAY, 4 + 7 * 9 + 6));
    for (const [at, progress] of [100, 40].entries())
      await rest.call('resource.update', { id: books[at], progress }, ann.token);
    expect(await finish()).toBeNull();
  });

  test('by the deadline without a pace, while it is to come', async () => {
    const deadline = '2026-03-20';
    const { books, reads, finish } = await reader({ deadline }, 100, 40);
    expect(await finish()).toBe(deadline);
    now = at(addDays(MONDAY, 4));
    await reads(MONDAY, books[0], 10);
    expect(await finish()).toBe(addDays(MONDAY, 4 + 49));
    now = at('2026-03-21');
    expect(await finish()).toBeNull();
  });

  test('whatever was dropped from a plan, or is older than 14 days', async () => {
    const { books, reads, finish } = await reader({}, 100);
    await reads(MONDAY, books[0], 14);
    await reads('2026-03-04', books[0], -14, { reason: 'unlinked' });
    now = at(addDays(MONDAY, 13));
    // 1 page a day.
    expect(await finish()).toBe(addDays(MONDAY, 13 + 99));
    now = at(addDays(MONDAY, 14));
    expect(await finish()).toBeNull();
  });
});

test('#62 nobody sees the history of another', async () => {
  const [ann, bob] = [await api.register(), await api.register()];
  await record(ann, rowsOf('ddd', SUMS), [DAILY]);
  await insert('months', [{ ...SUMS, user_id: ann.id, month: monthOf(MONDAY), done: 3 }]);
  const carl = await api.register();
  const empty = await summaryOf(carl);
  expect(await summaryOf(bob)).toEqual(empty);
  for (const procedure of ['history.days', 'history.months'])
    expect((await rest.call(procedure, {}, bob.token)).data).toEqual([]);
  for (const procedure of ['history.days', 'history.months', 'history.summary'])
    expect(await rest.call(procedure)).toMatchObject({ status: 401 });
});
