// Runs of days without a miss, and what windows of the last days hold. What is due is a matter of weekdays; skipped days
// and days on which nothing is due are neutral, and a missed day can be made good within its ISO week.
import { addDays, dateOf, dayNumber, isIn, weekdayOf } from './calendar.ts';

export type DayState = 'done' | 'skipped' | 'reported' | 'open';

/** What is due from a date on, as masks of weekdays, 0 to 127. One a date. */
export interface Schedule {
  readonly from_date: string;
  readonly training: number;
  readonly study: number;
}

export interface RunDay {
  readonly date: string;
  readonly state: DayState;
  /** The run as it stood when it was written; 0 of an open day, which counts as none. */
  readonly run: number;
}

export interface Streak {
  readonly current: number;
  /** Whether a missed day has yet to be made good in this week, or the run ends. */
  readonly pending: boolean;
}

/** The sums of a day or month. Repetitions and seconds are whole; pages, chapters, lessons and minutes to 6 decimals. */
export interface Sums {
  /** Days that were done or reported, 0 or 1 of a day. */
  readonly done: number;
  readonly skipped: number;
  readonly workouts: number;
  /** Exercises that met their target, of those that had one. */
  readonly met: number;
  readonly exercises: number;
  readonly reps: number;
  readonly hold_s: number;
  readonly active_s: number;
  readonly kcal_per_kg: number;
  readonly pages: number;
  readonly chapters: number;
  readonly lessons: number;
  readonly minutes: number;
  readonly study_minutes: number;
  readonly tasks: number;
}

export interface Window {
  /** Due dates that were not skipped; today only when it is done. */
  readonly due: number;
  readonly done: number;
  readonly skipped: number;
  readonly missed: number;
  /** Missed dates that a date on which nothing was due makes good in their week. */
  readonly made_good: number;
  /** The share of due dates that were done; null when nothing was due. */
  readonly adherence: number | null;
  /** The share of exercises that met their target; null without any. */
  readonly met: number | null;
  readonly sums: Sums;
}

const isDone = (state: DayState | undefined): boolean => state === 'done' || state === 'reported';

const isClosed = ({ state }: RunDay): boolean => state !== 'open';

/** @returns whether something is due on the date, by the schedule in force; before the first nothing is */
export function isDue(schedules: readonly Schedule[], date: string): boolean {
  return dueBy(schedules)(dayNumber(date));
}

/** Schedules are looked up from the newest on: dates are asked for in order, and there are few. */
function dueBy(schedules: readonly Schedule[]): (day: number) => boolean {
  const newestFirst = schedules
    .toSorted((a, b) => (a.from_date < b.from_date ? 1 : -1))
    .map(({ from_date, training, study }) => ({ from: dayNumber(from_date), mask: training | study }));
  return (day) => isIn(newestFirst.find(({ from }) => from <= day)?.mask ?? 0, weekdayOf(day));
}

/**
 * Goes over the dates first..last and tells the run before each date counts itself. A missed due date ends the run,
 * unless its ISO week has as many done dates that were not due as missed ones up to it.
 * @param run the run after the date before `first`
 * @param open from this date on nothing is missed yet, and dates of its week that are not due may still make good
 */
function walk(
  days: ReadonlyMap<number, DayState>,
  isDueOn: (day: number) => boolean,
  first: number,
  last: number,
  run: number,
  visit: (day: number, run: number, missed: boolean, forgiven: boolean) => void,
  open = Number.POSITIVE_INFINITY,
): { run: number; pending: boolean } {
  let monday = Number.NaN;
  let [missed, extra, possible] = [0, 0, 0];
  for (let day = first; day <= last; day++) {
    const ofDay = day + 1 - weekdayOf(day);
    if (ofDay !== monday) {
      monday = ofDay;
      [missed, extra, possible] = [0, 0, 0];
      for (let other = monday; other < monday + 7; other++) {
        const state = days.get(other);
        const due = isDueOn(other);
        // The walk may begin within a week: what was missed before it counts.
        if (other < first && due && !isDone(state) && state !== 'skipped') missed++;
        if (!due && isDone(state)) extra++;
        else if (!due && other >= open && state !== 'skipped') possible++;
      }
    }
    const state = days.get(day);
    if (isDone(state)) run++;
    const isMissed = day < open && isDueOn(day) && !isDone(state) && state !== 'skipped';
    if (isMissed) missed++;
    const forgiven = missed <= extra;
    visit(day, run, isMissed, forgiven);
    if (isMissed && missed > extra + possible) run = 0;
  }
  return { run, pending: run > 0 && missed > extra && missed <= extra + possible };
}

const statesOf = (days: readonly RunDay[]) =>
  new Map(days.map(({ date, state }) => [dayNumber(date), state]));

/**
 * The run of each day from `since` on: done and reported days add one, skipped ones and those that are not due nothing,
 * a missed due date before it ends it unless it is made good on any date of its week. So a run depends on rows and
 * schedules alone, never on when it is read.
 * @param days every row from the Monday of the week of the last row before `since`, in any order; the runs of those
 * before `since` are taken as they are. Open ones may be left out
 * @param since a Monday: the first whose week has changed
 * @returns [date, run] of each row from `since` on that is not open, by date
 */
export function runs(
  days: readonly RunDay[],
  schedules: readonly Schedule[],
  since: string,
): [date: string, run: number][] {
  const sorted = days.filter(isClosed).toSorted((a, b) => (a.date < b.date ? -1 : 1));
  const before = sorted.findLast(({ date }) => date < since);
  const newest = sorted.at(-1);
  if (!newest || newest.date < since) return [];
  const states = statesOf(sorted);
  const found: [string, number][] = [];
  const from = dayNumber(since);
  const first = before ? dayNumber(before.date) : dayNumber(sorted[0]?.date ?? since);
  const start = before ? before.run - (isDone(before.state) ? 1 : 0) : 0;
  walk(states, dueBy(schedules), first, dayNumber(newest.date), start, (day, run) => {
    if (day >= from && states.has(day)) found.push([dateOf(day), run]);
  });
  return found;
}

/**
 * The run at today, if nothing has ended it since its last day. A day that was missed in this week and can still be
 * made good, from today on, leaves it pending.
 * @param days every row from the Monday of the week of the last row before this week on; open ones may be left out
 */
export function streak(days: readonly RunDay[], schedules: readonly Schedule[], today: string): Streak {
  const known = days
    .filter((day) => isClosed(day) && day.date <= today)
    .toSorted((a, b) => (a.date < b.date ? -1 : 1));
  const last = known.at(-1);
  if (!last) return { current: 0, pending: false };
  const now = dayNumber(today);
  const monday = now + 1 - weekdayOf(now);
  // Its own week is judged anew, since what is stored knows of no pending days; before it the run stands as written.
  const before = known.findLast(({ date }) => dayNumber(date) < monday);
  const first = before ?? (known[0] as RunDay);
  const start = before ? before.run - (isDone(before.state) ? 1 : 0) : 0;
  const { run, pending } = walk(
    statesOf(known),
    dueBy(schedules),
    dayNumber(first.date),
    now,
    start,
    () => undefined,
    now,
  );
  return { current: run, pending };
}

export const NO_SUMS: Sums = {
  done: 0,
  skipped: 0,
  workouts: 0,
  met: 0,
  exercises: 0,
  reps: 0,
  hold_s: 0,
  active_s: 0,
  kcal_per_kg: 0,
  pages: 0,
  chapters: 0,
  lessons: 0,
  minutes: 0,
  study_minutes: 0,
  tasks: 0,
};

/** @returns a + sign × b, to 6 decimals: what rows of days and months hold */
export const addSums = (a: Sums, b: Partial<Sums>, sign = 1): Sums =>
  Object.fromEntries(
    Object.entries(a).map(([key, value]) => [
      key,
      Math.round((value + sign * (b[key as keyof Sums] ?? 0)) * 1e6) / 1e6 + 0,
    ]),
  ) as unknown as Sums;

/**
 * The last dates, today included.
 * @param days every row from the Monday of the week of the window's first date on, with its sums
 * @param length how many dates
 */
export function windowOf(
  days: readonly (RunDay & { readonly sums: Sums })[],
  schedules: readonly Schedule[],
  today: string,
  length: number,
): Window {
  const from = addDays(today, 1 - length);
  const first = dayNumber(from);
  const now = dayNumber(today);
  const known = days.filter(({ date }) => date <= today);
  const states = statesOf(known);
  const isDueOn = dueBy(schedules);
  let [due, done, skipped, missed, made_good, doneDue] = [0, 0, 0, 0, 0, 0];
  walk(states, isDueOn, first + 1 - weekdayOf(first), now, 0, (day, _, isMissed, forgiven) => {
    if (day < first) return;
    const state = states.get(day);
    if (state === 'skipped') skipped++;
    if (isDone(state)) done++;
    if (isMissed && day < now) {
      missed++;
      if (forgiven) made_good++;
    }
    if (isDueOn(day) && isDone(state)) doneDue++;
  });
  due = doneDue + missed;
  const sums = known
    .filter(({ date }) => date >= from)
    .reduce((sum: Sums, one) => addSums(sum, one.sums), NO_SUMS);
  return {
    due,
    done,
    skipped,
    missed,
    made_good,
    adherence: due === 0 ? null : doneDue / due,
    met: sums.exercises === 0 ? null : sums.met / sums.exercises,
    sums,
  };
}
