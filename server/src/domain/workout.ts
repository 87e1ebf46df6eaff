// Which workout a date has, and what it takes.
import { isoWeekday, weekdaysOf } from './calendar.ts';
import {
  type Because,
  isReady,
  type Ladder,
  openingOf,
  type Progression,
  rungAt,
  target,
  topOf,
} from './progression.ts';

/** What the rules need to know of an exercise of the catalogue. */
export interface ExerciseTraits extends Ladder {
  readonly id: number;
  /** What targets count; of a unilateral exercise for each side. */
  readonly unit: 'reps' | 'seconds';
  readonly seconds_per_rep: number;
  readonly unilateral: boolean;
  /** Metabolic equivalent (Ainsworth 2011); null adds no kcal. */
  readonly met: number | null;
}

/** An exercise of a slot; its ladder is the slot's, or else the catalogue's. */
export interface Prescribed extends Ladder {
  readonly exercise_id: number;
  readonly sets: number;
}

export interface Slot {
  /** 1 (Monday in a `weekday` plan) to 7. */
  readonly slot: number;
  /** Empty: a day of rest. */
  readonly exercises: readonly Prescribed[];
}

export interface TrainingPlan {
  readonly id: number;
  /** 1 to 7: in a `sequence` plan the slot that comes next. */
  readonly day: number;
  /** Days of all weeks that are over: existing clients count repetitions by it. */
  readonly progress: number;
  /** How many sessions were done. */
  readonly sessions: number;
  /** `sequence`: the next workout waits until it is done. `weekday`: a workout belongs to its weekday. */
  readonly schedule: 'sequence' | 'weekday';
  /** Whether it was made for a level: then every exercise opens at the bottom of its ladder. */
  readonly generated: boolean;
  /** Whether its next session falls into a deload week: sets are halved. */
  readonly deload?: boolean;
  readonly slots: readonly Slot[];
}

/** Rest between two sets: a convention (ACSM: one to two minutes). */
export const REST_SECONDS = 60;

const exercisesOf = ({ slots }: Pick<TrainingPlan, 'slots'>, day: number) =>
  slots.find(({ slot }) => slot === day)?.exercises ?? [];

/** @returns the first slot with exercises among `day + first` … wrapping after 7, in the direction; undefined without any */
function search(
  plan: Pick<TrainingPlan, 'slots'>,
  day: number,
  first: number,
  direction: 1 | -1,
): number | undefined {
  for (let n = first; n < first + 7; n++) {
    const slot = ((day - 1 + direction * n + 14) % 7) + 1;
    if (exercisesOf(plan, slot).length > 0) return slot;
  }
  return undefined;
}

/** @returns `day` if its slot has exercises, else the next that has; undefined when none has */
export const slotAt = (plan: Pick<TrainingPlan, 'slots'>, day: number): number | undefined =>
  search(plan, day, 0, 1);

/** @returns the first slot with exercises after `slotAt(day)`, wrapping; undefined when none has */
export function slotAfter(plan: Pick<TrainingPlan, 'slots'>, day: number): number | undefined {
  const at = slotAt(plan, day);
  return at && search(plan, at, 1, 1);
}

/** @returns the last slot with exercises before `day`, wrapping; undefined when none has */
export const slotBefore = (plan: Pick<TrainingPlan, 'slots'>, day: number): number | undefined =>
  search(plan, day, 1, -1);

/** @returns the slot of the date: in `sequence` the one that is next, in `weekday` that of the weekday; undefined: rest */
export function slotOn(
  plan: Pick<TrainingPlan, 'slots' | 'day' | 'schedule'>,
  date: string,
): number | undefined {
  if (plan.schedule === 'sequence') return slotAt(plan, plan.day);
  const weekday = isoWeekday(date);
  return exercisesOf(plan, weekday).length > 0 ? weekday : undefined;
}

/**
 * Where a session moves the counters of existing clients. `sequence`: day to the next slot, and progress + 7 on wrapping.
 * `weekday`: day to the slot of the next training date after `date`.
 */
export function advanced(
  plan: Pick<TrainingPlan, 'slots' | 'day' | 'progress' | 'schedule'>,
  date: string,
): { day: number; progress: number } {
  const { day, progress } = plan;
  if (plan.schedule === 'weekday') return { day: search(plan, isoWeekday(date), 1, 1) ?? day, progress };
  const next = slotAfter(plan, day);
  return next === undefined ? { day, progress } : { day: next, progress: progress + (next <= day ? 7 : 0) };
}

const DELOAD_FROM_LEVEL = 3;
const DELOAD_EVERY_WEEKS = 6;

/**
 * Whether the plan's next session falls into a deload week: from level 3 on each sixth week of sessions, whenever they
 * were done (Rogerson 2024: every 5.6 ± 2.3 weeks, with fewer sets).
 * @param plan `training_days` a mask: as many sessions make a week
 */
export function isDeloadWeek({
  level,
  sessions,
  training_days,
}: {
  readonly level: number | null;
  readonly sessions: number;
  readonly training_days: number;
}): boolean {
  const week = Math.floor(sessions / Math.max(1, weekdaysOf(training_days).length));
  return level !== null && level >= DELOAD_FROM_LEVEL && week % DELOAD_EVERY_WEEKS === DELOAD_EVERY_WEEKS - 1;
}

/** @returns the sets of a session: halved, rounded up, in a deload week */
export const setsOf = (sets: number, deload: boolean | undefined): number =>
  deload ? Math.ceil(sets / 2) : sets;

/** @returns the exercise as the slot prescribes it, or as the plan's first slot with it does; undefined: not of the plan */
export function prescribedOf(
  plan: Pick<TrainingPlan, 'slots'>,
  slot: number | null,
  exercise_id: number,
): Prescribed | undefined {
  const isIt = (prescribed: Prescribed) => prescribed.exercise_id === exercise_id;
  return (
    (slot ? exercisesOf(plan, slot).find(isIt) : undefined) ??
    plan.slots.find(({ exercises }) => exercises.some(isIt))?.exercises.find(isIt)
  );
}

/** @returns the exercises of a slot, in order */
export const exercisesIn = exercisesOf;

/**
 * Seconds under way, without rest: amount × seconds_per_rep, twice for an exercise of one side.
 * @param amount repetitions or seconds, summed over the sets; seconds count as they are
 */
export const activeSeconds = (
  { unit, seconds_per_rep, unilateral }: Pick<ExerciseTraits, 'unit' | 'seconds_per_rep' | 'unilateral'>,
  amount: number,
): number => Math.round(amount * (unit === 'seconds' ? 1 : seconds_per_rep) * (unilateral ? 2 : 1));

/** @returns seconds with 60 s of rest between the sets */
export const estimatedSeconds = (active_s: number, sets: number): number =>
  active_s + REST_SECONDS * Math.max(0, sets - 1);

/**
 * Net energy of an exercise for a kilogram of body weight: (MET − 1) × 3.5 / 200 × minutes, where 1 MET is 3.5 ml of
 * oxygen per kg and minute (Ainsworth 2011). Rest counts nothing.
 */
export const kcalPerKg = (met: number | null, active_s: number): number =>
  met === null ? 0 : ((met - 1) * 3.5 * active_s) / (200 * 60);

/** @returns kcal to one decimal, half up; null without a weight */
export const kcalOf = (kcal_per_kg: number, weight: number | null): number | null =>
  weight === null ? null : Math.round(kcal_per_kg * weight * 10) / 10;

/** One exercise of the workout of a date. */
export interface PlannedExercise {
  readonly exercise_id: number;
  readonly sets: number;
  /** Repetitions or seconds of each set. */
  readonly target: number;
  readonly k: number;
  readonly top: number;
  readonly because: Because;
  readonly ready_for_next: boolean;
  readonly active_s: number;
  readonly kcal_per_kg: number;
}

export interface PlannedWorkout {
  readonly slot: number;
  readonly deload: boolean;
  /** The number of the session, from 1. */
  readonly session: number;
  readonly exercises: readonly PlannedExercise[];
  readonly active_s: number;
  readonly estimated_s: number;
  readonly kcal_per_kg: number;
}

/**
 * The workout of a date, with its targets; undefined: rest.
 * @param progressions of the plan, as they stand before the date; an exercise without one stands at its opening
 * @param exercises of the catalogue; one that is not among them is left out
 * @param slot of a date that is done: the one that it had
 */
export function plannedWorkout(
  plan: TrainingPlan,
  progressions: readonly Progression[],
  exercises: readonly ExerciseTraits[],
  date: string,
  slot: number | null = null,
): PlannedWorkout | undefined {
  const at = slot ?? slotOn(plan, date);
  if (!at) return undefined;
  const deload = plan.deload === true;
  const planned = exercisesOf(plan, at).flatMap((one): PlannedExercise[] => {
    const exercise = exercises.find(({ id }) => id === one.exercise_id);
    if (!exercise) return [];
    const p = progressionOf(plan, progressions, one);
    const top = topOf(one);
    const rung = rungAt(p, date, top, deload);
    const sets = setsOf(one.sets, deload);
    const active_s = activeSeconds(exercise, sets * target(one, rung.k));
    return [
      {
        exercise_id: one.exercise_id,
        sets,
        target: target(one, rung.k),
        ...rung,
        top,
        ready_for_next: isReady(p, top),
        active_s,
        kcal_per_kg: kcalPerKg(exercise.met, active_s),
      },
    ];
  });
  const sum = (key: 'active_s' | 'kcal_per_kg' | 'sets') => planned.reduce((all, one) => all + one[key], 0);
  const active_s = sum('active_s');
  return {
    slot: at,
    deload,
    session: plan.sessions + 1,
    exercises: planned,
    active_s,
    estimated_s: estimatedSeconds(active_s, sum('sets')),
    kcal_per_kg: sum('kcal_per_kg'),
  };
}

/**
 * @param progressions of the plan: once it has some, its counters no longer open an exercise
 * @returns the exercise's progression, or the one with which it opens
 */
export function progressionOf(
  plan: TrainingPlan,
  progressions: readonly Progression[],
  prescribed: Prescribed,
): Progression {
  const own = progressions.filter(({ plan_id }) => plan_id === plan.id);
  const { exercise_id } = prescribed;
  const opening_k = own.length > 0 ? 0 : openingOf(topOf(prescribed), plan);
  return (
    own.find((one) => one.exercise_id === exercise_id) ?? {
      plan_id: plan.id,
      exercise_id,
      opening_k,
      k: opening_k,
      misses: 0,
      held: 0,
      last_date: null,
      because: 'opening',
      since: null,
      since_seq: 0,
    }
  );
}

/** @returns where each exercise of a plan without sessions stands */
export const openingsOf = (plan: TrainingPlan): Progression[] =>
  plan.slots
    .flatMap(({ exercises }) => exercises)
    .filter((one, at, all) => all.findIndex(({ exercise_id }) => exercise_id === one.exercise_id) === at)
    .map((one) => progressionOf(plan, [], one));
