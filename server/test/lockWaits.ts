import { expect } from 'vitest';
import type { OpenDatabase } from '../src/db/database.ts';
import { sql } from '../src/db/drizzle.ts';
import { isCluster } from './testDatabases.ts';

/** On a cluster a statement waits on the node that has the rows. */
const ACTIVITY = sql.raw(isCluster ? 'citus_stat_activity' : 'pg_stat_activity');

/**
 * Returns when so many statements wait for a lock in a database of PostgreSQL. The embedded one runs one transaction after the
 * other, so there nobody waits for a lock.
 */
export async function waitForLockWaits({ db, engine }: OpenDatabase, count: number): Promise<void> {
  if (engine === 'embedded') return;
  const waiting = async () => {
    const [row] = await db.execute<{ waiting: number }>(sql`
      select count(*)::int as waiting
      from ${ACTIVITY}
      where datname = current_database() and wait_event_type = 'Lock'`);
    return row?.waiting;
  };
  await expect.poll(waiting).toBe(count);
}
