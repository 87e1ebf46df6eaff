// Which sessions say where a user stood before a date: what `splitAt` of the rules needs.
import type { SQL } from 'drizzle-orm';
import { sql } from '../db/drizzle.ts';
import { days, facts } from '../db/schema/index.ts';
import { SESSION_DAYS } from '../domain/index.ts';

const sessionFields = sql`fact.date, fact.seq, fact.data #> '{content,workout}' as workout, fact.data -> 'before' as before`;

/** @returns a query of the session of each date, as it was recorded last. @param dates a query of `date` */
export const sessionsOf = (user_id: SQL, dates: SQL): SQL => sql`
      select session.*
      from (${dates}) asked
      cross join lateral (
        select ${sessionFields}
        from ${facts} fact
        where fact.user_id = ${user_id} and fact.date = asked.date and fact.data ? 'before'
        order by fact.seq desc
        limit 1
      ) session`;

/**
 * A query of the dates, from the first one that CTE `first_session` names, on which there may be a session. Those after the
 * date of CTE `clock` are less than SESSION_DAYS away, as nobody writes dates that are further in the past or ahead.
 */
export const datesOfSessions = (user_id: SQL): SQL => sql`
        select day.date
        from ${days} day
        where day.user_id = ${user_id}
          and day.date between (select date from first_session)
            and (select date from clock) + ${sql.raw(String(SESSION_DAYS))}`;

const firstDate = sql`(select date from clock) - ${sql.raw(String(SESSION_DAYS))}`;

/**
 * Two CTEs, beside a CTE `clock` with the date. `own_session` is the date's own session, as it was recorded last.
 * `first_session` has the first date whose sessions are needed besides, null if none are: where nothing newer than the own
 * one was recorded, its fact alone holds where the user stood before it. Otherwise a session of any other date may be the
 * newest of an exercise.
 */
export const sessionsBefore = (user_id: SQL): SQL => sql`
    own_session as (${sessionsOf(user_id, sql`select date from clock`)}
    ),
    later_date as (
      select fact.date
      from ${facts} fact
      where fact.user_id = ${user_id} and fact.date > (select date from clock) and fact.data ? 'before'
      order by fact.date
      limit 1
    ),
    first_session as (
      select case
        when (select date from later_date) is not null then ${firstDate}
        when (select seq from own_session) is null then null
        when exists (
          select from ${facts} fact
          where fact.user_id = ${user_id}
            and fact.date between ${firstDate} and (select date from clock)
            and fact.seq > (select seq from own_session)
            and fact.data ? 'before'
        ) then ${firstDate}
        else (select date from clock)
      end as date
    )`;
