// Changes that read before they decide: a statement cannot see what was committed while it waited for the user's lock,
// so the lock is a statement of its own, and the next one reads what stands.
import type { Database } from './database.ts';
import { sql } from './drizzle.ts';
import { eventSequences } from './schema/index.ts';
import { firstRow, write } from './statement.ts';

const lock = firstRow(
  write(
    'user.lock',
    { user_id: 'bigint' },
    { user_id: eventSequences.user_id },
    ({ user_id }) => sql`select user_id from ${eventSequences} where user_id = ${user_id} for update`,
  ),
);

/**
 * Runs `job` in a transaction that holds the user's lock, so that no other change of the user comes in between.
 * `job` may send its first statement at once: it runs behind the lock.
 */
export function inUserTransaction<T>(
  db: Database,
  user_id: number,
  job: (tx: Database) => Promise<T>,
): Promise<T> {
  return db.transaction(async (tx) => {
    const locked = lock(tx, { user_id });
    const [result] = await Promise.all([job(tx), locked]);
    return result;
  });
}
