import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { resources } from '../schema/index.ts';

/**
 * Joins the row `resource` of a row `link`. The limit makes it one look-up by index for each link: where the
 * planner expects few of both, it would compare each with each, and a user may have thousands.
 */
export const resourceOfLink = (user_id: SQL): SQL => sql`
  cross join lateral (
    select *
    from ${resources} linked
    where linked.user_id = ${user_id} and linked.id = link.resource_id
    limit 1) resource`;
