// Tasks that recur: which date comes next, and whether a task that is finished makes another. By arithmetic, so that a rule
// that began in the year 1 costs no more than one of today.
import { dateOf, dayNumber, firstOfMonth, isoWeekday, mondayOf, monthNumber, weekdayOf } from './calendar.ts';

/** How something recurs. Its dates are counted from an anchor, a date that is kept beside it. */
export interface Recurrence {
  readonly freq: 'daily' | 'weekly' | 'monthly';
  /** Every so many days, ISO weeks or months: at most MAX_INTERVALS. */
  readonly interval: number;
  /** Of a weekly one, 1 is Monday; without them that of the anchor. */
  readonly weekdays?: readonly number[];
  /** Of a monthly one; without it that of the anchor. In a shorter month it is the last day (RFC 7529, SKIP=BACKWARD). */
  readonly month_day?: number;
}

/** What a series makes its tasks of. */
export interface Series {
  readonly id: number;
  readonly title: string;
  readonly recurrence: Recurrence;
  readonly anchor: string;
  /** The latest date of its other tasks; null without. */
  readonly latest: string | null;
  /** The same of those that are open and due after the task; null without. */
  readonly latest_open: string | null;
}

/** A task as an occurrence of its series. */
export interface Occurrence {
  readonly due_on: string | null;
  /** Null: it does not recur, or no more. */
  readonly series: Series | null;
}

/** A task that is to be made. */
export interface NextTask {
  readonly series_id: number;
  readonly title: string;
  readonly due_on: string;
}

export const MAX_INTERVALS = { daily: 365, weekly: 52, monthly: 12 } as const;

const LAST_DATE = '9999-12-31';

/** @returns the first number of `start`, `start + by`, `start + 2 by`, … that is at least `from`, which is not below `start` */
const roundUp = (from: number, start: number, by: number): number =>
  start + Math.ceil((from - start) / by) * by;

/**
 * The first date of a rule that is after a date, and not before the anchor.
 * @param after a date; the one that is returned is later
 * @returns null when there is none up to the year 9999
 */
export function nextOccurrence(rule: Recurrence, anchor: string, after: string): string | null {
  const from = Math.max(dayNumber(anchor), dayNumber(after) + 1);
  const last = dayNumber(LAST_DATE);
  const day = from > last ? from : DAY_OF[rule.freq](anchor, from, rule);
  return day > last ? null : dateOf(day);
}

/** The first day number of a rule from a day number on. */
const DAY_OF: Readonly<
  Record<Recurrence['freq'], (anchor: string, from: number, rule: Recurrence) => number>
> = {
  daily: (anchor, from, { interval }) => roundUp(from, dayNumber(anchor), interval),

  weekly(anchor, from, { interval, weekdays = [isoWeekday(anchor)] }) {
    const monday = from - weekdayOf(from) + 1;
    const week = roundUp(monday, dayNumber(mondayOf(anchor)), 7 * interval);
    const sorted = weekdays.toSorted((a, b) => a - b);
    const first = sorted[0] as number;
    const rest = week === monday ? sorted.find((weekday) => weekday >= weekdayOf(from)) : first;
    return rest === undefined ? week + 7 * interval + first - 1 : week + rest - 1;
  },

  monthly(anchor, from, { interval, month_day = Number(anchor.slice(8)) }) {
    const dayIn = (month: number) => Math.min(firstOfMonth(month) + month_day, firstOfMonth(month + 1)) - 1;
    const month = roundUp(monthNumber(dateOf(from)), monthNumber(anchor), interval);
    const day = dayIn(month);
    return day >= from ? day : dayIn(month + interval);
  },
};

/** @returns whether an open task of its series is due after it */
export const isFollowed = (due_on: string, { latest_open }: Series): boolean =>
  latest_open !== null && latest_open > due_on;

/**
 * What comes after a task that is finished or passed over: the first occurrence after its date, today, and what its series
 * has had. What was missed is made up by no task.
 * @returns null where it recurs no more, or is followed by another already
 */
export function nextTask({ due_on, series }: Occurrence, today: string): NextTask | null {
  if (!series || due_on === null || isFollowed(due_on, series)) return null;
  const after = [today, series.latest ?? today].reduce((a, b) => (a > b ? a : b), due_on);
  const next = nextOccurrence(series.recurrence, series.anchor, after);
  return next === null ? null : { series_id: series.id, title: series.title, due_on: next };
}
