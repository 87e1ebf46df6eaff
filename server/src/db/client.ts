// The database that the whole program talks to, whichever of the two engines is behind it (open.ts opens one).
import type { PGlite } from '@electric-sql/pglite';
import type { SQL, SQLWrapper } from 'drizzle-orm';
import type { Measure } from '../telemetry/measures.ts';
import { dialect } from './orm.ts';

/** A statement as the database gets it. */
export interface CompiledStatement {
  /** Unique, for traces and the like. */
  readonly name: string;
  readonly text: string;
  /**
   * `read`: it changes nothing, and so may share a connection with others and be run again. `small change`: it changes a
   * few rows of one user, and may be committed together with those of others.
   */
  readonly mode: 'read' | 'write' | 'grouped-write';
}

/** What statements run on: PostgreSQL and the embedded engine speak the same SQL. */
export interface Database {
  /** Runs a statement (statement.ts); @returns its rows, with the columns' names as keys */
  executePrepared(statement: CompiledStatement, values: readonly unknown[]): Promise<object[]>;
  /** Runs a query that is made for this once. */
  execute<Row = Record<string, unknown>>(query: SQL<Row> | SQLWrapper): Promise<Row[]>;
  /** Runs `job` in a transaction, which it must use for all that belongs to it; inside one it joins that one. */
  transaction<T>(job: (tx: Database) => Promise<T>): Promise<T>;
}

export type ChangeListener = (user_id: number | undefined) => void;

/** Is told what is waited for, when that changes: a line for the log, and what belongs to it. */
export type WaitListener = (line: string, facts: object) => void;

export interface OpenDatabase {
  readonly db: Database;
  readonly engine: 'postgres' | 'embedded';
  readonly measures: readonly Measure[];
  /** The embedded engine itself, for what brings statements of its own. */
  readonly client?: PGlite;
  /** Asks the database for an answer; rejects when there is none. */
  ping(): Promise<void>;
  /**
   * Hears of new events (events.ts), from this process and all others on the database, until the function that it
   * answers with is called.
   * @param ring told whose events there are more of; undefined: anybody's, as some may have been missed
   */
  listen(ring: ChangeListener): () => Promise<void>;
  /** Fulfilled when PostgreSQL has become a database that must not be gone on with (session.ts). */
  readonly unusable?: Promise<Error>;
  /** Ends all connections; what was acknowledged is on disk. */
  close(): Promise<void>;
}

/** What an engine has to be able to do. @returns the Database on it */
export function databaseOn(engine: {
  run: Database['executePrepared'];
  /** Runs text that is not worth being remembered. */
  executeUnprepared(text: string, values: readonly unknown[]): Promise<object[]>;
  transaction: Database['transaction'];
}): Database {
  return {
    executePrepared: engine.run,
    async execute<Row>(query: SQLWrapper) {
      const { sql, params } = dialect.sqlToQuery(query.getSQL());
      return (await engine.executeUnprepared(sql, params)) as Row[];
    },
    transaction: engine.transaction,
  };
}
