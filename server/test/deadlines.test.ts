// Deadlines of mental plans, units of resources, and what is due on weekdays, over both transports and with a clock that is set.
import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { startApp, type User } from './harness.ts';
import { bothTransports } from './transports.ts';

let now = new Date();
beforeEach(() => {
  now = new Date('2026-11-28T12:00:00Z');
});
const api = await startApp({ now: () => now });
const [rest] = bothTransports(api);

const PLAN = { name: 'Spring', goal: 'Read', resource_list: [] as number[] };
const BODY = { goal: 'Run', age: 30, gender: 'male', weight: 70, height: 175 };
const BOOK = { type: 'book', name: 'SICP', description: '', volume: 10 };

const schedulesOf = ({ id }: User) =>
  api.database.db.execute<{ from_date: string; training: number; study: number }>(
    sql`select from_date::text, training, study from schedules where user_id = ${id} order by from_date`,
  );

describe.each(bothTransports(api))('$name', ({ call }) => {
  test.each([
    ['2026-11-27', false],
    ['2026-11-28', true],
    ['2036-11-24', true],
    ['2036-11-25', false],
  ])('a deadline on %s is taken: %s', async (deadline, isTaken) => {
    const { token } = await api.register();
    const made = await call('mentalPlan.create', { ...PLAN, deadline }, token);
    const { mental_plan_id: id } = (await call('mentalPlan.create', PLAN, token)).data;
    const changed = await call('mentalPlan.update', { id, deadline }, token);
    if (isTaken)
      expect([made.data.message, changed.data.resource.deadline]).toEqual(['Mental plan created', deadline]);
    for (const answer of isTaken ? [] : [made, changed])
      expect(answer).toMatchObject({ status: 400, errors: [{ path: 'deadline' }] });
    expect((await call('mentalPlan.list', {}, token)).data).toHaveLength(isTaken ? 2 : 1);
  });

  test('days left are computed from the deadline by the date of the user, and never 0 while something is unfinished', async () => {
    const ann = await api.register();
    const { token } = ann;
    await call('profile.update', { time_zone: 'Pacific/Kiritimati' }, token);
    const deadline = '2026-12-01';
    const { mental_plan_id: id } = (
      await call('mentalPlan.create', { ...PLAN, progress: 99, deadline }, token)
    ).data;
    const daysLeft = async () => {
      const [{ data: view }, { data: list }, { data: changed }] = [
        await call('mentalPlan.byUser', { id: ann.id }, token),
        await call('mentalPlan.list', {}, token),
        await call('mentalPlan.update', { id }, token),
      ];
      expect([list[0].progress, changed.resource.progress]).toEqual([view.data.progress, view.data.progress]);
      return view.data.progress;
    };
    const { data: book } = (await call('resource.create', BOOK, token)).data;
    // It is 02:00 of the 29th there.
    expect(await daysLeft()).toBe(3);
    now = new Date('2026-12-20T12:00:00Z');
    expect(await daysLeft()).toBe(1);
    await call('resource.update', { id: book, progress: 10 }, token);
    expect(await daysLeft()).toBe(0);
  });

  test('with a deadline a number of days left is accepted and changes nothing; without it the stored one holds again', async () => {
    const { token } = await api.register();
    const { mental_plan_id: id } = (
      await call('mentalPlan.create', { ...PLAN, progress: 40, deadline: '2026-12-01' }, token)
    ).data;
    const sent = await call('mentalPlan.update', { id, progress: 7 }, token);
    expect(sent.data.resource).toMatchObject({ progress: 4, version: 1 });
    const cleared = await call('mentalPlan.update', { id, deadline: null }, token);
    expect(cleared.data.resource).toMatchObject({ progress: 40, deadline: null, version: 2 });
  });

  test('a resource counts in the unit that was sent, or in that of its type', async () => {
    const { token, id: user_id } = await api.register();
    await call('mentalPlan.create', PLAN, token);
    const made = [];
    for (const resource of [
      BOOK,
      { ...BOOK, type: 'video' },
      { ...BOOK, type: 'course' },
      { ...BOOK, unit: 'page' },
    ])
      made.push((await call('resource.create', resource, token)).data.data);
    const units = async () =>
      (await call('resource.list', {}, token)).data.map(({ unit }: { unit: string }) => unit).reverse();
    expect(await units()).toEqual(['chapter', 'minute', 'lesson', 'page']);
    expect((await call('resource.update', { id: made[0], unit: 'page' }, token)).data.resource.unit).toBe(
      'page',
    );
    // As the web client sends a resource back: all of it.
    const whole = (await call('resource.list', {}, token)).data[2];
    expect((await call('resource.update', whole, token)).data.resource).toEqual(whole);
    const view = (await call('mentalPlan.byUser', { id: user_id }, token)).data;
    expect(view.resources.map(({ resource }: { resource: { unit: string } }) => resource.unit)).toEqual([
      'page',
      'minute',
      'lesson',
      'page',
    ]);
    const refused = await call('resource.update', { id: made[0], unit: null }, token);
    expect(refused).toMatchObject({ status: 400, errors: [{ path: 'unit' }] });
  });
});

test('what is due on weekdays follows the plans and the profile, one row a date', async () => {
  const ann = await api.register();
  const { token } = ann;
  const day = (date: number) => {
    now = new Date(Date.UTC(2026, 10, date, 12));
  };
  expect(await schedulesOf(ann)).toEqual([]);
  const physical = (await rest.call('physicalPlan.create', BODY, token)).data.data.id;
  await rest.call('mentalPlan.create', PLAN, token);
  expect(await schedulesOf(ann)).toEqual([{ from_date: '2026-11-28', training: 127, study: 0 }]);
  const { data: book } = (await rest.call('resource.create', BOOK, token)).data;
  expect(await schedulesOf(ann)).toEqual([{ from_date: '2026-11-28', training: 127, study: 127 }]);
  day(29);
  await rest.call('profile.update', { study_days: [1, 2] }, token);
  day(30);
  await rest.call('resource.update', { id: book, progress: 10 }, token);
  await rest.call('resource.update', { id: book, progress: 9 }, token);
  await rest.call('resource.update', { id: book, volume: 9 }, token);
  day(31);
  await rest.call('physicalPlan.remove', { id: physical }, token);
  expect(await schedulesOf(ann)).toEqual([
    { from_date: '2026-11-28', training: 127, study: 127 },
    { from_date: '2026-11-29', training: 127, study: 3 },
    { from_date: '2026-11-30', training: 127, study: 0 },
    { from_date: '2026-12-01', training: 0, study: 0 },
  ]);
});

test('who flies west changes the row of the later date: the last change stands', async () => {
  const ann = await api.register();
  await rest.call('profile.update', { time_zone: 'Pacific/Kiritimati' }, ann.token);
  await rest.call('physicalPlan.create', BODY, ann.token);
  await rest.call('profile.update', { time_zone: 'Pacific/Pago_Pago' }, ann.token);
  const { id } = (await rest.call('physicalPlan.byUser', { id: ann.id }, ann.token)).data.data;
  await rest.call('physicalPlan.remove', { id }, ann.token);
  expect(await schedulesOf(ann)).toEqual([{ from_date: '2026-11-29', training: 0, study: 0 }]);
});
