// Sessions open, go on and end. Each statement writes its line of the audit trail too.

import { type Database, rowsOf } from '../../../db/client.ts';
import { sql } from '../../../db/orm.ts';
import { auditTrail, sessions } from '../../../db/schema/index.ts';
import type { Claims } from '../../../security/token.ts';
import type { Client, SessionLimits } from '../../../trpc/context.ts';

/** Seconds in which a refresh token that was just replaced may be sent again: its answer can have been lost. */
const RETRY_WINDOW = 60;

/** What is known of a new session before it has an id. */
export const sessionColumns = sql`(user_id, device, idle_expires_at, absolute_expires_at)`;
export const sessionValues = (client: Client, limits: SessionLimits) => sql`
  ${client.device}::text, now() + make_interval(secs => ${limits.idle}::int), now() + make_interval(secs => ${limits.absolute}::int)`;

export type AuditEvent =
  | 'registered'
  | 'signed_in'
  | 'sign_in_failed'
  | 'refresh_token_reused'
  | 'signed_out'
  | 'session_revoked'
  | 'password_changed'
  | 'password_refused'
  | 'account_exported'
  | 'account_removed';

/** `insert … select`: one line for each row of the relation `who`, which has a user_id. */
export const audit = (event: AuditEvent, client: Client, who: string) => sql`
  insert into ${auditTrail} (event, user_id, ip, request_id)
  select ${event}::text, user_id, ${client.ip}::text, ${client.request_id}::text from ${sql.raw(who)}`;

/** Notes what happened where nothing else is written. @param user_id undefined when no account has the login */
export async function note(db: Database, event: AuditEvent, client: Client, user_id: number | undefined): Promise<void> {
  await db.insert(auditTrail).values({ event, user_id: user_id ?? null, ip: client.ip, request_id: client.request_id });
}

/** @returns the new session, and those that ended because the user had as many as one may have */
export async function openSession(db: Database, user_id: number, client: Client, limits: SessionLimits) {
  const [row] = await rowsOf<{ session_id: number; ended: number[] }>(
    db,
    sql`
    with opened as (
      insert into ${sessions} ${sessionColumns} select ${user_id}::int, ${sessionValues(client, limits)}
      returning id, user_id),
    ended as (
      delete from ${sessions} where id in (
        select id from ${sessions} where user_id = ${user_id} order by id desc offset ${limits.perUser - 1}::int)
      returning id),
    noted as (${audit('signed_in', client, 'opened')})
    select opened.id as session_id, (select coalesce(json_agg(id), '[]') from ended) as ended from opened`,
  );
  return row as { session_id: number; ended: number[] };
}

/**
 * @returns whether the session is open. Notes now and then that it was seen: exact to five minutes, so that reading
 * does not write at each request.
 */
export async function isSessionOpen(db: Database, { session_id, user_id }: Claims): Promise<boolean> {
  const rows = await rowsOf(
    db,
    sql`
    with found as (
      select id, last_seen_at from ${sessions}
      where id = ${session_id} and user_id = ${user_id} and idle_expires_at > now() and absolute_expires_at > now()),
    seen as (
      update ${sessions} s set last_seen_at = now() from found
      where s.id = found.id and found.last_seen_at < now() - interval '5 minutes')
    select id from found`,
  );
  return rows.length > 0;
}

export type Refresh = { outcome: 'refreshed'; user_id: number; counter: number } | { outcome: 'reused' } | { outcome: 'ended' };

/**
 * Takes a refresh token's number to the next one. The number before the current one is answered with the current one
 * again for a minute (its answer was lost, or twenty tabs asked at once); an older one has been stolen or
 * copied, so its session ends. The lock on the row makes parallel calls agree.
 */
export async function refreshSession(
  db: Database,
  { session_id, counter }: { session_id: number; counter: number },
  client: Client,
  limits: SessionLimits,
): Promise<Refresh> {
  const [row] = await rowsOf<{ user_id: number; counter: number | null }>(
    db,
    sql`
    with found as (
      select id, user_id, counter = ${counter}::bigint as current,
        counter - 1 = ${counter}::bigint and rotated_at > now() - make_interval(secs => ${RETRY_WINDOW}) as retry
      from ${sessions}
      where id = ${session_id}::bigint and counter >= ${counter}::bigint and idle_expires_at > now() and absolute_expires_at > now()
      for update),
    kept as (
      update ${sessions} s set
        counter = s.counter + found.current::int,
        rotated_at = case when found.current then now() else s.rotated_at end,
        last_seen_at = now(),
        idle_expires_at = least(now() + make_interval(secs => ${limits.idle}::int), s.absolute_expires_at)
      from found where s.id = found.id and (found.current or found.retry)
      returning s.user_id, s.counter),
    reused as (
      delete from ${sessions} s using found where s.id = found.id and not (found.current or found.retry)
      returning s.user_id),
    noted as (${audit('refresh_token_reused', client, 'reused')})
    select user_id, counter from kept union all select user_id, null from reused`,
  );
  if (!row) return { outcome: 'ended' };
  return row.counter === null ? { outcome: 'reused' } : { outcome: 'refreshed', user_id: row.user_id, counter: row.counter };
}

/** Ends a session, if it is open still. */
export async function endSession(db: Database, session_id: number, client: Client): Promise<void> {
  await rowsOf(
    db,
    sql`
    with ended as (delete from ${sessions} where id = ${session_id} returning user_id)
    ${audit('signed_out', client, 'ended')}`,
  );
}

/** @returns whether the user had such a session */
export async function revokeSession(db: Database, user_id: number, session_id: number, client: Client): Promise<boolean> {
  const rows = await rowsOf(
    db,
    sql`
    with ended as (delete from ${sessions} where id = ${session_id} and user_id = ${user_id} returning user_id)
    ${audit('session_revoked', client, 'ended')} returning id`,
  );
  return rows.length > 0;
}

/** Open sessions, newest first. */
export async function listSessions(db: Database, user_id: number) {
  const rows = await rowsOf<{ id: number; device: string; created_at: string; last_seen_at: string }>(
    db,
    sql`
    select id, device, to_json(created_at) as created_at, to_json(last_seen_at) as last_seen_at from ${sessions}
    where user_id = ${user_id} and idle_expires_at > now() and absolute_expires_at > now() order by id desc`,
  );
  const iso = (moment: string) => new Date(moment).toISOString();
  return rows.map((row) => ({ ...row, created_at: iso(row.created_at), last_seen_at: iso(row.last_seen_at) }));
}
