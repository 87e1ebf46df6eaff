// Compares what stands in the tables of the day with what the facts say, and repairs what differs. It runs beside servers:
// each user is read and repaired in one transaction that holds the user's lock. Facts are never changed.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../db/database.ts';
import { sql } from '../db/drizzle.ts';
import { json, NO_ROWS } from '../db/rows.ts';
import {
  days,
  eventSequences,
  facts,
  mentalPlanResources as links,
  mentalPlans,
  months,
  physicalPlans,
  profiles,
  progressions,
  schedules,
  tasks,
  users,
} from '../db/schema/index.ts';
import { appendEvents } from '../db/sql/eventLog.ts';
import { NOW } from '../db/sql/localDate.ts';
import { boundedSums, columnsOf, DAY_SUMS, MONTH_SUMS } from '../db/sql/sums.ts';
import { firstRow, read, write } from '../db/statement.ts';
import { inUserTransaction } from '../db/userTransaction.ts';
import type { Counter, Effects, Progression, Schedule } from '../domain/index.ts';
import { type NumberedFact, type RebuiltCounter, rebuild } from '../domain/rebuild.ts';
import { DAY_COLUMNS, PROGRESSION_COLUMNS, recordEffects, replaced } from './record.ts';

type Value = string | number | boolean | null;
type Row = Readonly<Record<string, Value>>;

/** One value that is not what the facts say. */
export interface Difference {
  readonly table: string;
  /** Of the row, in words. */
  readonly key: string;
  /** Undefined: the whole row, which is missing or is too many. */
  readonly column?: string;
  /** Undefined: there is no row. */
  readonly stored?: Value;
  /** Undefined: there is to be no row. */
  readonly rebuilt?: Value;
  /** False of facts that contradict each other: they stay. */
  readonly isRepairable: boolean;
}

interface Stored {
  readonly today: string;
  readonly zone: string;
  readonly facts: readonly NumberedFact[];
  readonly schedules: readonly Schedule[];
  readonly days: readonly Row[];
  readonly months: readonly Row[];
  readonly progressions: readonly Row[];
  readonly plans: readonly Row[];
  readonly mental_plans: readonly Row[];
  readonly links: readonly Row[];
  readonly tasks: readonly Row[];
}

const jsonList = (rows: SQL) => sql`
      (select coalesce(json_agg(listed), '[]') from (${rows}) as listed)`;

const readStored = firstRow(
  read(
    'rebuild.read',
    { ...NOW, user_id: 'bigint' },
    { stored: json<Stored>() },
    ({ user_id, now }) => sql`
    select json_build_object(
      'today', local_date(${now}, coalesce(profile.time_zone, 'UTC'), coalesce(profile.day_start, 0)),
      'zone', coalesce(profile.time_zone, 'UTC'),
      'facts', (
        select coalesce(
          json_agg(data || jsonb_build_object('seq', seq, 'kind', kind, 'date', date)),
          '[]')
        from ${facts}
        where user_id = ${user_id}),
      'schedules', ${jsonList(sql`
        select from_date, training, study from ${schedules} where user_id = ${user_id}`)},
      'days', ${jsonList(sql`select * from ${days} where user_id = ${user_id}`)},
      'months', ${jsonList(sql`select * from ${months} where user_id = ${user_id}`)},
      'progressions', ${jsonList(sql`select * from ${progressions} where user_id = ${user_id}`)},
      'plans', ${jsonList(sql`
        select id, day, progress, sessions from ${physicalPlans} where user_id = ${user_id}`)},
      'mental_plans', ${jsonList(sql`select id, progress from ${mentalPlans} where user_id = ${user_id}`)},
      'links', ${jsonList(sql`
        select link.resource_id as id, link.mental_plan_id as plan_id, link.progress
        from ${links} link
        where link.user_id = ${user_id}`)},
      'tasks', ${jsonList(sql`select id, status, done_on from ${tasks} where user_id = ${user_id}`)}
      ) as stored
    from ${eventSequences} sequence
    left join ${profiles} profile on profile.user_id = ${user_id}
    where sequence.user_id = ${user_id}`,
  ),
);

/** Writes rows whole, deletes those that are too many, and tells of days, so that what is cached is read again. */
const repairRows = write(
  'rebuild.repair',
  {
    user_id: 'bigint',
    days: 'json',
    extra_days: 'json',
    months: 'json',
    extra_months: 'json',
    extra_progressions: 'json',
    tasks: 'json',
    told: 'json',
  },
  NO_ROWS,
  (sent) => sql`
  with day as (
    insert into ${days} (user_id, date, fact_seq, ${columnsOf(DAY_COLUMNS)}, ${columnsOf(DAY_SUMS)})
    select ${sent.user_id}, date, fact_seq, ${columnsOf(DAY_COLUMNS)}, ${columnsOf(DAY_SUMS)}
    from json_populate_recordset(null::${days}, ${sent.days})
    on conflict (user_id, date) do update set
      fact_seq = excluded.fact_seq,
      ${replaced(DAY_COLUMNS)},
      ${replaced(DAY_SUMS)}
  ),
  extra_day as (
    delete from ${days}
    where user_id = ${sent.user_id}
      and date = any(array(select value::date from json_array_elements_text(${sent.extra_days})))
  ),
  month as (
    insert into ${months} (user_id, month, ${columnsOf(MONTH_SUMS)})
    select ${sent.user_id}, month, ${columnsOf(MONTH_SUMS)}
    from json_populate_recordset(null::${months}, ${sent.months})
    on conflict (user_id, month) do update set ${replaced(MONTH_SUMS)}
  ),
  extra_month as (
    delete from ${months}
    where user_id = ${sent.user_id}
      and month = any(array(select value::date from json_array_elements_text(${sent.extra_months})))
  ),
  extra_progression as (
    delete from ${progressions} progression
    using json_to_recordset(${sent.extra_progressions}) as extra(plan_id bigint, exercise_id bigint)
    where progression.user_id = ${sent.user_id}
      and progression.plan_id = extra.plan_id
      and progression.exercise_id = extra.exercise_id
  ),
  task as (
    update ${tasks} task set done_on = sent_task.done_on
    from json_to_recordset(${sent.tasks}) as sent_task(id bigint, done_on date)
    where task.user_id = ${sent.user_id} and task.id = sent_task.id
  ),
  ${appendEvents(
    sent.user_id,
    'day.changed',
    sql`select value as data from json_array_elements(${sent.told})`,
  )}
  select`,
);

/** The tables of counters: what the rows are found in, and which of their columns it is. */
const COUNTERS = {
  day: { table: 'physical_plans', rows: 'plans', column: 'day' },
  progress: { table: 'physical_plans', rows: 'plans', column: 'progress' },
  days_left: { table: 'mental_plans', rows: 'mental_plans', column: 'progress' },
  resource: { table: 'mental_plan_resources', rows: 'links', column: 'progress' },
  task: { table: 'outer_tasks', rows: 'tasks', column: 'status' },
} as const satisfies Record<Counter['of'], { table: string; rows: keyof Stored; column: string }>;

const wholeRow = { stored: undefined, rebuilt: undefined };

/** What of a table differs: the values, the rows to be written, and those that are too many. */
function compare<Rebuilt extends object>(
  table: string,
  stored: readonly Row[],
  rebuilt: readonly Rebuilt[],
  columns: readonly string[],
  keyOf: (row: Row) => string,
) {
  const differences: Difference[] = [];
  const wrong: Rebuilt[] = [];
  const left = new Map(stored.map((row) => [keyOf(row), row]));
  for (const one of rebuilt) {
    const row = one as unknown as Row;
    const key = keyOf(row);
    const found = left.get(key);
    left.delete(key);
    const of = { table, key, isRepairable: true };
    const own: Difference[] = found
      ? columns
          .filter((column) => found[column] !== row[column])
          .map((column) => ({ ...of, column, stored: found[column] ?? null, rebuilt: row[column] ?? null }))
      : [{ ...of, ...wholeRow, rebuilt: 'a row' }];
    differences.push(...own);
    if (own.length > 0) wrong.push(one);
  }
  const extra = [...left.values()];
  for (const row of extra)
    differences.push({ table, key: keyOf(row), isRepairable: true, ...wholeRow, stored: 'a row' });
  return { differences, wrong, extra };
}

interface Wrong {
  readonly counters: readonly Counter[];
  readonly tasks: readonly { readonly id: number; readonly done_on: string | null }[];
}

/** Holds the numbers of rows that are still there against the last fact that names them. */
function compareCounters(stored: Stored, counters: readonly RebuiltCounter[]) {
  const differences: Difference[] = [];
  const wrong = { counters: [] as Counter[], tasks: [] as Wrong['tasks'][number][] };
  for (const { of, id, plan_id, value, date, breaks } of counters) {
    const { table, rows, column } = COUNTERS[of];
    const key = plan_id === undefined ? String(id) : `plan ${plan_id} resource ${id}`;
    for (const { seq, expected, found } of breaks)
      differences.push({
        table: 'facts',
        key: String(seq),
        column: `before of ${table} ${key} ${column}`,
        stored: found,
        rebuilt: expected,
        isRepairable: false,
      });
    const row = stored[rows].find(
      (one) => one.id === id && (plan_id === undefined || one.plan_id === plan_id),
    );
    if (!row) continue;
    const differ = (name: string, was: Value, is: Value) =>
      was !== is &&
      differences.push({ table, key, column: name, stored: was, rebuilt: is, isRepairable: true }) > 0;
    if (differ(column, row[column] ?? null, value))
      wrong.counters.push({ of, id, plan_id, before: row[column], after: value } as Counter);
    if (of !== 'task') continue;
    const done_on = value ? date : null;
    if (differ('done_on', row.done_on ?? null, done_on)) wrong.tasks.push({ id, done_on });
  }
  return { differences, wrong };
}

function compareAll(stored: Stored) {
  const rebuilt = rebuild(stored.facts, stored.schedules);
  const seqOf = new Map<string, number>();
  for (const { date, seq, content } of stored.facts)
    if (content !== undefined) seqOf.set(date, Math.max(seq, seqOf.get(date) ?? 0));
  const byPlan = new Set(stored.plans.map(({ id }) => id));
  const sessions = stored.plans.map(({ id }) => ({ id, sessions: rebuilt.sessions.get(Number(id)) ?? 0 }));
  return {
    rebuilt,
    days: compare(
      'days',
      stored.days,
      rebuilt.days.map(({ content: _, sums, ...day }) => ({
        ...boundedSums(sums),
        ...day,
        fact_seq: seqOf.get(day.date) ?? null,
      })),
      [...DAY_COLUMNS, ...DAY_SUMS, 'fact_seq'],
      ({ date }) => String(date),
    ),
    months: compare(
      'months',
      stored.months,
      [...rebuilt.months].map(([month, sums]) => ({ month, ...boundedSums(sums) })),
      MONTH_SUMS,
      ({ month }) => String(month),
    ),
    // What is known of a plan goes with it.
    progressions: compare(
      'progressions',
      stored.progressions,
      rebuilt.progressions.filter(({ plan_id }) => byPlan.has(plan_id)),
      PROGRESSION_COLUMNS,
      ({ plan_id, exercise_id }) => `plan ${plan_id} exercise ${exercise_id}`,
    ),
    sessions: compare('physical_plans', stored.plans, sessions, ['sessions'], ({ id }) => String(id)),
    counters: compareCounters(stored, rebuilt.counters),
  };
}

/**
 * Compares a user's rows with the user's facts, under the user's lock.
 * @param repair whether to write what the facts say: clients hear of it as of any other change
 * @returns what differed; undefined without such a user
 */
export function rebuildUser(
  db: Database,
  user_id: number,
  { now, repair }: { readonly now: Date; readonly repair: boolean },
): Promise<readonly Difference[] | undefined> {
  return inUserTransaction(db, user_id, async (tx) => {
    const stored = (await readStored(tx, { user_id, now }))?.stored;
    if (!stored) return undefined;
    const found = compareAll(stored);
    const { rebuilt, days, months, progressions, sessions, counters } = found;
    const differences = [days, months, progressions, sessions, counters].flatMap((one) => one.differences);
    if (!repair || !differences.some(({ isRepairable }) => isRepairable)) return differences;

    const { today, zone } = stored;
    const effects: Effects = {
      moves: [],
      runs: [],
      series: [],
      ready: [],
      counters: counters.wrong.counters,
      sessions: sessions.wrong.map(({ id, sessions }) => ({ plan_id: Number(id), sessions })),
      progressions: progressions.wrong as readonly Progression[],
    };
    await recordEffects(tx, user_id, { now, today, zone }, effects);
    const extraDays = days.extra.map(({ date }) => date as string);
    const told = [
      ...days.wrong.map(({ date, state, revision }) => ({ date, state, revision })),
      ...extraDays.map((date) => ({ date, state: 'open', revision: 0 })),
    ];
    const newest = rebuilt.days.at(-1) ?? { date: today, state: 'open', revision: 0 };
    await repairRows(tx, {
      user_id,
      days: days.wrong,
      extra_days: extraDays,
      months: months.wrong,
      extra_months: months.extra.map(({ month }) => month),
      extra_progressions: progressions.extra,
      tasks: counters.wrong.tasks,
      told: told.length > 0 ? told : [{ date: newest.date, state: newest.state, revision: newest.revision }],
    });
    return differences;
  });
}

const ACCOUNT = sql`
  select account.id, coalesce(
    (select true from ${facts} fact where fact.user_id = account.id limit 1),
    (select true from ${days} day where day.user_id = account.id limit 1),
    (select true from ${months} month where month.user_id = account.id limit 1),
    (select true from ${progressions} progression where progression.user_id = account.id limit 1),
    (
      select true
      from ${physicalPlans} plan
      where plan.user_id = account.id and plan.sessions > 0
      limit 1),
    false) as is_recorded`;

/** Users by id, each with whether anything of the days is recorded of it; those without cost no more than this. */
export const listUsers = read(
  'rebuild.users',
  { after: 'bigint', limit: 'int' },
  { id: users.id, is_recorded: 'boolean' },
  ({ after, limit }) => sql`${ACCOUNT}
  from (select id from ${users} where id > ${after} order by id limit ${limit}) as account
  order by account.id`,
  {
    // Each node reads of its own users, as many as there is room for.
    build: ({ after, limit }) => sql`${ACCOUNT}
  from ${users} account
  where account.id > ${after}
  order by account.id
  limit ${limit}`,
  },
);
