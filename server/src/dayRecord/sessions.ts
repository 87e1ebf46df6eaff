// Which sessions say where a user stood before a date: what `splitAt` of the rules needs.
import type { SQL } from 'drizzle-orm';
import { sql } from '../db/drizzle.ts';
import { facts } from '../db/schema/index.ts';
import { SESSION_DAYS } from '../domain/index.ts';

const firstDate = sql`(select date from clock) - ${sql.raw(String(SESSION_DAYS))}`;

/**
 * The CTE `first_session`, beside a CTE `clock` with the date: the first date whose sessions are needed, null if none are.
 * Where the date has a session itself and nothing newer was recorded, its fact alone holds where the user stood before it.
 * Otherwise a session of any other date may be the newest of an exercise.
 */
export const firstSession = (user_id: SQL): SQL => sql`
    own_seq as (
      select max(fact.seq) as seq
      from ${facts} fact
      where fact.user_id = ${user_id} and fact.date = (select date from clock) and fact.data ? 'before'
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
        when (select seq from own_seq) is null then null
        when exists (
          select from ${facts} fact
          where fact.user_id = ${user_id}
            and fact.date between ${firstDate} and (select date from clock)
            and fact.seq > (select seq from own_seq)
            and fact.data ? 'before'
        ) then ${firstDate}
        else (select date from clock)
      end as date
    )`;
