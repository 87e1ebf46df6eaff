// Where limits count. In memory for one server; redisStore.ts shares the counts among several.
import type { Places } from './places.ts';

/** What one hit did to a window. */
export interface Hit {
  /** Hits in the window so far, this one included. */
  readonly count: number;
  /** Seconds until the window ends. */
  readonly reset: number;
}

export interface LimitStore {
  /** Counts `cost` hits in the window of `key`, which begins with the first of them. @param seconds its length */
  hit(key: string, cost: number, seconds: number): Hit | Promise<Hit>;
  /**
   * Begins one try at a secret. It counts as failed until `clear` says otherwise, so tries that run at once count too.
   * @returns seconds to wait; 0 when the try may go on
   */
  attempt(key: string): Promise<number>;
  /** The secret was right: the failures before are forgotten. */
  clear(key: string): Promise<void>;
  /** How often it counted where; `redis` is only named where there is one. */
  readonly counts: Readonly<{ memory: number; redis?: number }>;
  /** What is held on all servers together, where they count together. */
  readonly places?: Places;
}

/** Failures in a row that cost nothing. */
export const FREE_FAILURES = 5;
/** Seconds that the longest wait takes. */
export const LONGEST_WAIT = 15 * 60;
/** Seconds after which failures are forgotten. */
export const FAILURE_MEMORY = 24 * 60 * 60;

/** @returns seconds to wait after so many failures in a row: 1, 2, 4 … from the fifth on */
export function waitAfter(failures: number): number {
  return failures < FREE_FAILURES ? 0 : Math.min(LONGEST_WAIT, 2 ** (failures - FREE_FAILURES));
}

/** How many keys may be held; more are only possible for somebody with very many addresses. */
const MOST_KEYS = 1_000_000;

interface Entry {
  count: number;
  /** Milliseconds on the monotonic clock. */
  until: number;
  expires: number;
}

/** Counts in this process. Entries go when their time is over, never because others came. */
export function memoryStore(now: () => number = () => performance.now()): LimitStore {
  const entries = new Map<string, Entry>();
  const counts = { memory: 0 };
  let swept = now();

  function entry(key: string, lifetime: number): Entry {
    const time = now();
    counts.memory++;
    if (time - swept > 10_000 || entries.size >= MOST_KEYS) {
      swept = time;
      for (const [name, { expires }] of entries) if (expires <= time) entries.delete(name);
    }
    const found = entries.get(key);
    if (found && found.expires > time) return found;
    const fresh = { count: 0, until: 0, expires: time + lifetime * 1000 };
    // Full of live entries: count this one, and do not let it push another out.
    if (entries.size < MOST_KEYS) entries.set(key, fresh);
    return fresh;
  }

  return {
    hit(key, cost, seconds) {
      const window = entry(key, seconds);
      window.count += cost;
      return { count: window.count, reset: Math.ceil((window.expires - now()) / 1000) };
    },
    async attempt(key) {
      const tries = entry(key, FAILURE_MEMORY);
      const wait = tries.until - now();
      if (wait > 0) return Math.ceil(wait / 1000);
      tries.count++;
      tries.until = now() + waitAfter(tries.count) * 1000;
      tries.expires = now() + FAILURE_MEMORY * 1000;
      return 0;
    },
    async clear(key) {
      entries.delete(key);
    },
    counts,
  };
}
