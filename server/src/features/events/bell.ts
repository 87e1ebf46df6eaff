// Tells all instances whose events there are more of, after they are committed: many users in one short statement, as
// PostgreSQL lets transactions that notify commit only one after the other. A bell that is not rung costs a few seconds:
// streams look into the table now and then (streams.ts).
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../db/client.ts';
import { CHANNEL } from '../../db/events.ts';
import { sql } from '../../db/orm.ts';
import { statement } from '../../db/statement.ts';

/** Milliseconds between two statements. */
const PAUSE = 10;

const notify = statement(
  'events.notify',
  { users: 'int[]' },
  ({ users }) => sql`select pg_notify('${sql.raw(CHANNEL)}', id::text) from unnest(${users}) as id`,
);

export interface Bell {
  /** There are new events of the user. */
  ring(user_id: number): void;
  /** @returns when everybody is told */
  quiet(): Promise<void>;
}

export function createBell(db: Database): Bell {
  const waiting = new Set<number>();
  let telling: Promise<void> | undefined;
  // One statement tells of many calls: it belongs to the trace of none.
  const outside = AsyncLocalStorage.snapshot();

  async function tell(): Promise<void> {
    while (waiting.size > 0) {
      const users = [...waiting];
      waiting.clear();
      // Without the database nobody can be told.
      await notify(db, { users }).catch(() => {});
      await sleep(PAUSE);
    }
    telling = undefined;
  }
  return {
    ring(user_id) {
      waiting.add(user_id);
      telling ??= outside(tell);
    },
    quiet: async () => telling,
  };
}
