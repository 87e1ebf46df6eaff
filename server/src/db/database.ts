// The interface of the database, the same for both engines (open.ts opens one).
import type { PGlite } from '@electric-sql/pglite';
import type { SQL, SQLWrapper } from 'drizzle-orm';
import type { MetricDefinition } from '../telemetry/metricDefinition.ts';
import { dialect } from './drizzle.ts';

/** PostgreSQL's number of the type `date`. */
export const DATE_TYPE = 1082;

/** A statement as it is sent to the database. */
export interface CompiledStatement {
  /** Unique; traces show it. */
  readonly name: string;
  readonly text: string;
  /**
   * `read`: changes nothing, so it may be pipelined with others and run again. `grouped-write`: changes a few rows of one
   * user, so it may be committed together with those of others.
   */
  readonly mode: 'read' | 'write' | 'grouped-write';
  /** The same for a database whose tables are distributed by the user. Compiles it at the first call. */
  readonly distributed?: () => DistributedStatement;
}

/** A statement as it is sent to a database whose tables are distributed by the user (distributed.ts). */
export interface DistributedStatement {
  readonly text: string;
  /** `create or replace function` of each function that the text calls. */
  readonly functions: readonly string[];
  /** It has no rows: the number of those that it changed is a row with this column. */
  readonly changedRowsAs?: string;
  /** A statement that takes ids from the coordinator: one row, with a `bigint[]` as text in each column. */
  readonly takeIds?: StatementText;
  /**
   * @param values those of the other text
   * @param ids the columns of the ids that were taken
   */
  values(values: readonly unknown[], ids: readonly unknown[]): unknown[];
}

interface StatementText {
  readonly text: string;
  /** @param values those of the other text */
  values(values: readonly unknown[]): unknown[];
}

/** Runs statements. Both engines run the same SQL. */
export interface Database {
  /** Runs a statement of statement.ts. @returns its rows, with the columns' names as keys */
  executePrepared(statement: CompiledStatement, values: readonly unknown[]): Promise<object[]>;
  /** Runs a query whose text is not reused. */
  execute<Row = Record<string, unknown>>(query: SQL<Row> | SQLWrapper): Promise<Row[]>;
  /** Runs `job` in a transaction, and in the current one if there is one. `job` must run its statements on `tx`. */
  transaction<T>(job: (tx: Database) => Promise<T>): Promise<T>;
}

/** @param user_id whose events there are more of; undefined: anybody's, because notifications may be lost */
export type ChangeListener = (user_id: number | undefined) => void;

/** Called with the reason for waiting when it changes: a line for the log, and its fields. */
export type WaitListener = (line: string, facts: object) => void;

export interface OpenDatabase {
  readonly db: Database;
  readonly engine: 'postgres' | 'embedded';
  readonly metricDefinitions: readonly MetricDefinition[];
  /** The embedded engine itself, for libraries with statements of their own. */
  readonly client?: PGlite;
  /** Rejects if the database does not answer. */
  ping(): Promise<void>;
  /**
   * Listens for new events (sql/eventLog.ts) that this process and all others write.
   * @returns ends it
   */
  listen(onChange: ChangeListener): () => Promise<void>;
  /** Resolves when PostgreSQL has become a database that must not be used (postgres/session.ts). */
  readonly unusable?: Promise<Error>;
  /** Ends all connections. What was acknowledged is on disk. */
  close(): Promise<void>;
}

/** @param engine what an engine must be able to do */
export function databaseOn(engine: {
  executePrepared: Database['executePrepared'];
  /** Runs a text without preparing it. */
  executeUnprepared(text: string, values: readonly unknown[]): Promise<object[]>;
  transaction: Database['transaction'];
}): Database {
  return {
    executePrepared: engine.executePrepared,
    async execute<Row>(query: SQLWrapper) {
      const { sql, params } = dialect.sqlToQuery(query.getSQL());
      return (await engine.executeUnprepared(sql, params)) as Row[];
    },
    transaction: engine.transaction,
  };
}
