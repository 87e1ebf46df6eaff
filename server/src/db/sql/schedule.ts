// On which weekdays something is due for a user (schema/days.ts). What is due follows from the current plans and the
// profile; each change of theirs that may move it writes it down from today on, so that the past stays as it was. Here is
// what statements of others take along; dayRecord/schedule.ts writes all of it.
import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { days, schedules } from '../schema/index.ts';
import { localToday } from './localDate.ts';

/** The Monday of the week of the user's date. */
export const monday = (user_id: SQL, now: SQL): SQL =>
  sql`date_trunc('week', ${localToday(user_id, now)})::date`;

/**
 * @param first a date
 * @returns a condition: the row `schedule` is in force on the date, or begins after it
 */
export const isInForceSince = (user_id: SQL, first: SQL): SQL => sql`
  schedule.from_date >= coalesce(
    (
      select max(earlier.from_date)
      from ${schedules} earlier
      where earlier.user_id = ${user_id} and earlier.from_date <= ${first}
    ),
    ${first})`;

/** @returns whether a day of this week or later has a run, which depends on what is due in the week */
export const hasRuns = (user_id: SQL, now: SQL): SQL => sql`
  coalesce(
    (select date from ${days} where user_id = ${user_id} and state <> 'open' order by date desc limit 1)
      >= ${monday(user_id, now)},
    false)`;

/**
 * CTEs that write down one kind of what is due from today on, and leave the other as it is: for a statement that makes a
 * plan, which decides that kind alone.
 * @param days a query of at most one row with the column `days`; without a row nothing is written
 */
export const setSchedule = (kind: 'training' | 'study', user_id: SQL, now: SQL, days: SQL): SQL => sql`
    newest_schedule as (
      select from_date, training, study
      from ${schedules}
      where user_id = ${user_id}
      order by from_date desc
      limit 1
    ),
    schedule as (
      insert into ${schedules} as stored (user_id, from_date, training, study)
      select
        ${user_id},
        greatest(${localToday(user_id, now)}, newest.from_date),
        ${kind === 'training' ? sql`due.days, coalesce(newest.study, 0)` : sql`coalesce(newest.training, 0), due.days`}
      from (${days}) as due
      left join newest_schedule newest on true
      on conflict (user_id, from_date) do update set ${sql.raw(`${kind} = excluded.${kind}`)}
    )`;
