// How much to learn on a date so that all is finished by the end of the plan. Quantities are in the unit of their
// resource and rounded to 6 decimals before they are compared, rounded up or answered: 10 − 9.9 in binary is not 0.1.
import { addDays, dateOf, dayNumber, isIn, weekdayOf } from './calendar.ts';

export type Unit = 'page' | 'chapter' | 'minute' | 'lesson';

/** Minutes that one of each unit takes. */
export type MinutesPerUnit = Readonly<Record<Unit, number>>;

export interface LearningResource {
  readonly id: number;
  readonly type: 'book' | 'course' | 'video';
  readonly unit: Unit;
  readonly volume: number;
  readonly progress: number;
  /** What was done of it on dates, any number a date; those outside the last 14 dates do not count. */
  readonly deltas: readonly { readonly date: string; readonly delta: number }[];
}

export interface LearningInput {
  readonly today: string;
  /** The stored days left (0 to 3650), which hold when there is no deadline. */
  readonly days_left: number;
  readonly deadline: string | null;
  /** A mask of weekdays, 1 to 127. */
  readonly study_days: number;
  readonly daily_minutes: number | null;
  readonly minutes_per_unit: MinutesPerUnit;
  readonly resources: readonly LearningResource[];
}

export type PaceState = 'done' | 'overdue' | 'unknown' | 'ahead' | 'on_track' | 'behind';

export interface ResourceQuota {
  readonly resource_id: number;
  readonly remaining: number;
  /** Of the date; 0 on a rest day. */
  readonly quota: number;
  /** Whole, rounded up. */
  readonly minutes: number;
  /** A study day's, over the last 14 dates; null below 3 study days since the first. */
  readonly pace: number | null;
  /** Null without a pace, or when it is more than 3650 days away. */
  readonly estimated_finish: string | null;
  readonly state: PaceState;
}

export interface Learning {
  readonly days_left: number;
  readonly study_days_left: number;
  /** The deadline, or the date on which the days left are over. */
  readonly end: string;
  readonly rest: boolean;
  readonly minutes: number;
  readonly fits: boolean;
  /** The first date by which it fits into daily_minutes; null when it does, or when no date within 3650 days does. */
  readonly suggested_deadline: string | null;
  /** How many resources are finished. */
  readonly finished: number;
  /** Those that are not, by id. */
  readonly resources: readonly ResourceQuota[];
}

export const MAX_DAYS_LEFT = 3_650;
const PACE_DAYS = 14;
const MIN_PACE_STUDY_DAYS = 3;

const GRAINS: MinutesPerUnit = { page: 1, minute: 1, chapter: 0.25, lesson: 0.25 };

export const round6 = (value: number): number => Math.round(value * 1e6) / 1e6;

export const remainingOf = ({ volume, progress }: Pick<LearningResource, 'volume' | 'progress'>): number =>
  Math.max(0, round6(volume - progress));

/** @returns minutes of an amount, whole, rounded up */
export const minutesOf = (amount: number, minutes_per_unit: number): number =>
  Math.ceil(round6(amount * minutes_per_unit));

/**
 * Days left, today included. Without a deadline the stored ones; else those to the deadline, at least 1 while something
 * is unfinished: an existing client divides by them.
 */
export const daysLeft = (
  today: string,
  { days_left, deadline }: Pick<LearningInput, 'days_left' | 'deadline'>,
  unfinished: boolean,
): number =>
  deadline === null
    ? days_left
    : Math.min(MAX_DAYS_LEFT, Math.max(unfinished ? 1 : 0, dayNumber(deadline) - dayNumber(today) + 1));

/** @returns how many dates of from..to, both included, are on the weekdays of the mask; 0 when `to` is earlier */
export function studyDays(from: string, to: string, mask: number): number {
  const first = dayNumber(from);
  const days = Math.max(0, dayNumber(to) - first + 1);
  let count = 0;
  // Whole weeks count each weekday once; of the rest each day is looked at.
  for (let n = 0; n < 7; n++)
    if (isIn(mask, weekdayOf(first + n))) count += Math.floor(days / 7) + (n < days % 7 ? 1 : 0);
  return count;
}

/** @returns the date of the n-th study day (1 is the first) from `from` on; null when it is more than 3650 days away */
function nthStudyDay(from: string, n: number, mask: number): string | null {
  const perWeek = studyDays(from, addDays(from, 6), mask);
  const weeks = Math.ceil(n / perWeek) - 1;
  if (!(weeks * 7 <= MAX_DAYS_LEFT)) return null;
  let left = n - weeks * perWeek;
  let day = dayNumber(from) + weeks * 7;
  while (!isIn(mask, weekdayOf(day)) || --left > 0) day++;
  return dateOf(day);
}

/**
 * The quota of each unfinished resource when D study days are left. Resources of one type and unit share it:
 * min(R, R / D rounded up to the grain), R what remains of all, poured into them by id. The grain is one page or minute
 * and a quarter of a chapter or lesson.
 * @param resources in any order. @param study_days_left at least 1
 * @returns quotas by id of resource; parts add up exactly
 */
export function pour(
  resources: readonly Pick<LearningResource, 'id' | 'type' | 'unit' | 'volume' | 'progress'>[],
  study_days_left: number,
): Map<number, number> {
  const total = new Map<string, number>();
  const keyOf = ({ type, unit }: Pick<LearningResource, 'type' | 'unit'>) => `${type} ${unit}`;
  for (const one of resources) total.set(keyOf(one), round6((total.get(keyOf(one)) ?? 0) + remainingOf(one)));
  const rest = new Map<string, number>();
  const quotas = new Map<number, number>();
  for (const one of resources.toSorted((a, b) => a.id - b.id)) {
    const key = keyOf(one);
    const all = total.get(key) as number;
    const grain = GRAINS[one.unit];
    const left = rest.get(key) ?? Math.min(all, Math.ceil(round6(all / study_days_left / grain)) * grain);
    const quota = Math.min(left, remainingOf(one));
    rest.set(key, round6(left - quota));
    quotas.set(one.id, round6(quota));
  }
  return quotas;
}

function paceOf({ deltas }: LearningResource, today: string, mask: number): number | null {
  const first = addDays(today, 1 - PACE_DAYS);
  const recent = deltas.filter(({ date }) => date >= first && date <= today);
  const since = recent.map(({ date }) => date).toSorted()[0] ?? today;
  const days = studyDays(since, today, mask);
  if (recent.length === 0 || days < MIN_PACE_STUDY_DAYS) return null;
  return round6(recent.reduce((sum, { delta }) => sum + delta, 0) / days);
}

/** @returns what is left of each number of remaining / pace / D: below 0.9 ahead, to 1.1 on track, above it behind */
function stateOf(
  remaining: number,
  pace: number | null,
  study_days_left: number,
  overdue: boolean,
): PaceState {
  if (remaining === 0) return 'done';
  if (overdue) return 'overdue';
  if (pace === null || pace <= 0) return 'unknown';
  const share = round6(remaining / pace / study_days_left);
  if (share < 0.9) return 'ahead';
  return share <= 1.1 ? 'on_track' : 'behind';
}

/** The learning of a date: quotas, minutes, whether they fit, pace, when it will be over, and how it stands. */
export function learning(input: LearningInput): Learning {
  const { today, deadline, study_days: mask, daily_minutes, minutes_per_unit } = input;
  const open = input.resources.filter((one) => remainingOf(one) > 0).toSorted((a, b) => a.id - b.id);
  const days_left = daysLeft(today, input, open.length > 0);
  const end = deadline ?? addDays(today, Math.max(0, days_left - 1));
  const rest = !isIn(mask, weekdayOf(dayNumber(today)));
  const studyDaysTo = (date: string) => Math.max(1, studyDays(today, date, mask));
  const study_days_left = studyDaysTo(end);

  const minutesWith = (quotas: Map<number, number>) =>
    open.map(({ id, unit }) => minutesOf(quotas.get(id) ?? 0, minutes_per_unit[unit]));
  const sumOf = (minutes: readonly number[]) => minutes.reduce((sum, one) => sum + one, 0);
  const quotas = rest ? new Map<number, number>() : pour(open, study_days_left);
  const perResource = minutesWith(quotas);
  const minutes = sumOf(perResource);
  const fitsIn = (days: number) =>
    daily_minutes === null ||
    sumOf(minutesWith(pour(open, studyDaysTo(addDays(today, days))))) <= daily_minutes;

  const fits = daily_minutes === null || minutes <= daily_minutes;
  let suggested_deadline: string | null = null;
  if (!fits && fitsIn(MAX_DAYS_LEFT - 1)) {
    // The minutes of a day never grow with the days that are left, so the first date that fits is found by halving.
    let [low, high] = [0, MAX_DAYS_LEFT - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (fitsIn(middle)) high = middle;
      else low = middle + 1;
    }
    suggested_deadline = addDays(today, low);
  }

  return {
    days_left,
    study_days_left,
    end,
    rest,
    minutes,
    fits,
    suggested_deadline,
    finished: input.resources.length - open.length,
    resources: open.map((one, at) => {
      const remaining = remainingOf(one);
      const pace = paceOf(one, today, mask);
      const quota = quotas.get(one.id) ?? 0;
      const doneToday = one.deltas.reduce((sum, { date, delta }) => sum + (date === today ? delta : 0), 0);
      // Today counts while its quota is not met; otherwise the next study day is the first.
      const from = round6(doneToday) >= quota ? addDays(today, 1) : today;
      return {
        resource_id: one.id,
        remaining,
        quota,
        minutes: perResource[at] as number,
        pace,
        estimated_finish:
          pace === null || pace <= 0 ? null : nthStudyDay(from, Math.ceil(round6(remaining / pace)), mask),
        state: stateOf(remaining, pace, study_days_left, deadline !== null && deadline < today),
      };
    }),
  };
}
