// Statements are written once, in Drizzle's words over the schema, and compiled when first used: their text never
// depends on values, so that a database plans each only once for a connection.
import type { Placeholder, SQL, SQLWrapper } from 'drizzle-orm';
import type { CompiledStatement, Database } from './client.ts';
import { dialect, sql } from './orm.ts';

/** What a parameter can be: the SQL type → the value here. */
interface ParameterTypes {
  boolean: boolean;
  int: number;
  bigint: number;
  float8: number;
  text: string;
  gender: 'male' | 'female';
  resource_type: string;
  /** Any value, as JSON. */
  json: unknown;
  'int[]': readonly number[];
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

/** What stands for a value in the text. Drizzle's `limit` takes any SQL, though its type asks for its own placeholder. */
export type Parameter = SQL & Placeholder;

/** The rows of a query: Drizzle's builders know theirs; of raw SQL, `sql<Row>` is the writer's word for what it selects. */
type RowOf<Q> = Q extends SQL<infer Row> ? Row : Q extends PromiseLike<(infer Row)[]> ? Row : never;

export interface Statement<S extends Shape = Shape, Row = unknown> {
  /** Runs it. @returns its rows, with the columns' names as keys */
  (db: Database, input: Input<S>): Promise<Row[]>;
  readonly shape: S;
  /** The text, made when first asked for. */
  compiled(): CompiledStatement;
}

const registry = new Map<string, Statement>();

/** Every statement there is, once the features are loaded. */
export const statements = (): ReadonlyMap<string, Statement> => registry;

/** @returns the text, with parameters in place of values. Selected columns keep their names: rows are not mapped */
type SqlBuilder<S extends Shape, Q extends SQLWrapper> = (
  parameters: { readonly [K in keyof S]: Parameter },
) => Q;

/**
 * A statement that changes something.
 * @param name unique, like `task.create`
 * @param shape the parameters
 */
export function write<const S extends Shape, Q extends SQLWrapper>(
  name: string,
  shape: S,
  build: SqlBuilder<S, Q>,
) {
  return define(name, shape, build, 'write');
}

/**
 * A statement that changes a few rows of one user, soon done: PostgreSQL may be told to commit it together with others.
 * What it fails for, it fails for alone.
 */
export function groupedWrite<const S extends Shape, Q extends SQLWrapper>(
  name: string,
  shape: S,
  build: SqlBuilder<S, Q>,
) {
  return define(name, shape, build, 'grouped-write');
}

/** A statement that only reads: the database refuses it otherwise. */
export function read<const S extends Shape, Q extends SQLWrapper>(
  name: string,
  shape: S,
  build: SqlBuilder<S, Q>,
) {
  return define(name, shape, build, 'read');
}

function define<S extends Shape, Q extends SQLWrapper>(
  name: string,
  shape: S,
  build: SqlBuilder<S, Q>,
  mode: CompiledStatement['mode'],
): Statement<S, RowOf<Q>> {
  let cached: (CompiledStatement & { values: ((input: Record<string, unknown>) => unknown)[] }) | undefined;

  function compile() {
    const parameters = Object.fromEntries(
      Object.entries(shape).map(([key, kind]) => [key, parameter(key, kind)]),
    );
    const { sql, params } = dialect.sqlToQuery(build(parameters as { [K in keyof S]: Parameter }).getSQL());
    cached = { name, mode, text: sql, values: params.map((value) => reader(value, shape)) };
    return cached;
  }

  const run = (db: Database, input: Input<S>) => {
    const known = cached ?? compile();
    return db.executePrepared(
      known,
      known.values.map((read) => read(input)),
    ) as Promise<RowOf<Q>[]>;
  };
  const result = Object.assign(run, { shape, compiled: () => cached ?? compile() });
  if (registry.has(name)) throw new Error(`two statements are called ${name}`);
  registry.set(name, result as unknown as Statement);
  return result;
}

/** Of a statement that finds or makes at most one row. @returns what runs it and gives that row, if there is one */
export function firstRow<S extends Shape, Row>(
  rows: Statement<S, Row>,
): (db: Database, input: Input<S>) => Promise<Row | undefined> {
  return async (db, input) => (await rows(db, input))[0];
}

const parameter = (key: string, kind: string): SQL => {
  const type = kind.replace('?', '');
  // Sent as text: neither driver has to know how arrays and JSON are written.
  const cast = type === 'json' || type === 'int[]' ? `text::${type}` : type;
  return sql`${sql.placeholder(key)}::${sql.raw(cast)}`;
};

/** @returns what takes the value of one `$n` from the input */
function reader(value: unknown, shape: Shape): (input: Record<string, unknown>) => unknown {
  const key = (value as Partial<Placeholder> | null)?.name;
  if (typeof value !== 'object' || key === undefined) return () => value;
  switch (shape[key]?.replace('?', '')) {
    case 'json':
      return (input) => (input[key] === undefined ? null : JSON.stringify(input[key]));
    case 'int[]':
      return (input) => (input[key] === undefined ? null : `{${(input[key] as number[]).join(',')}}`);
    default:
      return (input) => input[key] ?? null;
  }
}
