// On which weekdays something is due for a user (schema/days.ts). What is due follows from the current plans and the
// profile; each change of theirs that may move it writes it down from today on, so that the past stays as it was.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../database.ts';
import { sql } from '../drizzle.ts';
import {
  mentalPlanResources as links,
  mentalPlans,
  physicalPlans,
  profiles,
  resources,
  schedules,
} from '../schema/index.ts';
import { write } from '../statement.ts';
import { inUserTransaction } from '../userTransaction.ts';
import { localToday, NOW } from './localDate.ts';

// A row of a later date, of a user who has flown west since, is changed itself: the last change stands.
/** Writes down what is due from today on, where that is another than before; under the user's lock. */
export const writeSchedule = write(
  'schedule.write',
  { ...NOW, user_id: 'int' },
  { training: 'int', study: 'int' },
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
        join ${resources} resource on resource.id = link.resource_id
        where link.mental_plan_id = plan.id and link.progress < resource.volume)),
    wanted as (
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
      on conflict (user_id, from_date) do update set training = excluded.training, study = excluded.study)
    select training, study from wanted`,
);

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
