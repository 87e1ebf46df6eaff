// Notifies all instances of users with new events, after the commit. One short statement names many users, because
// PostgreSQL commits transactions that notify one after the other. If a notification is lost, streams find the events at
// their next check of the table (streams.ts).
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../db/database.ts';
import { notifyUsers } from './queries.ts';

const INTERVAL_MS = 10;

export interface ChangeNotifier {
  /** Announces that the user has new events. */
  notify(user_id: number): void;
  /** Resolves when all that was announced is sent. */
  drain(): Promise<void>;
}

export function createChangeNotifier(db: Database): ChangeNotifier {
  const waiting = new Set<number>();
  let draining: Promise<void> | undefined;
  // A statement covers many calls, so it belongs to the trace of none of them.
  const outsideTrace = AsyncLocalStorage.snapshot();

  async function drainWaiting(): Promise<void> {
    while (waiting.size > 0) {
      const users = [...waiting];
      waiting.clear();
      // Without the database nobody can be notified.
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
