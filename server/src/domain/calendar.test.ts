import { expect, test } from 'vitest';
import { randomOf } from '../../test/random.ts';
import {
  addDays,
  ageAt,
  dateOf,
  dayNumber,
  daysBetween,
  isDate,
  isoWeekday,
  isTimeZone,
  isWritable,
  latestDate,
  localDate,
  maskOf,
  mondayOf,
  monthOf,
  weekdaysOf,
} from './calendar.ts';

// #450: the date is that of the wall clock in the zone less the start of the day, also where clocks are put forward or back
// #451: ages count by date, 29 February from 1 March, and a day may be written from a month back to the latest date on Earth

const HOUR_MS = 3_600_000;

test.each([
  ['2026-03-29T00:59:00Z', 'Europe/Berlin', 3, '2026-03-28'],
  ['2026-03-29T01:00:00Z', 'Europe/Berlin', 3, '2026-03-29'],
  ['2026-10-25T01:59:59Z', 'Europe/Berlin', 3, '2026-10-24'],
  ['2026-10-25T02:00:00Z', 'Europe/Berlin', 3, '2026-10-25'],
  ['2026-03-08T06:59:00Z', 'America/New_York', 3, '2026-03-07'],
  ['2026-03-08T07:00:00Z', 'America/New_York', 3, '2026-03-08'],
  ['2011-12-30T09:59:00Z', 'Pacific/Apia', 0, '2011-12-29'],
  ['2011-12-30T10:00:00Z', 'Pacific/Apia', 0, '2011-12-31'],
  ['2026-06-01T10:30:00Z', 'Pacific/Kiritimati', 0, '2026-06-02'],
  ['2026-06-01T10:30:00Z', 'Pacific/Pago_Pago', 0, '2026-05-31'],
])('#450 %s in %s with days from %d o’clock is %s', (instant, zone, day_start, date) => {
  expect(localDate(new Date(instant), zone, day_start)).toBe(date);
  expect(localDate(Date.parse(instant), zone, day_start)).toBe(date);
});

test('#450 every instant has one date in every zone, and a day of the zone has at most 26 hours', () => {
  const random = randomOf(450);
  for (const zone of Intl.supportedValuesOf('timeZone')) {
    for (let n = 0; n < 20; n++) {
      const instant = random.int(Date.UTC(2015, 0, 1), Date.UTC(2025, 11, 31));
      const day_start = random.int(0, 12);
      const date = localDate(instant, zone, day_start);
      expect(isDate(date)).toBe(true);
      const shown = localDate(instant, zone);
      expect([0, 1]).toContain(daysBetween(date, shown));
      expect(localDate(instant + 26 * HOUR_MS, zone, day_start) > date).toBe(true);
      expect(date <= latestDate(instant)).toBe(true);
    }
  }
});

test('#450 hour by hour over three years no date is lost, whatever the start of the day', () => {
  const random = randomOf(451);
  const zones = [
    'Europe/Berlin',
    'America/New_York',
    'Pacific/Chatham',
    'Antarctica/Troll',
    'Australia/Lord_Howe',
  ];
  for (const zone of zones) {
    const day_start = random.int(0, 12);
    let last = localDate(Date.UTC(2023, 11, 31), zone, day_start);
    let greatest = last;
    for (let hour = 1; hour < 3 * 366 * 24; hour++) {
      const date = localDate(Date.UTC(2023, 11, 31) + hour * HOUR_MS, zone, day_start);
      if (date === last) continue;
      expect([addDays(greatest, 1), greatest, addDays(greatest, -1)]).toContain(date);
      if (date > greatest) greatest = date;
      last = date;
    }
  }
});

test('a date that returns for an hour: clocks go back across the start of the day', () => {
  // 2026-04-04T14:00Z is 03:45 for the first time, and 02:45 after it.
  expect(localDate(Date.parse('2026-04-04T13:44:00Z'), 'Pacific/Chatham', 3)).toBe('2026-04-05');
  expect(localDate(Date.parse('2026-04-04T14:00:00Z'), 'Pacific/Chatham', 3)).toBe('2026-04-04');
  expect(localDate(Date.parse('2026-04-04T14:15:00Z'), 'Pacific/Chatham', 3)).toBe('2026-04-05');
});

test('dates count as day numbers, before 1970 too', () => {
  const random = randomOf(1);
  for (let n = 0; n < 2_000; n++) {
    const day = random.int(-719_162, 2_932_896);
    const date = dateOf(day);
    expect(dayNumber(date)).toBe(day);
    const utc = new Date(`${date}T00:00:00Z`).getUTCDay();
    expect(isoWeekday(date)).toBe(utc === 0 ? 7 : utc);
    expect(isoWeekday(mondayOf(date))).toBe(1);
    expect(daysBetween(mondayOf(date), date)).toBe(isoWeekday(date) - 1);
  }
  expect(addDays('2028-02-28', 1)).toBe('2028-02-29');
  expect(addDays('2026-12-31', 1)).toBe('2027-01-01');
  expect(monthOf('2026-12-31')).toBe('2026-12-01');
});

test.each([
  ['2026-02-28', true],
  ['2026-02-29', false],
  ['2028-02-29', true],
  ['2026-13-01', false],
  ['2026-00-01', false],
  ['2026-1-1', false],
  ['0001-01-01', true],
  ['2026-01-01T00:00', false],
  ['', false],
])('%j is a date: %j', (text, expected) => {
  expect(isDate(text)).toBe(expected);
});

test.each([
  ['2000-02-29', '2026-02-28', 25],
  ['2000-02-29', '2026-03-01', 26],
  ['2000-02-29', '2028-02-28', 27],
  ['2000-02-29', '2028-02-29', 28],
  ['2000-06-15', '2026-06-14', 25],
  ['2000-06-15', '2026-06-15', 26],
])('#451 born %s, on %s %d years old', (birth, date, age) => {
  expect(ageAt(birth, date)).toBe(age);
});

test.each([
  ['Europe/Berlin', true],
  ['UTC', true],
  ['Etc/GMT+5', true],
  ['+02:00', false],
  ['-0500', false],
  ['Mars/Olympus', false],
  ['', false],
])('%j is a time zone: %j', (name, expected) => {
  expect(isTimeZone(name)).toBe(expected);
});

test('#451 dates may be written from a month back to the latest on Earth', () => {
  const latest = latestDate(Date.parse('2026-06-01T10:30:00Z'));
  expect(latest).toBe('2026-06-02');
  expect(latestDate(Date.parse('2026-06-01T09:59:59Z'))).toBe('2026-06-01');
  expect(
    ['2026-05-01', '2026-05-02', '2026-06-02', '2026-06-03'].map((date) =>
      isWritable(date, '2026-06-01', latest),
    ),
  ).toEqual([false, true, true, false]);
});

test('masks of weekdays', () => {
  expect(maskOf([1, 2, 3, 4, 5, 6, 7])).toBe(127);
  expect(maskOf([1, 3, 5])).toBe(21);
  expect(weekdaysOf(21)).toEqual([1, 3, 5]);
  for (let mask = 0; mask < 128; mask++) expect(maskOf(weekdaysOf(mask))).toBe(mask);
});
