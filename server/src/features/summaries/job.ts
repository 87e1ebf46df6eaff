// The job that sends weekly summaries (queries.ts).
import type { Job } from '../../jobs/job.ts';
import { sendDueSummaries } from './queries.ts';

/** Users at a time. */
const USERS_AT_A_TIME = 100;

export const summaries: Job = {
  name: 'summaries',
  schedule: '4 * * * *',
  async run(db, stopping, { now, publishChange }) {
    let sent = 0;
    for (;;) {
      stopping.throwIfAborted();
      const users = await sendDueSummaries(db, now(), USERS_AT_A_TIME);
      for (const user_id of users) publishChange(user_id);
      sent += users.length;
      if (users.length === 0) return { told: sent };
    }
  },
};
