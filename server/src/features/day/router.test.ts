import { beforeEach, describe, expect, test } from 'vitest';
import { startApp, type User } from '../../../test/harness.ts';
import { expectRebuilt } from '../../../test/rebuilt.ts';
import { bothTransports } from '../../../test/transports.ts';

let now = new Date();
beforeEach(() => {
  now = new Date('2026-03-02T12:00:00Z');
});
const api = await startApp({ now: () => now });
const [rest] = bothTransports(api);

const TODAY = '2026-03-02';
const BODY = { goal: 'Похудеть', age: 30, gender: 'male', weight: 80, height: 180 };
const BOOK = { type: 'book', name: 'SICP', description: '', volume: 10 };

/** A user with both plans, a book in the mental one, and a task. */
async function newPerson() {
  const user = await api.register();
  const { token } = user;
  const made = async (procedure: string, input: object) => (await rest.call(procedure, input, token)).data;
  const plan = (await made('physicalPlan.create', BODY)).data.id;
  const { mental_plan_id: mental } = await made('mentalPlan.create', {
    name: 'Spring',
    goal: 'Read',
    resource_list: [],
    progress: 20,
  });
  const book = (await made('resource.create', BOOK)).data;
  const task = (await made('task.create', { title: 'Shop' })).id;
  const exercises: { id: number }[] = await made('physicalPlan.exercises', {});
  return { ...user, plan, mental, book, task, exercises: exercises.map(({ id }) => id) };
}
type Person = Awaited<ReturnType<typeof newPerson>>;

const full = ({ plan, book, task, exercises }: Person, date = TODAY) => ({
  date,
  workout: { plan_id: plan, exercises: [{ exercise_id: exercises[0], done: [5], target: 5 }] },
  resources: [{ resource_id: book, delta: 2 }],
  tasks: [task],
});

/** The numbers that a day moves. */
async function numbersOf({ id, token, task }: Person) {
  const of = async (procedure: string, input: object) => (await rest.call(procedure, input, token)).data;
  const physical = (await of('physicalPlan.byUser', { id })).data;
  const mental = await of('mentalPlan.byUser', { id });
  const tasks: { id: number; status: boolean }[] = await of('task.list', {});
  return {
    day: physical.day,
    progress: physical.progress,
    days_left: mental.data.progress,
    chapters: mental.resources[0].progress,
    done: tasks.find((one) => one.id === task)?.status,
  };
}

const BEFORE = { day: 1, progress: 0, days_left: 20, chapters: 0, done: false };
const AFTER = { day: 2, progress: 0, days_left: 19, chapters: 2, done: true };

describe.each(bothTransports(api))('$name', ({ call }) => {
  test('an untouched date is open', async () => {
    const { token } = await api.register();
    expect((await call('day.byDate', { date: TODAY }, token)).data).toEqual({
      date: TODAY,
      state: 'open',
      revision: 0,
      plan_id: null,
      slot: null,
      workout: null,
      resources: [],
      tasks: [],
      zone: null,
      updated_at: null,
    });
  });

  test('completing moves the plans, the resource and the task at once, and the same again changes nothing', async () => {
    const ann = await newPerson();
    const done = await call('day.complete', full(ann), ann.token);
    expect(done.data).toEqual({
      message: 'Day completed',
      day: {
        date: TODAY,
        state: 'done',
        revision: 1,
        plan_id: ann.plan,
        slot: 1,
        workout: {
          exercises: [
            {
              exercise_id: ann.exercises[0],
              key: 'push_up',
              name: 'Отжимания',
              unit: 'reps',
              sets: 1,
              target: 5,
              done: [5],
              met: true,
            },
          ],
          active_s: 15,
          kcal: 1,
        },
        resources: [
          {
            resource_id: ann.book,
            name: 'SICP',
            type: 'book',
            unit: 'chapter',
            volume: 10,
            before: 0,
            after: 2,
            delta: 2,
          },
        ],
        tasks: [{ task_id: ann.task, title: 'Shop' }],
        zone: 'UTC',
        updated_at: '2026-03-02T12:00:00.000Z',
      },
      physical_plan: { id: ann.plan, day: 2, progress: 0, version: 2 },
      mental_plan: { id: ann.mental, progress: 19, version: 2 },
      ready: [],
      next_tasks: [],
    });
    expect(await numbersOf(ann)).toEqual(AFTER);
    expect((await call('day.byDate', { date: TODAY }, ann.token)).data).toEqual(done.data.day);
    const again = await call('day.complete', full(ann), ann.token);
    expect(again.data).toEqual(done.data);
    const other = await call('day.complete', { ...full(ann), tasks: [] }, ann.token);
    expect(other).toMatchObject({ status: 409, detail: 'The day is done with other content' });
    expect(await numbersOf(ann)).toEqual(AFTER);
  });

  test('a correction replaces what was done, and reopening undoes it', async () => {
    const ann = await newPerson();
    const early = await call('day.correct', full(ann), ann.token);
    expect(early).toMatchObject({ status: 409, detail: 'The day is not done' });
    await call('day.complete', full(ann), ann.token);
    const corrected = await call(
      'day.correct',
      { ...full(ann), resources: [{ resource_id: ann.book, progress: 1 }], tasks: [] },
      ann.token,
    );
    expect(corrected.data.day).toMatchObject({ state: 'done', revision: 2, tasks: [] });
    expect(await numbersOf(ann)).toEqual({ ...AFTER, chapters: 1, done: false });
    const reopened = await call('day.reopen', { date: TODAY }, ann.token);
    expect(reopened.data.day).toMatchObject({ state: 'open', revision: 3, workout: null });
    expect(await numbersOf(ann)).toEqual(BEFORE);
    expect((await call('day.reopen', { date: TODAY }, ann.token)).data.day.revision).toBe(3);
  });

  test('days are skipped up to a date, but those that are done', async () => {
    const ann = await newPerson();
    now = new Date('2026-03-04T12:00:00Z');
    await call('day.complete', full(ann, '2026-03-03'), ann.token);
    now = new Date('2026-03-02T12:00:00Z');
    const skipped = await call('day.skip', { date: TODAY, until: '2026-03-04' }, ann.token);
    expect(
      skipped.data.days.map(({ date, state }: { date: string; state: string }) => [date, state]),
    ).toEqual([
      [TODAY, 'skipped'],
      ['2026-03-03', 'done'],
      ['2026-03-04', 'skipped'],
    ]);
    expect(await call('day.skip', { date: '2026-03-03' }, ann.token)).toMatchObject({ status: 409 });
  });

  test.each([
    ['2026-01-30', 400],
    ['2026-01-31', 200],
    ['2026-03-03', 200],
    ['2026-03-04', 400],
  ])('a day may be completed on %s: %i', async (date, status) => {
    const ann = await newPerson();
    const done = await call('day.complete', full(ann, date), ann.token);
    expect(done.status).toBe(status);
    if (status === 400) expect(done.errors).toEqual([{ path: 'date', message: expect.any(String) }]);
  });

  test('what a content names and is not mine is not found, and nothing is changed', async () => {
    const [ann, eve] = [await newPerson(), await newPerson()];
    for (const [content, detail] of [
      [{ workout: full(eve).workout }, 'Physical plan not found'],
      [{ resources: full(eve).resources }, 'Resource not found'],
      [{ tasks: full(eve).tasks }, 'Task not found'],
    ] as const)
      expect(await call('day.complete', { ...full(ann), ...content }, ann.token)).toMatchObject({
        status: 404,
        detail,
      });
    expect([await numbersOf(ann), await numbersOf(eve)]).toEqual([BEFORE, BEFORE]);
  });

  test.each<[string, (ann: Person) => object]>([
    ['resources.0.delta', ({ book }) => ({ resources: [{ resource_id: book, delta: 11 }] })],
    ['resources.0.progress', ({ book }) => ({ resources: [{ resource_id: book, progress: 11 }] })],
    [
      'resources.1.resource_id',
      ({ book }) => ({
        resources: [
          { resource_id: book, delta: 1 },
          { resource_id: book, delta: 2 },
        ],
      }),
    ],
    [
      'workout.exercises.0.target',
      ({ plan, exercises }) => ({
        workout: { plan_id: plan, exercises: [{ exercise_id: exercises[0], done: [5], target: 6 }] },
      }),
    ],
    ['', () => ({})],
  ])('400 names %j', async (path, content) => {
    const ann = await newPerson();
    const refused = await call('day.complete', { date: TODAY, ...content(ann) }, ann.token);
    expect(refused).toMatchObject({ status: 400, errors: [{ path }] });
    expect(await numbersOf(ann)).toEqual(BEFORE);
  });
});

test('If-Match names a revision, 0 for an untouched date', async () => {
  const ann = await newPerson();
  const send = (revision: string) =>
    api.rest('POST', `/users/me/days/${TODAY}`, {
      token: ann.token,
      body: full(ann),
      headers: { 'if-match': revision },
    });
  expect((await send('"1"')).status).toBe(412);
  const done = await send('"0"');
  expect([done.status, done.headers.etag]).toEqual([200, '"1"']);
  expect((await send('"0"')).status).toBe(412);
  expect((await send('"1"')).status).toBe(200);
});

test('one change tells of everything in order, the day last', async () => {
  const ann = await newPerson();
  const typesOf = async ({ token }: User): Promise<string[]> =>
    (await api.rest('GET', '/users/me/export', { token })).body.events.map(
      ({ type }: { type: string }) => type,
    );
  const before = (await typesOf(ann)).length;
  await rest.call('day.complete', full(ann), ann.token);
  expect((await typesOf(ann)).slice(before)).toEqual([
    'physicalPlan.changed',
    'mentalPlan.changed',
    'resource.changed',
    'task.changed',
    'day.changed',
  ]);
});

test('#581 a workout that leaves the day of the plan where it is counts, and is another version', async () => {
  const ann = await newPerson();
  // Monday's workout leads to the second day, where the plan is already.
  await rest.call('physicalPlan.update', { id: ann.plan, schedule: 'weekday', day: 3 }, ann.token);
  await rest.call('physicalPlan.update', { id: ann.plan, day: 2 }, ann.token);
  const done = await rest.call('day.complete', full(ann), ann.token);
  expect(done.data.physical_plan).toEqual({ id: ann.plan, day: 2, progress: 0, version: 4 });
  const plan = (await rest.call('physicalPlan.byUser', { id: ann.id }, ann.token)).data.data;
  expect(plan).toMatchObject({ day: 2, sessions: 1, version: 4 });
});

test('#584 whatever moves what is due, the days in a row are those of the days and what was due', async () => {
  const ann = await newPerson();
  const send = (procedure: string, input: object) => rest.call(procedure, input, ann.token);
  let newer = 0;
  const moves: readonly (readonly [run: number, () => Promise<unknown>])[] = [
    [1, () => send('physicalPlan.update', { id: ann.plan, training_days: [1, 2] })],
    [2, () => send('resource.update', { id: ann.book, progress: 10 })],
    [1, () => send('resource.update', { id: ann.book, progress: 9 })],
    [2, () => send('mentalPlan.remove', { id: ann.mental })],
    [2, () => send('profile.update', { study_days: [3] })],
    [1, () => send('mentalPlan.create', { name: 'Summer', goal: 'Read', resource_list: [ann.book] })],
    [2, () => send('profile.update', { study_days: [1] })],
    [
      1,
      async () => {
        newer = (await send('physicalPlan.create', { ...BODY, training_days: [3] })).data.data.id;
      },
    ],
    [2, () => send('physicalPlan.remove', { id: newer })],
    [1, () => send('profile.update', { study_days: [3] })],
    [2, () => send('resource.remove', { id: ann.book })],
  ];
  // Monday and Wednesday are done, Tuesday was missed: Wednesday makes it good only while nothing is due on it.
  await rest.call('day.complete', { ...full(ann), resources: [] }, ann.token);
  now = new Date('2026-03-04T12:00:00Z');
  await rest.call('day.complete', { ...full(ann, '2026-03-04'), resources: [] }, ann.token);
  for (const [at, [run, move]] of moves.entries()) {
    await move();
    expect((await send('history.days', { limit: 1 })).data[0].run, `move ${at}`).toBe(run);
    await expectRebuilt(api.database.db, ann.id);
  }
});

test('twenty completes at once are one', async () => {
  const ann = await newPerson();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => rest.call('day.complete', full(ann), ann.token)),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(await numbersOf(ann)).toEqual(AFTER);
});
