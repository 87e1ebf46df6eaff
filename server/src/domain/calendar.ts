// Local dates. A date is a string `YYYY-MM-DD` of the proleptic Gregorian calendar, years 1 to 9999, and compares as a
// string. Arithmetic is on day numbers (whole days since 1970-01-01), so no zone and no daylight saving touches it.

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** How far back a date may be written, and how far ahead it may be skipped: days. */
export const WRITABLE_DAYS = 30;

/** More than there are zones: spellings in other cases would otherwise fill the memory. */
const MAX_FORMATTERS = 600;
const formatters = /* @__PURE__ */ new Map<string, Intl.DateTimeFormat>();

function formatterOf(zone: string): Intl.DateTimeFormat {
  let found = formatters.get(zone);
  if (!found) {
    found = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
    });
    if (formatters.size >= MAX_FORMATTERS) formatters.clear();
    formatters.set(zone, found);
  }
  return found;
}

/** @returns whole days since 1970-01-01, negative before; NaN for what is no date */
export const dayNumber = (date: string): number => Date.parse(date) / DAY_MS;

/** @param day whole days since 1970-01-01 */
export const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

/** @returns whether the text is a date that exists: `2026-02-29` does not */
export function isDate(text: string): boolean {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? dayNumber(text) : Number.NaN;
  return !Number.isNaN(day) && dateOf(day) === text;
}

export const addDays = (date: string, days: number): string => dateOf(dayNumber(date) + days);

/** @returns days from `from` to `to`, negative when `to` is earlier */
export const daysBetween = (from: string, to: string): number => dayNumber(to) - dayNumber(from);

/** @returns 1 (Monday) to 7 (Sunday) of a day number: 1970-01-01 was a Thursday */
export const weekdayOf = (day: number): number => ((((day + 3) % 7) + 7) % 7) + 1;

/** @returns 1 (Monday) to 7 (Sunday), as ISO 8601 counts */
export const isoWeekday = (date: string): number => weekdayOf(dayNumber(date));

/** @returns the Monday of the ISO week */
export const mondayOf = (date: string): string => addDays(date, 1 - isoWeekday(date));

/** @returns the first date of the month */
export const monthOf = (date: string): string => `${date.slice(0, 7)}-01`;

/** @returns whole months since January of the year 0 */
export const monthNumber = (date: string): number =>
  Number(date.slice(0, 4)) * 12 + Number(date.slice(5, 7)) - 1;

/** @returns the day number of the first date of a month. `Date.UTC` would take the years up to 99 for 1900 to 1999 */
export const firstOfMonth = (month: number): number =>
  new Date(0).setUTCFullYear(Math.floor(month / 12), month % 12, 1) / DAY_MS;

/** @returns a mask of weekdays: Monday is 1, Tuesday 2, … Sunday 64 */
export const maskOf = (weekdays: readonly number[]): number =>
  weekdays.reduce((mask, weekday) => mask | (1 << (weekday - 1)), 0);

/** @returns the weekdays of a mask, 1 to 7, in order */
export const weekdaysOf = (mask: number): number[] =>
  [1, 2, 3, 4, 5, 6, 7].filter((weekday) => isIn(mask, weekday));

/** @returns whether the mask has the weekday, 1 to 7 */
export const isIn = (mask: number, weekday: number): boolean => ((mask >> (weekday - 1)) & 1) === 1;

/**
 * The date of the wall clock in the zone, less `day_start` whole hours: subtracted on the wall clock, not in elapsed
 * time, so a day may have 23 to 25 hours and begins at that hour on every date.
 * @param instant milliseconds since 1970, or a Date
 * @param zone an IANA name
 * @param day_start 0 to 12, the hour at which a day begins
 * @throws RangeError when the zone is unknown
 */
export function localDate(instant: number | Date, zone: string, day_start = 0): string {
  const part = { year: '', month: '', day: '', hour: '' } as Record<string, string>;
  for (const { type, value } of formatterOf(zone).formatToParts(instant)) part[type] = value;
  const date = `${part.year?.padStart(4, '0')}-${part.month}-${part.day}`;
  return Number(part.hour) < day_start ? addDays(date, -1) : date;
}

/** @returns whether Intl knows the name; offsets such as `+02:00` know no daylight saving and are refused */
export function isTimeZone(name: string): boolean {
  if (!/^[a-z]/i.test(name)) return false;
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

/** @returns the latest date that it is anywhere on Earth: that of UTC+14 */
export const latestDate = (instant: number | Date): string =>
  dateOf(Math.floor((+instant + 14 * HOUR_MS) / DAY_MS));

/**
 * Which dates a day may be written of: an offline device may come a month late, and one that has flown east is ahead.
 * @param today the user's date
 * @param latest the last date that may be written: `latestDate`, or of a skip today + 30
 */
export const isWritable = (date: string, today: string, latest: string): boolean =>
  date >= addDays(today, -WRITABLE_DAYS) && date <= latest;

/** @returns whole years; who was born on 29 February is a year older from 1 March in common years */
export const ageAt = (birth_date: string, date: string): number =>
  Number(date.slice(0, 4)) - Number(birth_date.slice(0, 4)) - (date.slice(5) < birth_date.slice(5) ? 1 : 0);
