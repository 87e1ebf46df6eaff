// Views in memory that are never older than what a user has done, on whichever server. A view is kept with the state that
// it shows: the number of the user's last event (events.ts), and what else it depends on. The statement that reads it is
// told that state, and while it stands the database says just that instead of putting the view together again.
// Nobody has to be told of changes, so nobody can have missed one.
import type { SQL } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import type { Measure } from '../telemetry/measures.ts';
import { sql } from './orm.ts';
import { eventSequences } from './schema/index.ts';

/** Characters of JSON that all views in memory may be made of; there they take two to three times as many bytes. */
const MAX_CHARACTERS = 8 * 1024 * 1024;

/** Milliseconds. What was changed past the server, by hand or by an import, has no event, and shows by then. */
const TTL_MS = 5 * 60_000;

type Kind = 'physicalPlan' | 'mentalPlan';

/** The answer to a read: the state and, unless it is the one that was named, the view. */
interface ReadResult<View> {
  readonly revision: string;
  readonly view: View | undefined;
  /** Characters of JSON that the view was made of. */
  readonly size: number;
}

export interface ReadModelCache {
  /**
   * @param kind decides the type of the view
   * @param read asks the database, told the state that the view in memory shows
   * @returns the view as it is now; undefined when there is none. It is shared: nobody may change it
   */
  revalidate<View extends object>(
    kind: Kind,
    user_id: number,
    read: (knownRevision: string | undefined) => Promise<ReadResult<View> | undefined>,
  ): Promise<View | undefined>;
  readonly measures: readonly Measure[];
}

export function createReadModelCache(): ReadModelCache {
  const cache = new LRUCache<string, ReadResult<object>>({
    maxSize: MAX_CHARACTERS,
    sizeCalculation: ({ size }) => size,
    ttl: TTL_MS,
    // The clock of each moment: it would keep that of its own loading, which a test cannot set.
    perf: { now: () => performance.now() },
  });
  const reads = { memory: 0, database: 0 };
  return {
    async revalidate<View extends object>(
      kind: Kind,
      user_id: number,
      read: (knownRevision: string | undefined) => Promise<ReadResult<View> | undefined>,
    ) {
      const key = `${kind}:${user_id}`;
      const known = cache.get(key) as ReadResult<View> | undefined;
      const found = await read(known?.revision);
      if (known && found?.revision === known.revision) {
        reads.memory++;
        return known.view;
      }
      reads.database++;
      if (found?.view) cache.set(key, found);
      return found?.view;
    },
    measures: [
      {
        name: 'stepwise_view_reads_total',
        help: 'Views of plans: still the one in memory, or read from the database',
        type: 'counter',
        label: 'from',
        read: () => reads,
      },
    ],
  };
}

/**
 * The statement behind a view.
 * @param knownRevision the state that is known already
 * @param view selects it as at most one row, under the condition that it is given
 * @param also numbers that it depends on besides the user's events
 * @returns a row of `state` and the view's columns, which are null when there is none and when it was seen
 */
export function conditionalRead<Row>(
  user_id: SQL,
  knownRevision: SQL,
  view: (isNew: SQL) => SQL<Row>,
  also: SQL[] = [],
): SQL<ConditionalRow<Row>> {
  const revision = sql`concat_ws(' ', ${sql.join([sql.raw('s.last'), ...also], sql`, `)})`;
  return sql`
  select now.revision, view.*
  from (select s.user_id, ${revision} as revision from ${eventSequences} s where s.user_id = ${user_id}) now
  left join lateral (${view(sql`now.revision is distinct from ${knownRevision} and user_id = now.user_id`)}) view on true`;
}

type ConditionalRow<Row> = { readonly revision: string } & (Row | { readonly [K in keyof Row]: null });
