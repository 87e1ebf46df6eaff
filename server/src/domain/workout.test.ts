import { expect, test } from 'vitest';
import { DEFAULT_PLAN, THE_EIGHT } from '../../test/defaultPlan.ts';
import { target, topOf } from './progression.ts';
import {
  activeSeconds,
  advanced,
  estimatedSeconds,
  kcalOf,
  kcalPerKg,
  plannedWorkout,
  prescribedOf,
  setsOf,
  slotAfter,
  slotAt,
  slotBefore,
  slotOn,
  type TrainingPlan,
} from './workout.ts';

// #453: the workout of a date, what comes after it, its seconds and its net kcal are as the tables say

/** A plan with exercises in these slots alone. */
const planOf = (days: number[], rest: Partial<TrainingPlan> = {}): TrainingPlan => ({
  ...DEFAULT_PLAN,
  slots: DEFAULT_PLAN.slots.map((slot) => (days.includes(slot.slot) ? slot : { ...slot, exercises: [] })),
  ...rest,
});

test.each([
  [[1, 2, 3, 4, 5, 6, 7], 1, 1, 2, 0, 7],
  [[1, 2, 3, 4, 5, 6, 7], 7, 7, 1, 7, 6],
  [[1, 3, 5], 1, 1, 3, 0, 5],
  [[1, 3, 5], 2, 3, 5, 0, 1],
  [[1, 3, 5], 5, 5, 1, 7, 3],
  [[1, 3, 5], 6, 1, 3, 7, 5],
  [[4], 4, 4, 4, 7, 4],
  [[4], 6, 4, 4, 7, 4],
  [[], 3, undefined, undefined, 0, undefined],
])(
  '#453 of slots %j at day %d: at %s, next %s, progress + %d, before %s',
  (days, day, at, next, added, before) => {
    const plan = planOf(days, { day });
    expect([slotAt(plan, day), slotAfter(plan, day), slotBefore(plan, day)]).toEqual([at, next, before]);
    expect(advanced(plan, '2026-03-02')).toEqual({ day: next ?? day, progress: added });
    expect(slotOn(plan, '2026-03-02')).toBe(at);
  },
);

test.each([
  ['2026-03-02', 1, 3],
  ['2026-03-03', undefined, 3],
  ['2026-03-06', 5, 1],
  ['2026-03-08', undefined, 1],
])('#453 of slots 1, 3 and 5 by weekday, %s has %s and leads to %d', (date, slot, day) => {
  const plan = planOf([1, 3, 5], { schedule: 'weekday', day: 7, progress: 14 });
  expect(slotOn(plan, date)).toBe(slot);
  expect(advanced(plan, date)).toEqual({ day, progress: 14 });
});

test.each([
  ['bottom', 0, 219, 639, 16.8, 13.6],
  ['top', 1, 850, 1270, 65.1, 52.9],
] as const)(
  '#453 the default workout at the %s takes %d %d s, %d s with rest, %d kcal at 80 kg',
  (_, top, active, estimated, at80, at65) => {
    const seconds = THE_EIGHT.map((exercise) =>
      activeSeconds(exercise, target(exercise, top * topOf(exercise))),
    );
    const active_s = seconds.reduce((sum, s) => sum + s);
    const per_kg = THE_EIGHT.reduce((sum, { met }, at) => sum + kcalPerKg(met, seconds[at] as number), 0);
    expect([active_s, estimatedSeconds(active_s, 8)]).toEqual([active, estimated]);
    expect([kcalOf(per_kg, 80), kcalOf(per_kg, 65)]).toEqual([at80, at65]);
  },
);

test.each([
  ['burpee', 4.08],
  ['mountain_climber', 3.27],
  ['squat', 1.96],
])('#453 %s at the bottom: %d kcal at 80 kg', (key, kcal) => {
  const exercise = THE_EIGHT.find((one) => one.key === key) as (typeof THE_EIGHT)[number];
  expect(kcalPerKg(exercise.met, activeSeconds(exercise, exercise.start)) * 80).toBeCloseTo(kcal, 2);
});

test('seconds count as they are, both sides count, and an exercise without MET adds nothing', () => {
  const base = { unit: 'reps', seconds_per_rep: 3, unilateral: false } as const;
  expect(activeSeconds({ ...base, unilateral: true }, 10)).toBe(60);
  expect(activeSeconds({ ...base, unit: 'seconds' }, 30)).toBe(30);
  expect(kcalPerKg(null, 600)).toBe(0);
  expect(kcalOf(0.2, null)).toBe(null);
  expect(estimatedSeconds(0, 0)).toBe(0);
  expect([setsOf(3, true), setsOf(3, false), setsOf(1, true)]).toEqual([2, 3, 1]);
});

test('an exercise is prescribed as its slot says, else as the first slot that has it', () => {
  const [one, two] = [
    { exercise_id: 1, sets: 1, start: 5, end: 25, step: 2 },
    { exercise_id: 1, sets: 3, start: 5, end: 25, step: 2 },
  ] as const;
  const plan = {
    slots: [
      { slot: 1, exercises: [one] },
      { slot: 2, exercises: [two] },
      { slot: 3, exercises: [] },
    ],
  };
  expect([1, 2, 3, null].map((slot) => prescribedOf(plan, slot, 1)?.sets)).toEqual([1, 3, 1, 1]);
  expect(prescribedOf(plan, 1, 9)).toBeUndefined();
});

test('the planned workout has its targets, why they are so, and what it takes', () => {
  const plan = { ...DEFAULT_PLAN, progress: 1, sessions: 4 };
  const workout = plannedWorkout(plan, [], THE_EIGHT, '2026-03-02');
  expect(workout).toMatchObject({ slot: 1, session: 5, deload: false });
  expect(workout?.exercises[0]).toMatchObject({
    exercise_id: 1,
    target: 7,
    k: 1,
    top: 10,
    because: 'opening',
    sets: 1,
  });
  expect(workout?.estimated_s).toBe((workout?.active_s ?? 0) + 7 * 60);
  const progression = {
    plan_id: 1,
    exercise_id: 1,
    opening_k: 0,
    k: 10,
    misses: 0,
    held: 2,
    last_date: '2026-03-01',
  };
  const held = plannedWorkout(
    { ...plan, deload: true },
    [{ ...progression, because: 'met', since: null, since_seq: 0 }],
    THE_EIGHT,
    '2026-03-02',
    3,
  );
  expect(held?.slot).toBe(3);
  expect(held?.exercises[0]).toMatchObject({ target: 25, ready_for_next: true, because: 'deload' });
  // Once the plan has sessions, its counters open nothing.
  expect(held?.exercises[1]).toMatchObject({ target: 10, k: 0 });
  expect(plannedWorkout(planOf([], {}), [], THE_EIGHT, '2026-03-02')).toBeUndefined();
});
