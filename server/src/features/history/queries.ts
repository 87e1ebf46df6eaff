import { currentBody, type StoredBody, weightForEnergy } from '../../dayRecord/body.ts';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import { json } from '../../db/rows.ts';
import {
  days,
  mentalPlanResources as links,
  mentalPlans,
  months,
  profiles,
  resources,
  schedules,
} from '../../db/schema/index.ts';
import { columnList, pickColumns } from '../../db/sql/columns.ts';
import { localToday, mondayOf, NOW } from '../../db/sql/localDate.ts';
import { progressDeltas } from '../../db/sql/progressDeltas.ts';
import { isInForceSince } from '../../db/sql/schedule.ts';
import { columnsOf, DAY_SUMS, type DaySumColumn, MONTH_SUMS } from '../../db/sql/sums.ts';
import { unitOf } from '../../db/sql/units.ts';
import { lastWeighIns } from '../../db/sql/weighIn.ts';
import { firstRow, read } from '../../db/statement.ts';
import {
  addSums,
  kcalOf,
  type LearningInput,
  learning,
  NO_SUMS,
  type RunDay,
  type Schedule,
  type Sums,
  streak,
  toGrams,
  trend,
  trendChange,
  type WeighIn,
  weeklyRate,
  windowOf,
} from '../../domain/index.ts';
import type { HistoryDay, HistoryMonth, HistoryRequest, HistorySummary, MonthsRequest } from './contract.ts';

const sumColumns = pickColumns(days, DAY_SUMS);
const dayColumns = {
  ...pickColumns(days, [
    'date',
    'state',
    'revision',
    'fact_seq',
    'plan_id',
    'slot',
    'advanced',
    'counted_down',
    'workout',
  ]),
  ...sumColumns,
  ...pickColumns(days, ['run']),
};

type StoredDay = Omit<HistoryDay, 'kcal'> & { readonly kcal_per_kg: number };

const page = firstRow(
  read(
    'history.days',
    { ...NOW, user_id: 'bigint', before: 'date?', limit: 'int' },
    { today: 'text', body: json<StoredBody | null>(), days: json<readonly StoredDay[]>() },
    ({ user_id, now, before, limit }) => sql`
    with page as (
      select ${columnList(dayColumns)}
      from ${days}
      where user_id = ${user_id} and date < coalesce(${before}, 'infinity')
      order by date desc
      limit ${limit})
    select
      ${localToday(user_id, now)}::text as today,
      ${currentBody(user_id)} as body,
      (select coalesce(json_agg(page order by page.date desc), '[]') from page) as days`,
  ),
);

/** @returns the days that have a row, newest first */
export async function listDays(
  db: Database,
  user_id: number,
  now: Date,
  { limit, before }: HistoryRequest,
): Promise<HistoryDay[]> {
  const found = await page(db, { user_id, now, before, limit });
  if (!found) return [];
  const weight = weightForEnergy(found.body, found.today);
  return found.days.map(({ kcal_per_kg, ...day }) => ({ ...day, kcal: kcalOf(kcal_per_kg, weight) }));
}

const monthColumns = pickColumns(months, ['month', ...MONTH_SUMS]);

type StoredMonth = Omit<HistoryMonth, 'kcal'> & { readonly kcal_per_kg: number };

const monthsPage = firstRow(
  read(
    'history.months',
    { ...NOW, user_id: 'bigint', before: 'date?', limit: 'int' },
    { today: 'text', body: json<StoredBody | null>(), months: json<readonly StoredMonth[]>() },
    ({ user_id, now, before, limit }) => sql`
    with page as (
      select ${columnList(monthColumns)}
      from ${months}
      where user_id = ${user_id} and month < coalesce(${before}, 'infinity')
      order by month desc
      limit ${limit})
    select
      ${localToday(user_id, now)}::text as today,
      ${currentBody(user_id)} as body,
      (select coalesce(json_agg(page order by page.month desc), '[]') from page) as months`,
  ),
);

/** @returns the months that have a row, newest first */
export async function listMonths(
  db: Database,
  user_id: number,
  now: Date,
  { limit, before }: MonthsRequest,
): Promise<HistoryMonth[]> {
  const found = await monthsPage(db, { user_id, now, before, limit });
  if (!found) return [];
  const weight = weightForEnergy(found.body, found.today);
  return found.months.map(({ kcal_per_kg, ...month }) => ({ ...month, kcal: kcalOf(kcal_per_kg, weight) }));
}

/** A day without the names of its columns, which would be most of what is read; its sums are in the order of DAY_SUMS. */
type SummaryDay = readonly [
  date: string,
  state: RunDay['state'],
  run: number,
  workout: boolean,
  ...sums: number[],
];

type StoredLearning = Pick<LearningInput, 'days_left' | 'deadline' | 'study_days' | 'resources'> | null;

/** The longest window: days. */
const LONGEST_WINDOW = 90;

// Rows are read from the Monday of the longest window's first week on, and those of the week of the last closed day
// before this week, where that is older: what `windowOf` and `streak` need. Between the two no closed day is.
const history = firstRow(
  read(
    'history.summary',
    { ...NOW, user_id: 'bigint' },
    {
      today: 'text',
      body: json<StoredBody | null>(),
      weights: json<readonly WeighIn[]>(),
      since: 'text?',
      best: 'int',
      days: json<readonly SummaryDay[]>(),
      schedules: json<readonly Schedule[]>(),
      all: json<Partial<Sums>>(),
      learning: json<StoredLearning>(),
    },
    ({ user_id, now }) => sql`
    with clock as (
      select ${localToday(user_id, now)} as today),
    week as (
      select today, ${mondayOf(sql`today`)} as this_monday, ${mondayOf(sql`(today - ${sql.raw(String(LONGEST_WINDOW - 1))})`)} as window_monday
      from clock),
    last_closed as (
      select day.date
      from week
      join ${days} day on day.user_id = ${user_id} and day.date < week.this_monday
      where day.state <> 'open'
      order by day.date desc
      limit 1),
    start as (
      select
        today,
        window_monday,
        least(window_monday, (select ${mondayOf(sql`date`)} from last_closed)) as first
      from week),
    shown as (
      select day.date, day.state, day.run, day.workout, ${columnList(sumColumns, 'day')}
      from start
      join ${days} day on day.user_id = ${user_id} and day.date between start.first and start.today
      where day.state <> 'open' or day.date >= start.window_monday),
    in_force as (
      select schedule.from_date, schedule.training, schedule.study
      from start
      join ${schedules} schedule on schedule.user_id = ${user_id}
        and schedule.from_date <= start.today
        and ${isInForceSince(user_id, sql`start.first`)}),
    total as (
      select ${columnsOf(MONTH_SUMS, (name) => `sum(${name}) as ${name}`)}
      from ${months}
      where user_id = ${user_id}),
    plan as (
      select id, progress as days_left, deadline
      from ${mentalPlans}
      where user_id = ${user_id}
      order by id desc
      limit 1),
    moved as materialized (
      ${progressDeltas(user_id, sql`(select today from clock)`)}),
    unfinished as (
      select
        resource.id, resource.type, ${unitOf('resource')} as unit, resource.volume, link.progress,
        (
          select coalesce(json_agg(json_build_object('date', moved.date, 'delta', moved.delta)), '[]')
          from moved
          where moved.mental_plan_id = plan.id and moved.resource_id = resource.id) as deltas
      from plan
      join ${links} link on link.user_id = ${user_id} and link.mental_plan_id = plan.id
      join ${resources} resource on resource.id = link.resource_id and resource.user_id = ${user_id}
      where link.progress < resource.volume)
    select
      clock.today::text as today,
      ${currentBody(user_id)} as body,
      ${lastWeighIns(user_id, sql`clock.today`)} as weights,
      (select min(date)::text from ${days} where user_id = ${user_id}) as since,
      coalesce((select max(run) from ${days} where user_id = ${user_id}), 0) as best,
      (
        select coalesce(json_agg(json_build_array(date, state, run, workout, ${columnsOf(DAY_SUMS)})), '[]')
        from shown
      ) as days,
      (select coalesce(json_agg(in_force), '[]') from in_force) as schedules,
      (select json_strip_nulls(row_to_json(total)) from total) as all,
      (
        select json_build_object(
          'days_left', plan.days_left,
          'deadline', plan.deadline,
          'study_days', coalesce((select study_days from ${profiles} where user_id = ${user_id}), 127),
          'resources', (select coalesce(json_agg(unfinished), '[]') from unfinished))
        from plan) as learning
    from clock`,
  ),
);

/** @returns what all days of the user came to, as of the date that it is for the user */
export async function summarize(
  db: Database,
  user_id: number,
  now: Date,
): Promise<HistorySummary | undefined> {
  const found = await history(db, { user_id, now });
  if (!found) return undefined;
  const { today, schedules: inForce, since, best } = found;
  const weight = weightForEnergy(found.body, today);
  const rows = found.days.map(([date, state, run, workout, ...values]) => {
    const done = state === 'done' || state === 'reported' ? 1 : 0;
    const sums = { ...NO_SUMS, done, skipped: state === 'skipped' ? 1 : 0, workouts: workout ? 1 : 0 };
    for (const [place, name] of DAY_SUMS.entries()) sums[name] = values[place] as number;
    return { date, state, run, sums };
  });
  const window = (length: number) => {
    const { sums, ...counts } = windowOf(rows, inForce, today, length);
    return { ...counts, workouts: sums.workouts, ...shownSums(sums, weight) };
  };
  const { done, skipped, workouts, ...all } = addSums(NO_SUMS, found.all);
  const { current, pending } = streak(rows, inForce, today);
  return {
    since,
    streak: { current, best: Math.max(best, current), pending },
    windows: { 7: window(7), 30: window(30), 90: window(LONGEST_WINDOW) },
    all: { done, skipped, workouts, ...shownSums(all, weight) },
    weight: weightSummary(found.weights),
    learning_finish: learningFinish(found.learning, today),
  };
}

/** @param weighIns oldest first */
function weightSummary(weighIns: readonly WeighIn[]): HistorySummary['weight'] {
  const points = trend(weighIns);
  const newest = points.at(-1);
  return newest
    ? {
        trend: toGrams(newest.trend),
        rate: toGrams(weeklyRate(points)),
        change_30: toGrams(trendChange(points, 30)),
      }
    : null;
}

const shownSums = (
  {
    reps,
    hold_s,
    active_s,
    kcal_per_kg,
    pages,
    chapters,
    lessons,
    minutes,
    study_minutes,
    tasks,
  }: Pick<Sums, DaySumColumn>,
  weight: number | null,
) => ({
  reps,
  hold_s,
  active_s,
  kcal: kcalOf(kcal_per_kg, weight),
  pages,
  chapters,
  lessons,
  minutes,
  study_minutes,
  tasks,
});

/** Nothing is asked about minutes, so any number does. */
const NO_MINUTES = { daily_minutes: null, minutes_per_unit: { page: 0, chapter: 0, lesson: 0, minute: 0 } };

/** @returns the latest date on which a resource is finished: at its pace, else by a deadline that is still to come */
function learningFinish(plan: StoredLearning, today: string): string | null {
  if (!plan) return null;
  const deadline = plan.deadline !== null && plan.deadline >= today ? plan.deadline : null;
  const { resources: open } = learning({ ...plan, ...NO_MINUTES, today });
  const finishes = open.map(({ estimated_finish }) => estimated_finish ?? deadline);
  return finishes.includes(null) ? null : (finishes.toSorted().at(-1) ?? null);
}
