// Connections by the driver.
import postgres from 'postgres';
import { DATE_TYPE, type Database, databaseOn } from '../database.ts';
import { connectionSettingsOf, type DatabaseUrl, driverOptions } from './driverOptions.ts';
import { greetingOf, openSocket } from './hosts.ts';
import { runStatement } from './runStatement.ts';

/** The options of postgres.js. */
export type ConnectionOptions = postgres.Options<Record<string, never>>;

/** A date is no moment: it stays the text `YYYY-MM-DD`, where the driver would make a Date of it. */
const DATES = {
  localDate: { to: DATE_TYPE, from: [DATE_TYPE], serialize: String, parse: String },
};

/** Types of PostgreSQL, by their ids. */
const INT4 = 23;
const INT8 = 20;

/** Ids, counts and numbers of events are at most 2^53 - 1: the driver would make texts of them. */
export const BIGINTS = { bigint: { to: INT8, from: [INT8], serialize: String, parse: Number } };

/** What is a text already is sent as it is, where the driver would make a JSON string of it. */
const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
const JSON_TEXTS = { json: { to: 114, serialize: asText }, jsonb: { to: 3802, serialize: asText } };

/** Every connection to PostgreSQL is made here. The first statement makes the first one. */
export function connect(url: DatabaseUrl, options: ConnectionOptions): postgres.Sql {
  const settings = connectionSettingsOf(url);
  const { default_transaction_read_only } = (options.connection ?? {}) as Record<string, unknown>;
  const ours = {
    ...options,
    types: { ...DATES, ...BIGINTS, ...JSON_TEXTS, ...options.types },
    greeting: greetingOf(settings, options.greeting, default_transaction_read_only === 'on'),
  };
  const client = postgres(
    driverOptions(settings, ours as unknown as ConnectionOptions, () => openSocket(settings)),
  );
  // As it reads smaller whole numbers: from where they lie, without a text of each (decision 0005).
  const { parsers } = client.options;
  parsers[INT8] = parsers[INT4] as (typeof parsers)[number];
  return client;
}

/** How the statements of a connection are run. */
export interface RunOptions {
  readonly prepare: boolean;
  /** Whether the tables are distributed by the user (session.ts). */
  readonly isDistributed?: boolean | undefined;
}

const PREPARED: RunOptions = { prepare: true };

/**
 * The database on one connection: that of a transaction, or one of a job's own. A transaction inside of it joins the current
 * one.
 */
export function databaseOnConnection(
  client: postgres.TransactionSql | postgres.Sql,
  { prepare, isDistributed = false } = PREPARED,
): Database {
  const options = { prepare };
  const db: Database = databaseOn({
    executePrepared: (statement, values) =>
      runStatement(statement, values, isDistributed, async (text, sent) =>
        client.unsafe(text, sent as never[], options),
      ),
    executeUnprepared: async (text, values) => client.unsafe(text, values as never[]),
    transaction: (job) => job(db),
  });
  return db;
}
