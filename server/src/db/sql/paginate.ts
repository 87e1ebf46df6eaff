// Lists of a user's rows, newest first, in pages: keyset pagination by id.
import type { SQL } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../database.ts';
import { and, builder, desc, eq, lt, sql } from '../drizzle.ts';
import { type Parameter, read } from '../statement.ts';
import { type Columns, columnList } from './columns.ts';

export interface PageRequest {
  readonly limit: number;
  readonly before_id?: number | undefined;
}

/** Above every id that is in use: the start of the first page. */
export const ABOVE_ALL_IDS = Number.MAX_SAFE_INTEGER;

type Owned = PgTable & { id: PgColumn; user_id: PgColumn };

/** Bytes of the texts of a page as JSON at most, without its last row. */
const MAX_PAGE_BYTES = 1024 * 1024;

/**
 * @param texts columns of long text: a page ends early when they are too large for one answer
 * @returns a function that reads a page of the given columns of the user's rows
 */
export function pageReader<C extends Columns>(
  name: string,
  table: Owned,
  columns: C,
  texts: (keyof C & string)[] = [],
) {
  const page = read(name, { user_id: 'bigint', before_id: 'bigint', limit: 'int' }, columns, (p) =>
    limitBytes(selectPage(table, columns, p), columns, texts),
  );
  return (db: Database, user_id: number, { limit, before_id = ABOVE_ALL_IDS }: PageRequest) =>
    page(db, { user_id, before_id, limit });
}

/** @returns the first rows of a page whose texts together are not too large; at least one */
function limitBytes(rows: SQL, columns: Columns, texts: string[]): SQL {
  if (texts.length === 0) return rows;
  const bytes = sql.join(
    texts.map((name) => sql`octet_length(to_json(${sql.identifier(name)})::text)`),
    sql` + `,
  );
  return sql`
    select ${columnList(columns)}
    from (
      select *, sum(${bytes}) over (order by id desc rows between unbounded preceding and 1 preceding) as bytes_before
      from (${rows}) as page) as measured
    where coalesce(bytes_before, 0) < ${sql.raw(String(MAX_PAGE_BYTES))}
    order by id desc`;
}

function selectPage(table: Owned, columns: Columns, p: { user_id: SQL; before_id: SQL; limit: Parameter }) {
  return builder
    .select({ ...columns })
    .from(table as PgTable)
    .where(and(eq(table.user_id, p.user_id), lt(table.id, p.before_id)))
    .orderBy(desc(table.id))
    .limit(p.limit)
    .getSQL();
}
