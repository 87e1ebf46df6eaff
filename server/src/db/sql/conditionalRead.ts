// A read that returns its row only if the reader does not know its revision yet (cache/readModels.ts).
import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { eventSequences } from '../schema/index.ts';

/**
 * @param knownRevision the revision that the reader has in memory
 * @param view selects the view as at most one row, under the condition that it is given
 * @param also numbers that the revision consists of besides that of the user's last event
 * @returns a row of `revision` and the view's columns; these are null if there is no view or its revision is known
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
