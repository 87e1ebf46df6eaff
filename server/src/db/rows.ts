// The rows of a statement are declared beside its parameters, and their TypeScript type follows from the declaration.
// Nothing is checked at run time: server/test/rows.test.ts compares each declaration with what both engines say of the statement.
import type { GetColumnData } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';

/** The SQL type of an expression → its value here. */
interface ExpressionTypes {
  boolean: boolean;
  int: number;
  /** At most 2^53 - 1. */
  bigint: number;
  float8: number;
  text: string;
  /** `YYYY-MM-DD` */
  date: string;
  timestamptz: Date;
  /** What a function that returns nothing answers. */
  void: unknown;
}
type ExpressionType = keyof ExpressionTypes;

/** A column of type `json` or `jsonb`. What the JSON holds is asserted: no engine knows it. */
export interface JsonColumn<T> {
  readonly json: true;
  /** For the type alone. */
  readonly asserted?: T;
}

/** Any column that can be null too: where an outer join finds no row, or an expression answers null. */
export interface NullableColumn<C> {
  readonly nullable: C;
}

/**
 * A column of a row: the type of an expression, with `?` if it can be null; a column of the schema, which has its type and
 * nullability from there; or JSON.
 */
export type RowColumn =
  | ExpressionType
  | `${ExpressionType}?`
  | PgColumn
  | JsonColumn<unknown>
  | NullableColumn<unknown>;

/** The columns of a row by their names. */
export type RowShape = Readonly<Record<string, RowColumn>>;

type ColumnValue<C> = C extends `${infer Type extends ExpressionType}?`
  ? ExpressionTypes[Type] | null
  : C extends ExpressionType
    ? ExpressionTypes[C]
    : C extends PgColumn
      ? GetColumnData<C>
      : C extends JsonColumn<infer T>
        ? T
        : C extends NullableColumn<infer Inner>
          ? ColumnValue<Inner> | null
          : never;

declare const ROW: unique symbol;

/** Columns of a row whose type says more than they do one by one. */
export type ShapeOf<Row> = RowShape & { readonly [ROW]: Row };

/** The row that columns declare. */
export type RowOf<C extends RowShape> =
  C extends ShapeOf<infer Row> ? Row : { -readonly [K in keyof C]: ColumnValue<C[K]> };

/** @returns a column of JSON, with the asserted type of what it holds */
export const json = <T>(): JsonColumn<T> => ({ json: true });

/** @returns the column, which can be null */
export const nullable = <C extends RowColumn>(column: C): NullableColumn<C> => ({ nullable: column });

/** The declaration of a statement that answers no rows. */
export const NO_ROWS = {} as const;
