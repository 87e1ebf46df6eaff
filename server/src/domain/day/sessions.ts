// The training sessions of dates, and the progressions before a date that comes late.
import { addDays } from '../calendar.ts';
import { fold, isCounted, type Progression, type Standing, type TrainingSession } from '../progression.ts';
import type { DoneWorkout } from './facts.ts';

/** What the last fact of a date that has `before` says: others of the date have moved no progression. */
export interface SessionDay {
  readonly date: string;
  /** Of that fact. */
  readonly seq: number;
  /** Of its content. */
  readonly workout: DoneWorkout | null;
  /** Its `before`: the progressions before the date of each exercise that the date has ever moved. */
  readonly before: readonly Standing[];
}

export const isOfExercise =
  (plan_id: number, exercise_id: number) =>
  (one: Standing): boolean =>
    one.plan_id === plan_id && one.exercise_id === exercise_id;

/** @returns how a workout moves the progression of an exercise of a plan; undefined: not at all */
export function sessionOf(
  { date, workout }: Pick<SessionDay, 'date' | 'workout'>,
  plan_id: number,
  exercise_id: number,
): TrainingSession | undefined {
  const done =
    workout?.plan_id === plan_id && workout.exercises.find((one) => one.exercise_id === exercise_id);
  return done && done.top !== null
    ? { date, met: done.met === true, deload: workout.deload, top: done.top }
    : undefined;
}

/** How far back `sessions` has to reach: twice what a date may be late, and what it may be ahead. */
export const SESSION_DAYS = 70;

/**
 * Splits the sessions of an exercise at a date. A fact knows the progressions before its date as they were when it was
 * recorded. Of those up to the date the newest is right: a later one at an earlier date would be newer. Where there is
 * none within 35 days, an older one may be newer than those that are known; then the first after the date is right, which
 * was recorded after all of them, or what stands, if there is none.
 * @param days every date with progressions from SESSION_DAYS before on, the date itself too
 * @returns the progression before the date, and the sessions after it
 */
export function splitAt(
  current: Progression,
  days: readonly SessionDay[],
  date: string,
): { before: Progression; later: TrainingSession[] } {
  const { plan_id, exercise_id } = current;
  const isOwn = isOfExercise(plan_id, exercise_id);
  const own = days
    .filter((day) => day.before.some(isOwn) && isCounted(current, day.date, day.seq))
    .toSorted((a, b) => (a.date < b.date ? -1 : 1));
  const sessions = (from: readonly SessionDay[]) =>
    from.flatMap((day) => sessionOf(day, plan_id, exercise_id) ?? []);
  const upTo = own.filter((day) => day.date <= date);
  const after = own.slice(upTo.length);
  const isRecent = (upTo.at(-1)?.date ?? '') >= addDays(date, -SESSION_DAYS / 2);
  const base = isRecent ? upTo.toSorted((a, b) => b.seq - a.seq)[0] : after[0];
  const start = { ...current, ...base?.before.find(isOwn) };
  const between = isRecent
    ? upTo.filter((day) => day.date >= (base as SessionDay).date && day.date < date)
    : [];
  return { before: fold(start, sessions(between)), later: sessions(after) };
}
