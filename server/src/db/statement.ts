// Statements are written once, in Drizzle's words over the schema, and compiled when first used: their text never
// depends on values, so that a database plans each only once for a connection.
import type { Placeholder, SQL, SQLWrapper } from 'drizzle-orm';
import type { Compiled, Database } from './client.ts';
import { dialect, sql } from './orm.ts';

/** What a parameter can be: the SQL type → the value here. */
interface Kinds {
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
type Shape = Record<string, keyof Kinds | `${keyof Kinds}?`>;

type ValueOf<K> = K extends `${infer Inner extends keyof Kinds}?`
  ? Kinds[Inner] | null | undefined
  : K extends keyof Kinds
    ? Kinds[K]
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
  compiled(): Compiled;
}

const all = new Map<string, Statement>();

/** Every statement there is, once the features are loaded. */
export const statements = (): ReadonlyMap<string, Statement> => all;

/** @returns the text, with parameters in place of values. Selected columns keep their names: rows are not mapped */
type Write<S extends Shape, Q extends SQLWrapper> = (parameters: { readonly [K in keyof S]: Parameter }) => Q;

/**
 * A statement that changes something.
 * @param name unique, like `task.create`
 * @param shape the parameters
 */
export function statement<const S extends Shape, Q extends SQLWrapper>(
  name: string,
  shape: S,
  write: Write<S, Q>,
) {
  return define(name, shape, write, 'change');
}

/**
 * A statement that changes a few rows of one user, soon done: PostgreSQL may be told to commit it together with others.
 * What it fails for, it fails for alone.
 */
export function smallChange<const S extends Shape, Q extends SQLWrapper>(
  name: string,
  shape: S,
  write: Write<S, Q>,
) {
  return define(name, shape, write, 'small change');
}

/** A statement that only reads: the database refuses it otherwise. */
export function query<const S extends Shape, Q extends SQLWrapper>(
  name: string,
  shape: S,
  write: Write<S, Q>,
) {
  return define(name, shape, write, 'read');
}

function define<S extends Shape, Q extends SQLWrapper>(
  name: string,
  shape: S,
  write: Write<S, Q>,
  does: Compiled['does'],
): Statement<S, RowOf<Q>> {
  let made: (Compiled & { values: ((input: Record<string, unknown>) => unknown)[] }) | undefined;

  function compile() {
    const parameters = Object.fromEntries(
      Object.entries(shape).map(([key, kind]) => [key, parameter(key, kind)]),
    );
    const { sql, params } = dialect.sqlToQuery(write(parameters as { [K in keyof S]: Parameter }).getSQL());
    made = { name, does, text: sql, values: params.map((value) => reader(value, shape)) };
    return made;
  }

  const run = (db: Database, input: Input<S>) => {
    const known = made ?? compile();
    return db.run(
      known,
      known.values.map((read) => read(input)),
    ) as Promise<RowOf<Q>[]>;
  };
  const result = Object.assign(run, { shape, compiled: () => made ?? compile() });
  if (all.has(name)) throw new Error(`two statements are called ${name}`);
  all.set(name, result as unknown as Statement);
  return result;
}

/** Of a statement that finds or makes at most one row. @returns what runs it and gives that row, if there is one */
export function one<S extends Shape, Row>(
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
