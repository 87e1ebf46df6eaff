// A database that makes a span of each statement and of each transaction.
import type { Database } from './client.ts';
import { databaseCode } from './errors.ts';

/** Runs a query inside a span. @param reasonOf says in a word of ours why it failed */
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
