// Calls of one user wait for each other here, so that what one account sends at once holds up nobody else: changes,
// which inside PostgreSQL would each hold a connection while they wait for the same row, and reads, whose answers would
// all be in memory at the same time.
import { TooMany } from './limits.ts';

/** Seconds after which a call that found the queue full may be sent again. */
const RETRY_AFTER_SECONDS = 1;

/**
 * Milliseconds without a call of the user that ended in time, after which those that wait are sent away: longer than a
 * pooler pauses, and less than PostgreSQL lets a call wait for a lock, whose place they would only take to wait again.
 */
const STALLED_AFTER_MS = 1750;

/** Thrown to a call that waits behind calls which make no progress, as the database holds them up. */
class QueueStalledError extends Error {
  override name = 'QueueStalledError';
  /** As of other calls that wait for the database in vain (db/errors.ts). */
  readonly code = 'QUEUE_FULL';
}

export interface UserQueue {
  /**
   * Runs a call of the user when those that came before leave it room.
   * @throws TooMany when too many wait, an unavailable database when those before it make no progress
   */
  run<T>(user_id: number, call: () => Promise<T>): Promise<T>;
}

interface Lane {
  taken: number;
  /** When a call last ended in time, in milliseconds on the monotonic clock. */
  progressAt: number;
  /** What starts them. */
  readonly waiting: (() => void)[];
}

/**
 * @param places that the calls of one user may take at the same time
 * @param capacity calls of one user that may wait
 */
export function createUserQueue(places: number, capacity: number): UserQueue {
  const lanes = new Map<number, Lane>();

  /** Hands the place of a call that has ended to the one that has waited longest. */
  function startNext(user_id: number, lane: Lane): void {
    const start = lane.waiting.shift();
    // The embedded engine never returns to the event loop by itself: others come in between.
    if (start) setImmediate(start);
    else if (--lane.taken === 0) lanes.delete(user_id);
  }

  function wait(lane: Lane): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    lane.waiting.push(resolve);
    let timer = setTimeout(giveUp, STALLED_AFTER_MS);
    function giveUp(): void {
      const left = lane.progressAt + STALLED_AFTER_MS - performance.now();
      const place = lane.waiting.indexOf(resolve);
      if (place < 0) return;
      if (left > 0) {
        timer = setTimeout(giveUp, left);
        return;
      }
      lane.waiting.splice(place, 1);
      reject(new QueueStalledError('the calls before make no progress'));
    }
    return promise.finally(() => clearTimeout(timer));
  }

  return {
    async run(user_id, call) {
      const lane = lanes.get(user_id) ?? { taken: 0, progressAt: performance.now(), waiting: [] };
      if (lane.taken === 0) lanes.set(user_id, lane);
      if (lane.taken < places) lane.taken++;
      else {
        if (lane.waiting.length >= capacity) throw new TooMany(RETRY_AFTER_SECONDS);
        await wait(lane);
      }
      const begun = performance.now();
      try {
        return await call();
      } finally {
        const ended = performance.now();
        if (ended - begun < STALLED_AFTER_MS) lane.progressAt = ended;
        startNext(user_id, lane);
      }
    },
  };
}
