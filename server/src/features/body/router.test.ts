import { expect, test } from 'vitest';
import { startApp, type TestApp } from '../../../test/harness.ts';
import { bothTransports } from '../../../test/transports.ts';
import { userRows } from '../../../test/userRows.ts';
import { sql } from '../../db/drizzle.ts';
import { addDays } from '../../domain/index.ts';
import { StreamEvent } from '../events/contract.ts';

// #702: one weight a date; a second one replaces it, and the newest one is the current plan's, as another version
// #703: a trend has the weights of so many dates, by those before them too
// #704: a weight is of a date from ten years ago to the latest that it is anywhere
// #705: a plan that is made, or the current one with another weight, says what the user weighs today
// #706: a weight that is removed is nowhere but in a plan, and no event of the body, fact or line of the log holds one
// #707: weights that are added at once leave the plan with the newest
// #708: no body mass index is told without a plan, under 18 and where energy is off
// #709: who loses weight fast gets no deficit, for as long as a weigh-in of the last 28 days says so
// #710: the summary tells the trend of the weight, its rate and its change in 30 days

const TODAY = '2026-11-28';
let now = new Date(`${TODAY}T12:00:00Z`);
const api = await startApp({ now: () => now });
const transports = bothTransports(api);
const [rest] = transports;
const daysAgo = (days: number) => addDays(TODAY, -days);

const PLAN = { goal: 'Lose weight', age: 30, gender: 'male', weight: 80, height: 180 };

const eventsOf = async ({ database }: TestApp, user_id: number) =>
  (
    await database.db.execute<{ type: string; data: object }>(
      sql`select type, data from events where user_id = ${user_id} order by seq`,
    )
  ).map(({ type, data }) => ({ type, data }));

const changed = (date: string, removed = false) => ({ type: 'body.changed', data: { date, removed } });

test.each(transports)('#702 over $name a weight is added, listed and replaced', async ({ call }) => {
  const { token, id } = await api.register();
  const first = await call('body.add', { weight: 80, date: daysAgo(7) }, token);
  expect(first.data).toEqual({ date: daysAgo(7), weight: 80, trend: 80, rate: null, bmi: null });
  expect((await call('body.add', { weight: 90 }, token)).data.weight).toBe(90);
  expect((await call('body.add', { weight: 79 }, token)).data).toEqual({
    date: TODAY,
    weight: 79,
    trend: 79.478,
    rate: -0.522,
    bmi: null,
  });
  const list = [
    { date: TODAY, weight: 79, source: 'body' },
    { date: daysAgo(7), weight: 80, source: 'body' },
  ];
  expect((await call('body.list', {}, token)).data).toEqual(list);
  expect((await call('body.list', { limit: 1 }, token)).data).toEqual(list.slice(0, 1));
  expect((await call('body.list', { before: TODAY }, token)).data).toEqual(list.slice(1));
  // The same again changes nothing, and is told to nobody.
  await call('body.add', { weight: 79 }, token);
  expect(await eventsOf(api, id)).toEqual([changed(daysAgo(7)), changed(TODAY), changed(TODAY)]);
  const other = await api.register();
  expect((await call('body.list', {}, other.token)).data).toEqual([]);
});

test('#702 the newest weight is that of the current plan, an older one is not', async () => {
  const { token, id } = await api.register();
  await rest.call('physicalPlan.create', PLAN, token);
  const { data: current } = await rest.call('physicalPlan.create', PLAN, token);
  expect((await rest.call('body.add', { weight: 78, date: TODAY }, token)).data.bmi).toBe(24.07);
  const plans = async () =>
    (await rest.call('physicalPlan.list', {}, token)).data.map(
      ({ weight, bmi, version }: { weight: number; bmi: number; version: number }) => [weight, bmi, version],
    );
  expect(await plans()).toEqual([
    [78, 24.07, 2],
    [80, 24.69, 1],
  ]);
  await rest.call('body.add', { weight: 85, date: daysAgo(1) }, token);
  expect((await plans())[0]).toEqual([78, 24.07, 2]);
  await rest.call('body.add', { weight: 77, date: addDays(TODAY, 1) }, token);
  expect((await plans())[0]).toEqual([77, 23.77, 3]);
  const said = (await eventsOf(api, id)).slice(3);
  expect(said).toMatchObject([
    { type: 'physicalPlan.changed', data: { id: current.data.id, weight: 78, version: 2 } },
    changed(TODAY),
    changed(daysAgo(1)),
    { type: 'physicalPlan.changed', data: { weight: 77, version: 3 } },
    changed(addDays(TODAY, 1)),
  ]);
  for (const event of said) StreamEvent.parse(event);
});

test.each(transports)('#703 over $name a trend is that of the weights shown and before', async ({ call }) => {
  const { token } = await api.register();
  const added = [80, 79.5, 80.4, 79, 78.8];
  for (const [at, days] of [10, 9, 8, 1, 0].entries())
    await call('body.add', { weight: added[at], date: daysAgo(days) }, token);
  const points = [80, 79.95, 79.995, 79.476, 79.408].map((trend, at) => ({
    date: daysAgo([10, 9, 8, 1, 0][at] as number),
    weight: added[at],
    trend,
  }));
  const all = (await call('body.trend', {}, token)).data;
  expect(all).toEqual({ points, rate: -0.513, losing_fast: false });
  // The window begins nine days ago: 10 dates.
  expect((await call('body.trend', { days: 10 }, token)).data).toEqual({ ...all, points: points.slice(1) });
  await call('body.add', { weight: 70, date: TODAY }, token);
  expect((await call('body.trend', {}, token)).data).toMatchObject({ losing_fast: true });
  for (const days of [6, 367])
    expect(await call('body.trend', { days }, token)).toMatchObject({
      status: 400,
      errors: [{ path: 'days' }],
    });
  const nobody = (await call('body.trend', {}, (await api.register()).token)).data;
  expect(nobody).toEqual({ points: [], rate: null, losing_fast: false });
});

test('#703 a trend of years begins 200 weigh-ins before what is shown', async () => {
  const { token, id } = await api.register();
  await api.database.db.execute(sql`
    insert into body_weights (user_id, date, weight, zone, source)
    select ${id}, ${TODAY}::date - n, 80 + n % 7, 'UTC', 'body' from generate_series(0, 999) n`);
  const long = (await rest.call('body.trend', { days: 366 }, token)).data.points;
  expect(long).toHaveLength(366);
  expect((await rest.call('body.trend', { days: 7 }, token)).data.points).toEqual(long.slice(-7));
});

test.each(transports)('#704 over $name a weight is of a date that it can be of', async ({ call }) => {
  const { token } = await api.register();
  const add = async (date: string) => (await call('body.add', { weight: 70, date }, token)).status;
  expect(await add(daysAgo(3_650))).toBeLessThan(300);
  expect(await add(daysAgo(3_651))).toBe(400);
  // At noon UTC it is the next day already on Kiritimati.
  expect(await add(addDays(TODAY, 1))).toBeLessThan(300);
  const refused = await call('body.add', { weight: 70, date: addDays(TODAY, 2) }, token);
  expect(refused).toMatchObject({ status: 400, errors: [{ path: 'date' }] });
  for (const weight of [19.9, 500.1, null])
    expect(await call('body.add', { weight }, token)).toMatchObject({
      status: 400,
      errors: [{ path: 'weight' }],
    });
  expect((await call('body.list', {}, token)).data).toHaveLength(2);
});

test('#704 today is the date of the user', async () => {
  const { token } = await api.register();
  await rest.call('profile.update', { time_zone: 'Pacific/Kiritimati' }, token);
  expect((await rest.call('body.add', { weight: 70 }, token)).data.date).toBe(addDays(TODAY, 1));
});

test.each(transports)('#705 over $name a plan says what the user weighs today', async ({ call, name }) => {
  const { token, id } = await api.register();
  const weights = async () =>
    (await call('body.list', {}, token)).data.map(
      ({ date, weight, source }: { date: string; weight: number; source: string }) => [date, weight, source],
    );
  const made = (await call('physicalPlan.create', PLAN, token)).data.data.id;
  expect(await weights()).toEqual([[TODAY, 80, 'plan']]);
  now = new Date(`${addDays(TODAY, 1)}T12:00:00Z`);
  try {
    // The weight that it has is no news, and neither are other fields.
    await call('physicalPlan.update', { id: made, weight: 80, goal: 'Swim' }, token);
    await call('physicalPlan.update', { id: made, age: 31 }, token);
    // On REST it is a header.
    if (name === 'tRPC') await call('physicalPlan.update', { id: made, weight: 81, if_match: 7 }, token);
    expect(await weights()).toEqual([[TODAY, 80, 'plan']]);
    await call('physicalPlan.update', { id: made, weight: 79 }, token);
    await call('physicalPlan.update', { id: made, weight: 78.5, day: 2 }, token);
    expect(await weights()).toEqual([
      [addDays(TODAY, 1), 78.5, 'plan'],
      [TODAY, 80, 'plan'],
    ]);
    expect((await eventsOf(api, id)).map(({ type }) => type)).toEqual([
      ...['physicalPlan.created', 'body.changed', 'physicalPlan.changed', 'physicalPlan.changed'],
      ...['physicalPlan.changed', 'body.changed', 'physicalPlan.changed', 'body.changed', 'day.changed'],
    ]);
    await call('physicalPlan.create', { ...PLAN, weight: 77 }, token);
    await call('physicalPlan.update', { id: made, weight: 76 }, token);
    expect((await weights())[0]).toEqual([addDays(TODAY, 1), 77, 'plan']);
    // What is weighed is not told a second time by the plan that it moves.
    await call('body.add', { weight: 75 }, token);
    expect((await weights())[0]).toEqual([addDays(TODAY, 1), 75, 'body']);
  } finally {
    now = new Date(`${TODAY}T12:00:00Z`);
  }
});

test('#705 a weight that comes with a PATCH at the same time is judged by what it replaces', async () => {
  const { token } = await api.register();
  const { id } = (await rest.call('physicalPlan.create', PLAN, token)).data.data;
  await Promise.all(
    Array.from({ length: 20 }, (_, at) =>
      rest.call('physicalPlan.update', { id, weight: 60 + (at % 2) }, token),
    ),
  );
  const [plan] = (await rest.call('physicalPlan.list', {}, token)).data;
  const [weight] = (await rest.call('body.list', {}, token)).data;
  expect(weight).toEqual({ date: TODAY, weight: plan.weight, source: 'plan' });
});

test.each(transports)('#706 over $name a weight that is removed is gone', async ({ call }) => {
  const { token, id } = await api.register();
  await call('physicalPlan.create', PLAN, token);
  await call('body.add', { weight: 66.125, date: daysAgo(3) }, token);
  await call('body.add', { weight: 67.375 }, token);
  for (const date of [daysAgo(3), daysAgo(3), TODAY])
    expect(await call('body.remove', { date }, token)).toMatchObject({
      data: { message: 'Weight removed' },
    });
  expect((await call('body.list', {}, token)).data).toEqual([]);
  expect((await call('physicalPlan.list', {}, token)).data).toMatchObject([{ weight: 67.375 }]);
  const said = (await eventsOf(api, id)).filter(({ type }) => type === 'body.changed');
  expect(said.slice(-2)).toEqual([changed(daysAgo(3), true), changed(TODAY, true)]);
  // The older one was never a plan's: no row and no line of the log has it.
  const rows = await userRows(api, id);
  expect(Object.values(rows).flat().join('\n')).not.toContain('66.125');
  expect(Object.keys(rows).filter((table) => rows[table]?.join('\n').includes('67.375'))).toEqual([
    'events',
    'physical_plans',
  ]);
  expect(JSON.stringify(api.log)).not.toMatch(/6[67]\.\d{3}/);
});

test('#707 weights that are added at once leave the plan with the newest', async () => {
  for (let round = 0; round < 5; round++) {
    const { token } = await api.register();
    await rest.call('physicalPlan.create', PLAN, token);
    await Promise.all(
      [3, 0, 5, 1, 4, 2].map((days) =>
        rest.call('body.add', { weight: 60 + days, date: addDays(TODAY, 1 - days) }, token),
      ),
    );
    expect((await rest.call('physicalPlan.list', {}, token)).data).toMatchObject([{ weight: 60 }]);
    expect((await rest.call('body.list', {}, token)).data).toHaveLength(6);
  }
});

test('#708 no body mass index under 18, and where energy is off', async () => {
  const { token } = await api.register();
  const bmi = async () => (await rest.call('body.add', { weight: 80 }, token)).data.bmi;
  expect(await bmi()).toBeNull();
  await rest.call('physicalPlan.create', PLAN, token);
  expect(await bmi()).toBe(24.69);
  await rest.call('profile.update', { nutrition: 'off' }, token);
  expect(await bmi()).toBeNull();
  await rest.call('profile.update', { nutrition: 'full', birth_date: '2010-01-01' }, token);
  expect(await bmi()).toBeNull();
});

test('#709 who loses weight fast gets no deficit', async () => {
  const { token } = await api.register();
  await rest.call('body.add', { weight: 84, date: daysAgo(7) }, token);
  await rest.call('body.add', { weight: 80, date: daysAgo(1) }, token);
  await rest.call('physicalPlan.create', { ...PLAN, aim: 'lose' }, token);
  await rest.call('profile.update', { activity: 'moderate' }, token);
  const nutrition = async (date?: string) =>
    (await rest.call('day.today', date === undefined ? {} : { date }, token)).data.nutrition;
  const fast = await nutrition();
  expect(fast).toMatchObject({ adjustment: 0, requested_adjustment: -500, clamped_by: ['losing_fast'] });
  expect(fast.kcal).toBe(Math.round(fast.tdee));
  // On the day before, no two weigh-ins were a week apart.
  expect(await nutrition(daysAgo(1))).toMatchObject({ adjustment: -500, clamped_by: [] });
  // A weight that is taken back takes the reason along.
  await rest.call('body.remove', { date: daysAgo(7) }, token);
  expect(await nutrition()).toMatchObject({ adjustment: -500, clamped_by: [] });
  await rest.call('body.add', { weight: 84, date: daysAgo(7) }, token);
  expect(await nutrition()).toMatchObject({ adjustment: 0 });
  try {
    now = new Date(`${addDays(TODAY, 28)}T12:00:00Z`);
    expect(await nutrition()).toMatchObject({ adjustment: 0 });
    now = new Date(`${addDays(TODAY, 29)}T12:00:00Z`);
    expect(await nutrition()).toMatchObject({ adjustment: -500 });
  } finally {
    now = new Date(`${TODAY}T12:00:00Z`);
  }
});

test('#710 the summary tells how the weight goes', async () => {
  const { token } = await api.register();
  const weight = async () => (await rest.call('history.summary', {}, token)).data.weight;
  expect(await weight()).toBeNull();
  await rest.call('body.add', { weight: 80, date: daysAgo(60) }, token);
  expect(await weight()).toEqual({ trend: 80, rate: null, change_30: null });
  await rest.call('body.add', { weight: 79, date: daysAgo(53) }, token);
  expect(await weight()).toEqual({ trend: 79.478, rate: -0.522, change_30: null });
  await rest.call('body.add', { weight: 79 }, token);
  // 53 days later the trend is there: −0.4765 kg in 53 days.
  expect(await weight()).toEqual({ trend: 79.002, rate: -0.063, change_30: -0.27 });
});
