// The production web client sends what it always sent. What it sees stays, and what it does is recorded as the user's day.
import { beforeEach, describe, expect, test } from 'vitest';
import { sql } from '../src/db/drizzle.ts';
import { addDays } from '../src/domain/index.ts';
import { type Answer, startApp } from './harness.ts';
import { expectRebuilt, factsOf } from './rebuilt.ts';
import { userRows } from './userRows.ts';

const TODAY = '2026-03-03';
let now = new Date();
const setDate = (date: string) => {
  now = new Date(`${date}T12:00:00Z`);
};
beforeEach(() => setDate(TODAY));
const api = await startApp({ now: () => now });

/** As its forms send it: numbers are strings. */
const PLAN = { age: '30', height: '180', gender: 'male', weight: '80', bmi: '24.69', goal: 'Похудеть' };

/** A user of the production client, with what its first pages make. */
async function newPerson() {
  const { id, token } = await api.register();
  const send = (method: string, path: string, body?: object, headers = {}): Promise<Answer> =>
    api.rest(method, path, { token, ...(body && { body }), headers });
  const physical = (await send('POST', '/physicalPlans', { ...PLAN, user_id: String(id) })).body;
  const mental = (
    await send('POST', '/mentalPlans/', {
      user_id: id,
      name: 'План',
      goal: 'Читать',
      resource_list: [],
      progress: 20,
    })
  ).body.mental_plan_id;
  const book = (
    await send('POST', '/resources', { type: 'book', name: 'SICP', description: '', volume: '10' })
  ).body.data;
  return {
    id,
    token,
    send,
    physical: `/physicalPlans/${physical.data.id}`,
    plan_id: physical.data.id as number,
    exercises: physical.days[0].exercises as { id: number; start_reps: number; step: number }[],
    mental: `/mentalPlans/${mental}`,
    book: book as number,
  };
}
type Person = Awaited<ReturnType<typeof newPerson>>;

const planOf = async ({ id, send }: Person) => (await send('GET', `/users/${id}/physical-plan`)).body;
const mentalOf = async ({ id, send }: Person) => (await send('GET', `/users/${id}/mental-plan/`)).body;
const dayOf = async ({ send }: Person, date = TODAY) => (await send('GET', `/users/me/days/${date}`)).body;
const factsOfPlan = async ({ id }: Person) =>
  (await factsOf(api.database.db, id)).filter(({ counters }) =>
    counters.some(({ of }) => of === 'day' || of === 'progress'),
  );
/** Of the plan's exercises in their order; undefined before the first session. */
async function rungsOf({ id, exercises }: Person): Promise<(number | undefined)[]> {
  const rows = await api.database.db.execute<{ exercise_id: number; k: number }>(
    sql`select exercise_id, k from progressions where user_id = ${id}`,
  );
  return exercises.map((exercise) => rows.find(({ exercise_id }) => exercise_id === exercise.id)?.k);
}
const eventsAfter = async ({ send }: Person, count: number): Promise<{ type: string; data: object }[]> =>
  (await send('GET', '/users/me/export')).body.events.slice(count);

/** What the production client shows of the plan, and what became of the date. */
async function seen(ann: Person, date = TODAY) {
  const { day, progress } = (await planOf(ann)).data;
  const { state, revision } = await dayOf(ann, date);
  return { day, progress, state, revision };
}

describe('the main page', () => {
  test('#570 both reads are there: seven days by index, repetitions by day and progress, units by type', async () => {
    const ann = await newPerson();
    const headers = { 'accept-language': 'en-US,en;q=0.9' };
    const { body: plan } = await ann.send('GET', `/users/${ann.id}/physical-plan`, undefined, headers);
    const days: { day_of_week: number; exercises: Person['exercises'] }[] = plan.days.toSorted(
      (a: { day_of_week: number }, b: { day_of_week: number }) => a.day_of_week - b.day_of_week,
    );
    expect(days.map(({ day_of_week }) => day_of_week)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const [first] = days[plan.data.day - 1]?.exercises ?? [];
    expect(first).toMatchObject({ name: 'Отжимания', start_reps: 5, step: 2, calories_burned: 7.5 });
    expect(await mentalOf(ann)).toMatchObject({
      data: { progress: 20 },
      resources: [{ resource: { id: ann.book, volume: 10, unit: 'chapter' }, progress: 0 }],
    });
    const today = await ann.send('GET', '/users/me/today');
    expect(today.body.nutrition).toMatchObject({ aim: 'lose', aim_from: 'goal' });
  });

  test('#571 its button says that the workout was done; the same again is no change', async () => {
    const ann = await newPerson();
    const { day } = (await planOf(ann)).data;
    const first = await ann.send('PATCH', ann.physical, { day: day + 1 });
    expect(first).toMatchObject({ status: 200, headers: { etag: '"2"' } });
    expect(first.body).toEqual({
      message: 'Physical plan updated',
      resource: (await planOf(ann)).data,
    });
    const reported = { day: 2, progress: 0, state: 'reported', revision: 1 };
    expect(await seen(ann)).toEqual(reported);
    expect(await rungsOf(ann)).toEqual(Array(8).fill(1));
    // A page that was loaded before sends the same; as ever it is 200 and another version.
    const stale = await ann.send('PATCH', ann.physical, { day: day + 1 });
    expect([stale.status, stale.body.resource.version]).toEqual([200, 3]);
    expect(await seen(ann)).toEqual(reported);
    expect(await factsOfPlan(ann)).toMatchObject([{ kind: 'plan.adjusted', reported: true }]);
    const history = await ann.send('GET', '/users/me/history/summary');
    expect(history.body).toMatchObject({ streak: { current: 1 }, all: { done: 1, workouts: 1 } });
    await expectRebuilt(api.database.db, ann.id);
  });

  test('#572 eight days of its button: a week wraps to day 1 and progress + 7, and each date counts', async () => {
    const ann = await newPerson();
    for (let n = 0; n < 8; n++) {
      setDate(addDays(TODAY, n));
      const { day, progress } = (await planOf(ann)).data;
      const next = day === 7 ? { day: 1, progress: progress + 7 } : { day: day + 1 };
      expect((await ann.send('PATCH', ann.physical, next)).status).toBe(200);
    }
    expect(await seen(ann, addDays(TODAY, 7))).toEqual({
      day: 2,
      progress: 7,
      state: 'reported',
      revision: 1,
    });
    expect(await rungsOf(ann)).toEqual([8, 8, 8, 8, 8, 6, 8, 8]);
    expect((await planOf(ann)).data.sessions).toBe(8);
    const summary = await ann.send('GET', '/users/me/history/summary');
    expect(summary.body).toMatchObject({ streak: { current: 8 }, all: { done: 8, workouts: 8 } });
    await expectRebuilt(api.database.db, ann.id);
  });

  test('#570 what else it sends is answered as ever: progress of resources, days left, volumes, tasks', async () => {
    const ann = await newPerson();
    const { resource } = (await mentalOf(ann)).resources[0];
    const path = `/resources/${ann.book}`;
    for (const progress of [2, 2])
      expect((await ann.send('PATCH', path, { ...resource, progress })).status).toBe(200);
    expect(await ann.send('PATCH', path, { ...resource, progress: null })).toMatchObject({
      status: 400,
      body: { detail: expect.any(String) },
    });
    expect((await ann.send('PATCH', ann.mental, { progress: 19 })).status).toBe(200);
    const settings = { type: 'book', name: 'SICP', description: '', volume: '1' };
    expect((await ann.send('PATCH', path, settings)).body.resource).toMatchObject({ volume: 1 });
    expect(await mentalOf(ann)).toMatchObject({
      data: { progress: 19 },
      resources: [{ resource: { volume: 1 }, progress: 1 }],
    });
    const facts = await factsOf(api.database.db, ann.id);
    expect(facts.map(({ kind, reason, counters }) => [kind, reason, counters[0]?.after])).toEqual([
      ['progress.adjusted', undefined, 2],
      ['days_left.adjusted', undefined, 19],
      ['progress.adjusted', 'volume', 1],
    ]);
    const task = await ann.send('POST', '/outherTasks/', { user_id: ann.id, title: 'Shop', status: false });
    expect([task.status, task.body]).toEqual([
      201,
      expect.objectContaining({ user_id: ann.id, title: 'Shop', status: false }),
    ]);
    expect((await ann.send('DELETE', `/outherTasks/${task.body.id}`)).status).toBe(200);
    expect((await ann.send('PATCH', ann.physical, { day: 9 })).body.detail).toEqual(expect.any(String));
    expect(await factsOf(api.database.db, ann.id)).toHaveLength(3);
    await expectRebuilt(api.database.db, ann.id);
  });
});

describe('beside the new client', () => {
  const complete = (ann: Person, reps: number, delta: number) => ({
    workout: {
      plan_id: ann.plan_id,
      exercises: ann.exercises.map(({ id }, at) => ({ exercise_id: id, done: [at === 0 ? reps : 999] })),
    },
    resources: [{ resource_id: ann.book, delta }],
  });
  const days = `/users/me/days/${TODAY}`;
  const before = [9, 9, 9, 8, 9, 6, 8, 9];
  const moved = [10, 10, 10, 8, 10, 6, 8, 10];

  /** A plan at day 3, progress 7. */
  async function atDay3() {
    const ann = await newPerson();
    setDate(addDays(TODAY, -1));
    await ann.send('PATCH', ann.physical, { day: 3, progress: 7 });
    setDate(TODAY);
    return ann;
  }

  test('#573 an old PATCH and a new complete of one date count once, row by row', async () => {
    const ann = await atDay3();
    const earlier = (await factsOf(api.database.db, ann.id)).length;
    const content = complete(ann, 22, 2);
    const reported = { state: 'reported', revision: 1 };
    const done = { day: 4, progress: 7, days_left: 19, state: 'done' };
    const rows: [() => Promise<Answer>[], object, kinds: string[], k: number[]][] = [
      [
        () => [ann.send('PATCH', ann.physical, { day: 4 })],
        { day: 4, progress: 7, days_left: 20, ...reported, chapters: 0 },
        ['plan.adjusted'],
        moved,
      ],
      [
        () => [ann.send('PATCH', ann.mental, { progress: 19 })],
        { day: 4, progress: 7, days_left: 19, ...reported, chapters: 0 },
        ['days_left.adjusted'],
        moved,
      ],
      // One push-up less than the target: the first exercise is not met, whatever was reported.
      [
        () => [ann.send('POST', days, content)],
        { ...done, revision: 2, chapters: 2 },
        ['day.done'],
        [9, ...moved.slice(1)],
      ],
      [
        () => [ann.send('POST', days, content), ann.send('PATCH', ann.physical, { day: 4 })],
        { ...done, revision: 2, chapters: 2 },
        [],
        [9, ...moved.slice(1)],
      ],
      [
        () => [ann.send('PUT', days, complete(ann, 22, 1))],
        { ...done, revision: 3, chapters: 1 },
        ['day.corrected'],
        [9, ...moved.slice(1)],
      ],
      [
        () => [ann.send('POST', `${days}/reopen`)],
        { day: 3, progress: 7, days_left: 20, state: 'open', revision: 4, chapters: 0 },
        ['day.reopened'],
        before,
      ],
    ];
    const told: string[] = [];
    for (const [send, numbers, kinds, k] of rows) {
      for (const { status, text } of await Promise.all(send())) expect(status, text).toBe(200);
      const mental = await mentalOf(ann);
      expect({
        ...(await seen(ann)),
        days_left: mental.data.progress,
        chapters: mental.resources[0].progress,
      }).toEqual(numbers);
      expect(await rungsOf(ann)).toEqual(k);
      told.push(...kinds);
      const facts = (await factsOf(api.database.db, ann.id)).slice(earlier);
      expect(facts.map(({ kind }) => kind)).toEqual(told);
      await expectRebuilt(api.database.db, ann.id);
    }
    expect((await factsOfPlan(ann)).at(-2)).toMatchObject({
      reported: true,
      counters: [
        { of: 'day', before: 3, after: 4 },
        { of: 'progress', before: 7, after: 7 },
      ],
      content: { workout: { slot: 3 } },
    });
  });

  test('#574 a new complete and then an old PATCH of one date count once; one more step is a number', async () => {
    const ann = await atDay3();
    expect((await ann.send('POST', days, complete(ann, 999, 1))).status).toBe(200);
    const done = { day: 4, progress: 7, state: 'done', revision: 1 };
    expect(await seen(ann)).toEqual(done);
    expect((await ann.send('PATCH', ann.physical, { day: 4 })).status).toBe(200);
    expect(await seen(ann)).toEqual(done);
    expect(await rungsOf(ann)).toEqual(moved);
    // The row always takes the value that was sent, but the date has had its workout.
    expect((await ann.send('PATCH', ann.physical, { day: 5 })).status).toBe(200);
    expect(await seen(ann)).toEqual({ ...done, day: 5 });
    expect(await rungsOf(ann)).toEqual(moved);
    expect((await factsOfPlan(ann)).at(-1)).toMatchObject({ kind: 'plan.adjusted', reported: false });
    await expectRebuilt(api.database.db, ann.id);
  });

  test('#575 another day or progress moves no day; before the first session the opening follows', async () => {
    const ann = await newPerson();
    for (const change of [{ day: 3 }, { progress: 2.5 }, { day: 2, progress: 0 }, { day: 7, progress: 14 }]) {
      expect((await ann.send('PATCH', ann.physical, change)).body.resource).toMatchObject(change);
      expect(await seen(ann)).toMatchObject({ state: 'open', revision: 0 });
    }
    expect((await factsOfPlan(ann)).map(({ reported }) => reported)).toEqual(Array(4).fill(false));
    expect(await rungsOf(ann)).toEqual(Array(8).fill(undefined));
    const { body } = await ann.send('GET', '/users/me/today');
    expect(body.workout.exercises.map(({ k }: { k: number }) => k)).toEqual([10, 10, 10, 8, 15, 6, 8, 10]);
    // The date has a row, because a number of it was changed.
    expect((await ann.send('GET', '/users/me/history')).body).toMatchObject([{ state: 'open', revision: 0 }]);
    await expectRebuilt(api.database.db, ann.id);
  });

  test('#576 a PATCH of other keys, or one that changes nothing, records nothing', async () => {
    const ann = await newPerson();
    for (const [at, change] of [
      { weight: '81.5' },
      { goal: 'Набирать массу', age: '31' },
      { day: '1' },
      { progress: 0 },
      { day: 1, progress: 0, height: 181 },
    ].entries()) {
      const { status, body } = await ann.send('PATCH', ann.physical, change);
      expect([status, body.resource.version]).toEqual([200, at + 2]);
    }
    expect((await ann.send('PATCH', ann.physical, {})).body.resource.version).toBe(6);
    expect(await factsOfPlan(ann)).toEqual([]);
    expect(await seen(ann)).toEqual({ day: 1, progress: 0, state: 'open', revision: 0 });
  });

  test('#577 a PATCH that is refused records nothing, and the version still decides', async () => {
    const [ann, eve] = [await newPerson(), await newPerson()];
    const before = await userRows(api, ann.id);
    const stale = await ann.send('PATCH', ann.physical, { day: 2 }, { 'if-match': '"7"' });
    expect([stale.status, stale.body.code]).toEqual([412, 'PRECONDITION_FAILED']);
    const stranger = await eve.send('PATCH', ann.physical, { day: 2, progress: 1 });
    expect([stranger.status, stranger.body.detail]).toEqual([404, 'Physical plan not found']);
    expect((await ann.send('PATCH', ann.physical, { day: 2, user_id: eve.id })).status).toBe(404);
    expect(await userRows(api, ann.id)).toEqual(before);
    const meant = await ann.send('PATCH', ann.physical, { day: 2 }, { 'if-match': '"7", "1"' });
    expect([meant.status, meant.headers.etag]).toEqual([200, '"2"']);
    expect(await seen(ann)).toMatchObject({ day: 2, state: 'reported' });
    expect(await factsOfPlan(eve)).toEqual([]);
  });

  test('#578 events: the plan first, then the day, and the day only where it moved', async () => {
    const ann = await newPerson();
    const { length } = await eventsAfter(ann, 0);
    const key = { 'idempotency-key': 'one-step' };
    const first = await ann.send('PATCH', ann.physical, { day: 2, weight: 79 }, key);
    const again = await ann.send('PATCH', ann.physical, { day: 2, weight: 79 }, key);
    expect([again.status, again.body]).toEqual([200, first.body]);
    await ann.send('PATCH', ann.physical, { day: 6 });
    const events = await eventsAfter(ann, length);
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      ['physicalPlan.changed', first.body.resource],
      ['body.changed', { date: TODAY, removed: false }],
      ['day.changed', { date: TODAY, state: 'reported', revision: 1 }],
      ['physicalPlan.changed', { ...first.body.resource, day: 6, version: 3 }],
    ]);
    await expectRebuilt(api.database.db, ann.id);
  });
});
