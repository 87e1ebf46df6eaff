import type { SQL } from 'drizzle-orm';
import { sql } from '../../db/orm.ts';
import { eventSequences, events, sessions } from '../../db/schema/index.ts';
import { firstRow, read } from '../../db/statement.ts';

/** What there is after some number: the number of the last event of all, and the next few, with the milliseconds since 1970 at which they were written. */
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

/** Of these users the number of the last event, for those who are still there; of these sessions the ones that are open. */
export const readStreamHeads = firstRow(
  read(
    'events.standing',
    { users: 'int[]', sessions: 'int[]' },
    (
      asked,
    ): SQL<{
      last: Record<string, number>;
      open: { id: number; user_id: number; nonce: string | null }[];
    }> => sql`
    select
      (select coalesce(json_object_agg(user_id, last), '{}') from ${eventSequences} where user_id = any(${asked.users})) as last,
      (select coalesce(json_agg(json_build_object('id', id, 'user_id', user_id, 'nonce', nonce)), '[]') from ${sessions}
        where id = any(${asked.sessions}) and idle_expires_at > now() and absolute_expires_at > now()) as open`,
  ),
);
