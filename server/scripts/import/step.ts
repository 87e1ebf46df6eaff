import type postgres from 'postgres';
import type { Key } from './idMap.ts';
import { RefusedRowError, RowSanitizer, type SourceRow } from './sanitize.ts';

/** A row that is to be written. */
export interface Item extends Key {
  /** The columns but the id. */
  readonly values: Record<string, unknown>;
  /** What was changed in it. */
  readonly repairs: string[];
  /** It takes a new id whatever the source says: a copy. */
  readonly copy?: boolean;
  /** Nothing is written: what it says is in this row already. */
  readonly mergedInto?: Item | number;
}

/** How one table is copied. */
export interface Step {
  readonly table: string;
  /** A statement on the source: `id` first, every column as text, in the order in which rows are copied. */
  readonly select: string;
  /**
   * Looks at all rows of a batch and answers for each how it is written. It may look up what it needs and make room.
   * @param refused is told of a row why it is not copied
   */
  prepare(
    target: postgres.TransactionSql,
    rows: readonly SourceRow[],
    refused: (row: SourceRow, why: string) => void,
  ): Promise<Item[]>;
  /** Inserts rows with their ids, and what else a new row here takes; without it they are only inserted. */
  insert?(target: postgres.TransactionSql, values: Record<string, unknown>[]): Promise<void>;
}

export const keyOf = (row: SourceRow): Key => ({ source_id: row.id, owner: row.owner ?? '0' });

/** @returns the row as it is to be written, without a word of its own on ids */
export function itemOf(row: SourceRow, sanitizer: RowSanitizer, values: Item['values']): Item {
  return { ...keyOf(row), values, repairs: sanitizer.repairs };
}

/** Makes an item of each row with `convert`, which may refuse it by throwing a RefusedRowError. */
export function convertAll(
  rows: readonly SourceRow[],
  refused: (row: SourceRow, why: string) => void,
  convert: (row: SourceRow, sanitizer: RowSanitizer) => Item,
): Item[] {
  return rows.flatMap((row) => {
    try {
      return [convert(row, new RowSanitizer(row))];
    } catch (error) {
      if (!(error instanceof RefusedRowError)) throw error;
      refused(row, error.message);
      return [];
    }
  });
}
