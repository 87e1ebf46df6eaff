// What to do on a date. The worked numbers are those of docs/formulas.md.
import { beforeEach, describe, expect, test } from 'vitest';
import { startApp } from '../../../../test/harness.ts';
import { bothTransports } from '../../../../test/transports.ts';

let now = new Date();
beforeEach(() => {
  now = new Date('2026-03-02T12:00:00Z');
});
const api = await startApp({ now: () => now });
const [rest] = bothTransports(api);

const TODAY = '2026-03-02';
const BODY = { goal: 'Похудеть', age: 30, gender: 'male', weight: 80, height: 180 };

async function newPerson(body: object = BODY) {
  const user = await api.register();
  const made = async (procedure: string, input: object) =>
    (await rest.call(procedure, input, user.token)).data;
  const { data } = await made('physicalPlan.create', body);
  return { ...user, made, plan: data.id };
}
const today = async (token: string, input: object = {}) => (await rest.call('day.today', input, token)).data;

describe.each(bothTransports(api))('$name', ({ call }) => {
  test('who has nothing is told why there is nothing to do', async () => {
    const { token } = await api.register();
    expect((await call('day.today', {}, token)).data).toEqual({
      date: TODAY,
      time_zone: 'UTC',
      day_start: 0,
      seq: expect.any(Number),
      day: { state: 'open', revision: 0, streak: 0 },
      workout: null,
      workout_reason: 'no_plan',
      nutrition: null,
      nutrition_reason: 'no_plan',
      learning: null,
      learning_reason: 'no_plan',
      tasks: [],
    });
  });

  test('a new plan opens with its first targets, and energy says what it was made from', async () => {
    const { token, plan } = await newPerson();
    const { data } = await call('day.today', {}, token);
    expect(data.workout).toMatchObject({
      plan_id: plan,
      slot: 1,
      due: true,
      schedule: 'sequence',
      deload: false,
      session: 1,
      active_s: 219,
      estimated_s: 639,
      kcal: 16.8,
    });
    expect(data.workout.exercises[0]).toEqual({
      exercise_id: expect.any(Number),
      key: 'push_up',
      name: 'Отжимания',
      unit: 'reps',
      sets: 1,
      target: 5,
      previous: null,
      k: 0,
      top: 10,
      because: 'opening',
      ready_for_next: false,
      next_exercise: null,
      met: { value: 3.8, code: '02022', year: 2011 },
      active_s: expect.any(Number),
      kcal: expect.any(Number),
    });
    expect(data.nutrition).toEqual({
      kcal: 1780,
      protein: 134,
      fat: 49,
      carbohydrate: 201,
      bmr: 1780,
      tdee: 2152.76,
      adjustment: -372.76,
      requested_adjustment: -430.55,
      floor: 1780,
      max_deficit_percent: 17.3,
      bmi: 24.69,
      bmi_class: 'normal',
      aim: 'lose',
      aim_from: 'goal',
      workout_kcal: 16.76,
      workout_kcal_from: 'planned',
      formula: 'mifflin',
      inputs: { weight: 80, height: 180, age: 30, age_from: 'plan', gender: 'male', activity: null },
      clamped_by: ['floor', 'protein_share'],
      extrapolated: false,
      notice: 'not_medical_advice',
    });
  });

  test('what is learned is poured over the days left, in the unit of each resource', async () => {
    const { token, made } = await newPerson();
    await made('mentalPlan.create', { name: 'x', goal: 'x', resource_list: [], progress: 7 });
    const book = (await made('resource.create', { type: 'book', name: 'SICP', description: '', volume: 10 }))
      .data;
    const finished = (await made('resource.create', { type: 'video', name: 'V', description: '', volume: 5 }))
      .data;
    await made('resource.update', { id: finished, progress: 5 });
    const { data } = await call('day.today', {}, token);
    expect(data.learning).toMatchObject({
      days_left: 7,
      study_days_left: 7,
      deadline: null,
      end: '2026-03-08',
      rest: false,
      minutes: 30,
      fits: true,
      suggested_deadline: null,
      finished: 1,
      resources: [
        {
          resource_id: book,
          type: 'book',
          name: 'SICP',
          unit: 'chapter',
          volume: 10,
          progress: 0,
          remaining: 10,
          quota: 1.5,
          minutes: 30,
          state: 'unknown',
        },
      ],
    });
    await made('resource.update', { id: book, progress: 10 });
    const { data: later } = await call('day.today', {}, token);
    expect([later.learning, later.learning_reason]).toEqual([null, 'finished']);
  });

  test.each([
    ['more than 30 days ago', '2026-01-30'],
    ['tomorrow', '2026-03-03'],
    ['no date', '2026-02-30'],
  ])('a date that is %s is refused', async (_, date) => {
    const { token } = await newPerson();
    expect(await call('day.today', { date }, token)).toMatchObject({
      status: 400,
      errors: [{ path: 'date' }],
    });
  });
});

test('a day that is done shows what was asked for, and the next one what follows from it', async () => {
  const { token, plan, made } = await newPerson();
  const first = (await today(token)).workout.exercises;
  const complete = (date: string, done: (target: number) => number, exercises: typeof first) =>
    made('day.complete', {
      date,
      workout: {
        plan_id: plan,
        exercises: exercises.map(({ exercise_id, target }: { exercise_id: number; target: number }) => ({
          exercise_id,
          target,
          done: [done(target)],
        })),
      },
    });
  await complete(TODAY, (target) => target, first);
  const after = await today(token);
  expect(after.day).toEqual({ state: 'done', revision: 1, streak: 1 });
  expect(after.workout).toMatchObject({ slot: 1, session: 1 });
  expect(after.workout.exercises).toEqual(first);
  expect(after.nutrition).toMatchObject({ workout_kcal: 16.76, workout_kcal_from: 'done' });

  now = new Date('2026-03-03T12:00:00Z');
  const next = await today(token);
  expect(next).toMatchObject({
    date: '2026-03-03',
    day: { state: 'open', revision: 0, streak: 1 },
    workout: { slot: 2, session: 2 },
  });
  expect(next.workout.exercises[0]).toMatchObject({ target: 7, previous: 5, k: 1, because: 'met' });
  await complete('2026-03-03', (target) => target - 1, next.workout.exercises);
  now = new Date('2026-03-04T12:00:00Z');
  expect((await today(token)).workout.exercises[0]).toMatchObject({
    target: 7,
    previous: 7,
    k: 1,
    because: 'hold',
  });
  // The days before are told as they were, whatever came after them.
  expect((await today(token, { date: '2026-03-03' })).workout).toEqual({ ...next.workout, session: 2 });
  expect((await today(token, { date: TODAY })).workout.exercises).toEqual(first);
});

test('a skipped date and a day without training ask for no energy of a workout', async () => {
  const { token, made } = await newPerson();
  await made('day.skip', { date: TODAY });
  const skipped = await today(token);
  expect(skipped.day.state).toBe('skipped');
  expect(skipped.nutrition).toMatchObject({ workout_kcal: 0, tdee: 2136 });
  // Before the plan was made nothing was due.
  expect((await today(token, { date: '2026-03-01' })).workout).toMatchObject({ due: false, slot: 1 });
});

test('under 18, and where it is switched off, no energy is told, nor kilocalories of a workout', async () => {
  const child = await newPerson({ ...BODY, age: 16 });
  const asked = await today(child.token);
  expect([asked.nutrition, asked.nutrition_reason, asked.workout.kcal]).toEqual([null, 'minor', null]);
  const { token, made } = await newPerson();
  await made('profile.update', { nutrition: 'off' });
  const off = await today(token);
  expect([off.nutrition, off.nutrition_reason, off.workout.exercises[0].kcal]).toEqual([null, 'off', null]);
});

test('the date is that of the zone and of the hour at which a day begins', async () => {
  const { token, made } = await newPerson();
  await made('profile.update', { time_zone: 'Pacific/Auckland', day_start: 4 });
  now = new Date('2026-03-02T14:59:00Z');
  expect((await today(token)).date).toBe('2026-03-02');
  now = new Date('2026-03-02T15:00:00Z');
  expect(await today(token)).toMatchObject({
    date: '2026-03-03',
    time_zone: 'Pacific/Auckland',
    day_start: 4,
  });
});

test('it is read once while nothing changes; a change on another server, and midnight, are seen at once', async () => {
  const read: string[] = [];
  const { db } = api.database;
  const watched = await startApp({
    now: () => now,
    database: {
      ...api.database,
      db: {
        ...db,
        executePrepared(statement, values) {
          if (statement.name.startsWith('day.')) read.push(statement.name);
          return db.executePrepared(statement, values);
        },
      },
    },
  });
  const [there] = bothTransports(watched);
  const { token, made } = await newPerson();
  const asked = async () => (await there.call('day.today', {}, token)).data;
  const first = await asked();
  expect(await asked()).toEqual(first);
  const { id } = await made('task.create', { title: 'Shop' });
  const task = {
    id,
    title: 'Shop',
    status: false,
    due_on: null,
    series_id: null,
    recurrence: null,
    overdue: false,
  };
  expect((await asked()).tasks).toMatchObject([task]);
  now = new Date('2026-03-03T00:00:00Z');
  expect((await asked()).date).toBe('2026-03-03');
  await asked();
  const CHANGED = ['day.revision', 'day.today'];
  expect(read).toEqual(['day.today', 'day.revision', ...CHANGED, ...CHANGED, 'day.revision']);
});

test('of more tasks and resources than one answer names, the first ones stand in it', async () => {
  const { token, made, id: user_id } = await newPerson();
  await made('mentalPlan.create', { name: 'x', goal: 'x', resource_list: [], progress: 7 });
  const { execute } = api.database.db;
  const { sql } = await import('../../../db/drizzle.ts');
  await execute(
    sql`insert into outer_tasks (user_id, title) select ${user_id}, 'x' from generate_series(1, 210)`,
  );
  await execute(sql`
    with made as (
      insert into resources (user_id, type, name, description, volume)
      select ${user_id}, 'book', 'n' || n, '', 1 from generate_series(1, 210) n
      returning id)
    insert into mental_plan_resources (user_id, mental_plan_id, resource_id)
    select ${user_id}, (select max(id) from mental_plans where user_id = ${user_id}), id from made`);
  const { tasks, learning } = await today(token, { date: TODAY });
  expect(tasks).toHaveLength(200);
  expect(learning.resources).toHaveLength(200);
  // All of them share the quota: 210 chapters in 7 days are 30 a day.
  expect(learning).toMatchObject({ minutes: 600, finished: 0 });
});
