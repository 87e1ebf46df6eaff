import { expect, test } from 'vitest';
import { complete, DayWorld, moved, NONE } from '../../test/dayWorld.ts';
import { DEFAULT_PLAN, THE_EIGHT } from '../../test/defaultPlan.ts';
import { randomOf } from '../../test/random.ts';
import { addDays } from './calendar.ts';
import type { Action, Content } from './day/action.ts';
import type { DayTask } from './day/state.ts';
import { rebuild } from './rebuild.ts';

// #465: reopening a completed day gives back every counter, and what an adjustment has set since stays
// #466: after any actions in any order, what was kept step by step is what the facts give

const DATE = '2026-03-02';

/** The tasks that somebody sees: those that were there at first, and the latest of those that recur. */
const idsOf = ({ tasks }: DayWorld) =>
  [...tasks.slice(0, 3), ...tasks.slice(3).slice(-4)].map(({ id }) => id);

/** Two tasks that recur, beside two that do not. */
const TASKS: readonly DayTask[] = [1, 2, 3, 4].map((id) => ({
  ...{ id, title: `Task ${id}`, status: false, done_on: null },
  due_on: id < 3 ? null : DATE,
  series:
    id < 3
      ? null
      : {
          id,
          title: `Task ${id}`,
          recurrence:
            id === 3 ? { freq: 'daily', interval: 2 } : { freq: 'weekly', interval: 1, weekdays: [2, 5] },
          ...{ anchor: DATE, latest: null, latest_open: null },
        },
}));

/** Something that any device may do. */
function randomAction(random: ReturnType<typeof randomOf>, world: DayWorld, targets: boolean): Action {
  const exercise = (id: number) => {
    const { start, end, step } = THE_EIGHT[id - 1] as (typeof THE_EIGHT)[number];
    const target = Math.min(end, start + step * random.int(0, 4));
    return { exercise_id: id, done: [random.int(1, 30)], ...((targets || random.oneIn(3)) && { target }) };
  };
  const content = (): Content => ({
    workout: random.oneIn(4)
      ? null
      : {
          plan_id: random.pick(world.plans).id,
          exercises: random.shuffled([1, 2, 3, 4]).slice(0, random.int(1, 4)).map(exercise),
        },
    resources: random
      .shuffled([1, 2, 3])
      .slice(0, random.int(0, 3))
      .map((resource_id) =>
        random.oneIn(3)
          ? { resource_id, progress: random.int(0, 12) }
          : { resource_id, delta: random.int(-3, 6) / random.pick([1, 4, 10]) || 1 },
      ),
    tasks: random.shuffled(idsOf(world)).slice(0, random.int(0, 2)),
  });
  const plan = random.pick(world.plans);
  return random.pick<() => Action>([
    () => ({ type: 'complete', content: content() }),
    () => ({ type: 'complete', content: content() }),
    () => ({ type: 'complete', content: content() }),
    () => ({ type: 'correct', content: content() }),
    () => ({ type: 'skip', ...(random.oneIn(3) && { until: addDays(world.today, random.int(0, 5)) }) }),
    () => ({ type: 'reopen' }),
    () => ({
      type: 'plan',
      plan_id: plan.id,
      day: (plan.day % 7) + 1,
      progress: plan.progress + (plan.day === 7 ? 7 : 0),
    }),
    () => ({ type: 'plan', plan_id: plan.id, day: random.int(1, 7), progress: random.int(0, 20) }),
    () => ({ type: 'days_left', plan_id: world.mental_plans.at(-1)?.id ?? 1, days_left: random.int(0, 30) }),
    () => ({
      type: 'progress',
      resource_id: random.int(1, 3),
      mental_plan_id: 1,
      progress: random.int(0, 48) / 4,
      ...(random.oneIn(4) && { reason: 'unlinked' as const }),
    }),
    () => ({ type: 'task', task_id: random.pick(idsOf(world)), status: random.oneIn(2) }),
  ])();
}

const ADJUSTMENTS = ['plan', 'days_left', 'progress', 'task'];

/** 200 actions of devices of which some come late. */
function randomRun(seed: number): DayWorld {
  const random = randomOf(seed);
  const world = new DayWorld().set({
    plans: [
      { ...DEFAULT_PLAN, day: random.int(1, 7), progress: random.int(0, 9), generated: random.oneIn(2) },
      {
        ...DEFAULT_PLAN,
        id: 2,
        schedule: random.pick(['sequence', 'weekday']),
        slots: DEFAULT_PLAN.slots.map((slot) => (slot.slot % 2 ? slot : { ...slot, exercises: [] })),
      },
    ],
    tasks: [...TASKS],
    schedules: [
      { from_date: '2026-02-20', training: random.int(0, 127), study: random.int(0, 127) },
      { from_date: '2026-03-10', training: random.int(0, 127), study: 0 },
    ],
  });
  for (let n = 0; n < 200; n++) {
    if (random.oneIn(3)) world.today = addDays(world.today, random.oneIn(12) ? random.int(1, 25) : 1);
    const action = randomAction(random, world, false);
    const late = random.oneIn(2) ? 0 : random.int(-30, 1);
    const date = ADJUSTMENTS.includes(action.type) ? world.today : addDays(world.today, late);
    world.act(date, action);
  }
  return world;
}

test('#466 200 random actions, 40 times: what is kept step by step is what the facts give', () => {
  let facts = 0;
  let recurring = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const world = randomRun(seed);
    world.expectRebuilt();
    facts += world.facts.length;
    for (const series_id of [3, 4]) {
      const own = world.tasks.filter(({ series }) => series?.id === series_id);
      const last = own.reduce((a, b) => ((a.due_on ?? '') > (b.due_on ?? '') ? a : b));
      expect(last.status).toBe(false);
      recurring += own.length;
    }
    for (const { k, opening_k } of world.progressions) {
      expect(k).toBeGreaterThanOrEqual(0);
      expect(opening_k).toBeGreaterThanOrEqual(0);
    }
    const again = rebuild(world.facts, world.schedules);
    expect(rebuild([...world.facts].reverse(), world.schedules)).toEqual(again);
  }
  expect(facts).toBeGreaterThan(3_000);
  expect(recurring).toBeGreaterThan(400);
});

test('#466 facts that do not follow each other are named', () => {
  const world = new DayWorld();
  world.act(DATE, complete({ resources: [{ resource_id: 1, delta: 2 }] }));
  world.links[0] = { ...(world.links[0] as (typeof world.links)[number]), progress: 5 };
  world.act(addDays(DATE, 1), complete({ resources: [{ resource_id: 1, delta: 2 }] }));
  const found = rebuild(world.facts, world.schedules).counters.find(({ of }) => of === 'resource');
  expect(found).toEqual({
    of: 'resource',
    id: 1,
    plan_id: 1,
    value: 7,
    date: addDays(DATE, 1),
    breaks: [{ seq: 2, expected: 2, found: 5 }],
  });
});

test('#465 completing and reopening gives back every counter, whatever was there before', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = randomRun(1_000 + seed);
    const random = randomOf(seed);
    for (let n = 0; n < 10; n++) {
      world.today = addDays(world.today, 1);
      const stands = () => [world.plans, world.mental_plans, world.links, world.tasks.slice(0, known)];
      const known = world.tasks.length;
      const before = structuredClone(stands());
      const k = () =>
        world.progressions
          .toSorted((a, b) => a.plan_id - b.plan_id || a.exercise_id - b.exercise_id)
          .map(({ plan_id, exercise_id, ...p }) => [plan_id, exercise_id, p]);
      const opened = new Set(world.progressions.map(({ plan_id }) => plan_id));
      const kBefore = k().filter(([plan_id]) => opened.has(plan_id as number));
      const outcome = world.act(world.today, { type: 'complete', content: randomComplete(random, world) });
      if (!('moves' in outcome)) continue;
      if (random.oneIn(2))
        world.act(world.today, { type: 'correct', content: randomComplete(random, world) });
      moved(world.act(world.today, { type: 'reopen' }));
      // The tasks that came next are kept.
      expect(stands()).toEqual(before);
      expect(k().filter(([plan_id]) => opened.has(plan_id as number))).toEqual(kBefore);
    }
    world.expectRebuilt();
  }
});

function randomComplete(random: ReturnType<typeof randomOf>, world: DayWorld): Content {
  for (;;) {
    const action = randomAction(random, world, false);
    if (action.type === 'complete') return action.content;
  }
}

test('#466 with targets given, k is the same in any order of arrival', () => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = randomOf(seed);
    const dates = Array.from({ length: 25 }, (_, at) => addDays(DATE, -at)).filter(() => !random.oneIn(4));
    const given = dates.map((date) => ({
      date,
      content: {
        ...NONE,
        workout: {
          plan_id: 1,
          exercises: random
            .shuffled(THE_EIGHT)
            .slice(0, 4)
            .map(({ id, start, step }) => ({
              exercise_id: id,
              done: [start + random.int(-1, 2)],
              target: start + step * random.int(0, 1),
            })),
        },
      },
    }));
    const ks = [given, random.shuffled(given), random.shuffled(given)].map((list) => {
      const world = new DayWorld().set({ plans: [{ ...DEFAULT_PLAN, generated: true }] });
      for (const { date, content } of list) {
        moved(world.act(date, { type: 'complete', content }));
        // A device that sends twice, and one that takes back and sends again, change nothing of it.
        if (random.oneIn(4)) world.act(date, { type: 'reopen' });
        world.act(date, { type: 'complete', content });
      }
      world.expectRebuilt();
      return world.progressions
        .toSorted((a, b) => a.exercise_id - b.exercise_id)
        .map(({ exercise_id, k, misses, held, last_date }) => [exercise_id, k, misses, held, last_date]);
    });
    expect(ks[1]).toEqual(ks[0]);
    expect(ks[2]).toEqual(ks[0]);
  }
});
