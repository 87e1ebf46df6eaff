// The database that the whole program talks to, whichever of the two engines is behind it.
import { type SQL, sql } from 'drizzle-orm';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import type { Config } from '../config.ts';

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

/**
 * Opens PostgreSQL when `databaseUrl` is set, the embedded database otherwise, and brings its schema up to date if
 * that is wanted (the embedded one always).
 */
export async function openDatabase(config: Pick<Config, 'databaseUrl' | 'poolSize' | 'migrateAtStart' | 'dataDir'>): Promise<OpenDatabase> {
  if (config.databaseUrl === undefined) {
    const { openEmbedded } = await import('./embedded.ts');
    return openEmbedded(config.dataDir);
  }
  const { openPostgres } = await import('./postgres.ts');
  if (config.migrateAtStart) {
    const { migratePostgres } = await import('./migrate.ts');
    await migratePostgres(config.databaseUrl);
  }
  return openPostgres(config.databaseUrl, config.poolSize);
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
