// The type of a job.
import type { Database } from '../db/database.ts';

/** What one run of a job is given. */
export interface JobContext<Data> {
  /** The data of the pending request; an empty object for a scheduled run. */
  readonly data: Data;
  /** The clock, which days of users go by. */
  now(): Date;
  /** Announces that the user has new events. */
  publishChange(user_id: number): void;
}

export interface Job<Data extends object = object> {
  /** Also the name of its queue. */
  readonly name: string;
  /** A cron expression in UTC; undefined for a job that runs for pending requests. */
  readonly schedule?: string;
  /**
   * Finds the pending requests of users. Requests are rows of a table of ours, written in the request's own transaction
   * (transactional outbox), so no request depends on the queue. A key identifies one job, however often it is found.
   */
  findPending?(db: Database): Promise<readonly { readonly key: string; readonly data: Data }[]>;
  /**
   * Does the work. It must be idempotent: it is run again after a failure or a kill, and possibly while a worker that was
   * taken for dead still runs it.
   * @param stopping aborted when the process shuts down: then throw between two steps
   * @returns figures for the log
   */
  run(db: Database, stopping: AbortSignal, context: JobContext<Data>): Promise<Record<string, number>>;
  /** Called when the job has failed permanently, possibly more than once. */
  onDeadLetter?(db: Database, context: JobContext<Data>): Promise<void>;
}
