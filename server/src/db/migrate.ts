import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from './drivers.ts';
import { databaseCode } from './errors.ts';
import { MIGRATIONS } from './journal.ts';
import { forPostgres, migratorForPostgres } from './orm.ts';
import { onConnection, withConnection } from './postgres.ts';
import { seed } from './seed.ts';
import { checkVersion } from './version.ts';

/** The advisory lock that one migration run holds: an arbitrary number that is this project's own ("step"). */
const LOCK = 0x73746570;

/** Tries of a migration that met a locked table, and milliseconds between them, in which what queued behind it goes on. */
const TRIES = 5;
const PAUSE = 1000;

/**
 * Applies the pending migrations and fills in the default data. Servers that start together wait for each other: the
 * lock is held for the whole run, on the connection that migrates.
 */
export async function migratePostgres(url: Address): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await migrateOnce(url);
    } catch (error) {
      if (attempt === TRIES || databaseCode(error) !== '55P03') throw error;
      await sleep(PAUSE);
    }
  }
}

async function migrateOnce(url: Address): Promise<void> {
  await withConnection(url, 0, async (client) => {
    await client`select pg_advisory_lock(${LOCK})`;
    try {
      await client`set lock_timeout = '3s'`;
      await migratorForPostgres().migrate(forPostgres().drizzle(client), { migrationsFolder: MIGRATIONS });
      const db = onConnection(client);
      await checkVersion(db);
      await seed(db);
    } finally {
      await client`select pg_advisory_unlock(${LOCK})`;
    }
  });
}
