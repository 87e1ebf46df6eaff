// Repetitions that grow: a ladder of targets for each exercise of a plan, and where on it the user stands. The place is
// a fold over the sessions by date, so devices that were offline may hand theirs in in any order.
import { daysBetween } from './calendar.ts';

/** Targets from `start` to `end` (repetitions or seconds, whole, > 0), `step` apart; the last step may be shorter. */
export interface Ladder {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Why a target is what it is. */
export type Because = 'opening' | 'met' | 'hold' | 'backed_off' | 'break' | 'top' | 'deload';

/** Where a user stands on the ladder of an exercise of a plan. Rungs count from 0 (start) to K (end). */
export interface Progression {
  readonly plan_id: number;
  readonly exercise_id: number;
  /** The rung at the plan's first session. */
  readonly opening_k: number;
  readonly k: number;
  /** Sessions in a row that did not meet the target: 0 to 2. */
  readonly misses: number;
  /** Sessions in a row that met the target of the top. */
  readonly held: number;
  /** Of the newest session that named the exercise; null before it. */
  readonly last_date: string | null;
  /** What the newest session came to. */
  readonly because: 'opening' | 'met' | 'hold' | 'backed_off';
  /** Sessions before this date, and those of it with a fact up to `since_seq`, do not count: the exercise was swapped in. */
  readonly since: string | null;
  readonly since_seq: number;
}

/** Where a user stood before a date: what sessions change of a progression. */
export type Standing = Omit<Progression, 'opening_k' | 'since' | 'since_seq'>;

/** One exercise of one session, as it was judged. */
export interface TrainingSession {
  readonly date: string;
  readonly met: boolean;
  /** Sets were halved (a deload week): a met target moves nothing. */
  readonly deload: boolean;
  /** The number of the top rung when the session was recorded. */
  readonly top: number;
}

/** Met at the top this often in a row, the next variation of the chain is offered. ACSM 2009 says twice; the count is our rule. */
export const HELD_FOR_NEXT = 2;
const MISSES_TO_BACK_OFF = 3;

/** @returns K, the number of the top rung: `ceil((end − start) / step)` */
export const topOf = ({ start, end, step }: Ladder): number => Math.max(0, Math.ceil((end - start) / step));

/** @returns `min(end, start + step × k)` */
export const target = ({ start, end, step }: Ladder, k: number): number => Math.min(end, start + step * k);

/** @returns whether the value is the target of a rung */
export function isTarget(ladder: Ladder, value: number): boolean {
  const { start, end, step } = ladder;
  return value === end || (value >= start && value < end && (value - start) % step === 0);
}

/**
 * The rung at which a plan without sessions stands: where the counters of existing clients have brought it, capped.
 * @param plan `day` 1 to 7, `progress` days; a generated plan opens at the bottom
 */
export const openingOf = (
  top: number,
  { day, progress, generated }: { day: number; progress: number; generated: boolean },
): number => (generated ? 0 : Math.min(top, Math.floor(progress) + day - 1));

/**
 * Where a user stands before a session on `date`: who has rested for more than two weeks begins lower, and anew with
 * misses and held. Strength holds for two to four weeks, then falls with time (McMaster 2013, Bosquet 2013); the steps are our rule.
 */
export function rested(p: Progression, date: string, top: number): Progression {
  const days = p.last_date === null ? 0 : daysBetween(p.last_date, date);
  let down = 0;
  if (days >= 85) down = Math.ceil(top / 2);
  else if (days >= 29) down = Math.max(2, Math.ceil(top / 5));
  else if (days >= 15) down = 1;
  const k = Math.min(top, p.k);
  return down > 0 && k > 0 ? { ...p, k: Math.max(0, k - down), misses: 0, held: 0 } : { ...p, k };
}

/** What one session makes of a progression: one rung at most, never back-filled (wger 2.7). */
export function step(before: Progression, { date, met, deload, top }: TrainingSession): Progression {
  const p = { ...rested(before, date, top), last_date: date };
  if (met) {
    if (deload) return { ...p, misses: 0, because: 'met' };
    const k = Math.min(top, p.k + 1);
    return { ...p, k, misses: 0, held: p.k === top ? p.held + 1 : 0, because: 'met' };
  }
  if (p.misses + 1 < MISSES_TO_BACK_OFF) return { ...p, misses: p.misses + 1, held: 0, because: 'hold' };
  return {
    ...p,
    k: Math.max(0, p.k - Math.max(1, Math.ceil(top / 10))),
    misses: 0,
    held: 0,
    because: 'backed_off',
  };
}

/** @returns the progression after all sessions, taken by date; in any order they come out the same */
export const fold = (before: Progression, sessions: readonly TrainingSession[]): Progression =>
  sessions.toSorted((a, b) => (a.date < b.date ? -1 : 1)).reduce(step, before);

/** @returns whether the session is one that the progression counts: those before a swap do not */
export const isCounted = ({ since, since_seq }: Progression, date: string, seq: number): boolean =>
  since === null || date > since || (date === since && seq > since_seq);

/** @returns whether the top is held, so that the next variation may be taken */
export const isReady = (p: Progression, top: number): boolean => p.k >= top && p.held >= HELD_FOR_NEXT;

/** @returns the rung for a session on `date`, and why; `deload` leaves the rung and says so */
export function rungAt(
  p: Progression,
  date: string,
  top: number,
  deload = false,
): { k: number; because: Because } {
  const { k } = rested(p, date, top);
  if (k < Math.min(top, p.k)) return { k, because: 'break' };
  if (deload) return { k, because: 'deload' };
  return { k, because: k === top && p.last_date !== null ? 'top' : p.because };
}

/** @returns whether every prescribed set reached the target: at least `sets` of those done did */
export const isMet = (done: readonly number[], sets: number, target: number): boolean =>
  done.filter((amount) => amount >= target).length >= sets;

/** Of the chain's exercises, what decides whether one may be offered. */
export interface Variation {
  readonly id: number;
  readonly chain_order: number;
  /** 1 to 5. */
  readonly level: number;
  readonly impact: boolean;
}

/** From this age on nobody gets jumps, and plans have balance (WHO 2020). */
export const SENIOR_AGE = 65;

/**
 * The next variation of the chain, whose level is at most one above the plan's (above the exercise's own where the plan
 * has none), and without jumps from 65 years on.
 * @param chain every exercise of the chain
 * @returns null when there is none
 */
export function nextOfChain<V extends Variation>(
  exercise: Variation,
  chain: readonly V[],
  { level, age }: { level: number | null; age: number },
): V | null {
  const next = chain
    .filter(({ chain_order }) => chain_order > exercise.chain_order)
    .toSorted((a, b) => a.chain_order - b.chain_order)[0];
  return next && next.level <= (level ?? exercise.level) + 1 && !(next.impact && age >= SENIOR_AGE)
    ? next
    : null;
}
