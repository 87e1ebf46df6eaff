import type { SQL } from 'drizzle-orm';
import { sql } from '../../db/drizzle.ts';
import { eventSequences, events, sessions } from '../../db/schema/index.ts';
import { EVENTS_CHANNEL } from '../../db/sql/eventLog.ts';
import { firstRow, read, write } from '../../db/statement.ts';

/** The next events after a number, each with its time in milliseconds since 1970, and the number of the user's last event. */
export interface EventPage {
  readonly last: number;
  readonly rows: readonly {
    readonly id: number;
    readonly type: string;
    readonly data: unknown;
    readonly at: number;
  }[];
}

/** @returns undefined when there is no such user (any more) */
export const readEvents = firstRow(
  read(
    'events.read',
    { user_id: 'int', after: 'bigint', limit: 'int' },
    ({ user_id, after, limit }): SQL<EventPage> => sql`
    select s.last::float8 as last, (
      select coalesce(json_agg(json_build_object('id', e.seq, 'type', e.type, 'data', e.data,
        'at', extract(epoch from e.at) * 1000) order by e.seq), '[]') from (
        select seq, type, data, at from ${events} where user_id = ${user_id} and seq > ${after} order by seq limit ${limit}) e) as rows
    from ${eventSequences} s where s.user_id = ${user_id}`,
  ),
);

/** The number of the last event of each of these users who still exists, and those of these sessions that are open. */
export const readStreamHeads = firstRow(
  read(
    'events.heads',
    { users: 'int[]', sessions: 'int[]' },
    (
      given,
    ): SQL<{
      last: Record<string, number>;
      open: { id: number; user_id: number; nonce: string | null }[];
    }> => sql`
    select
      (select coalesce(json_object_agg(user_id, last), '{}') from ${eventSequences} where user_id = any(${given.users})) as last,
      (select coalesce(json_agg(json_build_object('id', id, 'user_id', user_id, 'nonce', nonce)), '[]') from ${sessions}
        where id = any(${given.sessions}) and idle_expires_at > now() and absolute_expires_at > now()) as open`,
  ),
);

/** Notifies every listener of the channel of these users. */
export const notifyUsers = write(
  'events.notify',
  { users: 'int[]' },
  ({ users }) => sql`select pg_notify('${sql.raw(EVENTS_CHANNEL)}', id::text) from unnest(${users}) as id`,
);
