import { expect, test } from 'vitest';
import { CATALOGUE, exerciseOf } from '../../test/catalogue.ts';
import { randomOf } from '../../test/random.ts';
import { addDays, isoWeekday, maskOf } from './calendar.ts';
import {
  type Equipment,
  fnv1a32,
  GENERATOR,
  type GeneratedPlan,
  generatePlan,
  PATTERNS,
  type Pattern,
  type PlanWish,
  preview,
  type SessionOutcome,
  startOf,
} from './plan.ts';
import { isTarget } from './progression.ts';
import { activeSeconds, estimatedSeconds, isDeloadWeek, slotAt } from './workout.ts';

// #680: a plan is made by the rules of the generator, the same for the same input

const WISH: PlanWish = { level: 1, days_per_week: 3, aim: 'maintain', age: 30, seed: 1 };

const keysOf = (plan: GeneratedPlan) =>
  plan.slots.map(({ exercises }) => exercises.map(({ key, sets, start }) => `${key} ${sets}×${start}`));
const patternsOf = (plan: GeneratedPlan) =>
  plan.training_days.map((day) => plan.slots[day - 1]?.exercises.map(({ pattern }) => pattern) ?? []);
const secondsOf = ({ exercises }: GeneratedPlan['slots'][number]) =>
  estimatedSeconds(
    exercises.reduce((sum, { key, sets, start }) => sum + activeSeconds(exerciseOf(key), sets * start), 0),
    exercises.reduce((sum, { sets }) => sum + sets, 0),
  );

test.each([
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['foobar', 0xbf9cf968],
])('FNV-1a of %j', (text, hash) => {
  expect(fnv1a32(text)).toBe(hash);
});

test('#680 level 1, three days, wall and chair: 16.9, 12.9 and 16.9 minutes', () => {
  const plan = generatePlan(WISH, CATALOGUE);
  const first = [
    'chair_squat 2×8',
    'hip_hinge 2×10',
    'wall_push_up 2×8',
    'prone_y_raise 2×8',
    'crunch 2×15',
    'march_in_place 2×30',
  ];
  expect(keysOf(plan)).toEqual([
    first,
    [],
    ['wall_sit 2×15', 'glute_bridge 2×10', 'wall_push_up 2×8', 'prone_y_raise 2×8', 'bird_dog 2×8'],
    [],
    first,
    [],
    [],
  ]);
  expect([0, 2, 4].map((at) => Math.round(secondsOf(plan.slots[at] as never) / 6) / 10)).toEqual([
    16.9, 12.9, 16.9,
  ]);
  expect(plan).toMatchObject({
    generator: GENERATOR,
    level: 1,
    seed: 1,
    training_days: [1, 3, 5],
    notes: [],
  });
  expect(plan.slots[0]?.exercises.map(({ because }) => because.join())).toEqual([
    'pattern:squat,chain:squat,level:1',
    'pattern:hinge,chain:hinge,level:1',
    'pattern:push,chain:push_up,level:1',
    'pattern:pull,chain:prone_pull,level:1',
    'pattern:core,chain:crunch,level:1',
    'pattern:conditioning,chain:cardio,level:1,aim:maintain',
  ]);
});

const FULL = ['squat', 'hinge', 'push', 'pull', 'core'];
const UPPER = ['push', 'push', 'pull', 'pull', 'core'];
const LOWER = ['squat', 'squat', 'hinge', 'core', 'calf'];
test.each([
  [2, [1, 4], [FULL, FULL]],
  [3, [1, 3, 5], [FULL, FULL, FULL]],
  [4, [1, 2, 4, 5], [UPPER, LOWER, UPPER, LOWER]],
  [5, [1, 2, 3, 5, 6], [UPPER, LOWER, FULL, UPPER, LOWER]],
  [6, [1, 2, 3, 4, 5, 6], [UPPER, LOWER, UPPER, LOWER, UPPER, LOWER]],
])('#680 %d days a week are %j, with their patterns', (days_per_week, training_days, patterns) => {
  const wish = { level: 5, aim: 'gain', age: 30, days_per_week, session_minutes: 90 } as const;
  const plan = generatePlan({ ...wish, equipment: ['wall', 'chair', 'table', 'bar'] }, CATALOGUE);
  expect(plan.training_days).toEqual(training_days);
  expect(patternsOf(plan)).toEqual(patterns);
});

test.each([
  ['lose', 30, [true, true, true, true], [false, false, false, false]],
  ['maintain', 64, [true, false, true, false], [false, false, false, false]],
  ['gain', 65, [false, false, false, false], [true, true, true, false]],
] as const)('#680 to %s at %d: conditioning and balance', (aim, age, conditioning, balance) => {
  const plan = generatePlan({ level: 3, aim, age, session_minutes: 90 }, CATALOGUE);
  const has = (pattern: Pattern) => patternsOf(plan).map((day) => day.includes(pattern));
  expect([has('conditioning'), has('balance')]).toEqual([conditioning, balance]);
});

test.each([
  [1, 2, { push: 3, hinge: 3, core: 3 }],
  [1, 6, { push: 1, hinge: 2, core: 1, calf: 2 }],
  [3, 4, { push: 3, hinge: 4, core: 3, calf: 3 }],
  [5, 3, { push: 4, hinge: 4, core: 4 }],
])('#680 sets of level %d on %d days: %j', (level, days_per_week, sets) => {
  const plan = generatePlan({ level, days_per_week, aim: 'gain', age: 30, session_minutes: 90 }, CATALOGUE);
  const all = plan.slots.flatMap(({ exercises }) => exercises);
  for (const [pattern, count] of Object.entries(sets))
    expect(new Set(all.filter((one) => one.pattern === pattern).map((one) => one.sets))).toEqual(
      new Set([count]),
    );
});

test.each([
  [{ level: 1 }, [1, 3, 5], []],
  [{ level: 3 }, [1, 2, 4, 5], []],
  [{ level: 2, days_per_week: 4 }, [1, 2, 4, 5], ['more_than_recommended']],
  [{ level: 3, days_per_week: 5 }, [1, 2, 3, 5, 6], ['more_than_recommended']],
  [{ level: 5, days_per_week: 5 }, [1, 2, 3, 5, 6], []],
  [{ level: 5, days_per_week: 6 }, [1, 2, 3, 4, 5, 6], ['more_than_recommended']],
  [{ level: 3, training_days: [7, 2], days_per_week: 5 }, [2, 7], []],
  [{ level: 3, age: 17, days_per_week: 3 }, [1, 3, 5], []],
  [{ level: 4, age: 17, days_per_week: 2 }, [1, 4], ['minor_limits']],
  [{ level: 3, age: 17, days_per_week: 6 }, [1, 3, 5], ['minor_limits']],
  [{ level: 2, age: 17, training_days: [1, 2, 3, 5, 6] }, [1, 3, 6], ['minor_limits']],
])('#680 %j trains on %j, with %j', (wish, training_days, notes) => {
  const plan = generatePlan({ ...WISH, session_minutes: 90, days_per_week: undefined, ...wish }, CATALOGUE);
  expect(plan.training_days).toEqual(training_days);
  expect(plan.notes.filter((note) => !note.includes(':'))).toEqual(notes);
  if (plan.notes.includes('minor_limits')) expect(plan.level).toBeLessThanOrEqual(3);
});

test('#680 time is cut from accessories, then sets, then core, and told', () => {
  const of = (session_minutes: number, age = 30) =>
    generatePlan({ ...WISH, age, aim: 'lose', session_minutes }, CATALOGUE);
  expect(of(17).notes).toEqual([]);
  const without = of(14);
  expect(without.notes).toEqual(['cut:conditioning']);
  expect(keysOf(without)[0]).toEqual([
    'chair_squat 2×8',
    'hip_hinge 2×10',
    'wall_push_up 2×8',
    'prone_y_raise 2×8',
    'crunch 2×15',
  ]);
  const fewer = of(12).slots[0]?.exercises ?? [];
  expect(fewer.map(({ sets }) => sets)).toEqual([2, 2, 2, 1, 1]);
  expect(fewer.map(({ because }) => because.filter((code) => code === 'cut:set').length)).toEqual([
    0, 0, 0, 1, 1,
  ]);
});

test('#680 from 65 a session keeps its balance, and may be too long for it', () => {
  const wish = { level: 5, days_per_week: 3, aim: 'gain', age: 65, session_minutes: 10 } as const;
  const plan = generatePlan(wish, CATALOGUE);
  expect(plan.notes).toEqual(['cut:core', 'too_long']);
  expect(patternsOf(plan)).toEqual(Array(3).fill(['squat', 'hinge', 'push', 'pull', 'balance']));
  expect(plan.slots.flatMap(({ exercises }) => exercises.map(({ sets }) => sets))).toEqual(Array(15).fill(1));
});

test('#680 without equipment level 1 has no push and no squat, and is told what would help', () => {
  const plan = generatePlan({ ...WISH, equipment: [] }, CATALOGUE);
  expect(plan.notes).toEqual(['no_exercise:squat', 'no_exercise:push', 'equipment:wall', 'equipment:chair']);
  const two = generatePlan({ ...WISH, equipment: [], level: 2 }, CATALOGUE);
  expect(two.notes).toEqual([]);
});

test('an exercise that is excluded gives way to one before it in its chain', () => {
  const excluded = [exerciseOf('bird_dog').id, exerciseOf('crunch').id];
  const plan = generatePlan({ ...WISH, excluded }, CATALOGUE);
  const core = plan.slots.flatMap(({ exercises }) => exercises.filter(({ pattern }) => pattern === 'core'));
  expect(new Set(core.map(({ key }) => key))).toEqual(new Set(['dead_bug']));
});

test('another seed chooses others, and the first target is that of the level', () => {
  const seeds = new Set(
    [1, 2, 3, 4, 5, 6].map((seed) => keysOf(generatePlan({ ...WISH, seed }, CATALOGUE)).join()),
  );
  expect(seeds.size).toBeGreaterThan(1);
  expect([
    startOf(exerciseOf('push_up'), 4),
    startOf(exerciseOf('push_up'), 1),
    startOf(exerciseOf('squat'), null),
  ]).toEqual([11, 5, 10]);
});

const EQUIPMENTS: Record<string, Equipment[] | undefined> = {
  none: [],
  'wall and chair': undefined,
  bar: ['bar'],
};
const wishes = [1, 2, 3, 4, 5].flatMap((level) =>
  [2, 3, 4, 5, 6].flatMap((days_per_week) =>
    (['lose', 'maintain', 'gain'] as const).flatMap((aim) =>
      [16, 35, 70].flatMap((age) =>
        Object.values(EQUIPMENTS).map((equipment) => ({ level, days_per_week, aim, age, equipment })),
      ),
    ),
  ),
);

// #681: every plan of each level, number of days, aim, age and equipment holds what the rules promise
test.each([1, 681, 2_147_483_647])(`#681 ${wishes.length} plans with the seed %d`, (seed) => {
  const random = randomOf(seed);
  for (const base of wishes) {
    const wish: PlanWish = {
      ...base,
      seed,
      session_minutes: random.pick([10, 20, 30, 45, 90]),
      excluded: random.oneIn(2)
        ? []
        : random
            .shuffled(CATALOGUE)
            .slice(0, random.int(1, 12))
            .map(({ id }) => id),
      low_impact: random.oneIn(4),
    };
    const plan = generatePlan(wish, CATALOGUE);
    expect(generatePlan(wish, random.shuffled(CATALOGUE))).toEqual(plan);

    const { age } = wish;
    const equipment: readonly string[] = wish.equipment ?? ['wall', 'chair'];
    const noImpact = age >= 65 || wish.low_impact;
    const has = (code: string) => (plan.notes as readonly string[]).includes(code);
    expect(plan.level).toBe(age < 18 ? Math.min(3, wish.level) : wish.level);
    expect(plan.training_days.length).toBe(age < 18 ? Math.min(3, base.days_per_week) : base.days_per_week);
    expect(has('minor_limits')).toBe(age < 18 && (wish.level > 3 || base.days_per_week > 3));
    expect(plan.training_days.length).toBeGreaterThanOrEqual(2);
    expect(plan.slots.map(({ slot }) => slot)).toEqual([1, 2, 3, 4, 5, 6, 7]);

    for (const { slot, exercises } of plan.slots) {
      if (!plan.training_days.includes(slot)) expect(exercises).toEqual([]);
      expect(new Set(exercises.map(({ key }) => key)).size).toBe(exercises.length);
      const order = exercises.map(({ pattern }) => PATTERNS.indexOf(pattern));
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      if (secondsOf({ slot, exercises }) > (wish.session_minutes ?? 30) * 60)
        expect(has('too_long')).toBe(true);
      for (const one of exercises) {
        const exercise = exerciseOf(one.key);
        expect(one.exercise_id).toBe(exercise.id);
        expect(wish.excluded).not.toContain(exercise.id);
        expect(exercise.impact && noImpact).toBe(false);
        expect(exercise.level).toBeLessThanOrEqual(plan.level);
        expect(exercise.equipment.filter((item) => !equipment.includes(item))).toEqual([]);
        expect(one.sets).toBeGreaterThanOrEqual(1);
        expect(one.sets).toBeLessThanOrEqual(4);
        expect(one.start).toBe(exercise.starts_by_level[plan.level - 1]);
        expect(isTarget(exercise, one.start)).toBe(true);
        expect(one.because.slice(0, 3)).toEqual([
          `pattern:${one.pattern}`,
          `chain:${exercise.chain}`,
          `level:${plan.level}`,
        ]);
      }
    }

    const days = plan.training_days.length;
    const expected: Pattern[] = ['squat', 'hinge', 'push', 'pull', 'core'];
    if (days > 3) expected.push('calf');
    if (base.aim !== 'gain') expected.push('conditioning');
    if (age >= 65) expected.push('balance');
    const week = patternsOf(plan).flat();
    expect(week.filter((pattern) => !expected.includes(pattern))).toEqual([]);
    for (const pattern of expected) {
      const fitting = CATALOGUE.filter(
        (one) =>
          one.pattern === pattern &&
          one.level <= plan.level &&
          !wish.excluded?.includes(one.id) &&
          !(one.impact && noImpact) &&
          one.equipment.every((item) => equipment.includes(item)),
      );
      expect(has(`no_exercise:${pattern}`)).toBe(fitting.length === 0);
      expect(week.includes(pattern)).toBe(fitting.length > 0 && !has(`cut:${pattern}`));
      if (wish.session_minutes === 90) expect(has(`cut:${pattern}`)).toBe(false);
    }
    expect(has('cut:balance')).toBe(false);
    if (wish.level === 1 && equipment.length === 0) {
      expect(week).not.toContain('push');
      expect(week).not.toContain('squat');
    }
  }
});

// #682: a dry run shows the sessions that the same outcomes would make

const planOf = (made: GeneratedPlan, rest: { schedule?: 'weekday' } = {}) => ({
  id: 1,
  day: 1,
  progress: 0,
  sessions: 0,
  schedule: 'sequence' as const,
  generated: true,
  level: made.level,
  training_days: maskOf(made.training_days),
  slots: made.slots,
  ...rest,
});

test('#682 met sessions go up their ladders, missed ones back off, and skipped dates lose no workout', () => {
  const made = generatePlan(WISH, CATALOGUE);
  const outcomes: SessionOutcome[] = ['met', 'none', 'met', 'met', 'missed', 'missed', 'missed', 'met'];
  const sessions = preview(planOf(made), [], CATALOGUE, '2026-03-03', outcomes);
  expect(sessions.map(({ date, slot }) => [date, slot])).toEqual([
    ['2026-03-04', 1],
    ['2026-03-06', 3],
    ['2026-03-09', 3],
    ['2026-03-11', 5],
    ['2026-03-13', 1],
    ['2026-03-16', 3],
    ['2026-03-18', 5],
    ['2026-03-20', 1],
  ]);
  // It is in every session: opening, not done, met, met, then missed three times.
  const pull = exerciseOf('prone_y_raise').id;
  expect(
    sessions.map(({ exercises }) => {
      const one = exercises.find(({ exercise_id }) => exercise_id === pull);
      return [one?.sets, one?.target, one?.because];
    }),
  ).toEqual([
    [2, 8, 'opening'],
    [2, 10, 'met'],
    [2, 10, 'met'],
    [2, 12, 'met'],
    [2, 14, 'met'],
    [2, 14, 'hold'],
    [2, 14, 'hold'],
    [2, 12, 'backed_off'],
  ]);
  expect(sessions[0]?.estimated_s).toBe(1014);
});

test('#682 after a month that nobody trained it begins lower', () => {
  const made = generatePlan(WISH, CATALOGUE);
  const outcomes: SessionOutcome[] = [...Array(6).fill('met'), ...Array(13).fill('none'), 'met'];
  const last = preview(planOf(made), [], CATALOGUE, '2026-03-02', outcomes).at(-1);
  expect(last?.exercises.every(({ because }) => because === 'break')).toBe(true);
});

test('#682 by weekday a workout stays on its day', () => {
  const made = generatePlan(WISH, CATALOGUE);
  const sessions = preview(planOf(made, { schedule: 'weekday' }), [], CATALOGUE, '2026-03-07', [
    'none',
    'met',
    'none',
  ]);
  expect(sessions.map(({ date, slot }) => [date, slot])).toEqual([
    ['2026-03-09', 1],
    ['2026-03-11', 3],
    ['2026-03-13', 5],
  ]);
  const nothing = { ...planOf(made), slots: [] };
  expect(preview(nothing, [], CATALOGUE, '2026-03-07', ['met'])).toEqual([]);
});

// #683: each sixth week of sessions from level 3 on has half of the sets, and moves no target

test('#683 the sixth week of a plan of level 3 is lighter, and the seventh goes on', () => {
  const made = generatePlan({ level: 3, days_per_week: 3, aim: 'gain', age: 30 }, CATALOGUE);
  const outcomes: SessionOutcome[] = Array(24).fill('met');
  const sessions = preview(planOf(made), [], CATALOGUE, '2026-03-02', outcomes);
  const isLight = sessions.map(({ exercises }) => exercises.every(({ because }) => because === 'deload'));
  expect(isLight).toEqual(sessions.map((_, at) => at >= 15 && at < 18));
  for (const at of [15, 16, 17]) {
    const light = sessions[at] as (typeof sessions)[number];
    const next = sessions[at + 3] as (typeof sessions)[number];
    const slot = slotAt({ slots: made.slots }, light.slot);
    const full = made.slots.find((one) => one.slot === slot)?.exercises ?? [];
    expect(light.exercises.map(({ sets }) => sets)).toEqual(full.map(({ sets }) => Math.ceil(sets / 2)));
    expect(next.exercises.map(({ target }) => target)).toEqual(light.exercises.map(({ target }) => target));
  }
});

test.each([
  [null, 15, 7, false],
  [2, 15, 7, false],
  [3, 14, 7, false],
  [3, 15, 7, true],
  [3, 17, 7, true],
  [3, 18, 7, false],
  [5, 35, 127, true],
  [5, 33, 7, true],
  [3, 5, 0, true],
])('#683 of level %s after %d sessions, on the days of %d: %s', (level, sessions, training_days, is) => {
  expect(isDeloadWeek({ level, sessions, training_days })).toBe(is);
});

test('a dry run of a hundred and twenty sessions stays on the ladders and on training days', () => {
  const random = randomOf(682);
  for (const wish of random.shuffled(wishes).slice(0, 40)) {
    const made = generatePlan(wish, CATALOGUE);
    const outcomes = Array.from({ length: 120 }, () =>
      random.pick(['met', 'met', 'missed', 'none'] as const),
    );
    const sessions = preview(planOf(made), [], CATALOGUE, '2026-01-01', outcomes);
    let before = addDays('2026-01-01', -1);
    for (const { date, slot, exercises } of sessions) {
      expect(date > before).toBe(true);
      expect(made.training_days).toContain(isoWeekday(date));
      before = date;
      const prescribed = made.slots.find((one) => one.slot === slot)?.exercises ?? [];
      expect(exercises.map((one) => one.exercise_id)).toEqual(prescribed.map((one) => one.exercise_id));
      for (const [at, { target }] of exercises.entries())
        expect(isTarget(prescribed[at] as (typeof prescribed)[number], target)).toBe(true);
    }
  }
});
