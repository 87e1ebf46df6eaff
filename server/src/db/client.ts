// The database that the whole program talks to, whichever of the two engines is behind it.
import type { SQL } from 'drizzle-orm';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import { sql } from './orm.ts';

/** What queries are written against: PostgreSQL and the embedded engine speak the same SQL. */
export type Database = PgDatabase<PgQueryResultHKT>;

export interface OpenDatabase {
  readonly db: Database;
  readonly engine: 'postgres' | 'embedded';
  /** Asks the database for an answer; rejects when there is none. */
  ping(): Promise<void>;
  /** Ends all connections; what was acknowledged is on disk. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** A PostgreSQL URL; undefined means the embedded database. */
  readonly databaseUrl: string | undefined;
  /** Connections to PostgreSQL at most. */
  readonly poolSize: number;
  /** Whether to bring PostgreSQL's schema up to date first; the embedded database always is. */
  readonly migrateAtStart: boolean;
  /** The folder of the embedded database. */
  readonly dataDir: string;
}

/** Opens the database that the options name. */
export async function openDatabase(options: DatabaseOptions): Promise<OpenDatabase> {
  if (options.databaseUrl === undefined) {
    const { openEmbedded } = await import('./embedded.ts');
    return openEmbedded(options.dataDir);
  }
  const { openPostgres } = await import('./postgres.ts');
  if (options.migrateAtStart) {
    const { migratePostgres } = await import('./migrate.ts');
    await migratePostgres(options.databaseUrl);
  }
  return openPostgres(options.databaseUrl, options.poolSize);
}

/**
 * Runs one raw statement.
 * @returns its rows. The two drivers answer in different shapes, and neither knows the columns of raw SQL: `Row` is
 * the caller's word for what the statement selects.
 */
export async function rowsOf<Row>(db: Database, statement: SQL): Promise<Row[]> {
  const answer: unknown = await db.execute(statement);
  return (Array.isArray(answer) ? answer : (answer as { rows: unknown[] }).rows) as Row[];
}

/** An array of ids as one parameter: Drizzle would spread it over as many parameters as it has elements. */
export function idArray(ids: readonly number[]): SQL {
  return sql`${`{${ids.join(',')}}`}::text::int[]`;
}
