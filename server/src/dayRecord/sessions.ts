// Which sessions say where a user stood before a date: what `splitAt` of the rules needs.
import type { SQL } from 'drizzle-orm';
import { sql } from '../db/drizzle.ts';
import { facts } from '../db/schema/index.ts';
import { SESSION_DAYS } from '../domain/index.ts';

const firstDate = sql`(select date from clock) - ${sql.raw(String(SESSION_DAYS))}`;

/**
 * The CTE `first_session`, beside a CTE `clock` with the date: the first date whose sessions are needed, null if none are.
 * Where the date has a session itself, its fact holds where the user stood before it; only dates with a newer fact, and those
 * after them, say more. Where only later dates have one, any before may be the newest.
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
        when (select seq from own_seq) is not null then (
          select min(fact.date)
          from ${facts} fact
          where fact.user_id = ${user_id}
            and fact.date between ${firstDate} and (select date from clock)
            and fact.seq >= (select seq from own_seq)
            and fact.data ? 'before'
        )
        when (select date from later_date) is not null then ${firstDate}
      end as date
    )`;
