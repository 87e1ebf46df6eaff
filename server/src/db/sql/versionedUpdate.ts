// Updates and removals of rows with an owner and, some of them, a version.
import type { AnyColumn, SQL } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../database.ts';
import { and, builder, eq, sql } from '../drizzle.ts';
import { firstRow, write } from '../statement.ts';
import { appendEvents, lockUser, userLocked } from './eventLog.ts';

/** For `update … set`: the value that was sent, or the column's own if none was sent. */
export const coalesceInto = (column: AnyColumn, sent: SQL): SQL => sql`coalesce(${sent}, ${column})`;

/** The versions that a change is meant for: one, one of several, or any (undefined). */
export type IfMatch = number | readonly number[] | undefined;

/** @returns the value of an `int[]?` parameter; undefined for any version */
export const versionsOf = (if_match: IfMatch): readonly number[] | undefined =>
  typeof if_match === 'number' ? [if_match] : if_match;

/** The condition that a row has one of these versions; true if the change is meant for any. */
export const ifMatch = (column: AnyColumn | SQL, versions: SQL): SQL =>
  sql`coalesce(${column} = any(${versions}), true)`;

/** Keys that name the row, and change nothing themselves. */
const UNCHANGING_KEYS = new Set(['id', 'user_id', 'if_match', 'bmi']);

/** @returns whether a change has a value for anything */
export function hasChanges(change: object): boolean {
  return Object.entries(change).some(([key, value]) => value !== undefined && !UNCHANGING_KEYS.has(key));
}

/** Why a row with a version was not changed: 404 or 412. */
export type MissReason = 'missing' | 'version_mismatch';

export const missReason = (found: boolean | undefined, if_match: IfMatch): MissReason =>
  found && if_match !== undefined ? 'version_mismatch' : 'missing';

type Versioned = PgTable & { id: PgColumn; user_id: PgColumn; version: PgColumn };

/** @returns a function that removes a user's plan, if it has the version that is asked for */
export function versionedRemoval(name: 'physicalPlan' | 'mentalPlan', table: Versioned) {
  const remove = firstRow(
    write(
      `${name}.remove`,
      { user_id: 'bigint', id: 'bigint', if_match: 'int[]?' },
      { removed: 'boolean', found: 'boolean' },
      ({ user_id, id, if_match }) => sql`
      with ${lockUser(user_id)},
      gone as ${builder
        .delete(table)
        .where(
          and(eq(table.user_id, user_id), eq(table.id, id), ifMatch(table.version, if_match), userLocked),
        )
        .returning({ id: table.id })},
      ${appendEvents(user_id, `${name}.removed`, sql`select row_to_json(gone) as data from gone`)}
      select
        exists (select from gone) as removed,
        exists (select from ${table} where id = ${id} and user_id = ${user_id}) as found`,
    ),
  );
  return async (
    db: Database,
    user_id: number,
    { id, if_match }: { id: number; if_match?: IfMatch },
  ): Promise<'removed' | MissReason> => {
    const row = await remove(db, { user_id, id, if_match: versionsOf(if_match) });
    return row?.removed ? 'removed' : missReason(row?.found, if_match);
  };
}
