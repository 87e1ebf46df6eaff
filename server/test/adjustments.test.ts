// PATCHes of one number, as existing clients send them, are facts of the user's date: in the same statement as the change.
import { beforeEach, describe, expect, test } from 'vitest';
import { sql } from '../src/db/drizzle.ts';
import { type Action, addDays, type CatalogueExercise, type Link, NO_SUMS } from '../src/domain/index.ts';
import { CATALOGUE } from './catalogue.ts';
import { DayWorld } from './dayWorld.ts';
import { type Answer, startApp } from './harness.ts';
import { randomOf } from './random.ts';
import { expectRebuilt, factsOf } from './rebuilt.ts';

const TODAY = '2026-03-03';
let now = new Date();
const setDate = (date: string) => {
  now = new Date(`${date}T12:00:00Z`);
};
beforeEach(() => setDate(TODAY));
const api = await startApp({ now: () => now });

/** A user with a mental plan of 20 days, and a way to send for them. */
async function newPerson() {
  const { id, token } = await api.register();
  const send = (method: string, path: string, body?: object): Promise<Answer> =>
    api.rest(method, path, { token, ...(body && { body }) });
  const ok = async (method: string, path: string, body?: object) => {
    const answer = await send(method, path, body);
    expect(answer.status, answer.text).toBeLessThan(300);
    return answer.body;
  };
  const newPlan = async (resource_list: readonly number[] = []): Promise<number> =>
    (await ok('POST', '/mentalPlans', { name: 'x', goal: 'x', progress: 20, resource_list })).mental_plan_id;
  const mental = await newPlan();
  const add = async (resource: object): Promise<number> =>
    (await ok('POST', '/resources', { type: 'book', name: 'SICP', description: '', volume: 10, ...resource }))
      .data;
  const newTask = async (status = false): Promise<number> =>
    (await ok('POST', '/outherTasks', { title: 'Shop', status })).id;
  return { id, send, ok, mental, newPlan, add, newTask };
}
type Person = Awaited<ReturnType<typeof newPerson>>;

const facts = async ({ id }: Person) =>
  (await factsOf(api.database.db, id)).map(({ seq: _, ...fact }) => fact);
const history = async ({ ok }: Person) => ok('GET', '/users/me/history');
const eventsOf = ({ id }: Person) =>
  api.database.db.execute<{ seq: number; type: string }>(
    sql`select seq::int, type from events where user_id = ${id} order by seq`,
  );
const daysLeftOf = async ({ id, ok }: Person): Promise<number> =>
  (await ok('GET', `/users/${id}/mental-plan`)).data.progress;

/** Everything that the tables hold is what the facts say, and each fact has the number of an event of its change. */
async function expectConsistent(ann: Person): Promise<void> {
  await expectRebuilt(api.database.db, ann.id);
  const seqs = (await factsOf(api.database.db, ann.id)).map(({ seq }) => seq);
  const events = await eventsOf(ann);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, n) => n + 1));
  for (const seq of seqs) expect(seq).toBeLessThanOrEqual(events.length);
}

const OPEN = { date: TODAY, state: 'open', revision: 0, fact_seq: null, run: 0 };
const NOTHING_READ = { pages: 0, chapters: 0, lessons: 0, minutes: 0, study_minutes: 0, tasks: 0 };

describe('days left', () => {
  test('#585 one day less is a fact of the date, which a complete of it does not count again', async () => {
    const ann = await newPerson();
    await ann.ok('PATCH', `/mentalPlans/${ann.mental}`, { progress: 19 });
    const counters = [{ of: 'days_left', id: ann.mental, before: 20, after: 19 }];
    expect(await facts(ann)).toEqual([
      { kind: 'days_left.adjusted', date: TODAY, counters, counted_down: true },
    ]);
    expect(await history(ann)).toMatchObject([{ ...OPEN, counted_down: true, ...NOTHING_READ }]);
    expect((await eventsOf(ann)).map(({ type }) => type)).toEqual([
      'mentalPlan.created',
      'mentalPlan.changed',
    ]);
    // The same from a page that was loaded before changes nothing.
    await ann.ok('PATCH', `/mentalPlans/${ann.mental}`, { progress: 19, name: 'y' });
    expect(await facts(ann)).toHaveLength(1);

    await ann.ok('POST', `/users/me/days/${TODAY}`, { tasks: [await ann.newTask()] });
    expect(await daysLeftOf(ann)).toBe(19);
    expect(await history(ann)).toMatchObject([{ state: 'done', revision: 1, counted_down: true }]);
    await expectConsistent(ann);
    // What the date has counted down, whoever has, is taken back with it.
    await ann.ok('POST', `/users/me/days/${TODAY}/reopen`);
    expect(await daysLeftOf(ann)).toBe(20);
    await expectConsistent(ann);
  });

  test('#585 another number is a fact that counts nothing down, and a deadline leaves nothing to adjust', async () => {
    const ann = await newPerson();
    await ann.ok('PATCH', `/mentalPlans/${ann.mental}`, { progress: 30 });
    expect(await history(ann)).toMatchObject([{ ...OPEN, counted_down: false }]);
    await ann.ok('POST', `/users/me/days/${TODAY}`, { tasks: [await ann.newTask()] });
    expect(await daysLeftOf(ann)).toBe(29);
    // The button after the day was done by another client: what it loaded before it was done is no change then.
    await ann.ok('PATCH', `/mentalPlans/${ann.mental}`, { progress: 29 });
    expect((await facts(ann)).map(({ kind }) => kind)).toEqual(['days_left.adjusted', 'day.done']);

    await ann.ok('PATCH', `/mentalPlans/${ann.mental}`, { deadline: addDays(TODAY, 9) });
    await ann.ok('PATCH', `/mentalPlans/${ann.mental}`, { progress: 5 });
    expect(await facts(ann)).toHaveLength(2);
    await expectConsistent(ann);
  });

  test('#611 only the plan that is current counts a date down, and it gets the day back, current or not', async () => {
    const ann = await newPerson();
    const daysLeft = async () =>
      Object.fromEntries(
        (await ann.ok('GET', '/mentalPlans')).map(({ id, progress }: Record<string, number>) => [
          id,
          progress,
        ]),
      );
    const first = ann.mental;
    const second = await ann.newPlan();
    await ann.ok('PATCH', `/mentalPlans/${first}`, { progress: 19 });
    expect((await facts(ann)).at(-1)).toMatchObject({ kind: 'days_left.adjusted', counted_down: false });
    expect(await history(ann)).toMatchObject([{ ...OPEN, counted_down: false }]);
    const complete = async () => ann.ok('POST', `/users/me/days/${TODAY}`, { tasks: [await ann.newTask()] });
    await complete();
    expect(await daysLeft()).toEqual({ [first]: 19, [second]: 19 });
    await ann.ok('POST', `/users/me/days/${TODAY}/reopen`);
    expect(await daysLeft()).toEqual({ [first]: 19, [second]: 20 });
    await expectConsistent(ann);

    await ann.ok('PATCH', `/mentalPlans/${second}`, { progress: 19 });
    expect((await facts(ann)).at(-1)).toMatchObject({ kind: 'days_left.adjusted', counted_down: true });
    const third = await ann.newPlan();
    await complete();
    expect(await daysLeft(), 'once a date').toEqual({ [first]: 19, [second]: 19, [third]: 20 });
    await ann.ok('POST', `/users/me/days/${TODAY}/reopen`);
    expect(await daysLeft()).toEqual({ [first]: 19, [second]: 20, [third]: 20 });
    expect(await history(ann)).toMatchObject([{ state: 'open', counted_down: false }]);
    await expectConsistent(ann);
  });
});

describe('progress', () => {
  test('#586 it adds to the sums of the date and its month by unit, and less takes away', async () => {
    const ann = await newPerson();
    await ann.ok('PATCH', '/users/me/profile', { minutes_per_page: 1.5, minutes_per_chapter: 25 });
    const [book, pages, video, course] = [
      await ann.add({}),
      await ann.add({ unit: 'page', volume: 300 }),
      await ann.add({ type: 'video', volume: 90 }),
      await ann.add({ type: 'course', volume: 8 }),
    ];
    await ann.ok('PATCH', `/resources/${book}`, { progress: 2.5 });
    await ann.ok('PATCH', `/resources/${pages}`, { progress: 31 });
    await ann.ok('PATCH', `/resources/${video}`, { progress: 12 });
    await ann.ok('PATCH', `/resources/${course}`, { progress: 1 });
    const [first, second] = await facts(ann);
    expect(first).toEqual({
      kind: 'progress.adjusted',
      date: TODAY,
      counters: [{ of: 'resource', id: book, plan_id: ann.mental, before: 0, after: 2.5 }],
      sums: { chapters: 2.5, study_minutes: 63 },
    });
    expect(second?.sums).toEqual({ pages: 31, study_minutes: 47 });
    const sums = {
      pages: 31,
      chapters: 2.5,
      lessons: 1,
      minutes: 12,
      study_minutes: 63 + 47 + 12 + 30,
      tasks: 0,
    };
    expect(await history(ann)).toMatchObject([{ ...OPEN, counted_down: false, ...sums }]);
    const summary = await ann.ok('GET', '/users/me/history/summary');
    expect(summary).toMatchObject({ windows: { 7: { done: 0, ...sums } }, all: { done: 0, ...sums } });
    // The same again, as the production client sends it with the rest of the row.
    await ann.ok('PATCH', `/resources/${book}`, { id: book, progress: 2.5, name: 'SICP', unit: 'chapter' });
    expect(await facts(ann)).toHaveLength(4);

    setDate(addDays(TODAY, 1));
    await ann.ok('PATCH', `/resources/${book}`, { progress: 1 });
    expect((await facts(ann)).at(-1)?.sums).toEqual({ chapters: -1.5, study_minutes: -37 });
    expect(await history(ann)).toMatchObject([
      { ...OPEN, date: addDays(TODAY, 1), chapters: -1.5, study_minutes: -37 },
      { ...OPEN, ...sums },
    ]);
    await expectConsistent(ann);
  });

  test('#586 on a date that is done it keeps the state, and a correction goes on from it', async () => {
    const ann = await newPerson();
    const book = await ann.add({});
    await ann.ok('POST', `/users/me/days/${TODAY}`, { resources: [{ resource_id: book, delta: 2 }] });
    await ann.ok('PATCH', `/resources/${book}`, { progress: 5 });
    const done = { date: TODAY, state: 'done', revision: 1, chapters: 5, study_minutes: 100, run: 1 };
    expect(await history(ann)).toMatchObject([done]);
    await ann.ok('PUT', `/users/me/days/${TODAY}`, { resources: [{ resource_id: book, delta: 1 }] });
    expect(await history(ann)).toMatchObject([{ ...done, revision: 2, chapters: 4, study_minutes: 80 }]);
    await expectConsistent(ann);
  });

  test('#586 the pace of learning is made of it', async () => {
    const ann = await newPerson();
    const book = await ann.add({ volume: 100 });
    for (let n = 1; n <= 4; n++) {
      setDate(addDays(TODAY, n));
      await ann.ok('PATCH', `/resources/${book}`, { progress: 3 * n });
    }
    const { learning } = await ann.ok('GET', '/users/me/today');
    expect(learning.resources).toMatchObject([{ progress: 12, pace: 3 }]);
  });

  test('#587 a volume below it is a fact with that reason, of every plan that has the resource', async () => {
    const ann = await newPerson();
    const book = await ann.add({});
    await ann.ok('PATCH', `/resources/${book}`, { progress: 8 });
    const second = await ann.newPlan([book]);
    await ann.ok('PATCH', `/resources/${book}`, { progress: 9 });
    await ann.ok('PATCH', `/resources/${book}`, { type: 'book', name: 'SICP', description: '', volume: '5' });
    expect((await facts(ann)).at(-1)).toEqual({
      kind: 'progress.adjusted',
      date: TODAY,
      counters: [
        { of: 'resource', id: book, plan_id: ann.mental, before: 8, after: 5 },
        { of: 'resource', id: book, plan_id: second, before: 9, after: 5 },
      ],
      sums: { chapters: -7, study_minutes: -140 },
      reason: 'volume',
    });
    expect(await history(ann)).toMatchObject([{ ...OPEN, chapters: 10, study_minutes: 200 }]);
    // A volume above it is no fact, and progress that is sent with the volume has no reason.
    await ann.ok('PATCH', `/resources/${book}`, { volume: 20 });
    await ann.ok('PATCH', `/resources/${book}`, { volume: 4, progress: 3 });
    expect(await facts(ann)).toHaveLength(4);
    expect((await facts(ann)).at(-1)).not.toHaveProperty('reason');
    await expectConsistent(ann);
  });

  test('#588 a list without the resource sets it to 0 without sums; linked again it begins at 0', async () => {
    const ann = await newPerson();
    const [book, other, untouched] = [await ann.add({}), await ann.add({}), await ann.add({})];
    await ann.ok('PATCH', `/resources/${book}`, { progress: 3 });
    await ann.ok('PATCH', `/resources/${other}`, { progress: 1 });
    await ann.ok('PATCH', `/mentalPlans/${ann.mental}`, { resource_list: [other] });
    const dropped = { of: 'resource', id: book, plan_id: ann.mental, before: 3, after: 0 };
    expect((await facts(ann)).at(-1)).toEqual({
      kind: 'progress.adjusted',
      date: TODAY,
      counters: [dropped],
      reason: 'unlinked',
    });
    const read = { ...OPEN, chapters: 4, study_minutes: 80 };
    expect(await history(ann)).toMatchObject([read]);
    await ann.ok('PATCH', `/mentalPlans/${ann.mental}`, { resource_list: [book, other, untouched] });
    await ann.ok('PATCH', `/resources/${book}`, { progress: 2 });
    expect(await history(ann)).toMatchObject([{ ...read, chapters: 6, study_minutes: 120 }]);
    await expectConsistent(ann);

    // One change is one fact, of all that it sets.
    await ann.ok('PATCH', `/mentalPlans/${ann.mental}`, { progress: 19, resource_list: [] });
    expect((await facts(ann)).at(-1)).toEqual({
      kind: 'days_left.adjusted',
      date: TODAY,
      counters: [
        { of: 'days_left', id: ann.mental, before: 20, after: 19 },
        { ...dropped, before: 2 },
        { ...dropped, id: other, before: 1 },
      ],
      counted_down: true,
      reason: 'unlinked',
    });
    expect(await history(ann)).toMatchObject([
      { ...read, counted_down: true, chapters: 6, study_minutes: 120 },
    ]);
    await expectConsistent(ann);
  });

  test('#589 progress in a new unit is a fact without sums: amounts of two units have no difference', async () => {
    const ann = await newPerson();
    const book = await ann.add({});
    await ann.ok('PATCH', `/resources/${book}`, { progress: 3 });
    await ann.ok('PATCH', `/resources/${book}`, { unit: 'page', volume: 300, progress: 90 });
    expect((await facts(ann)).at(-1)).toMatchObject({ counters: [{ before: 3, after: 90 }], reason: 'unit' });
    expect(await history(ann)).toMatchObject([{ pages: 0, chapters: 3, study_minutes: 60 }]);
    await ann.ok('PATCH', `/resources/${book}`, { progress: 100 });
    expect(await history(ann)).toMatchObject([{ pages: 10, chapters: 3, study_minutes: 80 }]);
    await expectConsistent(ann);
  });

  test('#590 no sum refuses a change, however large it is', async () => {
    const ann = await newPerson();
    await ann.ok('PATCH', '/users/me/profile', { minutes_per_chapter: 600 });
    const book = await ann.add({ volume: 1_000_000 });
    for (let n = 0; n < 4; n++) {
      await ann.ok('PATCH', `/resources/${book}`, { progress: 1_000_000 });
      await ann.newPlan([book]);
    }
    expect(await history(ann)).toMatchObject([{ chapters: 4_000_000, study_minutes: 2_147_483_647 }]);
    const content = { resources: [{ resource_id: book, delta: 1_000_000 }] };
    await ann.ok('POST', `/users/me/days/${TODAY}`, content);
    expect(await history(ann)).toMatchObject([{ chapters: 5_000_000, study_minutes: 2_147_483_647 }]);
    await ann.ok('PATCH', `/resources/${book}`, { volume: 1 });
  });
});

describe('tasks', () => {
  test('#591 a status is a fact, with the date on which it was done, and counts among the tasks of the date', async () => {
    const ann = await newPerson();
    const task = await ann.newTask();
    const doneOn = async () =>
      (
        await api.database.db.execute<{ done_on: string }>(
          sql`select done_on::text from outer_tasks where id = ${task}`,
        )
      )[0]?.done_on;
    await ann.ok('PATCH', `/outherTasks/${task}`, { status: true });
    const counters = [{ of: 'task', id: task, before: false, after: true }];
    const done = { kind: 'task.adjusted', date: TODAY, counters, sums: { tasks: 1 } };
    expect(await facts(ann)).toEqual([done]);
    expect(await doneOn()).toBe(TODAY);
    expect(await history(ann)).toMatchObject([{ ...OPEN, ...NOTHING_READ, tasks: 1 }]);
    expect((await eventsOf(ann)).map(({ type }) => type)).toEqual([
      'mentalPlan.created',
      'task.created',
      'task.changed',
    ]);
    setDate(addDays(TODAY, 1));
    await ann.ok('PATCH', `/outherTasks/${task}`, { status: true, title: 'Swim' });
    expect(await facts(ann)).toHaveLength(1);
    expect(await doneOn()).toBe(TODAY);
    await ann.ok('PATCH', `/outherTasks/${task}`, { status: false });
    expect(await doneOn()).toBeNull();
    expect((await facts(ann)).at(-1)).toMatchObject({ date: addDays(TODAY, 1), sums: { tasks: -1 } });
    expect(await history(ann)).toMatchObject([{ date: addDays(TODAY, 1), tasks: -1 }, { tasks: 1 }]);
    await expectConsistent(ann);
  });

  test('#591 a day takes back only what it has finished itself', async () => {
    const ann = await newPerson();
    const task = await ann.newTask();
    await ann.ok('PATCH', `/outherTasks/${task}`, { status: true });
    await ann.ok('POST', `/users/me/days/${TODAY}`, { tasks: [task] });
    await ann.ok('POST', `/users/me/days/${TODAY}/reopen`);
    const { body } = await ann.send('GET', '/outherTasks?status=true');
    expect(body).toMatchObject([{ id: task }]);
    await expectConsistent(ann);
  });
});

describe('at once', () => {
  test('#592 20 PATCHes of each number leave as many facts as there were changes, in one chain', async () => {
    const ann = await newPerson();
    const [book, task] = [await ann.add({ volume: 100 }), await ann.newTask()];
    const twenty = (path: string, body: (n: number) => object) =>
      Promise.all(Array.from({ length: 20 }, (_, n) => ann.ok('PATCH', path, body(n))));
    await Promise.all([
      twenty(`/mentalPlans/${ann.mental}`, (n) => ({ progress: 30 + (n % 3) })),
      twenty(`/resources/${book}`, (n) => ({ progress: 50 + (n % 5) })),
      twenty(`/outherTasks/${task}`, (n) => ({ status: n % 2 === 0 })),
      twenty(`/resources/${book}`, () => ({ progress: 50 })),
    ]);
    const changed = (await facts(ann)).flatMap(({ counters }) => counters);
    expect(changed.every(({ before, after }) => before !== after)).toBe(true);
    await expectConsistent(ann);
  });
});

test('#595 facts are those that the rules make of the same PATCHes, to the last digit', async () => {
  const ann = await newPerson();
  const older = ann.mental;
  const current = await ann.newPlan();
  const random = randomOf(595);
  const resources = { chapter: 20, page: 300, minute: 90, lesson: 8 };
  const links: Link[] = [];
  for (const [unit, volume] of Object.entries(resources)) {
    const id = await ann.add({ unit, volume });
    links.push({
      ...{ id, mental_plan_id: current, type: 'book', name: 'SICP', volume, progress: 0 },
      unit: unit as Link['unit'],
    });
  }
  const world = new DayWorld().set({
    today: TODAY,
    links,
    mental_plans: [older, current].map((id) => ({ id, days_left: 20, deadline: null })),
    tasks: [
      {
        ...{ id: await ann.newTask(), title: 'Shop', status: false, done_on: null },
        ...{ due_on: null, series: null },
      },
    ],
  });
  const task_id = world.tasks[0]?.id as number;
  const acts: (() => [path: string, body: object, action: Action])[] = [
    () => {
      const { id, volume } = random.pick(links);
      const progress = random.pick([random.next() * volume, random.int(0, volume * 40) / 40]);
      const action = { type: 'progress', resource_id: id, mental_plan_id: current, progress } as const;
      return [`/resources/${id}`, { progress }, action];
    },
    () => {
      const days_left = random.int(17, 20);
      const plan_id = random.pick([older, current]);
      return [`/mentalPlans/${plan_id}`, { progress: days_left }, { type: 'days_left', plan_id, days_left }];
    },
    () => {
      const status = random.oneIn(2);
      return [`/outherTasks/${task_id}`, { status }, { type: 'task', task_id, status }];
    },
  ];
  for (let n = 0; n < 150; n++) {
    const [path, body, action] = random.pick([acts[0], ...acts] as typeof acts)();
    await ann.ok('PATCH', path, body);
    world.act(TODAY, action);
  }
  expect(world.facts.length).toBeGreaterThan(90);
  expect(await facts(ann)).toEqual(world.facts.map(({ seq: _, ...fact }) => fact));
  const [row] = await history(ann);
  const {
    done: _,
    skipped: __,
    workouts: ___,
    kcal_per_kg: ____,
    ...sums
  } = world.rows.get(TODAY)?.sums ?? NO_SUMS;
  expect(row).toMatchObject(sums);
  await expectConsistent(ann);
});

test('#593 200 random acts of old and new clients: what the tables hold is what the facts say', async () => {
  const ann = await newPerson();
  const random = randomOf(593);
  const plan = await ann.ok('POST', '/physicalPlans', {
    ...{ age: 30, height: 180, gender: 'male', weight: 80, goal: 'lose', level: 3, seed: 593 },
  });
  // Those of the plan, and those that may take their places.
  const chains = ['squat', 'bridge', 'push_up'].map((chain) =>
    CATALOGUE.filter((one) => one.chain === chain && one.level <= 4),
  );
  const plans = [ann.mental];
  const resources = [
    await ann.add({}),
    await ann.add({ unit: 'page', volume: 300 }),
    await ann.add({ type: 'video', volume: 90 }),
    await ann.add({ type: 'course', volume: 8 }),
  ];
  const tasks = [await ann.newTask(), await ann.newTask(), await ann.newTask(true)];
  let date = TODAY;
  const some = <T>(list: readonly T[]) => random.shuffled(list).slice(0, random.int(0, list.length));
  const content = () => ({
    workout: random.oneIn(3)
      ? null
      : {
          plan_id: plan.data.id,
          exercises: random
            .shuffled(chains.flat())
            .slice(0, 6)
            .map(({ id: exercise_id }) => ({ exercise_id, done: Array(4).fill(random.int(0, 60)) })),
        },
    resources: some(resources).map((resource_id) => ({ resource_id, delta: random.pick([0.1, 0.25, 1, 2]) })),
    tasks: some(tasks),
  });
  const swap = () => {
    const [one, other] = random.shuffled(random.pick(chains)) as [CatalogueExercise, CatalogueExercise];
    const [to, from] = one.chain_order < other.chain_order ? [one, other] : [other, one];
    return { exercise_id: random.oneIn(4) ? to.id : from.id, to: random.oneIn(4) ? from.id : to.id };
  };
  const day = () => `/users/me/days/${addDays(date, -random.int(0, 3))}`;
  const book = () => `/resources/${random.pick(resources)}`;
  const mental = () => `/mentalPlans/${random.pick(plans)}`;
  const acts: [method: string, path: () => string, body: () => object][] = [
    ['POST', day, content],
    ['POST', day, content],
    ['PUT', day, content],
    ['POST', () => `${day()}/reopen`, () => ({})],
    ['POST', () => `${day()}/skip`, () => ({})],
    ['PATCH', () => `/physicalPlans/${plan.data.id}`, () => ({ day: random.int(1, 7) })],
    ['POST', () => `/physicalPlans/${plan.data.id}/swap`, swap],
    ['POST', () => `/physicalPlans/${plan.data.id}/swap`, swap],
    ['PATCH', mental, () => ({ progress: random.int(0, 20) })],
    ['PATCH', mental, () => ({ progress: random.int(15, 20), resource_list: some(resources) })],
    ['PATCH', mental, () => ({ deadline: random.oneIn(3) ? addDays(date, 9) : null, progress: 12 })],
    ['PATCH', book, () => ({ progress: random.int(0, 800) / 100 })],
    ['PATCH', book, () => ({ progress: random.int(0, 8) })],
    ['PATCH', book, () => ({ volume: random.int(4, 400) })],
    ['PATCH', book, () => ({ unit: random.pick(['page', 'chapter', 'lesson', 'minute']), progress: 4 })],
    ['PATCH', () => `/outherTasks/${random.pick(tasks)}`, () => ({ status: random.oneIn(2) })],
    ['PATCH', () => '/users/me/profile', () => ({ minutes_per_page: random.int(1, 600) / 10 + 0.2 })],
  ];
  const said = new Map<number, number>();
  for (let n = 0; n < 200; n++) {
    if (random.oneIn(12)) {
      date = addDays(date, 1);
      setDate(date);
    }
    if (n === 100) plans.push(await ann.newPlan(resources));
    const [method, path, body] = random.pick(acts);
    const { status, text } = await ann.send(method, path(), body());
    expect([200, 201, 400, 404, 409], text).toContain(status);
    said.set(status, (said.get(status) ?? 0) + 1);
    if (n % 20 === 0) await expectRebuilt(api.database.db, ann.id);
  }
  await expectConsistent(ann);
  // Most of it has moved something, of every kind.
  expect(said.get(200)).toBeGreaterThan(100);
  expect(new Set((await facts(ann)).map(({ kind }) => kind))).toEqual(
    new Set([
      'day.done',
      'day.corrected',
      'day.reopened',
      'day.skipped',
      'plan.adjusted',
      'plan.swapped',
      'days_left.adjusted',
      'progress.adjusted',
      'task.adjusted',
    ]),
  );
});
