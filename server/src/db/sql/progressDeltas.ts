// What was done of resources on the last dates, from the facts: what the pace of learning is made of.
import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { facts } from '../schema/index.ts';

/** PACE_DAYS of the rules (domain/pace.ts), today included. */
const PACE_DAYS = 14;

/**
 * A resource that was dropped from a plan has its progress set to 0, but what was read stays read; and an amount that is
 * counted in another unit than the one before it tells no difference.
 * @param today the user's date
 * @returns a query of `mental_plan_id`, `resource_id`, `date` and `delta`, one row for each time that progress moved
 */
export const progressDeltas = (user_id: SQL, today: SQL): SQL => sql`
  select
    (counter ->> 'plan_id')::bigint as mental_plan_id,
    (counter ->> 'id')::bigint as resource_id,
    fact.date,
    (counter ->> 'after')::float8 - (counter ->> 'before')::float8 as delta
  from ${facts} fact,
  lateral jsonb_array_elements(fact.data -> 'counters') as counter
  where fact.user_id = ${user_id}
    and fact.date > ${today} - ${sql.raw(String(PACE_DAYS))}
    and fact.date <= ${today}
    and counter ->> 'of' = 'resource'
    and coalesce(fact.data ->> 'reason', '') not in ('unlinked', 'unit')`;
