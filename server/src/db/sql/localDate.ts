// Local dates in SQL. On the server the database's date holds: its zone data can be newer or older than that of Node.js.
// The instant is a parameter, so that the clock of the server, or of a test, moves all of a day.
import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { profiles } from '../schema/index.ts';

/** The parameter that each statement of the day has: the instant, as ISO 8601. */
export const NOW = { now: 'timestamptz' } as const;

/** @returns the date that it is for the user, who has a profile or the defaults */
export const localToday = (user_id: SQL, now: SQL): SQL => sql`
  (select local_date(${now}, coalesce(profile.time_zone, 'UTC'), coalesce(profile.day_start, 0))
  from (select 1) as one left join ${profiles} profile on profile.user_id = ${user_id})`;

/** @returns the weekdays of a mask as a JSON array, 1 is Monday */
export const weekdaysOfMask = (mask: SQL): SQL => sql`
  (select coalesce(jsonb_agg(weekday order by weekday), '[]')
  from generate_series(1, 7) as weekday
  where (${mask} >> (weekday - 1)) & 1 = 1)`;

/** @param date a column or another cheap expression: it stands there twice. @returns the Monday of its week */
export const mondayOf = (date: SQL): SQL => sql`(${date} - (extract(isodow from ${date})::int - 1))`;
