// Sixty days of four people over the typed client, with a clock that is set: they travel, miss, skip and correct days,
// weigh themselves, one is offline for five days, and one trains by a plan that was made for a level. What the server keeps is held against a recount of the script's own list, which
// knows nothing of the server's rules, and against what the facts alone make.
import { describe, expect, test } from 'vitest';
import { createClient, type RouterInputs, type RouterOutputs } from '../../client/src/index.ts';
import { startApp } from './harness.ts';
import { type Random, randomOf } from './random.ts';
import { expectRebuilt } from './rebuilt.ts';

type Today = RouterOutputs['day']['today'];
type Content = Omit<RouterInputs['day']['complete'], 'date'>;
type PlannedExercise = NonNullable<Today['workout']>['exercises'][number];

const DAYS = 60;
const FIRST = Date.UTC(2026, 2, 10);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Traveller {
  readonly name: string;
  readonly dayStart: number;
  /** The zone from a day of the simulation on, and the hour in UTC at which the person acts there. */
  readonly stays: readonly { readonly from: number; readonly zone: string; readonly hour: number }[];
  /** Whether an older client is used on even days: it moves numbers by PATCHes, and says nothing of what was done. */
  readonly usesOldClient?: boolean;
  /** Whether the workouts are made for a level, with other exercises on other days of the week. */
  readonly level?: number;
  /** Days without a network: what was done is sent afterwards, in any order and twice. */
  readonly offline: readonly [first: number, last: number] | undefined;
}

const PEOPLE: readonly Traveller[] = [
  {
    name: 'Berlin, over the change of the clocks, offline for five days',
    dayStart: 4,
    stays: [{ from: 0, zone: 'Europe/Berlin', hour: 19 }],
    offline: [25, 29],
  },
  {
    name: 'New York, Tokyo and back',
    dayStart: 0,
    stays: [
      { from: 0, zone: 'America/New_York', hour: 24 },
      { from: 20, zone: 'Asia/Tokyo', hour: 11 },
      { from: 40, zone: 'America/New_York', hour: 24 },
    ],
    offline: undefined,
  },
  {
    name: 'Chatham Islands, by an older client on even days',
    dayStart: 0,
    stays: [{ from: 0, zone: 'Pacific/Chatham', hour: 6 }],
    usesOldClient: true,
    offline: undefined,
  },
  {
    name: 'Kolkata, by a plan that was made for level 2',
    dayStart: 3,
    stays: [{ from: 0, zone: 'Asia/Kolkata', hour: 15 }],
    level: 2,
    offline: undefined,
  },
];

/** What the script knows of a date. */
interface Listed {
  readonly state: 'done' | 'skipped' | 'reported';
  readonly exercises: readonly {
    readonly exercise_id: number;
    readonly unit: 'reps' | 'seconds';
    readonly target: number;
    readonly sets: number;
    /** In each of the sets. */
    readonly done: number;
  }[];
  readonly pages: number;
  readonly minutes: number;
  readonly tasks: number;
}

const SKIPPED: Listed = { state: 'skipped', exercises: [], pages: 0, minutes: 0, tasks: 0 };

/** Where somebody stands with an exercise after what is listed, told as a person would: one step up, hold, back off. */
function stepAfter(
  list: ReadonlyMap<string, Listed>,
  { exercise_id, top }: Pick<Base, 'exercise_id' | 'top'>,
): number {
  let [k, misses] = [0, 0];
  for (const [, { exercises }] of [...list].sort(([a], [b]) => a.localeCompare(b))) {
    const one = exercises.find((exercise) => exercise.exercise_id === exercise_id);
    if (!one) continue;
    if (one.done >= one.target) [k, misses] = [Math.min(top, k + 1), 0];
    else if (misses < 2) misses++;
    else [k, misses] = [Math.max(0, k - Math.max(1, Math.ceil(top / 10))), 0];
  }
  return k;
}

const nextDate = (date: string) => new Date(Date.parse(date) + DAY_MS).toISOString().slice(0, 10);

/** The trend of weights by date, a day at a time: of the distance to the last weight nine tenths are left each day. */
function trendAfter(weights: ReadonlyMap<string, number>): number | undefined {
  let trend: number | undefined;
  let last = '';
  for (const [date, weight] of [...weights].sort(([a], [b]) => a.localeCompare(b))) {
    let distance = trend === undefined ? 0 : trend - weight;
    if (trend !== undefined) for (let at = last; at < date; at = nextDate(at)) distance *= 0.9;
    trend = weight + distance;
    last = date;
  }
  return trend;
}

const previousDate = (date: string) => new Date(Date.parse(date) - DAY_MS).toISOString().slice(0, 10);

/** Days done in a row that end at the date, going backwards: everything is due every day. */
function runAt(list: ReadonlyMap<string, Listed>, first: string, date: string): number {
  let run = 0;
  for (let at = date; at >= first; at = previousDate(at)) {
    const state = list.get(at)?.state;
    if (state === undefined) break;
    if (state !== 'skipped') run++;
  }
  return run;
}

/** What was seen of an exercise of the plan: its first target, and how much a step adds. */
interface Base {
  readonly exercise_id: number;
  readonly unit: 'reps' | 'seconds';
  readonly sets: number;
  readonly start: number;
  readonly top: number;
  step: number;
}

class Person {
  readonly list = new Map<string, Listed>();
  readonly contents = new Map<string, Content>();
  readonly random: Random;
  readonly client: ReturnType<typeof createClient>;
  readonly who: Traveller;
  #zone = '';
  readonly weights = new Map<string, number>();
  /** The days of the week with a workout. */
  slots: readonly number[] = [1, 2, 3, 4, 5, 6, 7];
  readonly #bases = new Map<number, Base>();
  #waiting: { date: string; content: Content }[] = [];
  plan = 0;
  /** What is done every day: the tasks that there have been, by their order. */
  water: { readonly id: number; readonly due: string }[] = [];
  user = { id: 0, book: 0, video: 0 };

  constructor(who: Traveller, seed: number, client: ReturnType<typeof createClient>) {
    this.who = who;
    this.random = randomOf(seed);
    this.client = client;
  }

  /** The date by a clock on the wall. */
  dateAt(now: number): string {
    return new Date(now - this.who.dayStart * HOUR_MS).toLocaleDateString('en-CA', { timeZone: this.#zone });
  }

  stayOf(day: number) {
    return this.who.stays.findLast(({ from }) => from <= day) as Traveller['stays'][number];
  }

  async begin(zone: string): Promise<void> {
    await this.#fly(zone);
    const { level } = this.who;
    const plan = await this.client.physicalPlan.create.mutate({
      goal: 'Run',
      age: 30,
      gender: 'female',
      weight: 65,
      height: 170,
      ...(level !== undefined && { level, days_per_week: 3, session_minutes: 60 }),
    });
    this.plan = plan.data.id;
    this.slots = plan.days
      .filter(({ exercises }) => exercises.length > 0)
      .map(({ day_of_week }) => day_of_week);
    // A plan's weight is one of its date.
    this.weights.set(this.dateAt(FIRST), 65);
    await this.client.mentalPlan.create.mutate({
      name: 'Spring',
      goal: 'Read',
      progress: 500,
      resource_list: [],
    });
    const [book, video] = await this.client.resource.createMany.mutate({
      resources: [
        { type: 'book', name: 'Long', description: '', volume: 5000, unit: 'page' },
        { type: 'video', name: 'Longer', description: '', volume: 5000 },
      ],
    });
    await this.client.mentalPlan.update.mutate({
      id: (await this.client.mentalPlan.list.query({}))[0]?.id as number,
      resource_list: [book as number, video as number],
    });
    this.user = { id: this.user.id, book: book as number, video: video as number };
    const { id } = await this.client.task.create.mutate({
      title: 'Water',
      due_on: this.dateAt(FIRST),
      recurrence: { freq: 'daily' },
    });
    this.water = [{ id, due: this.dateAt(FIRST) }];
  }

  async #fly(zone: string): Promise<void> {
    this.#zone = zone;
    await this.client.profile.update.mutate({ time_zone: zone, day_start: this.who.dayStart });
  }

  async act(day: number, now: number): Promise<void> {
    const { zone } = this.stayOf(day);
    if (zone !== this.#zone) await this.#fly(zone);
    const date = this.dateAt(now);
    const [from, to] = this.who.offline ?? [Number.POSITIVE_INFINITY, 0];
    const isOffline = day >= from && day <= to;
    if (day === to + 1) await this.#reconnect();
    if (!isOffline) {
      await this.#correctSome(date);
      await this.#weigh(date);
    }
    // Who has flown west has a date twice.
    if (this.list.has(date)) return;
    const chance = this.random.next();
    if (chance < 0.2 && !isOffline) return;
    if (chance < 0.25 && !isOffline) {
      await this.client.day.skip.mutate({ date });
      this.list.set(date, SKIPPED);
      return;
    }
    if (!isOffline) await this.#look(date);
    if (this.who.usesOldClient && day % 2 === 0) {
      await this.#report(date);
      return;
    }
    const content = await this.#contentOf(date, isOffline);
    if (isOffline) this.#waiting.push({ date, content });
    else {
      const answer = await this.client.day.complete.mutate({ date, ...content });
      expect(answer.day).toMatchObject({ date, state: 'done', revision: expect.any(Number) });
      this.#follow(date, content, answer.next_tasks);
    }
  }

  /** A little less each week, give or take a kilogram; the last weight of a date stands. */
  async #weigh(date: string): Promise<void> {
    if (this.random.oneIn(3)) return;
    const weight = (650 - this.weights.size + this.random.int(-10, 10)) / 10;
    this.weights.set(date, weight);
    expect(await this.client.body.add.mutate({ weight })).toMatchObject({ date, weight });
  }

  /** Who has done the last one is told of the next: the day after it was due, and after today. */
  #follow(date: string, content: Content, next: readonly { id: number; due_on: string | null }[]): void {
    const last = this.water.at(-1) as (typeof this.water)[number];
    if (!content.tasks?.includes(last.id)) expect(next).toEqual([]);
    else {
      const due = nextDate(last.due > date ? last.due : date);
      expect(next).toMatchObject([{ due_on: due }]);
      this.water.push({ id: next[0]?.id as number, due });
    }
  }

  /** What the server asks for is what the script's own count comes to. */
  async #look(date: string): Promise<void> {
    const today = await this.client.day.today.query();
    expect(today.date).toBe(date);
    const exercises = (today.workout?.exercises ?? []) as PlannedExercise[];
    for (const { exercise_id, unit, sets, target, top } of exercises)
      if (!this.#bases.has(exercise_id))
        this.#bases.set(exercise_id, { exercise_id, unit, sets, start: target, step: 0, top });
    const bases = exercises.map(({ exercise_id }) => this.#bases.get(exercise_id) as Base);
    expect(exercises.map(({ k }) => k)).toEqual(bases.map((base) => stepAfter(this.list, base)));
    // The step of an exercise is seen when it is first above its start.
    exercises.forEach(({ k, target }, index) => {
      const base = bases[index] as Base;
      if (k > 0 && k < base.top) base.step = (target - base.start) / k;
    });
    expect(today.day.streak).toBe(runAt(this.list, '2026-03-01', previousDate(date)));
  }

  async #contentOf(date: string, isOffline: boolean): Promise<Content> {
    const planned = isOffline
      ? [...this.#bases.values()].map((base) => ({
          exercise_id: base.exercise_id,
          sets: base.sets,
          target: base.start + base.step * stepAfter(this.list, base),
        }))
      : ((await this.client.day.today.query()).workout?.exercises ?? []);
    const exercises = planned.map(({ exercise_id, sets, target }) => {
      const done = this.random.next() < 0.75 ? target + this.random.int(0, 2) : Math.max(0, target - 1);
      return { exercise_id, target, done: Array<number>(sets).fill(done) };
    });
    const pages = this.random.int(1, 20);
    const minutes = this.random.int(0, 30);
    const tasks: number[] = [];
    if (!isOffline && this.random.oneIn(3))
      tasks.push((await this.client.task.create.mutate({ title: `Of ${date}` })).id);
    const water = this.water.at(-1) as (typeof this.water)[number];
    if (!isOffline && water.due <= date && this.random.oneIn(2)) tasks.push(water.id);
    const content: Content = {
      workout: { plan_id: this.plan, exercises },
      resources: [
        { resource_id: this.user.book, delta: pages },
        ...(minutes > 0 ? [{ resource_id: this.user.video, delta: minutes }] : []),
      ],
      tasks,
    };
    this.#remember(date, content);
    return content;
  }

  #remember(date: string, content: Content): void {
    this.contents.set(date, content);
    const deltaOf = (id: number) =>
      content.resources?.find(({ resource_id }) => resource_id === id)?.delta ?? 0;
    this.list.set(date, {
      state: 'done',
      exercises: (content.workout?.exercises ?? []).map(({ exercise_id, target = 0, done }) => ({
        exercise_id,
        unit: this.#bases.get(exercise_id)?.unit ?? 'reps',
        target,
        sets: done.length,
        done: done[0] as number,
      })),
      pages: deltaOf(this.user.book),
      minutes: deltaOf(this.user.video),
      tasks: content.tasks?.length ?? 0,
    });
  }

  /** As the production client ends a day: the next day of the plan, the pages that were read, one day less. */
  async #report(date: string): Promise<void> {
    const asked = (await this.client.day.today.query()).workout?.exercises ?? [];
    const { data: plan } = await this.client.physicalPlan.byUser.query({ id: this.user.id });
    const next = plan.day < 7 ? { day: plan.day + 1 } : { day: 1, progress: plan.progress + 7 };
    await this.client.physicalPlan.update.mutate({ id: this.plan, ...next });
    // A page that is stale sends it again, and changes nothing by that.
    await this.client.physicalPlan.update.mutate({ id: this.plan, day: next.day });
    const { data: mental, resources } = await this.client.mentalPlan.byUser.query({ id: this.user.id });
    const pages = this.random.int(1, 20);
    const progress = resources.find(({ resource }) => resource.id === this.user.book)?.progress ?? 0;
    await this.client.resource.update.mutate({ id: this.user.book, progress: progress + pages });
    await this.client.mentalPlan.update.mutate({ id: mental.id, progress: mental.progress - 1 });
    // Each exercise of the day counts as met: as done as it was asked for.
    const exercises = asked.map(({ exercise_id, unit, sets, target }) => ({
      exercise_id,
      unit,
      target,
      sets,
      done: target,
    }));
    this.list.set(date, { state: 'reported', exercises, pages, minutes: 0, tasks: 0 });
  }

  async #reconnect(): Promise<void> {
    for (const { date, content } of this.random.shuffled([...this.#waiting, ...this.#waiting]))
      await this.client.day.complete.mutate({ date, ...content });
  }

  /** One day in ten turns out to have been another: one exercise, and what was read. */
  async #correctSome(today: string): Promise<void> {
    const date = previousDate(today);
    const content = this.contents.get(date);
    if (!content?.workout || !this.random.oneIn(10)) return;
    const at = this.random.int(0, content.workout.exercises.length - 1);
    const missing = this.random.int(0, 1);
    const exercises = content.workout.exercises.map((one, index) =>
      index === at ? { ...one, done: one.done.map(() => (one.target ?? 0) - missing) } : one,
    );
    const corrected: Content = {
      workout: { ...content.workout, exercises },
      resources: [{ resource_id: this.user.book, delta: this.random.int(1, 20) }],
      tasks: this.random.oneIn(2) ? content.tasks : [],
    };
    const { day } = await this.client.day.correct.mutate({ date, ...corrected });
    expect(day.state).toBe('done');
    this.#remember(date, corrected);
  }
}

describe('sixty days', async () => {
  let now = FIRST;
  const api = await startApp({ now: () => new Date(now) });
  const url = await api.app.listen({ port: 0, host: '127.0.0.1' });

  const statuses = new Map<number, number>();
  const counted: typeof fetch = async (...request) => {
    const answer = await fetch(...request);
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    return answer;
  };

  const people: Person[] = [];
  for (const [index, who] of PEOPLE.entries()) {
    const { token, id } = await api.register();
    const person = new Person(who, 4400 + index, createClient({ url, token, fetch: counted }));
    person.user = { ...person.user, id };
    now = FIRST;
    await person.begin(who.stays[0]?.zone as string);
    people.push(person);
  }
  for (let day = 0; day < DAYS; day++) {
    const acts = people.map((person) => ({
      person,
      at: FIRST + day * DAY_MS + person.stayOf(day).hour * HOUR_MS,
    }));
    for (const { person, at } of acts.sort((a, b) => a.at - b.at)) {
      now = at;
      await person.act(day, at);
    }
  }

  test.each(people.map((person) => [person.who.name, person] as const))('#642 %s', async (_, person) => {
    const { client, list } = person;
    now = FIRST + DAYS * DAY_MS + person.stayOf(DAYS).hour * HOUR_MS;
    const today = person.dateAt(now);
    const days = [...list.values()];
    const sum = (of: (one: Listed) => number) => days.reduce((all, one) => all + of(one), 0);
    const amountOf = (unit: 'reps' | 'seconds') => (one: Listed) =>
      one.exercises.reduce((all, { unit: own, sets, done }) => all + (own === unit ? sets * done : 0), 0);
    const done = days.filter(({ state }) => state !== 'skipped').length;
    const summary = await client.history.summary.query();
    expect(summary.all).toMatchObject({
      done,
      skipped: days.length - done,
      workouts: done,
      reps: sum(amountOf('reps')),
      hold_s: sum(amountOf('seconds')),
      pages: sum(({ pages }) => pages),
      minutes: sum(({ minutes }) => minutes),
      tasks: sum(({ tasks }) => tasks),
    });
    const first = [...list.keys()].sort()[0] as string;
    const last = [...list.keys()].sort().at(-1) as string;
    const runs = [...list.keys()].map((date) => runAt(list, first, date));
    expect(summary.streak).toMatchObject({
      current: list.has(today) ? runAt(list, first, today) : runAt(list, first, previousDate(today)),
      best: Math.max(...runs),
    });
    expect(summary.since).toBe(first);

    const history = await client.history.days.query({ limit: 366 });
    expect(history.map(({ date }) => date)).toEqual([...list.keys()].sort().reverse());
    expect(history.every(({ state, date }) => state === list.get(date)?.state)).toBe(true);
    expect(last <= today).toBe(true);

    const plan = (await client.physicalPlan.byUser.query({ id: person.user.id })).data;
    const { slots, weights } = person;
    expect([plan.day, plan.progress]).toEqual([
      slots[done % slots.length],
      7 * Math.floor(done / slots.length),
    ]);
    const { points } = await client.body.trend.query({ days: 366 });
    expect(Object.fromEntries(points.map(({ date, weight }) => [date, weight]))).toEqual(
      Object.fromEntries(weights),
    );
    expect(points.at(-1)?.trend).toBeCloseTo(trendAfter(weights) as number, 3);
    expect(summary.weight?.trend).toBeCloseTo(trendAfter(weights) as number, 3);
    expect(plan.weight).toBe(weights.get([...weights.keys()].sort().at(-1) as string));
    const mental = await client.mentalPlan.byUser.query({ id: person.user.id });
    expect(mental.data.progress).toBe(500 - done);
    expect(mental.resources.map(({ progress }) => progress)).toEqual([
      sum(({ pages }) => pages),
      sum(({ minutes }) => minutes),
    ]);
    const watered = (await client.task.list.query({ limit: 500 })).filter(
      ({ series_id }) => series_id !== null,
    );
    expect(watered.map(({ id, due_on: due }) => ({ id, due })).reverse()).toEqual(person.water);
    expect(person.water.length).toBeGreaterThan(5);
    await expectRebuilt(api.database.db, person.user.id);
    console.log(
      `${person.who.name}: ${done} done, ${days.length - done} skipped, best run ${summary.streak.best}, ${sum(({ pages }) => pages)} pages, ${weights.size} weights, trend ${summary.weight?.trend}`,
    );
  });

  test('#642 each call was answered with success', () => {
    expect([...statuses.keys()].filter((status) => ![200, 207].includes(status))).toEqual([]);
  });
});
