// Drizzle, loaded as CommonJS: for each of its 250 ES modules Node.js would read the package's 180 kB package.json again, which
// takes 0.4 s of every start. The types come from the package itself.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

const drizzle = require('drizzle-orm') as typeof import('drizzle-orm');

export const { and, asc, desc, eq, isNull, lt, sql } = drizzle;

const pgCore = require('drizzle-orm/pg-core') as typeof import('drizzle-orm/pg-core');

export const {
  bigint,
  boolean,
  check,
  date,
  doublePrecision,
  foreignKey,
  getTableConfig,
  index,
  integer,
  json,
  jsonb,
  pgEnum,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
} = pgCore;

export type Table = import('drizzle-orm/pg-core').PgTable;

export const isTable = (value: unknown): value is Table => drizzle.is(value, pgCore.PgTable);

/** Compiles queries to text. */
export const dialect = new pgCore.PgDialect();

/** Drizzle's query builder, without a database: it only writes queries. */
export const builder = new pgCore.PgDatabase(dialect, undefined as never, undefined);

/** Drizzle's reader of migration files, loaded at its first use. */
export const readMigrations = () =>
  (require('drizzle-orm/migrator') as typeof import('drizzle-orm/migrator')).readMigrationFiles;
