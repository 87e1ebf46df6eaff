// Plans that are made for a level: a week of workouts, the same for the same input, catalogue and generator. Each choice
// says why, as a code; what could not be had is a note.
import { addDays, isIn, isoWeekday, maskOf } from './calendar.ts';
import { ADULT_AGE, type Aim } from './energy.ts';
import { type Because, type Progression, SENIOR_AGE, step, topOf, type Variation } from './progression.ts';
import {
  activeSeconds,
  advanced,
  type ExerciseTraits,
  estimatedSeconds,
  isDeloadWeek,
  openingsOf,
  type Prescribed,
  plannedWorkout,
  prescribedOf,
  progressionOf,
  type TrainingPlan,
} from './workout.ts';

/** Stored with each plan that is made: a change of the rules that makes other plans counts it up. */
export const GENERATOR = 1;

/** In the order of a session: large and multi-joint movements first (ACSM 2009). */
export const PATTERNS = [
  'squat',
  'hinge',
  'push',
  'pull',
  'core',
  'calf',
  'conditioning',
  'balance',
] as const;
export type Pattern = (typeof PATTERNS)[number];

export const EQUIPMENT = ['wall', 'chair', 'table', 'bar'] as const;
export type Equipment = (typeof EQUIPMENT)[number];

/** An exercise that may be chosen. One without a key, an operator's own, is none of them. */
export interface CatalogueExercise extends ExerciseTraits, Variation {
  readonly key: string;
  readonly chain: string;
  readonly pattern: Pattern;
  /** All of it is needed; what is no `Equipment` is nowhere at hand. */
  readonly equipment: readonly string[];
  /** The first target for levels 1 to 5; null: not for that level. */
  readonly starts_by_level: readonly (number | null)[];
}

export interface PlanWish {
  /** 1 (beginner) to 5 (advanced). */
  readonly level: number;
  readonly aim: Aim;
  readonly age: number;
  /** 2 to 6 weekdays, 1 is Monday; it decides before `days_per_week`. */
  readonly training_days?: readonly number[] | undefined;
  /** 2 to 6; without it 3, from level 3 on 4. */
  readonly days_per_week?: number | undefined;
  /** How long a session may take: 30 without it. */
  readonly session_minutes?: number | undefined;
  /** What is at hand: a wall and a chair without it. */
  readonly equipment?: readonly Equipment[] | undefined;
  /** Ids of exercises. */
  readonly excluded?: readonly number[] | undefined;
  /** Whether to leave out jumps. */
  readonly low_impact?: boolean | undefined;
  /** Another one chooses others where several fit; 1 without it. */
  readonly seed?: number | undefined;
}

/** What a session that is too long may lose, in the order of PATTERNS. */
const CUT = ['core', 'calf', 'conditioning'] as const;

/**
 * - `minor_limits`: level or days were lowered, as the user is under 18
 * - `more_than_recommended`: more days than ACSM 2009 names for the level
 * - `no_exercise:push`: nothing fits; `equipment:wall`: with it something would
 * - `cut:calf`: left out of the week, as the time is short
 * - `too_long`: a session takes longer all the same
 */
export type PlanNote =
  | 'minor_limits'
  | 'more_than_recommended'
  | 'too_long'
  | `no_exercise:${Pattern}`
  | `equipment:${Equipment}`
  | `cut:${(typeof CUT)[number]}`;

export interface GeneratedExercise extends Prescribed {
  readonly key: string;
  readonly pattern: Pattern;
  /** `pattern:push`, `chain:push_up`, `level:3`; of conditioning `aim:lose`, of balance `age:65`; `cut:set` for each set less. */
  readonly because: readonly string[];
}

export interface GeneratedPlan {
  readonly generator: number;
  /** The one that it was made for: lower than the one that was asked for, maybe, under 18. */
  readonly level: number;
  readonly seed: number;
  /** By weekday. */
  readonly training_days: readonly number[];
  /** Seven; a day of rest has no exercises. */
  readonly slots: readonly { readonly slot: number; readonly exercises: readonly GeneratedExercise[] }[];
  readonly notes: readonly PlanNote[];
}

const MINOR_DAYS = 3;
const MINOR_LEVEL = 3;
/** WHO 2020: balance on 3 days a week or more. */
const BALANCE_DAYS = 3;
/** A pattern has at most so many variations in a week. */
const VARIATIONS = 3;
const MAX_SETS = 4;

const WEEKDAYS: Record<number, readonly number[]> = {
  2: [1, 4],
  3: [1, 3, 5],
  4: [1, 2, 4, 5],
  5: [1, 2, 3, 5, 6],
  6: [1, 2, 3, 4, 5, 6],
};
/** ACSM 2009: novice 2 to 3 days, intermediate 3 to 4, advanced 4 to 5. */
const RECOMMENDED_DAYS = [3, 3, 4, 5, 5];
/** Sets of a pattern in a week, by level (Rhea 2003: gains peak at 4 sets a session, which is the ceiling). */
const WEEKLY_SETS = [6, 8, 10, 12, 12];

const FULL: readonly Pattern[] = ['squat', 'hinge', 'push', 'pull', 'core'];
const UPPER: readonly Pattern[] = ['push', 'push', 'pull', 'pull', 'core'];
const LOWER: readonly Pattern[] = ['squat', 'squat', 'hinge', 'core', 'calf'];
/** Beside the large movements; the first two are left out first when a session is too long. */
const ACCESSORIES: readonly Pattern[] = ['calf', 'conditioning', 'balance'];

/** 32 bits of FNV-1a. @param text of ASCII */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** The patterns of each training day, in the order of a session. */
function templateOf(days: number, aim: Aim, age: number): Pattern[][] {
  return Array.from({ length: days }, (_, day) => {
    const isFull = days <= 3 || (days === 5 && day === 2);
    const turn = days === 5 && day > 2 ? day - 1 : day;
    const patterns: Pattern[] = [...(isFull ? FULL : turn % 2 === 0 ? UPPER : LOWER)];
    if (aim === 'lose' || (aim === 'maintain' && day % 2 === 0)) patterns.push('conditioning');
    if (age >= SENIOR_AGE && day < BALANCE_DAYS) patterns.push('balance');
    return patterns;
  });
}

/** @returns the target with which an exercise begins at a level; the catalogue's own where the level has none */
export const startOf = (
  { start, starts_by_level }: Pick<CatalogueExercise, 'start' | 'starts_by_level'>,
  level: number | null,
): number => (level === null ? null : starts_by_level[level - 1]) ?? start;

const byLevelAndKey = (a: CatalogueExercise, b: CatalogueExercise) =>
  b.level - a.level || (a.key < b.key ? -1 : 1);

/** Exercises of a pattern that fit, of each chain the last: the first three by level and key. */
function candidatesOf(fitting: readonly CatalogueExercise[], pattern: Pattern): CatalogueExercise[] {
  const last = new Map<string, CatalogueExercise>();
  for (const one of fitting)
    if (one.pattern === pattern && one.chain_order >= (last.get(one.chain)?.chain_order ?? 0))
      last.set(one.chain, one);
  return [...last.values()].toSorted(byLevelAndKey).slice(0, VARIATIONS);
}

type Chosen = Omit<GeneratedExercise, 'sets'> & { readonly exercise: CatalogueExercise; sets: number };

const secondsOf = (chosen: readonly Chosen[]): number => {
  const active = chosen.map(({ exercise, sets, start }) => activeSeconds(exercise, sets * start));
  return estimatedSeconds(
    active.reduce((sum, s) => sum + s, 0),
    chosen.reduce((sum, { sets }) => sum + sets, 0),
  );
};

/**
 * Shortens a session until it fits: accessories go first, then sets of the last exercise with most of them, then core.
 * @returns what is left; it may still be too long
 */
function shortened(chosen: readonly Chosen[], seconds: number): Chosen[] {
  let left = [...chosen];
  const drop = (pattern: Pattern) => {
    left = left.filter((one) => one.pattern !== pattern);
  };
  // Balance is there from 65 years on alone, and stays.
  for (const pattern of ['calf', 'conditioning'] as const) if (secondsOf(left) > seconds) drop(pattern);
  while (secondsOf(left) > seconds) {
    const most = Math.max(0, ...left.map(({ sets }) => sets));
    if (most < 2) break;
    const at = left.findLastIndex(({ sets }) => sets === most);
    left = left.map((one, n) =>
      n === at ? { ...one, sets: most - 1, because: [...one.because, 'cut:set'] } : one,
    );
  }
  if (secondsOf(left) > seconds) drop('core');
  return left;
}

/** Weekdays, level and notes, with what holds under 18. */
function limitsOf({ level: asked, age, training_days, days_per_week }: PlanWish) {
  const isMinor = age < ADULT_AGE;
  const level = isMinor ? Math.min(asked, MINOR_LEVEL) : asked;
  const wanted = training_days
    ? [...training_days].sort((a, b) => a - b)
    : (WEEKDAYS[days_per_week ?? (level < 3 ? 3 : 4)] as readonly number[]);
  // Three of the days that were given, as far apart as their order allows.
  const fewer = isMinor && wanted.length > MINOR_DAYS;
  const days = !fewer
    ? wanted
    : training_days
      ? [0, 1, 2].map((n) => wanted[Math.ceil((n * wanted.length) / MINOR_DAYS)] as number)
      : (WEEKDAYS[MINOR_DAYS] as readonly number[]);
  const notes: PlanNote[] = [];
  if (fewer || level < asked) notes.push('minor_limits');
  if (days.length > (RECOMMENDED_DAYS[level - 1] as number)) notes.push('more_than_recommended');
  return { level, days, notes };
}

/**
 * Makes a week of workouts. Deterministic in the wish, the catalogue and GENERATOR.
 * @param catalogue in any order
 */
export function generatePlan(wish: PlanWish, catalogue: readonly CatalogueExercise[]): GeneratedPlan {
  const { aim, age, session_minutes = 30, excluded = [], low_impact = false, seed = 1 } = wish;
  const equipment: readonly string[] = wish.equipment ?? ['wall', 'chair'];
  const { level, days, notes } = limitsOf(wish);
  const allowed = catalogue.filter(
    (one) =>
      one.level <= level && !excluded.includes(one.id) && !(one.impact && (low_impact || age >= SENIOR_AGE)),
  );
  const fitting = allowed.filter((one) => one.equipment.every((item) => equipment.includes(item)));

  const template = templateOf(days.length, aim, age);
  const usesOf = (pattern: Pattern) => template.flat().filter((one) => one === pattern).length;
  const patterns = PATTERNS.filter((pattern) => usesOf(pattern) > 0);
  const candidates = new Map(patterns.map((pattern) => [pattern, candidatesOf(fitting, pattern)]));
  const lacking = patterns.filter((pattern) => candidates.get(pattern)?.length === 0);
  const wouldHelp = allowed
    .filter(({ pattern }) => lacking.includes(pattern))
    .flatMap((one) => one.equipment);
  notes.push(
    ...lacking.map((pattern) => `no_exercise:${pattern}` as const),
    ...EQUIPMENT.filter((item) => wouldHelp.includes(item)).map((item) => `equipment:${item}` as const),
  );

  const ofWeek = WEEKLY_SETS[level - 1] as number;
  const setsOf = (pattern: Pattern) => {
    if (ACCESSORIES.includes(pattern)) return level < 3 ? 2 : 3;
    return Math.min(MAX_SETS, Math.max(1, Math.round(ofWeek / usesOf(pattern))));
  };
  const reasonsOf = ({ pattern, chain }: CatalogueExercise) => [
    `pattern:${pattern}`,
    `chain:${chain}`,
    `level:${level}`,
    ...(pattern === 'conditioning' ? [`aim:${aim}`] : []),
    ...(pattern === 'balance' ? [`age:${SENIOR_AGE}`] : []),
  ];

  const used = new Map<Pattern, number>();
  const whole = template.map((day) => {
    const chosen: Chosen[] = [];
    for (const pattern of day) {
      const n = used.get(pattern) ?? 0;
      used.set(pattern, n + 1);
      const among = candidates.get(pattern) as CatalogueExercise[];
      const exercise = among[(fnv1a32(`${seed}:${pattern}`) + n) % among.length];
      if (!exercise || chosen.some(({ exercise_id }) => exercise_id === exercise.id)) continue;
      const { id, key, end, step } = exercise;
      chosen.push({
        exercise_id: id,
        key,
        pattern,
        sets: setsOf(pattern),
        start: startOf(exercise, level),
        end,
        step,
        because: reasonsOf(exercise),
        exercise,
      });
    }
    return chosen.toSorted((a, b) => PATTERNS.indexOf(a.pattern) - PATTERNS.indexOf(b.pattern));
  });
  const sessions = whole.map((chosen) => shortened(chosen, session_minutes * 60));

  const has = (all: readonly (readonly Chosen[])[], pattern: Pattern) =>
    all.flat().some((one) => one.pattern === pattern);
  notes.push(
    ...CUT.filter((pattern) => has(whole, pattern) && !has(sessions, pattern)).map(
      (pattern) => `cut:${pattern}` as const,
    ),
  );
  if (sessions.some((chosen) => secondsOf(chosen) > session_minutes * 60)) notes.push('too_long');

  return {
    generator: GENERATOR,
    level,
    seed,
    training_days: days,
    slots: [1, 2, 3, 4, 5, 6, 7].map((slot) => ({
      slot,
      exercises: (sessions[days.indexOf(slot)] ?? []).map(({ exercise: _, ...one }) => one),
    })),
    notes,
  };
}

/** What a dry run says of a session: `none` is one that nobody did. */
export type SessionOutcome = 'met' | 'missed' | 'none';

export interface PreviewedSession {
  readonly date: string;
  readonly slot: number;
  readonly exercises: readonly {
    readonly exercise_id: number;
    readonly sets: number;
    readonly target: number;
    readonly because: Because;
  }[];
  readonly estimated_s: number;
}

/** @param plan `level` and `training_days` decide about deload weeks */
export type PreviewedPlan = Omit<TrainingPlan, 'deload'> & {
  readonly level: number | null;
  /** A mask of weekdays. */
  readonly training_days: number;
};

/**
 * A dry run: the workouts of the next training dates, if they come out as given.
 * @param progressions of the plan, as they stand
 * @param from the first date that may be one
 */
export function preview(
  plan: PreviewedPlan,
  progressions: readonly Progression[],
  exercises: readonly ExerciseTraits[],
  from: string,
  outcomes: readonly SessionOutcome[],
): PreviewedSession[] {
  const byWeekday = maskOf(plan.slots.filter((one) => one.exercises.length > 0).map(({ slot }) => slot));
  const weekdays = plan.schedule === 'weekday' ? byWeekday : plan.training_days;
  if (byWeekday === 0 || weekdays === 0) return [];
  let now = plan;
  let standing = progressions.filter(({ plan_id }) => plan_id === plan.id);
  let date = from;
  return outcomes.map((outcome) => {
    while (!isIn(weekdays, isoWeekday(date))) date = addDays(date, 1);
    const workout = plannedWorkout({ ...now, deload: isDeloadWeek(now) }, standing, exercises, date);
    const { slot, deload, exercises: planned, estimated_s } = workout as NonNullable<typeof workout>;
    if (outcome !== 'none') {
      // A first session opens every exercise of the plan.
      if (standing.length === 0) standing = openingsOf(now);
      const after = planned.map(({ exercise_id }) => {
        const one = prescribedOf(now, slot, exercise_id) as Prescribed;
        const met = outcome === 'met';
        return step(progressionOf(now, standing, one), { date, met, deload, top: topOf(one) });
      });
      const isMoved = (id: number) => after.some(({ exercise_id }) => exercise_id === id);
      standing = [...after, ...standing.filter(({ exercise_id }) => !isMoved(exercise_id))];
      now = { ...now, ...advanced(now, date), sessions: now.sessions + 1 };
    }
    const session = {
      date,
      slot,
      exercises: planned.map(({ exercise_id, sets, target, because }) => ({
        exercise_id,
        sets,
        target,
        because,
      })),
      estimated_s,
    };
    date = addDays(date, 1);
    return session;
  });
}
