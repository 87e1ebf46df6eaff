import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { forPostgres, migratorForPostgres } from './orm.ts';
import { withConnection } from './postgres.ts';
import { seed } from './seed.ts';

/** The generated SQL migrations, in order of their journal. */
export const MIGRATIONS = fileURLToPath(new URL('../../../drizzle', import.meta.url));

/** The advisory lock that one migration run holds: an arbitrary number that is this project's own ("step"). */
const LOCK = 0x73746570;

/**
 * Applies the pending migrations and fills in the default data. Servers that start together wait for each other: the
 * lock is held for the whole run, on the connection that migrates.
 */
export async function migratePostgres(url: string): Promise<void> {
  await withConnection(url, 0, async (client) => {
    await client`select pg_advisory_lock(${LOCK})`;
    try {
      await client`set lock_timeout = '3s'`;
      const db = forPostgres().drizzle(client);
      await migratorForPostgres().migrate(db, { migrationsFolder: MIGRATIONS });
      await seed(db);
    } finally {
      await client`select pg_advisory_unlock(${LOCK})`;
    }
  });
}

/** The journal's text: it changes with each migration, so it names a state of the schema. */
export function journal(): Promise<string> {
  return readFile(`${MIGRATIONS}/meta/_journal.json`, 'utf8');
}
