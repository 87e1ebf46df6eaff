// Drizzle, loaded as CommonJS: for each of its 250 ES modules Node.js reads the package's 180 kB package.json anew, which
// took 0.4 s of every start. Types still come from the package itself.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export const { and, asc, desc, eq, lt, sql } = require('drizzle-orm') as typeof import('drizzle-orm');

const pgCore = require('drizzle-orm/pg-core') as typeof import('drizzle-orm/pg-core');

export const {
  bigint,
  boolean,
  check,
  doublePrecision,
  index,
  integer,
  json,
  pgEnum,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
} = pgCore;

/** Makes text of queries. */
export const dialect = new pgCore.PgDialect();

/** Drizzle's builders, for writing queries only: this one has no database behind it. */
export const builder = new pgCore.PgDatabase(dialect, undefined as never, undefined);

/** What reads the files of migrations, loaded when it is used. */
export const readMigrations = () =>
  (require('drizzle-orm/migrator') as typeof import('drizzle-orm/migrator')).readMigrationFiles;
