// Writes down what is due, and the runs of days that follow from it (db/sql/schedule.ts says when).
import type { Database } from '../db/database.ts';
import { sql } from '../db/drizzle.ts';
import { json, NO_ROWS } from '../db/rows.ts';
import {
  days,
  mentalPlanResources as links,
  mentalPlans,
  physicalPlans,
  profiles,
  resources,
  schedules,
} from '../db/schema/index.ts';
import { localToday, NOW } from '../db/sql/localDate.ts';
import { hasRuns, isInForceSince, monday } from '../db/sql/schedule.ts';
import { firstRow, read, write } from '../db/statement.ts';
import { inUserTransaction } from '../db/userTransaction.ts';
import { type RunDay, runs, type Schedule } from '../domain/index.ts';

// A row of a later date, of a user who has flown west since, is changed itself: the last change stands.
const writeDue = firstRow(
  write(
    'schedule.write',
    { ...NOW, user_id: 'bigint' },
    { moves_runs: 'boolean' },
    ({ user_id, now }) => sql`
    with newest as (
      select from_date, training, study
      from ${schedules}
      where user_id = ${user_id}
      order by from_date desc
      limit 1),
    training as (
      select training_days as days from ${physicalPlans} where user_id = ${user_id} order by id desc limit 1),
    study as (
      select coalesce(profile.study_days, 127) as days
      from (select id from ${mentalPlans} where user_id = ${user_id} order by id desc limit 1) as plan
      left join ${profiles} profile on profile.user_id = ${user_id}
      where exists (
        select from ${links} link
        join ${resources} resource on resource.user_id = ${user_id} and resource.id = link.resource_id
        where link.user_id = ${user_id} and link.mental_plan_id = plan.id and link.progress < resource.volume)),
    wanted as materialized (
      select
        greatest(${localToday(user_id, now)}, (select from_date from newest)) as from_date,
        coalesce((select days from training), 0) as training,
        coalesce((select days from study), 0) as study),
    written as (
      insert into ${schedules} (user_id, from_date, training, study)
      select ${user_id}, wanted.from_date, wanted.training, wanted.study
      from wanted
      where not exists (
        select from newest where (newest.training, newest.study) = (wanted.training, wanted.study))
      on conflict (user_id, from_date) do update set training = excluded.training, study = excluded.study
      returning from_date)
    select exists (select from written) and ${hasRuns(user_id, now)} as moves_runs`,
  ),
);

const readRuns = firstRow(
  read(
    'schedule.runs',
    { ...NOW, user_id: 'bigint' },
    { monday: 'date', rows: json<readonly RunDay[]>(), schedules: json<readonly Schedule[]>() },
    ({ user_id, now }) => sql`
    with week as (
      select ${monday(user_id, now)} as monday
    ),
    first_row as (
      select coalesce(date_trunc('week', max(day.date))::date, week.monday) as date
      from week
      left join ${days} day on day.user_id = ${user_id} and day.date < week.monday and day.state <> 'open'
      group by week.monday
    )
    select
      week.monday,
      (
        select coalesce(json_agg(json_build_object('date', day.date, 'state', day.state, 'run', day.run)), '[]')
        from ${days} day
        where day.user_id = ${user_id} and day.date >= first_row.date and day.state <> 'open'
      ) as rows,
      (
        select coalesce(json_agg(json_build_object(
          'from_date', schedule.from_date, 'training', schedule.training, 'study', schedule.study)), '[]')
        from ${schedules} schedule
        where schedule.user_id = ${user_id} and ${isInForceSince(user_id, sql`first_row.date`)}
      ) as schedules
    from week, first_row`,
  ),
);

const setRuns = write(
  'schedule.setRuns',
  { user_id: 'bigint', runs: 'json' },
  NO_ROWS,
  (sent) => sql`
    update ${days} day set run = sent_run.run
    from json_to_recordset(${sent.runs}) as sent_run(date date, run int)
    where day.user_id = ${sent.user_id} and day.date = sent_run.date`,
);

/** Writes the runs from this week on by what is due now; under the user's lock. */
async function rewriteRuns(tx: Database, user_id: number, now: Date): Promise<void> {
  const known = await readRuns(tx, { user_id, now });
  if (!known) return;
  const changed = runs(known.rows, known.schedules, known.monday)
    .filter(([date, run]) => known.rows.some((row) => row.date === date && row.run !== run))
    .map(([date, run]) => ({ date, run }));
  if (changed.length > 0) await setRuns(tx, { user_id, runs: changed });
}

/** The same by itself: after a statement with `setSchedule`. */
export async function updateRuns(db: Database, user_id: number, now: Date): Promise<void> {
  await inUserTransaction(db, user_id, (tx) => rewriteRuns(tx, user_id, now));
}

/**
 * Writes down what is due from today on, where that is another than before, and the runs of days that follow from it;
 * under the user's lock.
 */
export async function writeSchedule(tx: Database, user: { user_id: number; now: Date }): Promise<void> {
  const written = await writeDue(tx, user);
  if (written?.moves_runs) await rewriteRuns(tx, user.user_id, user.now);
}

/**
 * Runs a change and writes down what is due then, both or neither.
 * @param isMoved whether the change may have moved what is due
 */
export function withSchedule<T>(
  db: Database,
  user_id: number,
  now: Date,
  change: (tx: Database) => Promise<T>,
  isMoved: (result: T) => boolean,
): Promise<T> {
  return inUserTransaction(db, user_id, async (tx) => {
    const result = await change(tx);
    if (isMoved(result)) await writeSchedule(tx, { user_id, now });
    return result;
  });
}

/**
 * The same as `writeSchedule`, by itself: after a change that seldom moves what is due, and is often made. If the process
 * dies in between, the next change of a plan writes it.
 */
export async function updateSchedule(db: Database, user_id: number, now: Date): Promise<void> {
  await inUserTransaction(db, user_id, (tx) => writeSchedule(tx, { user_id, now }));
}

/**
 * @param remove removes a plan
 * @returns the same, with what was due by the plan
 */
export const removalWithSchedule =
  <Input, Miss>(remove: (tx: Database, user_id: number, input: Input) => Promise<Miss | 'removed'>) =>
  (db: Database, user_id: number, input: Input, now: Date): Promise<Miss | 'removed'> =>
    withSchedule(
      db,
      user_id,
      now,
      (tx) => remove(tx, user_id, input),
      (outcome) => outcome === 'removed',
    );
