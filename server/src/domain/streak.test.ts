import { expect, test } from 'vitest';
import { randomOf } from '../../test/random.ts';
import { addDays, isIn, isoWeekday, maskOf, mondayOf } from './calendar.ts';
import {
  addSums,
  type DayState,
  isDue,
  NO_SUMS,
  type RunDay,
  runs,
  type Schedule,
  streak,
  windowOf,
} from './streak.ts';

// #458: runs are as a person would count them, made good within the ISO week, and the same when they are computed in two parts
// #459: windows of days count due, done, skipped, missed and made good days, and sum what was done

const MONDAY = '2026-03-02';
const DAILY: Schedule[] = [{ from_date: '2026-01-01', training: 127, study: 0 }];
const MON_WED_FRI: Schedule[] = [{ from_date: '2026-01-01', training: maskOf([1, 3, 5]), study: 0 }];

/** One character a date from `from` on: d done, r reported, s skipped, o open, - no row. */
function rowsOf(text: string, from = MONDAY): RunDay[] {
  const states: Record<string, DayState> = { d: 'done', r: 'reported', s: 'skipped', o: 'open' };
  return [...text.replaceAll(' ', '')].flatMap((letter, at) => {
    const state = states[letter];
    return state ? [{ date: addDays(from, at), state, run: 0 }] : [];
  });
}

function withRuns(rows: RunDay[], schedules: Schedule[]): RunDay[] {
  const found = new Map(runs(rows, schedules, '0001-01-01'));
  return rows.map((row) => ({ ...row, run: found.get(row.date) ?? 0 }));
}

// The examples of the specification, and the cases between them: 14 letters are two weeks.
test.each([
  ['daily, a skipped day is neutral', DAILY, 'ddsd', 3, 3, false, 3],
  ['daily, a miss ends it', DAILY, 'dd-d', 3, 1, false, 2],
  ['daily, today is not missed yet', DAILY, 'ddd', 3, 3, false, 3],
  ['daily, yesterday was missed', DAILY, 'ddd', 4, 0, false, 3],
  ['three days a week, one made good', MON_WED_FRI, 'd--dd', 4, 3, false, 3],
  ['three days a week, still to be made good', MON_WED_FRI, 'd', 3, 1, true, 1],
  ['three days a week, the week is over', MON_WED_FRI, 'd---d--', 7, 1, false, 1],
  ['three days a week, made good on a Sunday', MON_WED_FRI, 'd---d-d', 7, 3, false, 3],
  ['three days a week, two missed and one made good', MON_WED_FRI, 'd----d- d', 7, 2, false, 2],
  ['three days a week, still to be made good on Friday', MON_WED_FRI, 'd---d', 4, 2, true, 2],
  ['reported days count', DAILY, 'rdr', 2, 3, false, 3],
  ['an open row is a missed day', DAILY, 'dod', 2, 1, false, 1],
  ['a whole week skipped', DAILY, 'ddddddd sssssss d', 14, 8, false, 8],
  ['skips alone', DAILY, 'sss', 2, 0, false, 0],
  ['nothing at all', DAILY, '', 5, 0, false, 0],
] as const)('#458 %s', (_, schedules, text, today, current, pending, best) => {
  const rows = withRuns(rowsOf(text), schedules);
  const now = streak(rows, schedules, addDays(MONDAY, today));
  expect(now).toEqual({ current, pending });
  expect(Math.max(0, now.current, ...rows.map(({ run }) => run))).toBe(best);
});

test('before the first schedule nothing is due, and the newest change of one holds', () => {
  const schedules = [
    { from_date: '2026-03-09', training: 0, study: 127 },
    { from_date: '2026-03-05', training: 1, study: 0 },
  ];
  const due = (date: string) => isDue(schedules, date);
  expect(['2026-03-02', '2026-03-06', '2026-03-09', '2026-03-15'].map(due)).toEqual([
    false,
    false,
    true,
    true,
  ]);
  expect(isDue([], '2026-03-02')).toBe(false);
});

/** The rules of §7 as a person would count them, date by date. */
function counted(rows: RunDay[], schedules: Schedule[]): [string, number][] {
  const state = new Map(rows.map((row) => [row.date, row.state]));
  const done = (date: string) => ['done', 'reported'].includes(state.get(date) ?? '');
  const missed = (date: string) => isDue(schedules, date) && !done(date) && state.get(date) !== 'skipped';
  const week = (date: string) => Array.from({ length: 7 }, (_, at) => addDays(mondayOf(date), at));
  const closed = rows.filter((row) => row.state !== 'open');
  return closed.map(({ date }) => {
    let run = 0;
    const first = closed[0]?.date ?? date;
    for (let back = date; back >= first; back = addDays(back, -1)) {
      if (done(back)) run++;
      if (back === date || !missed(back)) continue;
      // What the week of a missed day has until then: its own week until the date, an earlier one whole.
      const until = mondayOf(back) === mondayOf(date) ? date : addDays(mondayOf(back), 7);
      const misses = week(back).filter((other) => other < until && missed(other)).length;
      const extra = week(back).filter((other) => !isDue(schedules, other) && done(other)).length;
      if (misses > extra) {
        // The last missed date of that week ended it; what was done after it counts.
        const last = week(back).findLast((other) => other < until && missed(other)) as string;
        return [date, rows.filter((row) => row.date > last && row.date <= date && done(row.date)).length];
      }
    }
    return [date, run];
  });
}

function randomHistory(random: ReturnType<typeof randomOf>) {
  const schedules: Schedule[] = [];
  let from = addDays(MONDAY, random.int(-20, 5));
  for (let n = random.int(1, 3); n > 0; n--) {
    schedules.push({
      from_date: from,
      training: random.int(0, 127),
      study: random.oneIn(2) ? 0 : random.int(0, 127),
    });
    from = addDays(from, random.int(1, 30));
  }
  const rows: RunDay[] = [];
  for (let date = MONDAY; rows.length < 70; date = addDays(date, random.oneIn(15) ? random.int(1, 40) : 1))
    if (!random.oneIn(5))
      rows.push({
        date,
        state: random.pick(['done', 'done', 'done', 'reported', 'skipped', 'open']),
        run: 0,
      });
  return { rows, schedules };
}

test('#458 runs are as a person would count them, and those of a list in two parts are those of the list', () => {
  const random = randomOf(458);
  for (let n = 0; n < 150; n++) {
    const { rows, schedules } = randomHistory(random);
    const whole = runs(rows, schedules, '0001-01-01');
    expect(whole).toEqual(counted(rows, schedules));

    const cut = mondayOf((rows[random.int(1, rows.length - 1)] as RunDay).date);
    const stored = withRuns(rows, schedules);
    const before = stored.findLast(({ date, state }) => date < cut && state !== 'open');
    const known = stored
      .filter(({ date }) => !before || date >= mondayOf(before.date))
      // What stands in later rows does not count, and neither does the order.
      .map((row) => (row.date < cut ? row : { ...row, run: 99 }));
    expect(runs(random.shuffled(known), schedules, cut)).toEqual(whole.filter(([date]) => date >= cut));
  }
});

test('#458 the current run is that of today as if it were done, less one, but for what is pending', () => {
  const random = randomOf(459);
  for (let n = 0; n < 150; n++) {
    const { rows, schedules } = randomHistory(random);
    const stored = withRuns(rows, schedules);
    const today = addDays(rows.at(-1)?.date as string, random.int(0, 12));
    const { current, pending } = streak(stored, schedules, today);
    const [, run] = runs(
      [...stored.filter(({ date }) => date < today), { date: today, state: 'done', run: 0 }],
      schedules,
      '0001-01-01',
    ).at(-1) as [string, number];
    const isDone = ['done', 'reported'].includes(stored.find(({ date }) => date === today)?.state ?? '');
    // Today, done on a day on which nothing is due, would make one good.
    if (
      !pending &&
      (isDone ||
        isIn(
          (schedules.findLast(({ from_date }) => from_date <= today)?.training ?? 0) |
            (schedules.findLast(({ from_date }) => from_date <= today)?.study ?? 0),
          isoWeekday(today),
        ))
    )
      expect(current).toBe(run - (isDone ? 0 : 1));
    else expect(current).toBeGreaterThanOrEqual(0);
  }
});

test('#459 windows count due, done, skipped, missed and made good days, and sum what was done', () => {
  const sums = { ...NO_SUMS, done: 1, met: 1, exercises: 2, pages: 0.1 };
  const rows = rowsOf('d--dd-- ds--d--').map((row) => ({ ...row, sums }));
  // Today is the second Sunday: 13 dates after the first Monday.
  const week = windowOf(rows, MON_WED_FRI, addDays(MONDAY, 13), 7);
  expect(week).toMatchObject({
    due: 3,
    done: 2,
    skipped: 1,
    missed: 1,
    made_good: 0,
    adherence: 2 / 3,
    met: 0.5,
  });
  const two = windowOf(rows, MON_WED_FRI, addDays(MONDAY, 13), 14);
  expect(two).toMatchObject({ due: 6, done: 5, missed: 2, made_good: 1, adherence: 4 / 6 });
  expect(two.sums).toMatchObject({ done: 6, pages: 0.6 });
  // On a Wednesday that is not done nothing is missed yet; once it is, it counts.
  const wednesday = addDays(MONDAY, 9);
  expect(windowOf(rows, MON_WED_FRI, wednesday, 3)).toMatchObject({
    due: 1,
    done: 1,
    missed: 0,
    adherence: 1,
  });
  expect(windowOf(rows, MON_WED_FRI, addDays(wednesday, 1), 4)).toMatchObject({
    due: 2,
    missed: 1,
    adherence: 0.5,
  });
  expect(windowOf([], [], wednesday, 30)).toMatchObject({
    due: 0,
    adherence: null,
    met: null,
    sums: NO_SUMS,
  });
});

test('a skipped day that was due is not due', () => {
  const rows = rowsOf('dsd').map((row) => ({ ...row, sums: NO_SUMS }));
  expect(windowOf(rows, DAILY, addDays(MONDAY, 2), 3)).toMatchObject({
    due: 2,
    done: 2,
    skipped: 1,
    adherence: 1,
  });
});

test('sums keep 6 decimals', () => {
  let sums = NO_SUMS;
  for (let n = 0; n < 10; n++) sums = addSums(sums, { chapters: 0.1, done: 1 });
  expect([sums.chapters, sums.done]).toEqual([1, 10]);
  expect(addSums(sums, sums, -1)).toEqual(NO_SUMS);
});
