// What an operator does with accounts (scripts/users.ts). No request can reach it.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../../../db/database.ts';
import { sql } from '../../../db/drizzle.ts';
import { json, nullable, type RowOf } from '../../../db/rows.ts';
import { logins, passwordResets, sessions, users } from '../../../db/schema/index.ts';
import { audit, CLIENT_PARAMETERS, clientValues } from '../../../db/sql/audit.ts';
import { ABOVE_ALL_IDS } from '../../../db/sql/paginate.ts';
import { firstRow, read, write } from '../../../db/statement.ts';
import { loginKey } from '../../../security/loginKey.ts';
import { generateResetCode, hashResetCode } from '../../../security/resetCode.ts';
import type { ClientInfo } from '../../../trpc/context.ts';
import { endSessions } from '../queries.ts';

/** How long a code is valid. */
const CODE_LIFETIME_MINUTES = 60;

/** Who acts: an operator has no address. */
export type Operator = Pick<ClientInfo, 'ip' | 'request_id'>;

const ACCOUNT = {
  id: users.id,
  login: users.login,
  /** Moments in ISO 8601. */
  created_at: json<string>(),
  blocked_at: nullable(json<string>()),
  /** The number of open sessions, and when one of them was last used. */
  sessions: 'int',
  last_seen_at: nullable(json<string>()),
} as const;

export type Account = Readonly<RowOf<typeof ACCOUNT>>;

const PAGE = { only_blocked: 'boolean', before_id: 'bigint?', limit: 'int' } as const;

const accounts = (
  isWanted: SQL,
  { only_blocked, before_id, limit }: Record<keyof typeof PAGE, SQL>,
): SQL => sql`
  select
    account.id,
    account.login,
    to_json(account.created_at) as created_at,
    to_json(account.blocked_at) as blocked_at,
    open_sessions.sessions,
    to_json(open_sessions.last_seen_at) as last_seen_at
  from ${users} account
  cross join lateral (
    select count(*)::int as sessions, max(last_seen_at) as last_seen_at
    from ${sessions}
    where user_id = account.id and idle_expires_at > now() and absolute_expires_at > now()) open_sessions
  where
    ${isWanted}
    and account.id < coalesce(${before_id}, ${sql.raw(String(ABOVE_ALL_IDS))})
    and (account.blocked_at is not null or not ${only_blocked})
  order by account.id desc
  limit ${limit}`;

const byLogin = read('operator.named', { ...PAGE, login_key: 'text' }, ACCOUNT, ({ login_key, ...page }) =>
  accounts(sql`account.id in (select user_id from ${logins} where key = ${login_key})`, page),
);

const search = read('operator.search', { ...PAGE, part: 'text' }, ACCOUNT, ({ part, ...page }) =>
  accounts(sql`strpos(account.login_key, ${part}) > 0`, page),
);

export interface AccountsRequest {
  /** Only the account with this login, however it is spelled. */
  readonly login?: string | undefined;
  /** Only accounts whose login holds this, however it is spelled; all accounts are read for it. Not with `login`. */
  readonly part?: string | undefined;
  /** Only blocked accounts. */
  readonly isBlocked?: boolean | undefined;
  /** Only accounts with lower ids. */
  readonly before?: number | undefined;
  readonly limit: number;
}

/** A page of accounts, newest first. */
export async function listAccounts(
  db: Database,
  { login, part = '', isBlocked = false, before, limit }: AccountsRequest,
): Promise<Account[]> {
  const page = { only_blocked: isBlocked, before_id: before, limit };
  const rows = await (login === undefined
    ? search(db, { ...page, part: loginKey(part) })
    : byLogin(db, { ...page, login_key: loginKey(login) }));
  const iso = (moment: string | null) => moment && new Date(moment).toISOString();
  return rows.map((row) => ({
    ...row,
    created_at: iso(row.created_at) as string,
    blocked_at: iso(row.blocked_at),
    last_seen_at: iso(row.last_seen_at),
  }));
}

const BLOCK_STATE = { login: users.login, was_blocked: 'boolean' } as const;

/** Locks the row first, as sign-ins do: a sign-in waits, and then sees the change. */
const lockAccount = ({ user_id }: { user_id: SQL }) =>
  sql`
    found as (
      select id as user_id, login, blocked_at is not null as was_blocked
      from ${users}
      where id = ${user_id}
      for no key update)`;

const block = firstRow(
  write(
    'operator.block',
    { ...CLIENT_PARAMETERS, user_id: 'bigint' },
    BLOCK_STATE,
    ({ user_id, ...p }) => sql`
    with ${lockAccount({ user_id })},
    dropped as (
      delete from ${passwordResets}
      where user_id = ${user_id} and exists (select from found)),
    blocked as (
      update ${users} account
      set blocked_at = now()
      from found
      where account.id = ${user_id} and not was_blocked
      returning user_id),
    audited as (${audit('account_blocked', p, 'blocked')})
    select login, was_blocked from found`,
  ),
);

const unblock = firstRow(
  write(
    'operator.unblock',
    { ...CLIENT_PARAMETERS, user_id: 'bigint' },
    BLOCK_STATE,
    ({ user_id, ...p }) => sql`
    with ${lockAccount({ user_id })},
    unblocked as (
      update ${users} account
      set blocked_at = null
      from found
      where account.id = ${user_id} and was_blocked
      returning user_id),
    audited as (${audit('account_unblocked', p, 'unblocked')})
    select login, was_blocked from found`,
  ),
);

/**
 * Blocks an account: nobody can sign in to it, and its sessions and its code end. This takes two statements: the first may
 * wait for sign-ins, and only a statement that begins after it sees their sessions.
 * @returns undefined when there is no such account
 */
export function blockAccount(db: Database, operator: Operator, user_id: number) {
  return db.transaction(async (tx) => {
    const changed = await block(tx, { ...clientValues(operator), user_id });
    return changed && { ...changed, ended: (await endSessions(tx, user_id)).length };
  });
}

/** @returns undefined when there is no such account */
export function unblockAccount(db: Database, operator: Operator, user_id: number) {
  return unblock(db, { ...clientValues(operator), user_id });
}

const signOut = firstRow(
  write(
    'operator.signOut',
    { ...CLIENT_PARAMETERS, user_id: 'bigint' },
    { login: users.login, ended: 'int' },
    ({ user_id, ...p }) => sql`
    with ${lockAccount({ user_id })},
    ended as (
      delete from ${sessions}
      where user_id = ${user_id} and exists (select from found)
      returning id),
    audited as (${audit('sessions_ended', p, 'found')})
    select login, (select count(*)::int from ended) as ended from found`,
  ),
);

/** Ends all sessions of an account. @returns undefined when there is no such account */
export function signOutAccount(db: Database, operator: Operator, user_id: number) {
  return signOut(db, { ...clientValues(operator), user_id });
}

const storeCode = firstRow(
  write(
    'operator.makeCode',
    { ...CLIENT_PARAMETERS, user_id: 'bigint', code_hash: 'text', minutes: 'int' },
    { ...BLOCK_STATE, expires_at: nullable(json<string>()) },
    ({ user_id, code_hash, minutes, ...p }) => sql`
    with ${lockAccount({ user_id })},
    made as (
      insert into ${passwordResets} (user_id, code_hash, expires_at)
      select user_id, ${code_hash}, now() + make_interval(mins => ${minutes})
      from found
      where not was_blocked
      on conflict (user_id) do update set
        code_hash = excluded.code_hash,
        created_at = excluded.created_at,
        expires_at = excluded.expires_at
      returning user_id, expires_at),
    audited as (${audit('reset_code_made', p, 'made')})
    select login, was_blocked, (select to_json(expires_at) from made) as expires_at from found`,
  ),
);

/**
 * Makes a code that sets a new password. It replaces an earlier code. A blocked account gets none.
 * @returns undefined when there is no such account
 */
export async function makeResetCode(db: Database, operator: Operator, user_id: number) {
  const code = generateResetCode();
  const made = await storeCode(db, {
    ...clientValues(operator),
    user_id,
    code_hash: hashResetCode(code),
    minutes: CODE_LIFETIME_MINUTES,
  });
  if (!made?.expires_at) return made && { login: made.login, code: undefined };
  return { login: made.login, code, expires_at: new Date(made.expires_at).toISOString() };
}
