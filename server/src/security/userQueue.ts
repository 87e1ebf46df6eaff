// Calls of one user wait for each other here, so that what one account sends at once holds up nobody else: changes,
// which inside PostgreSQL would each hold a connection while they wait for the same row, and reads, whose answers would
// all be in memory at the same time.
import { RateLimitError } from './rateLimits.ts';

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

/** A call's place among those of its user that are under way: to be left when it has ended. */
export interface QueueSlot {
  release(): void;
}

export interface UserQueue {
  /**
   * @returns a place, at once where there is room, as for nearly all calls, which then cost no turn of the event loop;
   * otherwise when those that came before have left
   * @throws RateLimitError when too many wait, an unavailable database when those before it make no progress
   */
  acquire(user_id: number): QueueSlot | Promise<QueueSlot>;
}

interface Lane {
  taken: number;
  /** When a call last ended in time while others waited, or the first of them came: milliseconds on the monotonic clock. */
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
    if (lane.waiting.push(resolve) === 1) lane.progressAt = performance.now();
    const remainingMs = () => lane.progressAt + STALLED_AFTER_MS - performance.now();
    let timer = setTimeout(checkProgress, STALLED_AFTER_MS);
    function checkProgress(): void {
      const left = remainingMs();
      if (left > 0) timer = setTimeout(checkProgress, left);
      // This process itself may have been held up: it first reads the answers that have arrived.
      else setImmediate(giveUp);
    }
    function giveUp(): void {
      const place = lane.waiting.indexOf(resolve);
      if (place < 0) return;
      if (remainingMs() > 0) {
        checkProgress();
        return;
      }
      lane.waiting.splice(place, 1);
      reject(new QueueStalledError('the calls before make no progress'));
    }
    return promise.finally(() => clearTimeout(timer));
  }

  function slotIn(user_id: number, lane: Lane): QueueSlot {
    const begun = performance.now();
    return {
      release() {
        if (lane.waiting.length > 0) {
          const ended = performance.now();
          if (ended - begun < STALLED_AFTER_MS) lane.progressAt = ended;
        }
        startNext(user_id, lane);
      },
    };
  }

  return {
    acquire(user_id) {
      let lane = lanes.get(user_id);
      if (lane === undefined) {
        lane = { taken: 0, progressAt: 0, waiting: [] };
        lanes.set(user_id, lane);
      }
      if (lane.taken < places) {
        lane.taken++;
        return slotIn(user_id, lane);
      }
      if (lane.waiting.length >= capacity) throw new RateLimitError(RETRY_AFTER_SECONDS);
      const own = lane;
      return wait(own).then(() => slotIn(user_id, own));
    },
  };
}
