// The job that deletes what has expired (queries.ts).
import type { Database } from '../../db/database.ts';
import type { Job } from '../../jobs/job.ts';
import { REMOVALS } from './queries.ts';

/** Rows that one statement deletes. */
const ROWS_PER_STEP = 1000;

/** The same for parts of files: a part has up to some megabytes. */
const EXPORT_PARTS_PER_STEP = 50;

export const purge = {
  name: 'purge',
  schedule: '17 * * * *',
  async run(db: Database, stopping: AbortSignal) {
    const removed: Record<string, number> = {};
    for (const [what, remove] of Object.entries(REMOVALS)) {
      removed[what] = 0;
      const limit = what === 'export_parts' ? EXPORT_PARTS_PER_STEP : ROWS_PER_STEP;
      for (let step = limit; step > 0; removed[what] += step) {
        stopping.throwIfAborted();
        step = (await remove(db, { limit }))?.removed ?? 0;
      }
    }
    return removed;
  },
} satisfies Job;
