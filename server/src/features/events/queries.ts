import { sql } from '../../db/drizzle.ts';
import { json, type RowOf } from '../../db/rows.ts';
import { eventSequences, events, sessions } from '../../db/schema/index.ts';
import { EVENTS_CHANNEL } from '../../db/sql/eventLog.ts';
import { firstRow, read, write } from '../../db/statement.ts';

interface EventRow {
  readonly id: number;
  readonly type: string;
  readonly data: unknown;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const EVENT_PAGE = { last: 'bigint', rows: json<readonly EventRow[]>() } as const;

/** The next events after a number, and the number of the user's last event. */
export type EventPage = RowOf<typeof EVENT_PAGE>;

/** @returns undefined when there is no such user (any more) */
export const readEvents = firstRow(
  read(
    'events.read',
    { user_id: 'bigint', after: 'bigint', limit: 'int' },
    EVENT_PAGE,
    ({ user_id, after, limit }) => sql`
    select sequence.last, (
        select coalesce(
          json_agg(
            json_build_object(
              'id', event.seq,
              'type', event.type,
              'data', event.data,
              'at', extract(epoch from event.at) * 1000
            )
            order by event.seq
          ),
          '[]'
        )
        from (
          select seq, type, data, at
          from ${events}
          where user_id = ${user_id} and seq > ${after}
          order by seq
          limit ${limit}
        ) event
      ) as rows
    from ${eventSequences} sequence
    where sequence.user_id = ${user_id}`,
  ),
);

/** The number of the last event of each of these users who still exists, and those of these sessions that are open. */
export const readStreamHeads = firstRow(
  read(
    'events.heads',
    { users: 'bigint[]', sessions: 'bigint[]' },
    {
      last: json<Record<string, number>>(),
      open: json<{ id: number; user_id: number; nonce: string | null }[]>(),
    },
    (given) => sql`
    select
      (select coalesce(json_object_agg(user_id, last), '{}') from ${eventSequences} where user_id = any(${given.users})) as last,
      (select coalesce(json_agg(json_build_object('id', id, 'user_id', user_id, 'nonce', nonce)), '[]') from ${sessions}
        where user_id = any(${given.users}) and id = any(${given.sessions}) and idle_expires_at > now() and absolute_expires_at > now()) as open`,
  ),
);

/** Notifies every listener of the channel of these users. */
export const notifyUsers = write(
  'events.notify',
  { users: 'bigint[]' },
  { pg_notify: 'void' },
  ({ users }) => sql`select pg_notify('${sql.raw(EVENTS_CHANNEL)}', id::text) from unnest(${users}) as id`,
);
