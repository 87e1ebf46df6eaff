// Opens the database that the settings name, with one of the engines.
import type { OpenDatabase, WaitListener } from './database.ts';
import type { DatabaseUrl } from './postgres/driverOptions.ts';
import type { StatementOptions } from './postgres/open.ts';

export interface DatabaseOptions extends StatementOptions {
  /** Where PostgreSQL is; undefined means the embedded database. */
  readonly databaseUrl: DatabaseUrl | undefined;
  /** Connections to PostgreSQL at most. */
  readonly poolSize: number;
  /** Whether to bring PostgreSQL's schema up to date first; the embedded database always is. */
  readonly migrateAtStart: boolean;
  /** The folder of the embedded database. */
  readonly dataDir: string;
  /** Whether this process is to do background work on PostgreSQL: its role needs more rights for that. */
  readonly jobs?: boolean;
}

/**
 * Opens the database that the options name, its schema up to date.
 * @throws when it is away, refuses us or has another schema
 */
export async function openDatabase(options: DatabaseOptions, onWait?: WaitListener): Promise<OpenDatabase> {
  if (options.databaseUrl === undefined) {
    const { openEmbedded } = await import('./pglite/open.ts');
    return openEmbedded(options.dataDir);
  }
  const [{ openPostgres }, { preparePostgres }, { memoizedProbe }] = await Promise.all([
    import('./postgres/open.ts'),
    import('./postgres/migrate.ts'),
    import('./postgres/session.ts'),
  ]);
  const { databaseUrl, poolSize, migrateAtStart, jobs } = options;
  const probe = memoizedProbe(databaseUrl);
  await preparePostgres(databaseUrl, migrateAtStart, { probe, jobs, onWait });
  return openPostgres(databaseUrl, poolSize, options, probe);
}
