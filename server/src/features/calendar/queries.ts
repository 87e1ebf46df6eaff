// The addresses of calendar files. What is in a file is read in file/queries.ts.
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import { json, NO_ROWS, nullable } from '../../db/rows.ts';
import { calendars, users } from '../../db/schema/index.ts';
import { audit, CLIENT_PARAMETERS, clientValues } from '../../db/sql/audit.ts';
import { firstRow, read, write } from '../../db/statement.ts';
import { inUserTransaction } from '../../db/userTransaction.ts';
import { generateCalendarToken, hashCalendarToken } from '../../security/calendarToken.ts';
import type { ClientInfo } from '../../trpc/context.ts';

/** A user has so many at most. */
export const MAX_CALENDARS = 10;

const create = firstRow(
  write(
    'calendar.create',
    { ...CLIENT_PARAMETERS, user_id: 'bigint', name: 'text', token_hash: 'text' },
    { id: calendars.id },
    ({ user_id, name, token_hash, ...p }) => sql`
    with made as (
      insert into ${calendars} (user_id, name, token_hash)
      select ${user_id}, ${name}, ${token_hash}
      where (select count(*) from ${calendars} where user_id = ${user_id}) < ${sql.raw(String(MAX_CALENDARS))}
      returning id, user_id),
    audited as (${audit('calendar_created', p, 'made')})
    select id from made`,
  ),
);

/** @returns the id and the token, which is kept nowhere; undefined when the user has the most that are kept */
export async function createCalendar(db: Database, user_id: number, name: string, client: ClientInfo) {
  const token = generateCalendarToken();
  const made = await inUserTransaction(db, user_id, (tx) =>
    create(tx, { ...clientValues(client), user_id, name, token_hash: hashCalendarToken(token) }),
  );
  return made && { id: made.id, token };
}

const list = read(
  'calendar.list',
  { user_id: 'bigint' },
  {
    id: calendars.id,
    name: calendars.name,
    created_at: json<string>(),
    last_read_at: nullable(json<string>()),
  },
  ({ user_id }) => sql`
  select id, name, to_json(created_at) as created_at, to_json(last_read_at) as last_read_at
  from ${calendars}
  where user_id = ${user_id}
  order by id desc`,
);

const iso = (moment: string) => new Date(moment).toISOString();

/** Newest first. */
export async function listCalendars(db: Database, user_id: number) {
  return (await list(db, { user_id })).map(({ created_at, last_read_at, ...calendar }) => ({
    ...calendar,
    created_at: iso(created_at),
    last_read_at: last_read_at === null ? null : iso(last_read_at),
  }));
}

const revoke = write(
  'calendar.revoke',
  { ...CLIENT_PARAMETERS, user_id: 'bigint', id: 'bigint' },
  { user_id: calendars.user_id },
  ({ user_id, id, ...p }) => sql`
    with removed as (
      delete from ${calendars}
      where user_id = ${user_id} and id = ${id}
      returning user_id),
    audited as (${audit('calendar_revoked', p, 'removed')})
    select user_id from removed`,
);

/** @returns whether the user had such a calendar */
export async function revokeCalendar(
  db: Database,
  user_id: number,
  id: number,
  client: ClientInfo,
): Promise<boolean> {
  return (await revoke(db, { ...clientValues(client), user_id, id })).length > 0;
}

const find = firstRow(
  read(
    'calendar.find',
    { token_hash: 'text' },
    { user_id: calendars.user_id, id: calendars.id, name: calendars.name, unread: 'boolean' },
    ({ token_hash }) => sql`
    select
      calendar.user_id,
      calendar.id,
      calendar.name,
      coalesce(calendar.last_read_at < now() - interval '5 minutes', true) as unread
    from ${calendars} calendar
    join ${users} owner on owner.id = calendar.user_id and owner.blocked_at is null
    where calendar.token_hash = ${token_hash}`,
  ),
);

const see = write(
  'calendar.see',
  { user_id: 'bigint', id: 'bigint' },
  NO_ROWS,
  ({ user_id, id }) => sql`
  update ${calendars}
  set last_read_at = now()
  where user_id = ${user_id} and id = ${id}`,
);

/**
 * @returns whose the calendar is; undefined for an unknown one, and for one of a blocked user. Updates `last_read_at` at
 * most every five minutes, so that not every read writes.
 */
export async function findCalendar(db: Database, token_hash: string) {
  const found = await find(db, { token_hash });
  if (found?.unread) await see(db, found);
  return found;
}
