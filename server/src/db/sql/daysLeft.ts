// How many days a mental plan has left. With a deadline they are computed from the date, today included, and are at least
// one while something is unfinished, as existing clients divide by them; without one the stored number holds.
import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { mentalPlanResources as links } from '../schema/index.ts';
import { resourceOfLink } from './resourceOfLink.ts';

const MAX_DAYS_LEFT = 3650;

/**
 * @param plan the alias of a row of `mental_plans` with `id`, `progress` and `deadline`
 * @param user_id whose the plan is
 * @param today the user's date, which is only looked for where there is a deadline
 */
export const daysLeft = (plan: string, user_id: SQL, today: SQL): SQL => {
  const row = sql.identifier(plan);
  return sql`
    case when ${row}.deadline is null then ${row}.progress else least(${sql.raw(String(MAX_DAYS_LEFT))}, greatest(
      ${row}.deadline - ${today} + 1,
      (exists (
        select from ${links} link
        ${resourceOfLink(user_id)}
        where link.user_id = ${user_id}
          and link.mental_plan_id = ${row}.id
          and link.progress < resource.volume))::int)) end`;
};
