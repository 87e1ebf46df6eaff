// The engine, and the database that runs on it.
import { PGlite, type PGliteOptions, type Transaction } from '@electric-sql/pglite';
import { DATE_TYPE, type Database, databaseOn } from '../database.ts';
import type { ConcurrencyLimiter } from '../limiter.ts';
import { applyMigrations } from '../migrations/apply.ts';
import { seedExercises } from '../migrations/seed.ts';
import { checkVersion, pendingMigrations } from '../migrations/version.ts';
import { compileWasm } from './wasm.ts';

/** With the default of 128 MB a start takes a fifth longer and 100 MB more. The system caches the same pages anyway. */
const startParams = [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB'];

export const startEngine = async (options: PGliteOptions): Promise<PGlite> =>
  PGlite.create({
    startParams,
    pgliteWasmModule: await compileWasm(),
    // A date is no moment: it stays the text `YYYY-MM-DD`.
    parsers: { [DATE_TYPE]: String },
    ...options,
  });

/** @param limiter counts calls outside of transactions, and transactions as one call each */
export function databaseOnEngine(client: PGlite | Transaction, limiter?: ConcurrencyLimiter): Database {
  const limited = limiter ?? (<T>(run: () => Promise<T>) => run());
  const query = (text: string, values: readonly unknown[]) =>
    limited(async () => (await client.query<object>(text, [...values])).rows);
  const db: Database = databaseOn({
    executePrepared: ({ text }, values) => query(text, values),
    executeUnprepared: query,
    transaction: (job) =>
      'transaction' in client
        ? limited(() => client.transaction((tx) => job(databaseOnEngine(tx))))
        : job(db),
  });
  return db;
}

/** Applies pending migrations and adds missing default data. */
export async function migrateAndSeed(client: PGlite): Promise<void> {
  const db = databaseOnEngine(client);
  if ((await pendingMigrations(db)).length > 0) {
    await db.transaction(applyMigrations);
    await checkVersion(db);
  }
  await seedExercises(db);
}
