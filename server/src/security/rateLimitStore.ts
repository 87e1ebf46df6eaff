// Where limits count. In memory for one server; redisRateLimitStore.ts shares the counts among several.
import { LRUCache } from 'lru-cache';
import type { Leases } from './leases.ts';

/** What one hit did to a window. */
export interface WindowState {
  /** Hits in the window so far, this one included. */
  readonly count: number;
  /** Seconds until the window ends. */
  readonly resetSeconds: number;
}

/** What one attempt at a password did to the counter of failures. */
export interface AttemptState {
  /** Seconds to wait; 0 when the attempt may go on. */
  readonly waitSeconds: number;
  /** Failures in a row, this attempt included. */
  readonly failures: number;
}

export interface RateLimitStore {
  /**
   * Counts `cost` hits in the window of `key`, which begins with the first of them.
   * @param kind of key: each kind is counted apart, so that one that is full holds up no other
   * @param seconds its length
   */
  increment(kind: string, key: string, cost: number, seconds: number): WindowState | Promise<WindowState>;
  /**
   * Begins one attempt at a password. It counts as failed until `clear` or `undo` says otherwise, so attempts that run at
   * once count too.
   */
  beginAttempt(key: string): Promise<AttemptState>;
  /** The attempt was never looked at: it counts no longer. @param failures as the attempt was told */
  undoAttempt(key: string, failures: number): Promise<void>;
  /** The password was right: the failures before are forgotten. */
  clearFailures(key: string): Promise<void>;
  /** Remembers something for a time, and whether it is remembered. */
  mark(key: string, seconds: number): Promise<void>;
  isMarked(key: string): Promise<boolean>;
  /** How often it counted where; `redis` is only named where there is one. */
  readonly counts: Readonly<{ memory: number; redis?: number }>;
  /** What is held on all servers together, where they count together. */
  readonly leases?: Leases;
}

/** In memory, which can also be told what another store counted: it goes on from there when that one is away. */
export interface MemoryStore extends RateLimitStore {
  copyWindow(kind: string, key: string, hit: WindowState): void;
  copyAttempt(key: string, attempt: AttemptState): void;
}

/** Failures in a row that cost nothing. */
export const FREE_FAILURES = 5;
/** Seconds that the longest wait takes. */
export const MAX_WAIT_SECONDS = 15 * 60;
/** Seconds after which failures are forgotten. */
export const FAILURE_TTL_SECONDS = 24 * 60 * 60;

/** @returns seconds to wait after so many failures in a row: 1, 2, 4 … from the fifth on */
export function backOffSeconds(failures: number): number {
  return failures < FREE_FAILURES ? 0 : Math.min(MAX_WAIT_SECONDS, 2 ** (failures - FREE_FAILURES));
}

/** Keys of one kind that are held at most, some 30 MB; more are only possible for somebody with very many addresses. */
const MAX_KEYS_PER_KIND = 250_000;

/** Seconds to wait for whoever is new while all keys of a kind are taken. */
const FULL_WAIT_SECONDS = 60;

/** Marks that are held at most; the oldest goes first. */
const MAX_MARKS = 100_000;

/** Entries that each count looks at for some that have expired: more than it adds, so they never pile up. */
const SWEEP_BATCH_SIZE = 4;

interface Entry {
  count: number;
  /** Milliseconds on the monotonic clock. */
  waitUntil: number;
  expiresAt: number;
}

/**
 * Entries of one kind. Each look-up sweeps a few of them, so its cost is bounded however many there are, and an entry
 * goes when its time is over, never because others came.
 */
function createEntries(maxKeys: number) {
  const entries = new Map<string, Entry>();
  let sweep = entries.entries();

  function sweepSome(time: number): void {
    for (let step = 0; step < SWEEP_BATCH_SIZE; step++) {
      const { value, done } = sweep.next();
      if (done) {
        sweep = entries.entries();
        return;
      }
      if (value[1].expiresAt <= time) entries.delete(value[0]);
    }
  }

  return {
    find(key: string, time: number): Entry | undefined {
      sweepSome(time);
      const entry = entries.get(key);
      return entry && entry.expiresAt > time ? entry : undefined;
    },
    /** @returns undefined when there is no room */
    add(key: string, expiresAt: number): Entry | undefined {
      if (entries.size >= maxKeys && !entries.has(key)) return undefined;
      const entry = { count: 0, waitUntil: 0, expiresAt };
      entries.set(key, entry);
      return entry;
    },
    delete: (key: string) => entries.delete(key),
  };
}

type Entries = ReturnType<typeof createEntries>;

/**
 * Counts in this process.
 * @param now milliseconds on a monotonic clock
 * @param maxKeys of one kind
 */
export function createMemoryStore(
  now: () => number = () => performance.now(),
  maxKeys = MAX_KEYS_PER_KIND,
): MemoryStore {
  const windows = new Map<string, Entries>();
  const failures = createEntries(maxKeys);
  const marks = new LRUCache<string, true>({ max: MAX_MARKS, perf: { now } });
  const counts = { memory: 0 };

  function windowsOf(kind: string): Entries {
    const found = windows.get(kind) ?? createEntries(maxKeys);
    windows.set(kind, found);
    return found;
  }

  /** Whoever finds no room waits: to let them go would end all limits for somebody with enough addresses. */
  const FULL = { count: Number.POSITIVE_INFINITY, resetSeconds: FULL_WAIT_SECONDS };

  return {
    increment(kind, key, cost, seconds) {
      counts.memory++;
      const time = now();
      const entries = windowsOf(kind);
      const window = entries.find(key, time) ?? entries.add(key, time + seconds * 1000);
      if (!window) return FULL;
      window.count += cost;
      return { count: window.count, resetSeconds: Math.ceil((window.expiresAt - time) / 1000) };
    },
    async beginAttempt(key) {
      counts.memory++;
      const time = now();
      const expiresAt = time + FAILURE_TTL_SECONDS * 1000;
      const tries = failures.find(key, time) ?? failures.add(key, expiresAt);
      if (!tries) return { waitSeconds: FULL_WAIT_SECONDS, failures: FREE_FAILURES };
      if (tries.waitUntil > time)
        return { waitSeconds: Math.ceil((tries.waitUntil - time) / 1000), failures: tries.count };
      tries.count++;
      tries.waitUntil = time + backOffSeconds(tries.count) * 1000;
      tries.expiresAt = expiresAt;
      return { waitSeconds: 0, failures: tries.count };
    },
    async undoAttempt(key, count) {
      const tries = failures.find(key, now());
      if (!tries) return;
      // The wait is that of the last attempt: of another one, if there was one since.
      if (tries.count === count) tries.waitUntil = 0;
      tries.count = Math.max(0, tries.count - 1);
    },
    async clearFailures(key) {
      failures.delete(key);
    },
    async mark(key, seconds) {
      marks.set(key, true, { ttl: seconds * 1000 });
    },
    isMarked: async (key) => marks.has(key),
    copyWindow(kind, key, { count, resetSeconds }) {
      const time = now();
      const entries = windowsOf(kind);
      const window = entries.find(key, time) ?? entries.add(key, 0);
      if (window) Object.assign(window, { count, expiresAt: time + resetSeconds * 1000 });
    },
    copyAttempt(key, { waitSeconds, failures: count }) {
      const time = now();
      const tries = failures.find(key, time) ?? failures.add(key, 0);
      // An attempt that went on has the wait before it that comes after it.
      const wait = waitSeconds || backOffSeconds(count);
      if (tries)
        Object.assign(tries, {
          count,
          waitUntil: time + wait * 1000,
          expiresAt: time + FAILURE_TTL_SECONDS * 1000,
        });
    },
    counts,
  };
}
