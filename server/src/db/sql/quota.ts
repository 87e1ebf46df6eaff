// How many rows a user may have. A statement that adds rows has the quota among its conditions. If it added none, a second
// statement finds out whether the quota is the reason.
import type { SQL } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../database.ts';
import { sql } from '../drizzle.ts';
import { eventSequences, mentalPlans, physicalPlans, resources, tasks } from '../schema/index.ts';
import { firstRow, read } from '../statement.ts';

const TABLES = {
  tasks,
  resources,
  physical_plans: physicalPlans,
  mental_plans: mentalPlans,
} as const satisfies Record<string, PgTable & { user_id: PgColumn }>;

export type QuotaName = keyof typeof TABLES;

/** Rows of one user at most. */
export type Quotas = Readonly<Record<QuotaName, number>>;

/** The parameter of statements with a quota. */
export const QUOTA_PARAMETER = { quota: 'int' } as const;

const lastEvent = (user_id: SQL): SQL => sql`(select last from ${eventSequences} where user_id = ${user_id})`;

/**
 * A condition: the user may have `added` more rows. Every row ever made has an event, so the number of the last event shows
 * that most users are below the quota; only for the others rows are counted, up to the quota. Rows that other changes of the
 * user add at the same moment are not seen, so they may exceed the quota.
 * @param last the number of the user's last event, where the statement has it at hand
 */
export const isBelowQuota = (
  name: QuotaName,
  user_id: SQL,
  quota: SQL,
  { added = sql`1`, last = lastEvent(user_id) } = {},
): SQL => sql`(
  ${added} <= ${quota} and (
    ${last} <= ${quota} - ${added}
    or not exists (select from ${TABLES[name]} where user_id = ${user_id} order by user_id, id limit 1 offset ${quota} - ${added})))`;

/**
 * A cheaper condition without a subquery, which holds for most users: with `isBelowQuota` in its place a server creates 5 %
 * fewer tasks. If it is false, `isBelowQuota` decides.
 * @param last the number of the user's last event
 */
export const isCertainlyBelowQuota = (quota: SQL, last: SQL): SQL => sql`${last} < ${quota}`;

const checks = Object.fromEntries(
  (Object.keys(TABLES) as QuotaName[]).map((name) => [
    name,
    firstRow(
      read(
        `quota.${name}`,
        { ...QUOTA_PARAMETER, user_id: 'bigint', added: 'int' },
        { below: 'boolean' },
        ({ user_id, quota, added }) => sql`select ${isBelowQuota(name, user_id, quota, { added })} as below`,
      ),
    ),
  ]),
) as Record<
  QuotaName,
  (
    db: Database,
    input: { user_id: number; quota: number; added: number },
  ) => Promise<{ below: boolean } | undefined>
>;

/** @returns whether the quota is why a statement added no rows */
export async function isQuotaReached(
  db: Database,
  name: QuotaName,
  user_id: number,
  quota: number,
  added = 1,
): Promise<boolean> {
  const row = await checks[name](db, { user_id, quota, added });
  return row?.below === false;
}
