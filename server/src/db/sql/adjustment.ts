// A PATCH of one number (days left, progress, the status of a task) is told as a fact of today, in its own statement. It makes
// a row of the date where there is none, but moves no day: state, revision and content stay. The rules have the same
// in TypeScript (`adjustNumber` in domain/day/adjust.ts).
import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { days, facts, months, profiles } from '../schema/index.ts';
import { ADJUSTED_SUMS, addSumsTo, columnsOf, sumDeclarations, sumValues } from './sums.ts';

/** The CTE `clock`: the user's date and zone, and how long one of each unit takes. */
export const userClock = (user_id: SQL, now: SQL): SQL => sql`
    clock as materialized (
      select
        local_date(${now}, coalesce(profile.time_zone, 'UTC'), coalesce(profile.day_start, 0)) as today,
        coalesce(profile.time_zone, 'UTC') as zone,
        coalesce(profile.minutes_per_page, 2) as minutes_per_page,
        coalesce(profile.minutes_per_chapter, 20) as minutes_per_chapter,
        coalesce(profile.minutes_per_lesson, 30) as minutes_per_lesson
      from (select 1) as one
      left join ${profiles} profile on profile.user_id = ${user_id}
    )`;

/** @returns a number with six decimals, half up: `round6` of domain/pace.ts */
export const round6 = (number: SQL): SQL => sql`(floor((${number}) * 1e6::float8 + 0.5) / 1e6::float8)`;

/** @returns minutes of an amount of the unit, half up, as the rules round them. It needs the CTE `clock` */
export const studyMinutes = (amount: SQL, unit: SQL): SQL => sql`
  floor(${round6(sql`
    ${amount} * case ${unit}
      when 'page' then clock.minutes_per_page
      when 'chapter' then clock.minutes_per_chapter
      when 'lesson' then clock.minutes_per_lesson
      else 1
    end`)} + 0.5)`;

/**
 * The last CTEs of a change: record its adjustment, with the number of the event that `appendEvents` has appended before
 * them, under the user's lock. They need the CTE `clock` too.
 * @param adjustment a query of at most one row, and of none when no number has changed: `kind`, and `data` with `counters`
 * and, where they are told, `sums`, `reason` and `counted_down`. Values before the change have to be those of rows that the statement has
 * locked: its snapshot may be older than the lock
 */
export const recordAdjustment = (user_id: SQL, now: SQL, adjustment: SQL): SQL => sql`
    adjustment as (
      select
        adjusted.kind,
        adjusted.data,
        clock.today,
        clock.zone,
        coalesce((adjusted.data -> 'counted_down')::boolean, false) as counted_down,
        ${columnsOf(ADJUSTED_SUMS, (name) => `coalesce(sums.${name}, 0) as ${name}`)}
      from (${adjustment}) as adjusted, clock,
      jsonb_to_record(coalesce(adjusted.data -> 'sums', '{}')) as sums(${sumDeclarations(ADJUSTED_SUMS)})
    ),
    fact as (
      insert into ${facts} (user_id, seq, kind, date, at, zone, data)
      select
        ${user_id}, sequence.last, adjustment.kind, adjustment.today, ${now}, adjustment.zone, adjustment.data
      from adjustment, sequence
    ),
    day as (
      insert into ${days} as day (user_id, date, state, counted_down, ${columnsOf(ADJUSTED_SUMS)})
      select ${user_id}, today, 'open', counted_down, ${sumValues(ADJUSTED_SUMS)}
      from adjustment
      on conflict (user_id, date) do update set
        counted_down = day.counted_down or excluded.counted_down,
        ${addSumsTo('day', ADJUSTED_SUMS)}
    ),
    month as (
      insert into ${months} as month (user_id, month, ${columnsOf(ADJUSTED_SUMS)})
      select ${user_id}, date_trunc('month', today)::date, ${sumValues(ADJUSTED_SUMS)}
      from adjustment
      on conflict (user_id, month) do update set
        ${addSumsTo('month', ADJUSTED_SUMS)}
    )`;
