// What a user weighs on a date: it comes from the user, or from a physical plan that is made or changed. Its event has no
// weight in it.
import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { bodyWeights } from '../schema/index.ts';

/** As many as a trend begins before what is shown: `TREND_WEIGH_INS` of domain/weight.ts. */
const LAST_WEIGH_INS = 200;

/** @returns the last weights up to a date as JSON, oldest first */
export const lastWeighIns = (user_id: SQL, date: SQL): SQL => sql`
  (select coalesce(json_agg(weigh_in order by weigh_in.date), '[]')
  from (
    select known.date, known.weight
    from ${bodyWeights} known
    where known.user_id = ${user_id} and known.date <= ${date}
    order by known.date desc
    limit ${sql.raw(String(LAST_WEIGH_INS))}) as weigh_in)`;

/**
 * The CTE `weigh_in`: writes a weight, and returns its `date` where it is another than before.
 * @param weighIn a query of at most one row: `date`, `weight` (kg) and `zone`
 */
export const recordWeighIn = (user_id: SQL, now: SQL, source: 'body' | 'plan', weighIn: SQL): SQL => sql`
    weigh_in as (
      insert into ${bodyWeights} as stored (user_id, date, weight, at, zone, source)
      select ${user_id}, said.date, said.weight, ${now}, said.zone, '${sql.raw(source)}'
      from (${weighIn}) as said
      on conflict (user_id, date) do update set
        weight = excluded.weight, at = excluded.at, zone = excluded.zone, source = excluded.source
      where stored.weight <> excluded.weight
      returning date
    )`;

/** The data of `body.changed`. @param date of the weight */
export const bodyEvent = (date: SQL, removed: boolean): SQL =>
  sql`json_build_object('date', ${date}, 'removed', ${sql.raw(String(removed))})`;

/** A select of the event of the CTE `weigh_in`, for `appendTypedEvents`. */
export const weighInEvent = (place: number): SQL => sql`
  select ${sql.raw(String(place))} as place, 'body.changed' as type, ${bodyEvent(sql`weigh_in.date`, false)} as data
  from weigh_in`;
