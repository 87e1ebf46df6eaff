// A decorator of Database with a span for each statement and transaction.
import type { Database } from './database.ts';
import { databaseCode } from './errors.ts';

/** Runs a query inside a span. @param reasonOf answers why it failed, in one of our words */
export type TraceQuery = <T>(
  name: string,
  run: () => Promise<T>,
  reasonOf: (error: unknown) => string,
) => Promise<T>;

const reasonOf = (error: unknown): string => databaseCode(error) ?? 'unknown';

export const tracedDatabase = (db: Database, trace: TraceQuery): Database => ({
  executePrepared: (statement, values) =>
    trace(statement.name, () => db.executePrepared(statement, values), reasonOf),
  execute: (query) => trace('once', () => db.execute(query), reasonOf),
  transaction: (job) =>
    trace('transaction', () => db.transaction((tx) => job(tracedDatabase(tx, trace))), reasonOf),
});
