import { describe, expect, test } from 'vitest';
import { randomOf } from '../../test/random.ts';
import { addDays, daysBetween, isoWeekday, mondayOf } from './calendar.ts';
import { MAX_INTERVALS, nextOccurrence, nextTask, type Recurrence } from './recurrence.ts';

/** The same, told by walking: the rule as a person reads it from a calendar. */
function isOccurrence(
  { freq, interval, weekdays, month_day }: Recurrence,
  anchor: string,
  date: string,
): boolean {
  if (date < anchor) return false;
  const [year, month, day] = date.split('-').map(Number) as [number, number, number];
  const [anchorYear, anchorMonth, anchorDay] = anchor.split('-').map(Number) as [number, number, number];
  if (freq === 'daily') return daysBetween(anchor, date) % interval === 0;
  if (freq === 'weekly')
    return (
      (weekdays ?? [isoWeekday(anchor)]).includes(isoWeekday(date)) &&
      (daysBetween(mondayOf(anchor), mondayOf(date)) / 7) % interval === 0
    );
  const isLastOfMonth = addDays(date, 1).slice(8) === '01';
  const wanted = month_day ?? anchorDay;
  return (
    ((year - anchorYear) * 12 + month - anchorMonth) % interval === 0 &&
    (day === wanted || (isLastOfMonth && wanted > day))
  );
}

describe('the next date', () => {
  const random = randomOf(20_260_302);
  const rule = (): Recurrence => {
    const freq = random.pick(['daily', 'weekly', 'monthly'] as const);
    // Small ones more often: a walk over them is short.
    const interval = random.oneIn(4) ? random.int(1, MAX_INTERVALS[freq]) : random.int(1, 4);
    if (freq === 'weekly' && !random.oneIn(3))
      return { freq, interval, weekdays: random.shuffled([1, 2, 3, 4, 5, 6, 7]).slice(random.int(0, 6)) };
    if (freq === 'monthly' && !random.oneIn(3)) return { freq, interval, month_day: random.int(1, 31) };
    return { freq, interval };
  };

  test('#621 the next date of a rule is the one that a walk from day to day finds', () => {
    for (let n = 0; n < 3000; n++) {
      const one = rule();
      const anchor = addDays('2023-11-20', random.int(0, 1200));
      const after = addDays(anchor, random.int(-40, 900));
      let expected = addDays(after, 1);
      while (!isOccurrence(one, anchor, expected)) expected = addDays(expected, 1);
      expect(nextOccurrence(one, anchor, after), JSON.stringify({ one, anchor, after })).toBe(expected);
    }
  });

  test('#621 its dates one after the other are all of them', () => {
    for (let n = 0; n < 200; n++) {
      const one = rule();
      const anchor = addDays('2024-02-25', random.int(0, 40));
      const chain: string[] = [];
      for (let at: string = addDays(anchor, -1); chain.length < 8; chain.push(at))
        at = nextOccurrence(one, anchor, at) as string;
      const last = chain.at(-1) as string;
      const walked: string[] = [];
      for (let at = anchor; at <= last; at = addDays(at, 1))
        if (isOccurrence(one, anchor, at)) walked.push(at);
      expect(chain, JSON.stringify({ one, anchor })).toEqual(walked);
    }
  });
});

describe('the ends of the calendar', () => {
  test.each([
    [{ freq: 'daily', interval: 1 }, '2026-03-02', '2026-03-03'],
    [{ freq: 'daily', interval: 365 }, '2026-03-02', '2026-08-28'],
    [{ freq: 'weekly', interval: 1, weekdays: [7, 1] }, '2026-03-02', '2026-03-08'],
    [{ freq: 'monthly', interval: 1, month_day: 31 }, '2026-03-31', '2026-04-30'],
    [{ freq: 'monthly', interval: 12 }, '2026-03-02', '2027-01-01'],
  ] as [Recurrence, string, string][])(
    '#622 a rule that began in the year 1 counts on: %j after %s is %s',
    (rule, after, expected) => {
      expect(nextOccurrence(rule, '0001-01-01', after)).toBe(expected);
      expect(isOccurrence(rule, '0001-01-01', expected)).toBe(true);
    },
  );

  test('#622 after the year 9999 there is no date', () => {
    const daily: Recurrence = { freq: 'daily', interval: 1 };
    expect(nextOccurrence(daily, '2026-03-02', '9999-12-30')).toBe('9999-12-31');
    expect(nextOccurrence(daily, '2026-03-02', '9999-12-31')).toBeNull();
    expect(nextOccurrence({ freq: 'weekly', interval: 1 }, '2026-03-02', '9999-12-27')).toBeNull();
    expect(
      nextOccurrence({ freq: 'monthly', interval: 1, month_day: 31 }, '9999-12-31', '9999-12-31'),
    ).toBeNull();
  });
});

describe('what follows a task', () => {
  const TODAY = '2026-03-10';
  const series = {
    id: 7,
    title: 'Water',
    recurrence: { freq: 'daily', interval: 3 },
    anchor: '2026-03-01',
    latest: '2026-03-07',
    latest_open: null,
  } as const;
  const task = { due_on: '2026-03-10', series };
  test.each([
    ['in time', task, '2026-03-10', '2026-03-13'],
    ['before it was due', task, '2026-03-02', '2026-03-13'],
    ['late: what was missed is no task', task, '2026-03-25', '2026-03-28'],
    ['late, on a date of the rule', task, '2026-03-28', '2026-03-31'],
    [
      'before another open one',
      { ...task, series: { ...series, latest_open: '2026-03-12' } },
      TODAY,
      undefined,
    ],
    [
      'after another open one',
      { ...task, series: { ...series, latest_open: '2026-03-09' } },
      TODAY,
      '2026-03-13',
    ],
    [
      'before one that is done',
      { ...task, series: { ...series, latest: '2026-03-13' } },
      TODAY,
      '2026-03-16',
    ],
    ['of no series', { ...task, series: null }, '2026-03-10', undefined],
    ['without a date', { ...task, due_on: null }, '2026-03-10', undefined],
    ['at the end of the calendar', { ...task, due_on: '9999-12-30' }, '2026-03-10', undefined],
  ])('#623 what follows a task that is finished %s', (_, one, today, due_on) => {
    expect(nextTask(one, today)).toEqual(due_on ? { series_id: 7, title: 'Water', due_on } : null);
  });
});
