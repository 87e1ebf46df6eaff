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
const MOST = 8 * 1024 * 1024;

/** Milliseconds. What was changed past the server, by hand or by an import, has no event, and shows by then. */
const LIFETIME = 5 * 60_000;

type Kind = 'physicalPlan' | 'mentalPlan';

/** The answer to a read: the state and, unless it is the one that was named, the view. */
interface Read<View> {
  readonly state: string;
  readonly view: View | undefined;
  /** Characters of JSON that the view was made of. */
  readonly size: number;
}

export interface Views {
  /**
   * @param kind decides the type of the view
   * @param read asks the database, told the state that the view in memory shows
   * @returns the view as it is now; undefined when there is none. It is shared: nobody may change it
   */
  of<View extends object>(
    kind: Kind,
    user_id: number,
    read: (seen: string | undefined) => Promise<Read<View> | undefined>,
  ): Promise<View | undefined>;
  readonly measures: readonly Measure[];
}

export function createViews(): Views {
  const kept = new LRUCache<string, Read<object>>({
    maxSize: MOST,
    sizeCalculation: ({ size }) => size,
    ttl: LIFETIME,
    // The clock of each moment: it would keep that of its own loading, which a test cannot set.
    perf: { now: () => performance.now() },
  });
  const reads = { memory: 0, database: 0 };
  return {
    async of<View extends object>(
      kind: Kind,
      user_id: number,
      read: (seen: string | undefined) => Promise<Read<View> | undefined>,
    ) {
      const key = `${kind}:${user_id}`;
      const known = kept.get(key) as Read<View> | undefined;
      const found = await read(known?.state);
      if (known && found?.state === known.state) {
        reads.memory++;
        return known.view;
      }
      reads.database++;
      if (found?.view) kept.set(key, found);
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
 * @param seen the state that is known already
 * @param view selects it as at most one row, under the condition that it is given
 * @param also numbers that it depends on besides the user's events
 * @returns a row of `state` and the view's columns, which are null when there is none and when it was seen
 */
export function unlessSeen<Row>(
  user_id: SQL,
  seen: SQL,
  view: (isNew: SQL) => SQL<Row>,
  also: SQL[] = [],
): SQL<UnlessSeen<Row>> {
  const state = sql`concat_ws(' ', ${sql.join([sql.raw('s.last'), ...also], sql`, `)})`;
  return sql`
  select now.state, view.*
  from (select s.user_id, ${state} as state from ${eventSequences} s where s.user_id = ${user_id}) now
  left join lateral (${view(sql`now.state is distinct from ${seen} and user_id = now.user_id`)}) view on true`;
}

type UnlessSeen<Row> = { readonly state: string } & (Row | { readonly [K in keyof Row]: null });
