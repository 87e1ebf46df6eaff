// How many rows a user may have. A statement that adds rows asks for room among its conditions; why it added none is
// asked for afterwards, when that has happened.
import type { SQL } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Database } from './client.ts';
import { sql } from './orm.ts';
import { eventSequences, mentalPlans, physicalPlans, resources, tasks } from './schema/index.ts';
import { firstRow, read } from './statement.ts';

const TABLES = {
  tasks,
  resources,
  physical_plans: physicalPlans,
  mental_plans: mentalPlans,
} as const satisfies Record<string, PgTable & { user_id: PgColumn }>;

export type QuotaName = keyof typeof TABLES;

/** Rows of one user at most. */
export type Quotas = Readonly<Record<QuotaName, number>>;

/** The parameters that a statement with a quota has besides its own. */
export const QUOTA_PARAMETER = { quota: 'int' } as const;

const lastEvent = (user_id: SQL): SQL => sql`(select last from ${eventSequences} where user_id = ${user_id})`;

/**
 * A condition: the user may have `added` more rows. Each row that was ever made has its event, so the number of the last
 * event tells of most users that they have room; only of the others rows are counted, and no more than the quota. What
 * other changes of the user add at the same moment is not seen: they may exceed the quota by as much.
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
 * A condition that is enough for most users and has no subquery: with `hasRoom` in its place a server creates a twentieth
 * fewer tasks. Where it does not hold, `hasRoom` says whether there is room.
 * @param last the number of the user's last event
 */
export const isCertainlyBelowQuota = (quota: SQL, last: SQL): SQL => sql`${last} < ${quota}`;

const checks = Object.fromEntries(
  (Object.keys(TABLES) as QuotaName[]).map((name) => [
    name,
    firstRow(
      read(
        `quota.${name}`,
        { ...QUOTA_PARAMETER, user_id: 'int', added: 'int' },
        ({ user_id, quota, added }): SQL<{ room: boolean }> =>
          sql`select ${isBelowQuota(name, user_id, quota, { added })} as room`,
      ),
    ),
  ]),
) as Record<
  QuotaName,
  (
    db: Database,
    input: { user_id: number; quota: number; added: number },
  ) => Promise<{ room: boolean } | undefined>
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
  return row?.room === false;
}
