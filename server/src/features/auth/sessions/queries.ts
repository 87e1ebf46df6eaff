// Sessions open, go on and end. Each statement writes its line of the audit trail too.
import type { SQL } from 'drizzle-orm';
import { type AuditEvent, audit, CLIENT, clientOf } from '../../../db/audit.ts';
import type { Database } from '../../../db/client.ts';
import { builder, sql } from '../../../db/orm.ts';
import { auditTrail, sessions } from '../../../db/schema/index.ts';
import { one, query, statement } from '../../../db/statement.ts';
import type { Claims } from '../../../security/token.ts';
import type { Client, SessionLimits } from '../../../trpc/context.ts';

/** Seconds in which a refresh token that was just replaced may be sent again: its answer can have been lost. */
const RETRY_WINDOW = 60;

/** What is known of a new session before it has an id. */
export const NEW_SESSION = { device: 'text', idle: 'int', absolute: 'int' } as const;
export const newSession = ({ device }: Client, { idle, absolute }: SessionLimits) => ({ device, idle, absolute });
export const sessionColumns = sql`(user_id, device, idle_expires_at, absolute_expires_at)`;
export const sessionValues = ({ device, idle, absolute }: Record<keyof typeof NEW_SESSION, SQL>) => sql`
  ${device}, now() + make_interval(secs => least(${idle}, ${absolute})), now() + make_interval(secs => ${absolute})`;

const noteLine = statement('audit.note', { ...CLIENT, event: 'text', user_id: 'int?' }, (line) => builder.insert(auditTrail).values(line));

/** Notes what happened where nothing else is written. @param user_id undefined when no account has the login */
export async function note(db: Database, event: AuditEvent, client: Client, user_id: number | undefined): Promise<void> {
  await noteLine(db, { ...clientOf(client), event, user_id });
}

const open = one(
  statement(
    'session.open',
    { ...CLIENT, ...NEW_SESSION, user_id: 'int', others: 'int' },
    ({ user_id, others, ...p }): SQL<{ session_id: number; ended: number[] }> => sql`
    with opened as (
      insert into ${sessions} ${sessionColumns} select ${user_id}, ${sessionValues(p)}
      returning id, user_id),
    ended as (
      delete from ${sessions} where id in (
        select id from ${sessions} where user_id = ${user_id} order by id desc offset ${others})
      returning id),
    noted as (${audit('signed_in', p, 'opened')})
    select opened.id as session_id, (select coalesce(json_agg(id), '[]') from ended) as ended from opened`,
  ),
);

/** @returns the new session, and those that ended because the user had as many as one may have */
export async function openSession(db: Database, user_id: number, client: Client, limits: SessionLimits) {
  const row = await open(db, { ...clientOf(client), ...newSession(client, limits), user_id, others: limits.perUser - 1 });
  return row as NonNullable<typeof row>;
}

const find = one(
  query(
    'session.find',
    { session_id: 'int', user_id: 'int' },
    ({ session_id, user_id }): SQL<{ unseen: boolean }> => sql`
    select last_seen_at < now() - interval '5 minutes' as unseen from ${sessions}
    where id = ${session_id} and user_id = ${user_id} and idle_expires_at > now() and absolute_expires_at > now()`,
  ),
);

const see = statement(
  'session.see',
  { session_id: 'int' },
  ({ session_id }) => sql`
  update ${sessions} set last_seen_at = now() where id = ${session_id}`,
);

/**
 * @returns whether the session is open. Notes now and then that it was seen: exact to five minutes, so that reading
 * does not write at each request.
 */
export async function isSessionOpen(db: Database, { session_id, user_id }: Claims): Promise<boolean> {
  const found = await find(db, { session_id, user_id });
  if (found?.unseen) await see(db, { session_id });
  return found !== undefined;
}

export type Refresh = { outcome: 'refreshed'; user_id: number; counter: number } | { outcome: 'reused' } | { outcome: 'ended' };

const refresh = one(
  statement(
    'session.refresh',
    { ...CLIENT, session_id: 'bigint', counter: 'bigint', idle: 'int' },
    ({ session_id, counter, idle, ...p }): SQL<{ user_id: number; counter: number | null }> => sql`
    with found as (
      select id, user_id, counter = ${counter} as current,
        counter - 1 = ${counter} and rotated_at > now() - make_interval(secs => ${sql.raw(String(RETRY_WINDOW))}) as retry
      from ${sessions}
      where id = ${session_id} and counter >= ${counter} and idle_expires_at > now() and absolute_expires_at > now()
      for update),
    kept as (
      update ${sessions} s set
        counter = s.counter + found.current::int,
        rotated_at = case when found.current then now() else s.rotated_at end,
        last_seen_at = now(),
        idle_expires_at = least(now() + make_interval(secs => ${idle}), s.absolute_expires_at)
      from found where s.id = found.id and (found.current or found.retry)
      returning s.user_id, s.counter),
    reused as (
      delete from ${sessions} s using found where s.id = found.id and not (found.current or found.retry)
      returning s.user_id),
    noted as (${audit('refresh_token_reused', p, 'reused')})
    select user_id, counter from kept union all select user_id, null from reused`,
  ),
);

/**
 * Takes a refresh token's number to the next one. The number before the current one is answered with the current one
 * again for a minute (its answer was lost, or twenty tabs asked at once); an older one has been stolen or
 * copied, so its session ends. The lock on the row makes parallel calls agree.
 */
export async function refreshSession(
  db: Database,
  { session_id, counter }: { session_id: number; counter: number },
  client: Client,
  { idle }: SessionLimits,
): Promise<Refresh> {
  const row = await refresh(db, { ...clientOf(client), session_id, counter, idle });
  if (!row) return { outcome: 'ended' };
  return row.counter === null ? { outcome: 'reused' } : { outcome: 'refreshed', user_id: row.user_id, counter: row.counter };
}

const end = statement(
  'session.end',
  { ...CLIENT, session_id: 'int' },
  ({ session_id, ...p }) => sql`
    with ended as (delete from ${sessions} where id = ${session_id} returning user_id)
    ${audit('signed_out', p, 'ended')}`,
);

/** Ends a session, if it is open still. */
export async function endSession(db: Database, session_id: number, client: Client): Promise<void> {
  await end(db, { ...clientOf(client), session_id });
}

const revoke = statement(
  'session.revoke',
  { ...CLIENT, user_id: 'int', session_id: 'int' },
  ({ user_id, session_id, ...p }) => sql`
    with ended as (delete from ${sessions} where id = ${session_id} and user_id = ${user_id} returning user_id)
    ${audit('session_revoked', p, 'ended')} returning id`,
);

/** @returns whether the user had such a session */
export async function revokeSession(db: Database, user_id: number, session_id: number, client: Client): Promise<boolean> {
  return (await revoke(db, { ...clientOf(client), user_id, session_id })).length > 0;
}

const list = query(
  'session.list',
  { user_id: 'int' },
  ({ user_id }): SQL<{ id: number; device: string; created_at: string; last_seen_at: string }> => sql`
    select id, device, to_json(created_at) as created_at, to_json(last_seen_at) as last_seen_at from ${sessions}
    where user_id = ${user_id} and idle_expires_at > now() and absolute_expires_at > now() order by id desc`,
);

/** Open sessions, newest first. */
export async function listSessions(db: Database, user_id: number) {
  const rows = await list(db, { user_id });
  const iso = (moment: string) => new Date(moment).toISOString();
  return rows.map((row) => ({ ...row, created_at: iso(row.created_at), last_seen_at: iso(row.last_seen_at) }));
}
