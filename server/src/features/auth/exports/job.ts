// The job that writes the files of exports (writeQueries.ts).
import type { Database } from '../../../db/database.ts';
import type { Job } from '../../../jobs/job.ts';
import { EXPORT_SECTIONS, type SectionName } from './sectionQueries.ts';
import { beginExport, findWaiting, markFailed, PAGE_WRITERS } from './writeQueries.ts';

/** The most exports that one poll enqueues. */
const MAX_PENDING = 100;

/** An export that a user has requested. */
interface ExportRequest {
  readonly user_id: number;
  readonly id: number;
}

export const exportJob: Job<ExportRequest> = {
  name: 'export',
  findPending: async (db: Database) => {
    const rows = await findWaiting(db, { limit: MAX_PENDING });
    return rows.map(({ user_id, id }) => ({ key: String(id), data: { user_id, id } }));
  },
  async run(db, stopping, { data: { user_id, id }, publishChange }) {
    let steps = 0;
    // The first attempt finds nothing if another worker begins at the same moment.
    let position = (await beginExport(db, { user_id, id })) ?? (await beginExport(db, { user_id, id }));
    while (position) {
      publishChange(user_id);
      const { place, parts } = position;
      const section = position.section as SectionName | null;
      if (section === null) break;
      stopping.throwIfAborted();
      steps++;
      // If nothing was written, another worker was faster: read the position again. A finished or removed export has none.
      position =
        (await PAGE_WRITERS[section](db, {
          user_id,
          id,
          place,
          part: parts,
          limit: EXPORT_SECTIONS[section].page,
        })) ?? (await beginExport(db, { user_id, id }));
    }
    return { steps };
  },
  async onDeadLetter(db, { data: { user_id, id }, publishChange }) {
    await markFailed(db, { user_id, id });
    publishChange(user_id);
  },
};
