// Views of plans and of today in memory, which are never older than the user's last change, on whichever server it was
// made. A view is kept with its revision: the number of the user's last event (db/sql/eventLog.ts), and what else it
// depends on. Each read asks the database for the revision (db/sql/revision.ts), and for the view only if that is another.
// No server has to be notified of changes, so no server can miss one.
import { LRUCache } from 'lru-cache';
import type { MetricDefinition } from '../telemetry/metricDefinition.ts';

/** All views in memory together, with their JSON. */
const MAX_BYTES = 48 * 1024 * 1024;
/** What a view takes for each character of its JSON: two to three bytes were measured. */
const BYTES_PER_CHARACTER = 3;
/** The JSON of larger views is written anew for each answer. */
const MAX_KEPT_CHARACTERS = 64 * 1024;
/** Longer JSON is kept as bytes, so that it is encoded once. Node.js sends a shorter string in one piece with the headers. */
const MAX_STRING_CHARACTERS = 8 * 1024;

/** A change past the servers, by hand or by an import, has no event: it is visible after this time. */
const TTL_MS = 5 * 60_000;

type Kind = 'physicalPlan' | 'mentalPlan' | 'today';

interface Revised<View> {
  /** At which the view was read. */
  readonly revision: string;
  readonly view: View;
  /** Characters of the view's JSON. */
  readonly size: number;
}

/** How a view is read. */
export interface ViewSource<View> {
  /** Asked when a view is in memory. @returns what its revision is now; undefined if there is no such user */
  revision(): Promise<string | undefined>;
  /** @returns the view; undefined if there is none */
  read(): Promise<Revised<View> | undefined>;
}

export interface ReadModelCache {
  /**
   * @param kind decides the type of the view
   * @returns the current view; undefined if there is none. It is shared, so nobody may change it
   */
  revalidate<View extends object>(
    kind: Kind,
    user_id: number,
    source: ViewSource<View>,
  ): Promise<View | undefined>;
  /** @returns the JSON that was kept of a view in memory; undefined: none was kept, or it is no such view */
  jsonOf(answer: unknown): string | Buffer | undefined;
  /**
   * Keeps the JSON of an answer as long as the answer is a view in memory.
   * @param write called only if it is one
   * @returns whether it was kept
   */
  keepJson(answer: unknown, write: () => string | Buffer): boolean;
  readonly metricDefinitions: readonly MetricDefinition[];
}

/** @param isOn whether anything is kept; else each call reads */
export function createReadModelCache(isOn = true): ReadModelCache {
  const cache = new LRUCache<string, Revised<object>>({
    maxSize: MAX_BYTES,
    ttl: TTL_MS,
    // By default the cache keeps the clock that it found when it was loaded, which a test cannot set.
    perf: { now: () => performance.now() },
  });
  const keys = new WeakMap<object, string>();
  const written = new WeakMap<object, string | Buffer>();
  const reads = { memory: 0, database: 0 };
  return {
    async revalidate<View extends object>(kind: Kind, user_id: number, source: ViewSource<View>) {
      const key = `${kind}:${user_id}`;
      const known = cache.get(key) as Revised<View> | undefined;
      if (known && (await source.revision()) === known.revision) {
        reads.memory++;
        return known.view;
      }
      const found = await source.read();
      reads.database++;
      if (isOn && found) {
        cache.set(key, found, { size: found.size * BYTES_PER_CHARACTER });
        keys.set(found.view, key);
      }
      return found?.view;
    },
    jsonOf: (answer) => written.get(answer as object),
    keepJson(answer, write) {
      const key = keys.get(answer as object) ?? '';
      const entry = cache.peek(key);
      if (!entry || entry.view !== answer || entry.size > MAX_KEPT_CHARACTERS) return false;
      const text = write();
      const json = text.length <= MAX_STRING_CHARACTERS ? text : Buffer.from(text);
      written.set(entry.view, json);
      // A copy, as the cache counts no value anew that it has; and it is no newer than before.
      const size = entry.size * BYTES_PER_CHARACTER + json.length;
      cache.set(key, { ...entry }, { size, ttl: cache.getRemainingTTL(key) });
      return true;
    },
    metricDefinitions: [
      {
        name: 'stepwise_view_reads_total',
        help: 'Views of plans and of today: still the one in memory, or read from the database',
        type: 'counter',
        label: 'from',
        read: () => reads,
      },
    ],
  };
}
