// Connections by the driver.
import postgres from 'postgres';
import { type Database, databaseOn } from './client.ts';
import { type DatabaseUrl, driverOptions } from './drivers.ts';

/** The driver's own type, with which it would look at the settings of a connection one by one. */
export type ConnectionOptions = postgres.Options<Record<string, never>>;

/** All that connects to PostgreSQL connects here. The first connection is made by the first statement. */
export const connect = (url: DatabaseUrl, options: ConnectionOptions): postgres.Sql =>
  postgres(driverOptions(url, options));

const PREPARED = { prepare: true };

/**
 * On a connection that waits for nobody, that of a transaction or of a job that has its own: a transaction joins the one
 * that it is in.
 */
export function databaseOnConnection(
  client: postgres.TransactionSql | postgres.Sql,
  options = PREPARED,
): Database {
  const db: Database = databaseOn({
    run: async ({ text }, values) => client.unsafe(text, values as never[], options),
    executeUnprepared: async (text, values) => client.unsafe(text, values as never[]),
    transaction: (job) => job(db),
  });
  return db;
}
