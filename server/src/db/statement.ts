// Statements are written once, with Drizzle over the schema, and compiled at their first use. Their text never depends on
// values, so PostgreSQL plans each once per connection.
import type { Placeholder, SQL, SQLWrapper } from 'drizzle-orm';
import type { CompiledStatement, Database, DistributedStatement } from './database.ts';
import { distributedText } from './distributed.ts';
import { dialect, sql } from './drizzle.ts';
import type { RowOf, RowShape } from './rows.ts';

/** What a parameter can be: the SQL type → the value here. */
interface ParameterTypes {
  boolean: boolean;
  int: number;
  bigint: number;
  float8: number;
  text: string;
  gender: 'male' | 'female';
  resource_type: string;
  /** `YYYY-MM-DD` */
  date: string;
  timestamptz: Date;
  /** Any value, as JSON. */
  json: unknown;
  'int[]': readonly number[];
  'bigint[]': readonly number[];
}

/** Names and kinds of parameters; with `?` the value may be missing, which is sent as NULL. */
type Shape = Record<string, keyof ParameterTypes | `${keyof ParameterTypes}?`>;

type ValueOf<K> = K extends `${infer Inner extends keyof ParameterTypes}?`
  ? ParameterTypes[Inner] | null | undefined
  : K extends keyof ParameterTypes
    ? ParameterTypes[K]
    : never;
type Optional<S extends Shape> = { [K in keyof S as S[K] extends `${string}?` ? K : never]?: ValueOf<S[K]> };
type Required<S extends Shape> = { [K in keyof S as S[K] extends `${string}?` ? never : K]: ValueOf<S[K]> };

/** The values for one run. */
export type Input<S extends Shape> = Required<S> & Optional<S>;

/** A placeholder of the text. Drizzle's `limit` takes any SQL, though its type asks for Drizzle's own placeholder. */
export type Parameter = SQL & Placeholder;

export interface Statement<S extends Shape = Shape, Row = unknown> {
  /** Runs it. @returns its rows, with the columns' names as keys */
  (db: Database, input: Input<S>): Promise<Row[]>;
  readonly shape: S;
  /** The declaration of its rows (rows.ts). */
  readonly rows: RowShape;
  /** Compiles the text at the first call. */
  compiled(): CompiledStatement;
}

const registry = new Map<string, Statement>();

/** Every statement, once the features are loaded. */
export const statements = (): ReadonlyMap<string, Statement> => registry;

/** @returns the text, with parameters in place of values. Selected columns keep their names: rows are not mapped */
type SqlBuilder<S extends Shape> = (parameters: Parameters<S>) => SQLWrapper;
type Parameters<S extends Shape> = { readonly [K in keyof S]: Parameter };

/** What a database needs whose tables are distributed by the user (distributed.ts). */
interface WhenDistributed<S extends Shape> {
  /** Another text, which is sent as it is; otherwise it is made from the one of PostgreSQL. */
  readonly build?: SqlBuilder<S>;
  /** `create or replace function` of each function that this text calls. */
  readonly functions?: () => readonly string[];
  /** This text has no rows: the number of those that it changed is a row with this column. */
  readonly changedRowsAs?: string;
  /** By table: how many rows the statement inserts at most, where it is more than one. */
  readonly insertedRows?: Readonly<Record<string, (parameters: Parameters<S>) => SQL>>;
}

/**
 * Defines a statement that changes something.
 * @param name unique, like `task.create`
 * @param shape the parameters
 * @param rows the columns of its rows
 */
export function write<const S extends Shape, const C extends RowShape>(
  name: string,
  shape: S,
  rows: C,
  build: SqlBuilder<S>,
  whenDistributed?: WhenDistributed<S>,
) {
  return define(name, shape, rows, build, 'write', whenDistributed);
}

/**
 * Defines a short statement that changes a few rows of one user. It may be committed together with others; if one of them
 * fails, the others do not.
 */
export function groupedWrite<const S extends Shape, const C extends RowShape>(
  name: string,
  shape: S,
  rows: C,
  build: SqlBuilder<S>,
  whenDistributed?: WhenDistributed<S>,
) {
  return define(name, shape, rows, build, 'grouped-write', whenDistributed);
}

/** Defines a statement that only reads; on PostgreSQL its connection refuses anything else. */
export function read<const S extends Shape, const C extends RowShape>(
  name: string,
  shape: S,
  rows: C,
  build: SqlBuilder<S>,
  whenDistributed?: WhenDistributed<S>,
) {
  return define(name, shape, rows, build, 'read', whenDistributed);
}

function define<S extends Shape, C extends RowShape>(
  name: string,
  shape: S,
  rows: C,
  build: SqlBuilder<S>,
  mode: CompiledStatement['mode'],
  whenDistributed: WhenDistributed<S> = {},
): Statement<S, RowOf<C>> {
  let cached: (CompiledStatement & { values: ((input: Record<string, unknown>) => unknown)[] }) | undefined;
  let distributed: DistributedStatement | undefined;

  function compile() {
    const { text, params } = compileText(build(parametersOf(shape)));
    cached = {
      name,
      mode,
      text,
      values: params.map((value) => reader(value, shape)),
      distributed: () => (distributed ??= compileDistributed(shape, build, whenDistributed)),
    };
    return cached;
  }

  const run = (db: Database, input: Input<S>) => {
    const known = cached ?? compile();
    return db.executePrepared(
      known,
      known.values.map((read) => read(input)),
    ) as Promise<RowOf<C>[]>;
  };
  const result = Object.assign(run, { shape, rows, compiled: () => cached ?? compile() });
  if (registry.has(name)) throw new Error(`two statements are called ${name}`);
  registry.set(name, result as unknown as Statement);
  return result;
}

const parametersOf = <S extends Shape>(shape: S): Parameters<S> =>
  Object.fromEntries(
    Object.entries(shape).map(([key, kind]) => [key, parameter(key, kind)]),
  ) as unknown as Parameters<S>;

function compileText(query: SQLWrapper): { text: string; params: unknown[] } {
  const { sql: text, params } = dialect.sqlToQuery(query.getSQL());
  return { text, params };
}

/** Its values are picked from those of the text of PostgreSQL, which names each parameter at least once. */
function compileDistributed<S extends Shape>(
  shape: S,
  build: SqlBuilder<S>,
  { build: other, functions: called, changedRowsAs, insertedRows = {} }: WhenDistributed<S>,
): DistributedStatement {
  const parameters = parametersOf(shape);
  const known = compileText(build(parameters)).params.map(nameOf);
  const pick = (params: readonly unknown[]) => (values: readonly unknown[]) =>
    params.map((param) => (nameOf(param) === undefined ? param : values[known.indexOf(nameOf(param))]));
  const { text: own, params } = compileText((other ?? build)(parameters));
  const { text, idsOf, functions } = other
    ? { text: own, idsOf: [], functions: called?.() ?? [] }
    : distributedText(own, params.length);
  const picked = pick(params);
  const take = idsOf.map(
    (table, at) => sql`array(
      select nextval(pg_get_serial_sequence(${sql.raw(`'public.${table}', 'id'`)}))
      from generate_series(1, ${insertedRows[table]?.(parameters) ?? sql.raw('1')}))::text as ${sql.raw(`ids_${at + 1}`)}`,
  );
  const taking = take.length > 0 ? compileText(sql`select ${sql.join(take, sql`, `)}`) : undefined;
  return {
    text,
    functions,
    ...(changedRowsAs !== undefined && { changedRowsAs }),
    values: (values, ids) => [...picked(values), ...ids],
    ...(taking && { takeIds: { text: taking.text, values: pick(taking.params) } }),
  };
}

/** @returns the name of a placeholder; undefined: the value is a constant */
const nameOf = (value: unknown): string | undefined =>
  typeof value === 'object' ? (value as Partial<Placeholder> | null)?.name : undefined;

/** @param rows a statement with at most one row. @returns a function that runs it and answers that row, or undefined */
export function firstRow<S extends Shape, Row>(
  rows: Statement<S, Row>,
): (db: Database, input: Input<S>) => Promise<Row | undefined> {
  return async (db, input) => (await rows(db, input))[0];
}

// Each has its own type: a cast from text depends on settings of the session, and Citus refuses it in changes.
const parameter = (key: string, kind: string): SQL =>
  sql`${sql.placeholder(key)}::${sql.raw(kind.replace('?', ''))}`;

/**
 * What the drivers would not write alike becomes a text, which they send as it is.
 * @returns a function that takes the value of one `$n` from the input
 */
function reader(value: unknown, shape: Shape): (input: Record<string, unknown>) => unknown {
  const key = nameOf(value);
  if (key === undefined) return () => value;
  switch (shape[key]?.replace('?', '')) {
    case 'json':
      return (input) => (input[key] === undefined ? null : JSON.stringify(input[key]));
    case 'int[]':
    case 'bigint[]':
      return (input) => (input[key] === undefined ? null : `{${(input[key] as number[]).join(',')}}`);
    case 'timestamptz':
      return (input) => (input[key] as Date | undefined)?.toISOString() ?? null;
    default:
      return (input) => input[key] ?? null;
  }
}
