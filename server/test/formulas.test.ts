// Reads the tables of docs/formulas.md, and compares each row with what the code gives.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CATALOGUE as SEED } from '../src/db/migrations/catalogue.ts';
import * as domain from '../src/domain/index.ts';
import { CATALOGUE, exerciseOf } from './catalogue.ts';
import { THE_EIGHT } from './defaultPlan.ts';

// #460: every worked number of docs/formulas.md is what the code gives
// #691: so is every plan of it

const text = await readFile(fileURLToPath(new URL('../../docs/formulas.md', import.meta.url)), 'utf8');

/** @returns the rows of the table whose heading has these columns, by column */
function tableOf(...columns: string[]): Record<string, string>[] {
  const lines = text.split('\n');
  const cells = (line: string) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim());
  const at = lines.findIndex((line) => line.startsWith('|') && cells(line).join() === columns.join());
  if (at < 0) throw new Error(`docs/formulas.md has no table with ${columns.join(', ')}`);
  const rows: Record<string, string>[] = [];
  for (let n = at + 2; lines[n]?.startsWith('|'); n++) {
    const row = cells(lines[n] as string);
    rows.push(Object.fromEntries(columns.map((column, place) => [column, row[place] as string])));
  }
  return rows;
}

/** `m 80/180/30` */
function personOf(who: string) {
  const [, gender, weight, height, age] = /^([mf]) (\d+)\/(\d+)\/(\d+)$/.exec(who) ?? [];
  return {
    gender: gender === 'm' ? 'male' : 'female',
    weight: Number(weight),
    height: Number(height),
    age: Number(age),
    age_from: 'plan',
  } as const;
}

test.each(tableOf('instant (UTC)', 'zone', 'day_start', 'date'))(
  '#460 $zone at $instant (UTC) is $date',
  ({ zone, day_start, date, ...rest }) => {
    expect(
      domain.localDate(new Date(rest['instant (UTC)'] as string), zone as string, Number(day_start)),
    ).toBe(date);
  },
);

test.each(tableOf('exercise', 'start', 'end', 'step', 'K', 'opening', 'unbounded'))(
  '#460 $exercise has K $K, and opens at $opening',
  (row) => {
    const exercise = THE_EIGHT.find(({ key }) => key === row.exercise) as (typeof THE_EIGHT)[number];
    const { start, end, step } = exercise;
    const top = domain.topOf(exercise);
    const k = domain.openingOf(top, { day: 1, progress: 28, generated: false });
    expect([start, end, step, top, domain.target(exercise, k), start + 29 * step]).toEqual(
      [row.start, row.end, row.step, row.K, row.opening, row.unbounded].map(Number),
    );
  },
);

test('#667 the catalogue is as the table says, line by line', () => {
  const rows = tableOf(
    ...['catalogue', 'chain', 'level', 'ladder / step', 'K', 'first targets', 's', 'MET (code)'],
  );
  const told = SEED.map((one) => {
    const { start_reps: start, end_reps: end, step, unit } = one;
    return {
      catalogue: one.key,
      chain: one.chain,
      level: `${one.level}`,
      'ladder / step': `${start}–${end} / ${step} ${unit === 'seconds' ? 's' : 'reps'}`,
      K: `${domain.topOf({ start, end, step })}`,
      'first targets': one.starts_by_level.map((first) => first ?? '–').join(' '),
      s: `${one.seconds_per_rep}`,
      'MET (code)': `${one.met} (${one.met_code})`,
    };
  });
  expect(rows).toEqual(told);
});

test('#460 push-ups go as the table says', () => {
  const [ladder] = THE_EIGHT as [(typeof THE_EIGHT)[number]];
  const top = domain.topOf(ladder);
  let date = '2026-01-05';
  let p: domain.Progression = {
    plan_id: 1,
    exercise_id: 1,
    opening_k: 0,
    k: 0,
    misses: 0,
    held: 0,
    last_date: null,
    because: 'opening',
    since: null,
    since_seq: 0,
  };
  const rows = tableOf('days', 'target', 'because', 'done', 'k after', 'after it');
  const seen = rows.map((row) => {
    date = domain.addDays(date, Number(row.days));
    const { k, because } = domain.rungAt(p, date, top);
    const target = domain.target(ladder, k);
    p = domain.step(p, { date, met: domain.isMet([Number(row.done)], 1, target), deload: false, top });
    return { ...row, target: `${target}`, because, 'k after': `${p.k}`, 'after it': p.because };
  });
  expect(rows.length).toBeGreaterThan(5);
  expect(seen).toEqual(rows);
});

test.each(tableOf('workout of the eight', 'active_s', 'estimated_s', 'kcal at 80 kg', 'kcal at 65 kg'))(
  '#460 the workout of the eight takes $active_s s',
  (row) => {
    const seconds = THE_EIGHT.map((exercise) =>
      domain.activeSeconds(
        exercise,
        row['workout of the eight'] === 'at the top' ? exercise.end : exercise.start,
      ),
    );
    const active_s = seconds.reduce((sum, one) => sum + one);
    const per_kg = THE_EIGHT.reduce(
      (sum, { met }, at) => sum + domain.kcalPerKg(met, seconds[at] as number),
      0,
    );
    expect([
      active_s,
      domain.estimatedSeconds(active_s, 8),
      domain.kcalOf(per_kg, 80),
      domain.kcalOf(per_kg, 65),
    ]).toEqual([row.active_s, row.estimated_s, row['kcal at 80 kg'], row['kcal at 65 kg']].map(Number));
  },
);

const made = (wish: Omit<domain.PlanWish, 'age'>) => domain.generatePlan({ age: 30, ...wish }, CATALOGUE);

test.each(tableOf('day', 'minutes', 'workout'))(
  '#691 the plan of level 1 has on day $day: $workout',
  (row) => {
    const { slots } = made({ level: 1, aim: 'maintain' });
    const exercises = slots[Number(row.day) - 1]?.exercises ?? [];
    const active = exercises.map(({ key, sets, start }) =>
      domain.activeSeconds(exerciseOf(key), sets * start),
    );
    const seconds = domain.estimatedSeconds(
      active.reduce((sum, one) => sum + one, 0),
      exercises.reduce((sum, { sets }) => sum + sets, 0),
    );
    expect({
      day: row.day,
      minutes: (seconds / 60).toFixed(1),
      workout: exercises.map(({ key, sets, start }) => `${key} ${sets}×${start}`).join(', '),
    }).toEqual(row);
  },
);

const MAIN = ['push', 'pull', 'squat', 'hinge', 'core'];

test.each(tableOf('level', 'days', ...MAIN))('#691 sets of a week of level $level on $days days', (row) => {
  const { slots } = made({
    level: Number(row.level),
    days_per_week: Number(row.days),
    aim: 'gain',
    session_minutes: 90,
    equipment: ['wall', 'chair', 'table', 'bar'],
  });
  const all = slots.flatMap(({ exercises }) => exercises);
  for (const pattern of MAIN)
    expect(
      all.filter((one) => one.pattern === pattern).reduce((sum, { sets }) => sum + sets, 0),
      pattern,
    ).toBe(Number(row[pattern]));
});

test.each(
  tableOf('who', 'aim', 'activity', 'workout', 'bmr', 'tdee', 'asked', 'kcal', 'P', 'F', 'C', 'clamped_by'),
)('#460 energy of $who, $aim, $activity', (row) => {
  const body = personOf(row.who as string);
  const { nutrition } = domain.energy({
    body,
    aim: row.aim as domain.Aim,
    aim_from: 'plan',
    bmr_formula: 'mifflin',
    activity: row.activity === '–' ? null : (row.activity as domain.Activity),
    nutrition: 'full',
    workout_kcal_per_kg: Number(row.workout) / body.weight,
    workout_done: false,
    losing_fast: false,
  });
  expect([
    nutrition?.bmr,
    nutrition?.tdee,
    nutrition?.requested_adjustment,
    nutrition?.kcal,
    nutrition?.protein,
    nutrition?.fat,
    nutrition?.carbohydrate,
  ]).toEqual([row.bmr, row.tdee, row.asked, row.kcal, row.P, row.F, row.C].map(Number));
  expect(nutrition?.clamped_by.join(', ') || '–').toBe(row.clamped_by);
});

test.each(tableOf('who', 'bmr', 'bmi'))('#460 $who has $bmr by Harris–Benedict, and a bmi of $bmi', (row) => {
  const body = personOf(row.who as string);
  expect(domain.bmrOf('harris', body).toFixed(2)).toBe(Number(row.bmr).toFixed(2));
  expect(domain.bmiOf(body).toFixed(2)).toBe(Number(row.bmi).toFixed(2));
});

const RESOURCES = [
  { id: 1, type: 'book', unit: 'chapter', volume: 10, progress: 9.9 },
  { id: 2, type: 'book', unit: 'chapter', volume: 12, progress: 0 },
  { id: 3, type: 'video', unit: 'minute', volume: 95, progress: 10 },
  { id: 4, type: 'course', unit: 'lesson', volume: 20, progress: 0 },
] as const;
const MINUTES = { page: 2, chapter: 20, lesson: 30, minute: 1 } as const;

test.each(tableOf('D', 'quotas', 'minutes'))('#460 with $D days left the quotas are $quotas', (row) => {
  const quotas = domain.pour(RESOURCES, Number(row.D));
  expect([...quotas.values()].join(', ')).toBe(row.quotas);
  expect(
    RESOURCES.map(({ id, unit }) => domain.minutesOf(quotas.get(id) as number, MINUTES[unit])).join(', '),
  ).toBe(row.minutes);
  const { resources } = domain.learning({
    today: '2026-03-02',
    days_left: Number(row.D),
    deadline: null,
    study_days: 127,
    daily_minutes: null,
    minutes_per_unit: MINUTES,
    resources: RESOURCES.map((one) => ({ ...one, deltas: [] })),
  });
  expect(resources.map(({ quota }) => quota).join(', ')).toBe(row.quotas);
});

test.each(tableOf('due', 'days', 'today', 'current', 'best', 'pending'))(
  '#460 due $due, $days: a run of $current on day $today',
  (row) => {
    const monday = '2026-03-02';
    const training = row.due === 'daily' ? 127 : domain.maskOf([1, 3, 5]);
    const schedules = [{ from_date: '2026-01-01', training, study: 0 }];
    const days = [...(row.days as string)].flatMap((letter, at) =>
      letter === '.'
        ? []
        : [{ date: domain.addDays(monday, at), state: letter === 'd' ? 'done' : 'skipped', run: 0 } as const],
    );
    const runs = new Map(domain.runs(days, schedules, monday));
    const stored = days.map((day) => ({ ...day, run: runs.get(day.date) as number }));
    const { current, pending } = domain.streak(
      stored,
      schedules,
      domain.addDays(monday, Number(row.today) - 1),
    );
    const best = Math.max(current, ...runs.values());
    expect([current, best, pending ? 'yes' : 'no'].join()).toBe([row.current, row.best, row.pending].join());
  },
);

const DAYS_OF_WEEK = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

test.each(tableOf('rule', 'anchor', 'after', 'next'))(
  '#624 a task that recurs is due as the table says: $rule from $anchor, after $after: $next',
  ({ rule, anchor, after, next }) => {
    const [, freq, interval, day, weekdays] =
      /^(daily|weekly|monthly) (\d+)(?: day (\d+)|((?: [A-Z]..)+))?$/.exec(rule as string) ?? [];
    const recurrence = {
      freq: freq as domain.Recurrence['freq'],
      interval: Number(interval),
      ...(day && { month_day: Number(day) }),
      ...(weekdays && {
        weekdays: weekdays
          .trim()
          .split(' ')
          .map((one) => DAYS_OF_WEEK.indexOf(one) + 1),
      }),
    };
    expect(domain.nextOccurrence(recurrence, anchor as string, after as string)).toBe(next);
  },
);

test('#460 a weight goes as the table says', () => {
  const rows = tableOf('day of weigh-in', 'weight', 'trend', 'rate', 'losing_fast');
  const dateOf = (row: Record<string, string>) =>
    domain.addDays('2026-03-01', Number(row['day of weigh-in']));
  const weighIns = rows.map((row) => ({ date: dateOf(row), weight: Number(row.weight) }));
  const seen = rows.map((row, at) => {
    const points = domain.trend(weighIns.slice(0, at + 1));
    const rate = domain.toGrams(domain.weeklyRate(points));
    return {
      ...row,
      trend: `${domain.toGrams(points.at(-1)?.trend ?? 0)}`,
      rate: rate === null ? '–' : `${rate}`,
      losing_fast: domain.isLosingFast(points, dateOf(row)) ? 'yes' : 'no',
    };
  });
  expect(rows.length).toBeGreaterThan(4);
  expect(seen).toEqual(rows);
});
