// What a body weighs over time. One weigh-in says little: water moves it by a kilogram or two within a day. So each is
// smoothed, and rates are of the trend. Nothing is projected: a straight line is wrong within weeks (Hall 2011, Lancet
// 378:826).
import { daysBetween } from './calendar.ts';

export interface WeighIn {
  readonly date: string;
  /** Kilograms. */
  readonly weight: number;
}

export interface TrendPoint extends WeighIn {
  /** Kilograms, unrounded. */
  readonly trend: number;
}

/** How many weigh-ins before the first one that is shown a trend begins with: 0.9^200 is below 1e-9. */
export const TREND_WEIGH_INS = 200;

/** What of the distance to the trend is left a day after a weigh-in. */
const KEPT_A_DAY = 0.9;
const WEEK_DAYS = 7;
/** Of body weight a week. NICE CG43 (2006): 0.5 to 1 kg a week at most. */
const FAST_SHARE = 0.01;
/** An older weigh-in says nothing of today: days. */
const RECENT_DAYS = 28;

/**
 * `T = T + (1 − 0.9^Δ) (W − T)`, where Δ is the number of days since the weigh-in before, and T begins with the first
 * weight: an exponentially smoothed moving average of 10 % a day (Walker, The Hacker's Diet, 1991). The power makes
 * gaps exact: seven days take as much as seven weigh-ins of the same weight.
 * @param weighIns one a date, oldest first
 */
export function trend(weighIns: readonly WeighIn[]): TrendPoint[] {
  const points: TrendPoint[] = [];
  for (const { date, weight } of weighIns) {
    const before = points.at(-1);
    const left = before ? KEPT_A_DAY ** daysBetween(before.date, date) : 0;
    points.push({ date, weight, trend: weight + left * ((before?.trend ?? weight) - weight) });
  }
  return points;
}

/**
 * How the trend moves in so many days, in kilograms: from the last weigh-in that is at least as many days before the
 * newest one, and scaled to them.
 * @param points oldest first
 * @returns null when no two weigh-ins are as far apart
 */
export function trendChange(points: readonly TrendPoint[], days: number): number | null {
  const newest = points.at(-1);
  const before = newest && points.findLast(({ date }) => daysBetween(date, newest.date) >= days);
  return before ? ((newest.trend - before.trend) / daysBetween(before.date, newest.date)) * days : null;
}

/** Kilograms a week, below 0 for a loss. @returns null when no two weigh-ins are a week apart */
export const weeklyRate = (points: readonly TrendPoint[]): number | null => trendChange(points, WEEK_DAYS);

/**
 * Whether the trend falls by more than 1 % of itself a week. A newest weigh-in of more than 28 days ago says nothing.
 * @param points oldest first, none after `today`
 */
export function isLosingFast(points: readonly TrendPoint[], today: string): boolean {
  const newest = points.at(-1);
  const rate = weeklyRate(points);
  if (!newest || rate === null || daysBetween(newest.date, today) > RECENT_DAYS) return false;
  return -rate > FAST_SHARE * newest.trend;
}

/** @returns kilograms to the gram, as they are told; null stays null */
export const toGrams = <Kilograms extends number | null>(kilograms: Kilograms): Kilograms =>
  (kilograms === null ? null : Math.round(kilograms * 1000) / 1000) as Kilograms;
