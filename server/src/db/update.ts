import type { AnyColumn, GetColumnData, SQL } from 'drizzle-orm';
import { eq, sql } from './orm.ts';

/**
 * What `update … set` gives a column: the value that was sent, or what stands there when none was. So a statement has
 * the same text whatever was sent, and changes nothing when nothing was.
 */
export function assigned<C extends AnyColumn>(column: C, sent: GetColumnData<C> | undefined): SQL | GetColumnData<C> {
  return sent === undefined ? sql`${column}` : (sent as GetColumnData<C>);
}

/** The condition that a row has the version that a change is meant for; none when the change is meant for any. */
export function ifMatch(column: AnyColumn, version: number | undefined): SQL | undefined {
  return version === undefined ? undefined : eq(column, version);
}

/** Keys that say what is changed, for whom and when, and change nothing themselves. */
const ADDRESS = new Set(['id', 'user_id', 'if_match', 'bmi']);

/** @returns whether a change has a value for anything */
export function changesSomething(change: object): boolean {
  return Object.entries(change).some(([key, value]) => value !== undefined && !ADDRESS.has(key));
}
