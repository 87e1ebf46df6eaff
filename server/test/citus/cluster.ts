// Databases on the Citus cluster of CITUS_URL, any database of its coordinator.
import type { OpenDatabase } from '../../src/db/database.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { createMigrated } from '../testDatabases.ts';

const given = process.env.CITUS_URL;
if (given === undefined) throw new Error('CITUS_URL: name a database of the coordinator of a Citus cluster');

/** The coordinator. */
export const CITUS_URL: string = given;

/** Opens a new database, whose tables are distributed. Closing it drops it. */
export async function openDistributedDatabase(): Promise<OpenDatabase & { readonly url: string }> {
  const { url, drop } = await createMigrated(CITUS_URL, true);
  const database = openPostgres(url, 5);
  return {
    ...database,
    url,
    async close() {
      await database.close();
      await drop();
    },
  };
}
