// The changes of one user wait for each other here. Inside PostgreSQL, where they lock the same row, each that waits
// would hold a connection that the changes of others need.
import { TooMany } from './limits.ts';

/** Changes of one user that are under way at the same time: the next one is there when the row is unlocked. */
const CONCURRENCY = 4;

/** Seconds after which a change that found the queue full may be sent again. */
const RETRY_AFTER_SECONDS = 1;

export interface ChangeQueue {
  /** Runs a change of the user, after those that came before. @throws TooMany when too many wait */
  run<T>(user_id: number, change: () => Promise<T>): Promise<T>;
}

interface Lane {
  running: number;
  readonly waiting: (() => void)[];
}

/** @param capacity changes of one user that may wait */
export function createChangeQueue(capacity: number): ChangeQueue {
  const lanes = new Map<number, Lane>();

  /** The place of a change that has ended goes to the one that has waited longest. */
  function leave(user_id: number, lane: Lane): void {
    const next = lane.waiting.shift();
    // The embedded engine never returns to the event loop by itself: others come in between.
    if (next) setImmediate(next);
    else if (--lane.running === 0) lanes.delete(user_id);
  }

  return {
    async run(user_id, change) {
      const lane = lanes.get(user_id) ?? { running: 0, waiting: [] };
      if (lane.running === 0) lanes.set(user_id, lane);
      if (lane.running < CONCURRENCY) lane.running++;
      else {
        if (lane.waiting.length >= capacity) throw new TooMany(RETRY_AFTER_SECONDS);
        const { promise, resolve } = Promise.withResolvers<void>();
        lane.waiting.push(resolve);
        await promise;
      }
      try {
        return await change();
      } finally {
        leave(user_id, lane);
      }
    },
  };
}
