// Tells all instances whose events there are more of, after they are committed: many users in one short statement, as
// PostgreSQL lets transactions that notify commit only one after the other. A bell that is not rung costs a few seconds:
// streams look into the table now and then (streams.ts).
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../db/client.ts';
import { EVENTS_CHANNEL } from '../../db/events.ts';
import { sql } from '../../db/orm.ts';
import { write } from '../../db/statement.ts';

/** Milliseconds between two statements. */
const INTERVAL_MS = 10;

const notifyUsers = write(
  'events.notify',
  { users: 'int[]' },
  ({ users }) => sql`select pg_notify('${sql.raw(EVENTS_CHANNEL)}', id::text) from unnest(${users}) as id`,
);

export interface ChangeNotifier {
  /** There are new events of the user. */
  notify(user_id: number): void;
  /** @returns when everybody is told */
  drain(): Promise<void>;
}

export function createChangeNotifier(db: Database): ChangeNotifier {
  const waiting = new Set<number>();
  let draining: Promise<void> | undefined;
  // One statement tells of many calls: it belongs to the trace of none.
  const outsideTrace = AsyncLocalStorage.snapshot();

  async function drainWaiting(): Promise<void> {
    while (waiting.size > 0) {
      const users = [...waiting];
      waiting.clear();
      // Without the database nobody can be told.
      await notifyUsers(db, { users }).catch(() => {});
      await sleep(INTERVAL_MS);
    }
    draining = undefined;
  }
  return {
    notify(user_id) {
      waiting.add(user_id);
      draining ??= outsideTrace(drainWaiting);
    },
    drain: async () => draining,
  };
}
