// Opens, refreshes and ends sessions. Each statement also writes its line of the audit trail.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../../../db/database.ts';
import { builder, sql } from '../../../db/drizzle.ts';
import { json, NO_ROWS } from '../../../db/rows.ts';
import { auditTrail, sessions, users } from '../../../db/schema/index.ts';
import { type AuditEvent, audit, CLIENT_PARAMETERS, clientValues, NOBODY } from '../../../db/sql/audit.ts';
import { pickColumns } from '../../../db/sql/columns.ts';
import { firstRow, read, write } from '../../../db/statement.ts';
import { type Claims, generateNonce, type SessionIdentity } from '../../../security/accessTokens.ts';
import type { RefreshToken } from '../../../security/refreshTokens.ts';
import type { ClientInfo, SessionLimits } from '../../../trpc/context.ts';

/** A refresh token that was just replaced may be sent again for so long, because its answer may have been lost. */
const RETRY_WINDOW_SECONDS = 60;

/** The parameters of a new session. `idle` and `absolute` are seconds. */
export const NEW_SESSION = { device: 'text', nonce: 'text', idle: 'int', absolute: 'int' } as const;
export const newSession = ({ device }: ClientInfo, { idle, absolute }: SessionLimits) => ({
  device,
  nonce: generateNonce(),
  idle,
  absolute,
});
export const sessionColumns = sql`(user_id, device, nonce, idle_expires_at, absolute_expires_at)`;
export const sessionValues = ({
  device,
  nonce,
  idle,
  absolute,
}: Record<keyof typeof NEW_SESSION, SQL>) => sql`
  ${device},
  ${nonce},
  now() + make_interval(secs => least(${idle}, ${absolute})),
  now() + make_interval(secs => ${absolute})`;

const insertAuditLine = write(
  'audit.note',
  { ...CLIENT_PARAMETERS, event: 'text', user_id: 'bigint' },
  NO_ROWS,
  (line) => builder.insert(auditTrail).values(line),
);

/** Writes a line of the audit trail where nothing else is written. @param user_id undefined when no account has the login */
export async function recordAudit(
  db: Database,
  event: AuditEvent,
  client: ClientInfo,
  user_id: number | undefined,
): Promise<void> {
  await insertAuditLine(db, { ...clientValues(client), event, user_id: user_id ?? NOBODY });
}

const open = firstRow(
  write(
    'session.open',
    { ...CLIENT_PARAMETERS, ...NEW_SESSION, user_id: 'bigint', hash: 'text', others: 'int' },
    { session_id: sessions.id, ended: json<number[]>() },
    ({ user_id, hash, others, ...p }) => sql`
    with owner as (
      select id
      from ${users}
      where id = ${user_id} and password = ${hash} and blocked_at is null
      for share),
    opened as (
      insert into ${sessions} ${sessionColumns}
      select id, ${sessionValues(p)}
      from owner
      returning id, user_id),
    ended as (
      delete from ${sessions}
      where
        exists (select from opened)
        and user_id = ${user_id}
        and id in (
          select id
          from ${sessions}
          where user_id = ${user_id}
          order by id desc
          offset ${others})
      returning id),
    audited as (${audit('signed_in', p, 'opened')})
    select id as session_id, (select coalesce(json_agg(id), '[]') from ended) as ended
    from opened`,
  ),
);

/**
 * Opens a session if the account is not blocked and still has the hash that the password was compared with. The statement
 * locks the user's row: a change of the password or a block at the same time either waits and then ends the session, or
 * this statement waits for the change.
 * @returns the new session, and the sessions that ended because the user had the most that are allowed
 */
export async function openSession(
  db: Database,
  user: { id: number; password: string },
  client: ClientInfo,
  limits: SessionLimits,
) {
  const owner = { user_id: user.id, hash: user.password };
  const session = newSession(client, limits);
  const opened = await open(db, {
    ...clientValues(client),
    ...session,
    ...owner,
    others: limits.perUser - 1,
  });
  return opened && { ...opened, nonce: session.nonce };
}

/** The parameters that find a session's row: what its tokens say of it. */
const SESSION_NAME = { session_id: 'bigint', nonce: 'text?' } as const;
const hasName = ({ session_id, nonce }: Record<keyof typeof SESSION_NAME, SQL>) =>
  sql`id = ${session_id} and nonce is not distinct from ${nonce}`;

const find = firstRow(
  read(
    'session.find',
    { ...SESSION_NAME, user_id: 'bigint' },
    { unseen: 'boolean' },
    ({ user_id, ...name }) => sql`
    select last_seen_at < now() - interval '5 minutes' as unseen
    from ${sessions}
    where
      ${hasName(name)}
      and user_id = ${user_id}
      and idle_expires_at > now()
      and absolute_expires_at > now()`,
  ),
);

const touchSession = write(
  'session.see',
  { user_id: 'bigint', session_id: 'bigint' },
  NO_ROWS,
  ({ user_id, session_id }) => sql`
  update ${sessions}
  set last_seen_at = now()
  where user_id = ${user_id} and id = ${session_id}`,
);

/**
 * @returns whether the session is open. Updates `last_seen_at` at most every five minutes, so that not every request
 * writes.
 */
export async function isSessionOpen(db: Database, { session_id, nonce, user_id }: Claims): Promise<boolean> {
  const found = await find(db, { session_id, nonce, user_id });
  if (found?.unseen) await touchSession(db, { user_id, session_id });
  return found !== undefined;
}

export type RefreshOutcome =
  | { outcome: 'refreshed'; user_id: number; counter: number }
  | { outcome: 'reused' }
  | { outcome: 'ended' };

const findOwner = firstRow(
  read(
    'session.owner',
    SESSION_NAME,
    { user_id: sessions.user_id },
    (name) => sql`
    select user_id
    from ${sessions}
    where ${hasName(name)}`,
  ),
);

/** @returns whose the session of a refresh token is: tokens of a version before do not say it. Undefined: it has ended */
const ownerOf = async (
  db: Database,
  { user_id, session_id, nonce }: SessionIdentity & { readonly user_id: number | undefined },
): Promise<number | undefined> => user_id ?? (await findOwner(db, { session_id, nonce }))?.user_id;

const refresh = firstRow(
  write(
    'session.refresh',
    { ...CLIENT_PARAMETERS, ...SESSION_NAME, user_id: 'bigint', counter: 'bigint', idle: 'int' },
    { counter: 'int?' },
    ({ user_id, session_id, nonce, counter, idle, ...p }) => sql`
    with found as (
      select
        id,
        counter = ${counter} as current,
        now() as at,
        counter - 1 = ${counter}
          and rotated_at > now() - make_interval(secs => ${sql.raw(String(RETRY_WINDOW_SECONDS))}) as retry
      from ${sessions}
      where
        user_id = ${user_id}
        and ${hasName({ session_id, nonce })}
        and ${counter} between refreshable_from and counter
        and idle_expires_at > now()
        and absolute_expires_at > now()
      for update),
    refreshed as (
      update ${sessions} session
      set
        counter = session.counter + found.current::int,
        rotated_at = case when found.current then found.at else session.rotated_at end,
        last_seen_at = now(),
        idle_expires_at = least(now() + make_interval(secs => ${idle}), session.absolute_expires_at)
      from found
      where session.user_id = ${user_id} and session.id = found.id and (found.current or found.retry)
      returning session.counter),
    reused as (
      delete from ${sessions} session
      using found
      where session.user_id = ${user_id} and session.id = found.id and not (found.current or found.retry)
      returning session.user_id),
    audited as (${audit('refresh_token_reused', p, 'reused')})
    select counter from refreshed
    union all
    select null from reused`,
  ),
);

/**
 * Advances the counter of a session's refresh token. For a minute the previous token gets the current one again, because
 * its answer was lost or twenty tabs asked at once. An older token was stolen or copied, so its session ends. The lock on
 * the row makes parallel calls agree.
 */
export async function refreshSession(
  db: Database,
  token: RefreshToken,
  client: ClientInfo,
  { idle }: SessionLimits,
): Promise<RefreshOutcome> {
  const { session_id, nonce, counter } = token;
  const user_id = await ownerOf(db, token);
  if (user_id === undefined) return { outcome: 'ended' };
  const row = await refresh(db, { ...clientValues(client), user_id, session_id, nonce, counter, idle });
  if (!row) return { outcome: 'ended' };
  return row.counter === null
    ? { outcome: 'reused' }
    : { outcome: 'refreshed', user_id, counter: row.counter };
}

const renew = firstRow(
  write(
    'session.renew',
    { ...CLIENT_PARAMETERS, ...SESSION_NAME, user_id: 'bigint', idle: 'int' },
    { counter: sessions.counter, ended: json<number[]>() },
    ({ session_id, nonce, user_id, idle, ...p }) => sql`
    with renewed as (
      update ${sessions}
      set
        counter = counter + 2,
        refreshable_from = counter + 2,
        rotated_at = now(),
        last_seen_at = now(),
        idle_expires_at = least(now() + make_interval(secs => ${idle}), absolute_expires_at)
      where ${hasName({ session_id, nonce })} and user_id = ${user_id}
      returning user_id, counter),
    ended as (
      delete from ${sessions}
      where user_id = ${user_id} and id <> ${session_id} and exists (select from renewed)
      returning id),
    audited as (${audit('password_changed', p, 'renewed')})
    select counter, (select coalesce(json_agg(id), '[]') from ended) as ended
    from renewed`,
  ),
);

/**
 * Ends all sessions of the user but one, and the refresh tokens of that one. Its counter grows by two, so that a server
 * that does not know `refreshable_from` does not take the last token for one whose answer was lost.
 * @returns the counter of the next refresh token and the sessions that ended; undefined when the session is not open
 */
export function renewSession(
  db: Database,
  { user_id, session_id, nonce }: Claims,
  client: ClientInfo,
  { idle }: SessionLimits,
) {
  return renew(db, { ...clientValues(client), session_id, nonce, user_id, idle });
}

const end = firstRow(
  write(
    'session.end',
    { ...CLIENT_PARAMETERS, ...SESSION_NAME, user_id: 'bigint' },
    { id: sessions.id },
    ({ user_id, session_id, nonce, ...p }) => sql`
    with ended as (
      delete from ${sessions}
      where user_id = ${user_id} and ${hasName({ session_id, nonce })}
      returning id, user_id),
    audited as (${audit('signed_out', p, 'ended')})
    select id from ended`,
  ),
);

/** Ends a session. @returns whether it was open until now */
export async function endSession(
  db: Database,
  session: SessionIdentity & { readonly user_id: number | undefined },
  client: ClientInfo,
): Promise<boolean> {
  const { session_id, nonce } = session;
  const user_id = await ownerOf(db, session);
  if (user_id === undefined) return false;
  return (await end(db, { ...clientValues(client), user_id, session_id, nonce })) !== undefined;
}

const revoke = write(
  'session.revoke',
  { ...CLIENT_PARAMETERS, user_id: 'bigint', session_id: 'bigint' },
  { user_id: sessions.user_id },
  ({ user_id, session_id, ...p }) => sql`
    with ended as (
      delete from ${sessions}
      where id = ${session_id} and user_id = ${user_id}
      returning user_id),
    audited as (${audit('session_revoked', p, 'ended')})
    select user_id from ended`,
);

/** @returns whether the user had such a session */
export async function revokeSession(
  db: Database,
  user_id: number,
  session_id: number,
  client: ClientInfo,
): Promise<boolean> {
  return (await revoke(db, { ...clientValues(client), user_id, session_id })).length > 0;
}

const list = read(
  'session.list',
  { user_id: 'bigint' },
  {
    ...pickColumns(sessions, ['id', 'device']),
    created_at: json<string>(),
    last_seen_at: json<string>(),
  },
  ({ user_id }) => sql`
    select id, device, to_json(created_at) as created_at, to_json(last_seen_at) as last_seen_at
    from ${sessions}
    where user_id = ${user_id} and idle_expires_at > now() and absolute_expires_at > now()
    order by id desc`,
);

/** Open sessions, newest first. */
export async function listSessions(db: Database, user_id: number) {
  const rows = await list(db, { user_id });
  const iso = (moment: string) => new Date(moment).toISOString();
  return rows.map((row) => ({
    ...row,
    created_at: iso(row.created_at),
    last_seen_at: iso(row.last_seen_at),
  }));
}
