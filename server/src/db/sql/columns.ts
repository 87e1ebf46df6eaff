// Lists of columns, written once for each kind of row.
import type { SQL } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { sql } from '../drizzle.ts';

/** Columns by their names in the database, which are the names of the row's fields. */
export type Columns = Readonly<Record<string, PgColumn>>;

/** @returns these columns of the table, for Drizzle's builders and the functions below */
export function pickColumns<T extends PgTable, K extends keyof T & keyof T['_']['columns']>(
  table: T,
  names: readonly K[],
): Pick<T, K> {
  return Object.fromEntries(names.map((name) => [name, table[name]])) as Pick<T, K>;
}

/** @returns `alias.id, alias.name`, or without an alias `id, name`: for `select`, `insert` and `returning` */
export function columnList(columns: Columns, alias?: string): SQL {
  return sql.raw(names(columns, alias).join(', '));
}

/** @returns `'id', alias.id, 'name', alias.name`: the arguments of `json_build_object` */
export function jsonFields(columns: Columns, alias: string): SQL {
  return sql.raw(
    Object.keys(columns)
      .map((name) => `'${name}', ${alias}.${name}`)
      .join(', '),
  );
}

function names(columns: Columns, alias?: string): string[] {
  return Object.keys(columns).map((name) => (alias === undefined ? name : `${alias}.${name}`));
}
