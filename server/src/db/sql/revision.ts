// Whether a view in memory is current (cache/readModels.ts): its revision is the number of the user's last event, and what
// else the view depends on.
import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { eventSequences } from '../schema/index.ts';
import { firstRow, read } from '../statement.ts';

/**
 * @param also numbers that the revision consists of besides that of the user's last event
 * @returns the revision, for a statement that has the user's row of `event_sequences` as `sequence`
 */
export const revisionOf = (also: readonly SQL[] = []): SQL =>
  sql`concat_ws(' ', ${sql.join([sql.raw('sequence.last'), ...also], sql`, `)})`;

/**
 * @param name of the statement
 * @returns a statement that reads the revision alone: PostgreSQL takes longer to begin one that could read the view too
 */
export const revisionReader = (name: string, also: readonly SQL[] = []) =>
  firstRow(
    read(
      name,
      { user_id: 'bigint' },
      { revision: 'text' },
      ({ user_id }) => sql`
      select ${revisionOf(also)} as revision
      from ${eventSequences} sequence
      where sequence.user_id = ${user_id}`,
    ),
  );
