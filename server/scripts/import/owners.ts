import type postgres from 'postgres';
import { findParents, keyText, type Target } from './idMap.ts';
import { refuseRow, type SourceRow } from './sanitize.ts';

/** What one column of a batch's rows refers to. */
export interface Lookup {
  /** @returns the row here that it refers to; refuses a row that refers to none */
  get(row: SourceRow): Target;
  find(row: SourceRow): Target | undefined;
}

/**
 * Looks up once for a whole batch what a column refers to.
 * @param of the table referred to
 * @param ownerColumn for a table whose rows can be copied: the column with the user whose copy is meant
 */
export async function lookup(
  target: postgres.TransactionSql,
  rows: readonly SourceRow[],
  of: string,
  column: string,
  ownerColumn?: string,
): Promise<Lookup> {
  const keyOf = (row: SourceRow) => ({
    source_id: row[column] ?? '0',
    owner: (ownerColumn && row[ownerColumn]) || '0',
  });
  const parents = await findParents(target, of, rows.map(keyOf));
  const find = (row: SourceRow) => parents.get(keyText(keyOf(row)));
  return {
    find,
    get(row) {
      if (row[column] == null) refuseRow(`${column} is missing`);
      return find(row) ?? refuseRow(`${column}: ${of} ${row[column]} is not here`);
    },
  };
}

/** Rows that a column of a batch refers to, as the arrays of a statement. */
export interface Targets {
  readonly user_ids: readonly (number | null)[];
  readonly ids: readonly number[];
}

/** @returns each row once that a column refers to */
export function targetsOf(rows: readonly SourceRow[], { find }: Lookup): Targets {
  const found = new Map(rows.flatMap((row) => find(row) ?? []).map(({ id, user_id }) => [id, user_id]));
  return { ids: [...found.keys()], user_ids: [...found.values()] };
}
