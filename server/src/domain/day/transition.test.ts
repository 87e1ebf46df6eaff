import { describe, expect, test } from 'vitest';
import { complete, correct, DayWorld, moved, NONE, refusal } from '../../../test/dayWorld.ts';
import { DEFAULT_PLAN, THE_EIGHT } from '../../../test/defaultPlan.ts';
import { addDays } from '../calendar.ts';
import type { TrainingPlan } from '../workout.ts';
import type { Action, Content } from './action.ts';

// #462: one function makes of a state and an action what the tables say: complete, correct, skip, reopen and old PATCHes
// #463: a content is refused with the path of what is wrong, or by the first that is not the caller's
// #464: an old PATCH and a new complete of one date count once

const DATE = '2026-03-02';
const PUSH_UPS: Content['workout'] = { plan_id: 1, exercises: [{ exercise_id: 1, done: [5] }] };
const TASK: Content = { ...NONE, tasks: [1] };

const patch = (day: number, progress: number): Action => ({ type: 'plan', plan_id: 1, day, progress });

/** A world whose day of DATE is in the state. */
function worldWith(state: string): DayWorld {
  const world = new DayWorld();
  if (state === 'reported') world.act(DATE, patch(2, 0));
  if (state === 'done') world.act(DATE, complete({ tasks: [1] }));
  if (state === 'skipped') world.act(DATE, { type: 'skip' });
  if (state === 'reopened') {
    world.act(DATE, complete({ tasks: [1] }));
    world.act(DATE, { type: 'reopen' });
  }
  return world;
}

describe('#462 what each action makes of a date', () => {
  test.each([
    ['open', complete(TASK), 'done', 1],
    ['reopened', complete(TASK), 'done', 3],
    ['reported', complete(TASK), 'done', 2],
    ['skipped', complete(TASK), 'done', 2],
    ['done', complete(TASK), 'nothing', 1],
    ['done', complete({ tasks: [2] }), 'DAY_DONE', 1],
    ['open', correct(TASK), 'DAY_NOT_DONE', 0],
    ['reopened', correct(TASK), 'DAY_NOT_DONE', 2],
    ['reported', correct(TASK), 'DAY_NOT_DONE', 1],
    ['skipped', correct(TASK), 'DAY_NOT_DONE', 1],
    ['done', correct(TASK), 'nothing', 1],
    ['done', correct({ tasks: [2] }), 'done', 2],
    ['open', { type: 'skip' }, 'skipped', 1],
    ['reopened', { type: 'skip' }, 'skipped', 3],
    ['reported', { type: 'skip' }, 'DAY_DONE', 1],
    ['done', { type: 'skip' }, 'DAY_DONE', 1],
    ['skipped', { type: 'skip' }, 'nothing', 1],
    ['open', { type: 'reopen' }, 'nothing', 0],
    ['reopened', { type: 'reopen' }, 'nothing', 2],
    ['reported', { type: 'reopen' }, 'open', 2],
    ['done', { type: 'reopen' }, 'open', 2],
    ['skipped', { type: 'reopen' }, 'open', 2],
    ['open', patch(2, 0), 'reported', 1],
    ['skipped', patch(2, 0), 'reported', 2],
    ['done', patch(2, 0), 'done', 2],
    ['open', patch(5, 0), 'open', 0],
    ['open', patch(1, 0), 'nothing', 0],
  ] as [string, Action, string, number][])(
    '%s day, %j: %s, revision %d',
    (from, action, expected, revision) => {
      const world = worldWith(from);
      const outcome = world.act(DATE, action);
      const said =
        refusal(outcome)?.code ?? ('nothing' in outcome ? 'nothing' : moved(outcome).moves[0]?.day.state);
      expect(said).toBe(expected);
      expect(world.rows.get(DATE)?.revision ?? 0).toBe(revision);
      world.expectRebuilt();
    },
  );

  test('If-Match goes before all else, and 0 is an untouched date', () => {
    const world = worldWith('open');
    const unmatched = { ...complete({ tasks: [99] }), if_match: [1, 2] } as Action;
    expect(refusal(world.act('2020-01-01', unmatched))).toEqual({ code: 'PRECONDITION_FAILED' });
    moved(world.act(DATE, { ...complete(TASK), if_match: [0] } as Action));
    expect(refusal(world.act(DATE, { type: 'skip', if_match: [0] }))?.code).toBe('PRECONDITION_FAILED');
  });

  test('a repeat in another order, with another target and as an absolute number is the same', () => {
    const world = new DayWorld();
    const exercises = [
      { exercise_id: 1, done: [5], target: 5 },
      { exercise_id: 2, done: [9] },
    ];
    const content: Content = {
      workout: { plan_id: 1, exercises },
      resources: [
        { resource_id: 1, delta: 2 },
        { resource_id: 2, progress: 40 },
      ],
      tasks: [1, 2],
    };
    moved(world.act(DATE, complete(content)));
    const again: Content = {
      workout: {
        plan_id: 1,
        exercises: [
          { exercise_id: 2, done: [9] },
          { exercise_id: 1, done: [5], target: 25 },
        ],
      },
      resources: [
        { resource_id: 2, delta: 30 },
        { resource_id: 1, progress: 2 },
      ],
      tasks: [2, 1, 2],
    };
    expect(world.act(DATE, complete(again))).toEqual({ nothing: true });
    expect(world.act(DATE, correct(again))).toEqual({ nothing: true });
    const other = { ...again, workout: { plan_id: 1, exercises: [{ exercise_id: 2, done: [9] }] } };
    expect(refusal(world.act(DATE, complete(other)))?.code).toBe('DAY_DONE');
  });

  test('a skip until a date passes over what is done, and is one fact a date', () => {
    const world = new DayWorld();
    world.act('2026-03-03', complete(TASK));
    world.act('2026-03-05', { type: 'skip' });
    const until = addDays(DATE, 5);
    const { moves } = moved(world.act(DATE, { type: 'skip', until }));
    expect(moves.map(({ day }) => day.date)).toEqual([
      '2026-03-02',
      '2026-03-04',
      '2026-03-06',
      '2026-03-07',
    ]);
    expect(world.act(DATE, { type: 'skip', until })).toEqual({ nothing: true });
    expect(refusal(world.act('2026-03-03', { type: 'skip', until }))?.code).toBe('DAY_DONE');
    world.expectRebuilt();
  });
});

describe('#463 refusals', () => {
  const target = (value: number): Partial<Content> => ({
    workout: {
      plan_id: 1,
      exercises: [
        { exercise_id: 2, done: [1] },
        { exercise_id: 1, done: [5], target: value },
      ],
    },
  });
  test.each([
    [complete({ resources: [{ resource_id: 1, delta: 12.5 }] }), 'VALIDATION', 'resources.0.delta'],
    [
      complete({
        resources: [
          { resource_id: 1, delta: 1 },
          { resource_id: 2, delta: -11 },
        ],
      }),
      'VALIDATION',
      'resources.1.delta',
    ],
    [complete({ resources: [{ resource_id: 1, progress: 13 }] }), 'VALIDATION', 'resources.0.progress'],
    [
      complete({
        resources: [
          { resource_id: 1, delta: 1 },
          { resource_id: 1, delta: 1 },
        ],
      }),
      'VALIDATION',
      'resources.1.resource_id',
    ],
    [complete(target(6)), 'VALIDATION', 'workout.exercises.1.target'],
    [complete(target(27)), 'VALIDATION', 'workout.exercises.1.target'],
    [
      complete({
        workout: {
          plan_id: 1,
          exercises: [
            { exercise_id: 1, done: [1] },
            { exercise_id: 1, done: [1] },
          ],
        },
      }),
      'VALIDATION',
      'workout.exercises.1.exercise_id',
    ],
    [complete({}), 'VALIDATION', ''],
    [complete({ workout: { plan_id: 1, exercises: [{ exercise_id: 1, done: [0, 0] }] } }), 'VALIDATION', ''],
    [{ type: 'skip', until: addDays(DATE, -1) }, 'VALIDATION', 'until'],
    [{ type: 'skip', until: addDays(DATE, 31) }, 'VALIDATION', 'until'],
    [
      complete({
        workout: { plan_id: 9, exercises: [{ exercise_id: 99, done: [1] }] },
        resources: [{ resource_id: 9, delta: 1 }],
        tasks: [9],
      }),
      'NOT_FOUND',
      'Physical plan',
    ],
    [
      complete({
        workout: { plan_id: 1, exercises: [{ exercise_id: 99, done: [1] }] },
        resources: [{ resource_id: 9, delta: 1 }],
        tasks: [9],
      }),
      'NOT_FOUND',
      'Exercise',
    ],
    [complete({ resources: [{ resource_id: 9, delta: 1 }], tasks: [9] }), 'NOT_FOUND', 'Resource'],
    [complete({ tasks: [1, 9] }), 'NOT_FOUND', 'Task'],
    [{ type: 'plan', plan_id: 9, day: 1, progress: 0 }, 'NOT_FOUND', 'Physical plan'],
    [{ type: 'days_left', plan_id: 9, days_left: 1 }, 'NOT_FOUND', 'Mental plan'],
    [{ type: 'task', task_id: 9, status: true }, 'NOT_FOUND', 'Task'],
    [{ type: 'progress', resource_id: 1, mental_plan_id: 9, progress: 1 }, 'NOT_FOUND', 'Resource'],
  ] as [Action, string, string][])('%j is %s %s', (action, code, about) => {
    const found = refusal(new DayWorld().act(DATE, action));
    expect([found?.code, found?.path ?? found?.what]).toEqual([code, about]);
  });

  test.each([
    [complete(TASK), -30, 1],
    [correct(TASK), -30, 1],
    [{ type: 'reopen' }, -30, 1],
    [{ type: 'skip' }, -30, 30],
  ] as [Action, number, number][])('%j from %d to %d days from today', (action, first, last) => {
    const world = new DayWorld();
    // At noon in UTC it is 2 o'clock of the next day in UTC+14.
    const at = (days: number) => refusal(world.act(addDays(DATE, days), action));
    for (const days of [first - 1, last + 1])
      expect(at(days)).toEqual({ code: 'VALIDATION', path: 'date', issue: 'date_not_writable' });
    for (const days of [first, last]) expect(at(days)?.code).not.toBe('VALIDATION');
  });

  test('where nothing is due, nothing done is a day', () => {
    const world = new DayWorld().set({ schedules: [] });
    expect(moved(world.act(DATE, complete({}))).moves[0]?.day.state).toBe('done');
  });
});

test('#464 the example of the old and the new client on one date', () => {
  const world = new DayWorld().set({ plans: [{ ...DEFAULT_PLAN, day: 3, progress: 7 }] });
  const content: Partial<Content> = {
    workout: {
      plan_id: 1,
      exercises: THE_EIGHT.map(({ id, end }) => ({ exercise_id: id, done: [id === 2 ? 1 : end] })),
    },
    resources: [{ resource_id: 1, delta: 2 }],
  };
  const k = () => world.progressions.map((p) => p.k);
  const steps: [Action, number, number, number, string, number, number, number][] = [
    [patch(4, 7), 4, 7, 20, 'reported', 1, 1, 10],
    [{ type: 'days_left', plan_id: 1, days_left: 19 }, 4, 7, 19, 'reported', 1, 2, 10],
    [complete(content), 4, 7, 19, 'done', 2, 3, 9],
    [complete(content), 4, 7, 19, 'done', 2, 3, 9],
    [patch(4, 7), 4, 7, 19, 'done', 2, 3, 9],
    [correct({ ...content, resources: [{ resource_id: 1, delta: 1 }] }), 4, 7, 19, 'done', 3, 4, 9],
    [{ type: 'reopen' }, 3, 7, 20, 'open', 4, 5, 9],
  ];
  for (const [action, day, progress, days_left, state, revision, facts, squats] of steps) {
    world.act(DATE, action);
    const [plan] = world.plans;
    expect([plan?.day, plan?.progress, world.mental_plans[0]?.days_left]).toEqual([day, progress, days_left]);
    expect([world.rows.get(DATE)?.state, world.rows.get(DATE)?.revision, world.facts.length]).toEqual([
      state,
      revision,
      facts,
    ]);
    expect(k()[1]).toBe(squats);
    world.expectRebuilt();
  }
  // Opened at floor(7) + 3 − 1 = 9, or at the top of a shorter ladder; reopened, each is there again.
  expect(world.progressions.toSorted((a, b) => a.exercise_id - b.exercise_id).map((p) => p.k)).toEqual([
    9, 9, 9, 8, 9, 6, 8, 9,
  ]);
  expect(world.links[0]?.progress).toBe(0);
  expect(world.plans[0]?.sessions).toBe(0);
});

test('#464 complete first, the old PATCH after it: one advance, and one step more is no second', () => {
  const world = new DayWorld();
  world.act(DATE, complete({ workout: PUSH_UPS }));
  expect(world.plans[0]?.day).toBe(2);
  expect(world.act(DATE, patch(2, 0))).toEqual({ nothing: true });
  const { moves } = moved(world.act(DATE, patch(3, 0)));
  expect(moves[0]?.fact).toMatchObject({ kind: 'plan.adjusted', reported: false });
  expect([world.plans[0]?.day, world.plans[0]?.sessions, world.rows.get(DATE)?.revision]).toEqual([3, 1, 1]);
  world.expectRebuilt();
});

test.each([
  [7, 0, 1, 7, true],
  [7, 0, 1, 0, false],
  [3, 0, 4, 7, false],
  [3, 0, 5, 0, false],
])(
  '#464 a PATCH from day %d, progress %d to %d, %d reports the day: %j',
  (day, progress, to, toProgress, reported) => {
    const world = new DayWorld().set({ plans: [{ ...DEFAULT_PLAN, day, progress }] });
    const { moves } = moved(world.act(DATE, patch(to, toProgress)));
    expect(moves[0]?.fact.reported).toBe(reported);
    expect(world.rows.get(DATE)).toMatchObject({ state: reported ? 'reported' : 'open', advanced: reported });
    world.expectRebuilt();
  },
);

test('a reported workout counts as its targets, stays beside what is completed without one, and is not in a repeat', () => {
  const world = new DayWorld();
  world.act(DATE, patch(2, 0));
  expect(world.rows.get(DATE)?.sums).toMatchObject({
    done: 1,
    workouts: 1,
    met: 8,
    exercises: 8,
    reps: 88,
    active_s: 219,
  });
  expect(world.progressions.every(({ k }) => k === 1)).toBe(true);
  world.act(DATE, complete(TASK));
  expect(world.rows.get(DATE)).toMatchObject({
    state: 'done',
    advanced: true,
    slot: 1,
    sums: { reps: 88, tasks: 1 },
  });
  expect(world.act(DATE, complete(TASK))).toEqual({ nothing: true });
  world.expectRebuilt();
});

test('resources: deltas add up, a correction goes by the difference and is clamped, and absolute ones by what was before', () => {
  const world = new DayWorld();
  const progress = () => world.links[0]?.progress;
  world.act(DATE, complete({ resources: [{ resource_id: 1, delta: 2 }] }));
  world.act(addDays(DATE, -1), complete({ resources: [{ resource_id: 1, delta: 3 }] }));
  expect(progress()).toBe(5);
  world.act(DATE, correct({ resources: [{ resource_id: 1, progress: 4 }] }));
  expect([progress(), world.rows.get(DATE)?.content?.resources[0]?.delta]).toEqual([7, 4]);
  world.act(DATE, { type: 'progress', resource_id: 1, mental_plan_id: 1, progress: 11 });
  world.act(DATE, correct({ resources: [{ resource_id: 1, delta: 9 }] }));
  // 5 more were asked for, and 1 was left.
  expect(progress()).toBe(12);
  expect(world.rows.get(DATE)?.content?.resources[0]).toMatchObject({
    before: 0,
    after: 5,
    delta: 9,
    study_minutes: 100,
  });
  expect(world.act(DATE, correct({ resources: [{ resource_id: 1, delta: 9 }] }))).toEqual({ nothing: true });
  // Of 9 it had added 5: 4 is 1 less.
  world.act(DATE, correct({ resources: [{ resource_id: 1, delta: 4 }] }));
  expect(progress()).toBe(11);
  world.act(DATE, { type: 'reopen' });
  expect(progress()).toBe(7);
  expect(world.rows.get(DATE)?.sums).toMatchObject({ chapters: 4, study_minutes: 80, done: 0 });
  world.expectRebuilt();
});

test('tasks: one that is done is no error, what this day finished is reopened, and what others finished is not', () => {
  const world = new DayWorld();
  world.act(DATE, { type: 'task', task_id: 1, status: true });
  world.act(DATE, complete({ tasks: [1, 2, 3] }));
  expect(world.tasks.map(({ status }) => status)).toEqual([true, true, true]);
  world.act(DATE, { type: 'task', task_id: 3, status: false });
  world.act(addDays(DATE, 1), { type: 'task', task_id: 3, status: true });
  world.act(DATE, { type: 'reopen' });
  expect(world.tasks.map(({ status }) => status)).toEqual([true, false, true]);
  world.expectRebuilt();
});

test('days left: once a date, not below 0, not with a deadline, and on the plan that was counted', () => {
  const world = new DayWorld().set({ mental_plans: [{ id: 1, days_left: 1, deadline: null }] });
  world.act(DATE, complete(TASK));
  world.act(addDays(DATE, 1), complete({ tasks: [2] }));
  expect([world.mental_plans[0]?.days_left, world.rows.get(addDays(DATE, 1))?.counted_down]).toEqual([
    0,
    false,
  ]);
  world.mental_plans.push({ id: 2, days_left: 10, deadline: null });
  world.act(DATE, { type: 'reopen' });
  expect(world.mental_plans.map(({ days_left }) => days_left)).toEqual([1, 10]);
  world.set({ mental_plans: [{ id: 3, days_left: 5, deadline: '2026-05-01' }] });
  world.act(DATE, complete(TASK));
  expect(world.act(DATE, { type: 'days_left', plan_id: 3, days_left: 4 })).toEqual({ nothing: true });
  expect(world.mental_plans[0]?.days_left).toBe(5);
});

test('what a PATCH counted down on a date that is then skipped stays when it is opened, and counts once', () => {
  const world = new DayWorld();
  world.act(DATE, { type: 'days_left', plan_id: 1, days_left: 19 });
  world.act(DATE, { type: 'skip' });
  world.act(DATE, { type: 'reopen' });
  expect([world.mental_plans[0]?.days_left, world.rows.get(DATE)?.counted_down]).toEqual([19, true]);
  world.act(DATE, complete(TASK));
  expect(world.mental_plans[0]?.days_left).toBe(19);
  world.act(DATE, { type: 'reopen' });
  expect([world.mental_plans[0]?.days_left, world.rows.get(DATE)?.counted_down]).toEqual([20, false]);
  world.expectRebuilt();
});

test('a day whose plan, resource and task are gone can be corrected and reopened', () => {
  for (const action of [correct({ tasks: [2] }), { type: 'reopen' } as Action]) {
    const world = new DayWorld();
    const second: TrainingPlan = { ...DEFAULT_PLAN, id: 2 };
    world.act(DATE, complete({ workout: PUSH_UPS, resources: [{ resource_id: 1, delta: 1 }], tasks: [1] }));
    world.set({
      plans: [second],
      progressions: [],
      links: [],
      tasks: world.tasks.slice(1),
      mental_plans: [],
    } as never);
    moved(world.act(DATE, action));
    expect(world.plans).toEqual([second]);
    world.expectRebuilt();
  }
});

test('a workout that a correction adds or takes away moves the plan, and one of another plan moves both', () => {
  const world = new DayWorld().set({ plans: [DEFAULT_PLAN, { ...DEFAULT_PLAN, id: 2, day: 6 }] });
  const days = () => world.plans.map(({ day, sessions }) => [day, sessions]);
  world.act(DATE, complete(TASK));
  expect(days()).toEqual([
    [1, 0],
    [6, 0],
  ]);
  world.act(DATE, correct({ workout: PUSH_UPS }));
  expect(days()).toEqual([
    [2, 1],
    [6, 0],
  ]);
  world.act(DATE, correct({ workout: { ...PUSH_UPS, plan_id: 2 } }));
  expect(days()).toEqual([
    [1, 0],
    [7, 1],
  ]);
  world.act(DATE, correct(TASK));
  expect(days()).toEqual([
    [1, 0],
    [6, 0],
  ]);
  world.expectRebuilt();
});

test('a correction is judged by the target that is kept, a completed one by the one that was shown', () => {
  const world = new DayWorld();
  const shown = (done: number, target?: number): Partial<Content> => ({
    workout: {
      plan_id: 1,
      exercises: [{ exercise_id: 1, done: [done], ...(target !== undefined && { target }) }],
    },
  });
  const k = () => world.progressions.find(({ exercise_id }) => exercise_id === 1)?.k;
  world.act(DATE, complete(shown(9, 9)));
  expect([k(), world.rows.get(DATE)?.content?.workout?.exercises[0]?.target]).toEqual([1, 9]);
  world.act(DATE, correct(shown(8, 5)));
  expect(k()).toBe(0);
  world.act(DATE, correct(shown(9)));
  expect(k()).toBe(1);
  world.expectRebuilt();
});

test('a late day is folded from what was recorded last, though older days are known that were recorded before others', () => {
  const world = new DayWorld().set({ plans: [{ ...DEFAULT_PLAN, progress: 5 }] });
  const at = (days: number) => addDays(DATE, days);
  const met = {
    type: 'complete',
    content: { ...NONE, workout: { plan_id: 1, exercises: [{ exercise_id: 1, done: [25] }] } },
  } as Action;
  const record = (today: number, date: number) => moved(world.set({ today: at(today) }).act(at(date), met));
  record(-65, -65);
  record(-50, -75);
  record(1, 1);
  record(1, 0);
  // 5 at first, up twice, two down after the rest, up twice.
  expect(world.progressions.find(({ exercise_id }) => exercise_id === 1)).toMatchObject({
    opening_k: 5,
    k: 7,
  });
  world.expectRebuilt();
});

test('an exercise that is not of the plan is summed, and moves nothing', () => {
  const only = {
    ...DEFAULT_PLAN,
    slots: DEFAULT_PLAN.slots.map((slot) => ({ ...slot, exercises: slot.exercises.slice(0, 1) })),
  };
  const world = new DayWorld().set({ plans: [only] });
  world.act(DATE, complete({ workout: { plan_id: 1, exercises: [{ exercise_id: 5, done: [10] }] } }));
  expect(world.rows.get(DATE)?.sums).toMatchObject({
    workouts: 1,
    exercises: 0,
    met: 0,
    reps: 10,
    active_s: 50,
  });
  expect(world.progressions.map(({ exercise_id, k }) => [exercise_id, k])).toEqual([[1, 0]]);
  world.expectRebuilt();
});

test('a reported day is judged by the target that a client then shows, and else by the one of its report', () => {
  for (const [target, met] of [
    [7, false],
    [undefined, true],
  ] as const) {
    const world = new DayWorld();
    world.act(DATE, patch(2, 0));
    const exercise = { exercise_id: 1, done: [6], ...(target !== undefined && { target }) };
    world.act(DATE, complete({ workout: { plan_id: 1, exercises: [exercise] } }));
    const [kept] = world.rows.get(DATE)?.content?.workout?.exercises ?? [];
    expect(kept).toMatchObject({ target: target ?? 5, met });
    world.expectRebuilt();
  }
});

test('what was read of a resource that is dropped from the plan stays read', () => {
  const world = new DayWorld();
  const progress = (value: number, reason?: 'unlinked'): Action => ({
    type: 'progress',
    resource_id: 3,
    mental_plan_id: 1,
    progress: value,
    ...(reason && { reason }),
  });
  world.act(DATE, progress(40));
  world.act(DATE, progress(0, 'unlinked'));
  expect(world.rows.get(DATE)?.sums).toMatchObject({ pages: 40, study_minutes: 80 });
  expect(world.links[2]?.progress).toBe(0);
  world.act(DATE, progress(10));
  world.act(DATE, progress(4));
  expect(world.rows.get(DATE)?.sums).toMatchObject({ pages: 44, study_minutes: 88 });
  world.expectRebuilt();
});

test('in a deload week half of the sets are asked for, a met session leaves k, and a correction knows that it was one', () => {
  const slots = DEFAULT_PLAN.slots.map((slot) => ({
    ...slot,
    exercises: slot.exercises.map((one) => ({ ...one, sets: 3 })),
  }));
  const world = new DayWorld().set({ plans: [{ ...DEFAULT_PLAN, slots, progress: 3, deload: true }] });
  const push = (...done: number[]) => ({ workout: { plan_id: 1, exercises: [{ exercise_id: 1, done }] } });
  const kept = () => world.rows.get(DATE)?.content?.workout;
  const k = () => world.progressions.find(({ exercise_id }) => exercise_id === 1)?.k;
  world.act(DATE, complete(push(11, 11)));
  expect([kept()?.deload, kept()?.exercises[0], k()]).toMatchObject([
    true,
    { sets: 2, target: 11, met: true },
    3,
  ]);
  world.set({ plans: [{ ...(world.plans[0] as TrainingPlan), deload: false }] });
  world.act(DATE, correct(push(11, 12)));
  expect([kept()?.deload, kept()?.exercises[0]?.met, k()]).toEqual([true, true, 3]);
  world.act(addDays(DATE, 1), complete(push(11, 11)));
  expect(world.progressions.find(({ exercise_id }) => exercise_id === 1)).toMatchObject({ k: 3, misses: 1 });
  world.expectRebuilt();
});

test('the top held twice is told as ready', () => {
  const world = new DayWorld().set({ plans: [{ ...DEFAULT_PLAN, progress: 28 }] });
  const all = complete({ workout: { plan_id: 1, exercises: [{ exercise_id: 1, done: [25] }] } });
  expect(moved(world.act(addDays(DATE, -1), all)).ready).toEqual([]);
  expect(moved(world.act(DATE, all)).ready).toEqual([1]);
});
