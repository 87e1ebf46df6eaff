// Opens the database that the settings name. It knows both engines, and no engine knows it.
import type { OpenDatabase, Told } from './client.ts';
import type { Address } from './drivers.ts';

export interface DatabaseOptions {
  /** Where PostgreSQL is; undefined means the embedded database. */
  readonly databaseUrl: Address | undefined;
  /** Connections to PostgreSQL at most. */
  readonly poolSize: number;
  /** Whether statements are kept prepared on their connection; true when undefined. */
  readonly prepare?: boolean;
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
export async function openDatabase(options: DatabaseOptions, told?: Told): Promise<OpenDatabase> {
  if (options.databaseUrl === undefined) {
    const { openEmbedded } = await import('./embedded.ts');
    return openEmbedded(options.dataDir);
  }
  const [{ openPostgres }, { checkPostgres, migratePostgres }, { meetOnce }] = await Promise.all([
    import('./postgres.ts'),
    import('./migrate.ts'),
    import('./session.ts'),
  ]);
  const { databaseUrl, poolSize, prepare, migrateAtStart, jobs } = options;
  const met = meetOnce(databaseUrl);
  await (migrateAtStart ? migratePostgres : checkPostgres)(databaseUrl, { met, jobs, told });
  return openPostgres(databaseUrl, poolSize, prepare, met);
}
