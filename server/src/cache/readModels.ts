// Views of plans and of today in memory, which are never older than the user's last change, on whichever server it was
// made. A view is kept with its revision: the number of the user's last event (db/sql/eventLog.ts), and what else it
// depends on. Each read asks the database for the revision (db/sql/revision.ts), and for the view only if that is another.
// No server has to be notified of changes, so no server can miss one.
import { LRUCache } from 'lru-cache';
import type { MetricDefinition } from '../telemetry/metricDefinition.ts';

/** Characters of the JSON of all views in memory together; they take two to three times as many bytes. */
const MAX_CHARACTERS = 8 * 1024 * 1024;

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
  readonly metricDefinitions: readonly MetricDefinition[];
}

/** @param isOn whether anything is kept; else each call reads */
export function createReadModelCache(isOn = true): ReadModelCache {
  const cache = new LRUCache<string, Revised<object>>({
    maxSize: MAX_CHARACTERS,
    sizeCalculation: ({ size }) => size,
    ttl: TTL_MS,
    // By default the cache keeps the clock that it found when it was loaded, which a test cannot set.
    perf: { now: () => performance.now() },
  });
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
      if (isOn && found) cache.set(key, found);
      return found?.view;
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
