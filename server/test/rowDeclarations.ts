// Declarations of rows (db/rows.ts), read for the tests.
import { is } from 'drizzle-orm';
import { PgColumn } from 'drizzle-orm/pg-core';
import type { RowColumn, RowShape } from '../src/db/rows.ts';

/** A column of a row as an engine describes it. */
export interface ColumnDescription {
  readonly name: string;
  /** As `format_type` writes it. */
  readonly type: string;
  /** Whether the catalogue lets the column of the table be null; undefined for an expression. */
  readonly isNullable: boolean | undefined;
}

/** Types as `format_type` writes them. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  boolean: ['boolean'],
  int: ['integer', 'smallint'],
  bigint: ['bigint'],
  float8: ['double precision'],
  text: ['text'],
  date: ['date'],
  timestamptz: ['timestamp with time zone'],
  void: ['void'],
};

interface Declaration {
  readonly types: readonly string[];
  readonly isNullable: boolean;
}

export function readDeclaration(column: RowColumn): Declaration {
  if (typeof column === 'string') {
    const isNullable = column.endsWith('?');
    const types = TYPES[column.replace('?', '')] as readonly string[];
    return { types, isNullable };
  }
  // Drizzle is loaded twice (db/drizzle.ts), and `is` knows a column of either.
  if (is(column, PgColumn)) return { types: [column.getSQLType()], isNullable: !column.notNull };
  if ('nullable' in column) return { ...readDeclaration(column.nullable as RowColumn), isNullable: true };
  return { types: ['json', 'jsonb'], isNullable: false };
}

/** Where a column that is not null in its table can be null in a row. */
const ADDS_NULLS = /\bleft join\b|\bunion all\b/;

/** @returns what is wrong with a declaration */
export function checkDeclaration(
  rows: RowShape,
  described: readonly ColumnDescription[],
  text: string,
): string[] {
  const names = Object.keys(rows);
  const order = described.map(({ name }) => name);
  if (names.toSorted().join() !== order.toSorted().join())
    return [`declared ${names.join(', ')}, described ${order.join(', ')}`];
  return described.flatMap(({ name, type, isNullable }) => {
    const declared = readDeclaration(rows[name] as RowColumn);
    return [
      ...(declared.types.includes(type)
        ? []
        : [`${name} is ${type}, declared ${declared.types.join(' or ')}`]),
      ...(isNullable === true && !declared.isNullable ? [`${name} can be null`] : []),
      ...(isNullable === false && declared.isNullable && !ADDS_NULLS.test(text)
        ? [`${name} is never null`]
        : []),
    ];
  });
}
