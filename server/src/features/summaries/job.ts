// The job that sends weekly summaries (queries.ts).
import type { Job } from '../../jobs/job.ts';
import { sendDueSummaries } from './queries.ts';

/** Users per statement. */
const USERS_PER_STATEMENT = 100;

export const summaries: Job = {
  name: 'summaries',
  schedule: '4 * * * *',
  async run(db, stopping, { publishChange }) {
    let sent = 0;
    for (;;) {
      stopping.throwIfAborted();
      const users = await sendDueSummaries(db, { limit: USERS_PER_STATEMENT });
      for (const { user_id } of users) publishChange(user_id);
      sent += users.length;
      if (users.length === 0) return { told: sent };
    }
  },
};
