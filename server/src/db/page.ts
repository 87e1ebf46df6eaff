// The lists of a user's rows, newest first: a page at a time, by the id that the page before ended with.
import type { GetColumnData, SQL } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Database } from './client.ts';
import { and, builder, desc, eq, lt } from './orm.ts';
import { type Parameter, query } from './statement.ts';

export interface Page {
  readonly limit: number;
  readonly before_id?: number | undefined;
}

/** Above every id: where the first page begins. */
const NEWEST = 2 ** 31;

type Owned = PgTable & { id: PgColumn; user_id: PgColumn };
type RowOf<C extends Record<string, PgColumn>> = { [K in keyof C]: GetColumnData<C[K]> };

/** @returns what reads a page of the user's rows of `table`: of each the given columns */
export function pagesOf<C extends Record<string, PgColumn>>(name: string, table: Owned, columns: C) {
  const page = query(name, { user_id: 'int', before_id: 'bigint', limit: 'int' }, (p) => select(table, columns, p));
  return (db: Database, user_id: number, { limit, before_id = NEWEST }: Page) => page(db, { user_id, before_id, limit });
}

/** The same of the rows whose `flag` is as asked. */
export function pagesByFlag<C extends Record<string, PgColumn>>(name: string, table: Owned, columns: C, flag: PgColumn) {
  const shape = { user_id: 'int', before_id: 'bigint', limit: 'int', value: 'boolean' } as const;
  const page = query(name, shape, ({ value, ...p }) => select(table, columns, p, eq(flag, value)));
  return (db: Database, user_id: number, value: boolean, { limit, before_id = NEWEST }: Page) =>
    page(db, { user_id, value, before_id, limit });
}

function select<C extends Record<string, PgColumn>>(
  table: Owned,
  columns: C,
  p: { user_id: SQL; before_id: SQL; limit: Parameter },
  condition?: SQL,
) {
  return builder
    .select(columns as Record<string, PgColumn>)
    .from(table as PgTable)
    .where(and(eq(table.user_id, p.user_id), condition, lt(table.id, p.before_id)))
    .orderBy(desc(table.id))
    .limit(p.limit)
    .getSQL() as SQL<RowOf<C>>;
}
