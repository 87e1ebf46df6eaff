// A read that returns its row only if the reader does not know its revision yet (cache/readModels.ts).
import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { nullable, type RowOf, type RowShape, type ShapeOf } from '../rows.ts';
import { eventSequences } from '../schema/index.ts';

/**
 * @param knownRevision the revision that the reader has in memory
 * @param view selects the view as at most one row, under the condition that it is given
 * @param also numbers that the revision consists of besides that of the user's last event
 * @returns the query, whose rows are `conditionalRow` of the view's columns
 */
export function conditionalRead(
  user_id: SQL,
  knownRevision: SQL,
  view: (isNew: SQL) => SQL,
  also: SQL[] = [],
): SQL {
  const revision = sql`concat_ws(' ', ${sql.join([sql.raw('sequence.last'), ...also], sql`, `)})`;
  return sql`
  select now.revision, view.*
  from (
    select sequence.user_id, ${revision} as revision
    from ${eventSequences} sequence
    where sequence.user_id = ${user_id}
  ) now
  left join lateral (
    ${view(sql`now.revision is distinct from ${knownRevision} and user_id = now.user_id`)}
  ) view on true`;
}

type ConditionalRow<View> = { readonly revision: string } & (View | { readonly [K in keyof View]: null });

/** @returns `revision` and the columns of the view: all of these are null if there is no view or its revision is known */
export function conditionalRow<C extends RowShape>(view: C): ShapeOf<ConditionalRow<RowOf<C>>> {
  const columns: RowShape = {
    revision: 'text',
    ...Object.fromEntries(Object.entries(view).map(([name, column]) => [name, nullable(column)])),
  };
  return columns as ShapeOf<ConditionalRow<RowOf<C>>>;
}
