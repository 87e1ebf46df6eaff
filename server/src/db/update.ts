import { type AnyColumn, type GetColumnData, type SQL, sql } from 'drizzle-orm';

/**
 * What `update … set` gives a column: the value that was sent, or what stands there when none was. So a statement has
 * the same text whatever was sent, and changes nothing when nothing was.
 */
export function assigned<C extends AnyColumn>(column: C, sent: GetColumnData<C> | undefined): SQL | GetColumnData<C> {
  return sent === undefined ? sql`${column}` : (sent as GetColumnData<C>);
}
