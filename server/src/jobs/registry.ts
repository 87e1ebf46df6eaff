// What runs in the background.
import type { Database } from '../db/client.ts';
import { purge } from './purge.ts';

export interface Job {
  /** Also the name of its queue. */
  readonly name: string;
  /** When it runs, as cron says it, in UTC. */
  readonly schedule: string;
  /**
   * Does the work, which may be done again from the start after a failure or a kill: what was done once must then have no
   * second effect.
   * @param stopping aborted when the process is about to end: then leave off between two steps, by throwing
   * @returns figures for the log
   */
  run(db: Database, stopping: AbortSignal): Promise<Record<string, number>>;
}

export const JOBS: readonly Job[] = [purge];
