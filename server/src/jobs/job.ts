// What a job is.
import type { Database } from '../db/database.ts';

/** What a job is asked to do, this time. */
export interface JobContext<Data> {
  /** What it was wanted for; an empty object when the schedule called. */
  readonly data: Data;
  /** There are new events of the user: whoever reads them is told. */
  publishChange(user_id: number): void;
}

export interface Job<Data extends object = object> {
  /** Also the name of its queue. */
  readonly name: string;
  /** When it runs, as cron says it, in UTC; undefined: when it is wanted. */
  readonly schedule?: string;
  /**
   * Looks for what users have asked for and has not been done. It stands in a table of ours, written with the request,
   * so that no request depends on the queue. A key is one job, however often it is told here.
   */
  findPending?(db: Database): Promise<readonly { readonly key: string; readonly data: Data }[]>;
  /**
   * Does the work, which may be done again from the start after a failure or a kill, or while another worker that was
   * taken for dead still does it: what was done once must then have no second effect.
   * @param stopping aborted when the process is about to end: then leave off between two steps, by throwing
   * @returns figures for the log
   */
  run(db: Database, stopping: AbortSignal, turn: JobContext<Data>): Promise<Record<string, number>>;
  /** Told when it has failed for good; may be told again. */
  onDeadLetter?(db: Database, turn: JobContext<Data>): Promise<void>;
}
