import type { SQL } from 'drizzle-orm';
import type { Database } from '../../db/database.ts';
import { builder, eq, sql } from '../../db/drizzle.ts';
import { databaseCode, isTaken } from '../../db/errors.ts';
import { json, NO_ROWS, nullable, type RowOf } from '../../db/rows.ts';
import { eventSequences, logins, passwordResets, sessions, users } from '../../db/schema/index.ts';
import { audit, CLIENT_PARAMETERS, clientValues, NOBODY } from '../../db/sql/audit.ts';
import { pickColumns } from '../../db/sql/columns.ts';
import { lockUser, userLocked } from '../../db/sql/eventLog.ts';
import { firstRow, read, write } from '../../db/statement.ts';
import type { Claims } from '../../security/accessTokens.ts';
import { foldLogin, loginKey } from '../../security/loginKey.ts';
import type { ClientInfo, SessionLimits } from '../../trpc/context.ts';
import { unauthenticated } from '../../trpc/errors.ts';
import type { Export } from './contract.ts';
import { EXPORT_SECTIONS, SECTION_NAMES, type SectionName } from './exports/sectionQueries.ts';
import { NEW_SESSION, newSession, renewSession, sessionColumns, sessionValues } from './sessions/queries.ts';

const NEW_USER = {
  ...CLIENT_PARAMETERS,
  ...NEW_SESSION,
  login: 'text',
  login_key: 'text',
  hash: 'text',
} as const;

/**
 * @param before CTEs
 * @param isFree the condition
 */
const insertUser = (
  { login, login_key, hash, ...p }: Readonly<Record<keyof typeof NEW_USER, SQL>>,
  before: SQL,
  isFree: SQL,
) => sql`
    with ${before}made as (
      insert into ${users} (login, login_key, password)
      select ${login}, ${login_key}, ${hash}
      where ${isFree}
      returning id as user_id),
    named as (
      insert into ${logins} (user_id, key, login_key)
      select user_id, ${login_key}, ${login_key}
      from made),
    numbered as (
      insert into ${eventSequences} (user_id)
      select user_id
      from made),
    opened as (
      insert into ${sessions} ${sessionColumns}
      select user_id, ${sessionValues(p)}
      from made
      returning id, user_id),
    audited as (${audit('registered', p, 'made')})
    select user_id, id as session_id from opened`;

const create = firstRow(
  write(
    'user.create',
    NEW_USER,
    { user_id: users.id, session_id: sessions.id },
    (p) => insertUser(p, sql``, sql`not exists (select from ${logins} where key = ${p.login_key})`),
    {
      // The login and the user need not be on one node. Looked for before, it is not in the insert, so that the coordinator
      // makes the id.
      build: (p) =>
        insertUser(
          p,
          sql`taken as materialized (select user_id from ${logins} where key = ${p.login_key}),
    `,
          sql`not exists (select from taken)`,
        ),
    },
  ),
);

/** @returns the new user with a first session; undefined when the login is taken */
export async function createUser(
  db: Database,
  login: string,
  hash: string,
  client: ClientInfo,
  limits: SessionLimits,
) {
  const session = newSession(client, limits);
  try {
    const created = await create(db, {
      ...clientValues(client),
      ...session,
      login,
      login_key: loginKey(login),
      hash,
    });
    return created && { ...created, nonce: session.nonce };
  } catch (error) {
    // Another registration of the same login was faster.
    if (isTaken(databaseCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** The columns that a sign-in is checked against. */
const CREDENTIALS = { ...pickColumns(users, ['id', 'password']), blocked: 'boolean' } as const;
type Credentials = RowOf<typeof CREDENTIALS>;

const byLogin = read(
  'user.byLogin',
  { login_key: 'text', folded: 'text' },
  { user_id: logins.user_id, named: 'boolean' },
  ({ login_key, folded }) => sql`
  select user_id, login_key in (${folded}, ${login_key}) as named
  from ${logins}
  where key = ${login_key}
  order by login_key = ${folded} desc, login_key = ${login_key} desc
  limit 2`,
);

const credentials = firstRow(
  read(
    'user.credentials',
    { user_id: 'bigint' },
    CREDENTIALS,
    ({ user_id }) => sql`
    select id, password, blocked_at is not null as blocked
    from ${users}
    where id = ${user_id}`,
  ),
);

/**
 * Finds the account of a login. Accounts that are older than today's keys may share one: such an account is found only by
 * its older key. It reads twice, as a login and its user need not be on one node of the database; it does so for an unknown
 * login too, so that both take as long.
 * @returns undefined when there is no such account
 */
export async function findCredentials(db: Database, login: string): Promise<Credentials | undefined> {
  const [first, second] = await byLogin(db, { login_key: loginKey(login), folded: foldLogin(login) });
  const found = first?.named || !second ? first : undefined;
  return credentials(db, { user_id: found?.user_id ?? NOBODY });
}

const accountColumns = pickColumns(users, ['login', 'password']);

export const findAccount = firstRow(
  read('user.account', { user_id: 'bigint' }, accountColumns, ({ user_id }) =>
    builder.select(accountColumns).from(users).where(eq(users.id, user_id)),
  ),
);

export const findUser = firstRow(
  read(
    'user.byId',
    { user_id: 'bigint' },
    { ...pickColumns(users, ['id', 'login']), created_at: json<string>() },
    ({ user_id }) =>
      sql`
    select id, login, to_json(created_at) as created_at
    from ${users}
    where id = ${user_id}`,
  ),
);

/** The parameters that replace one stored hash by another. */
const REPLACEMENT = { user_id: 'bigint', before: 'text', after: 'text' } as const;

/** Stores a hash with today's parameters, unless the password has changed meanwhile. */
export const rehash = write(
  'user.rehash',
  REPLACEMENT,
  NO_ROWS,
  ({ user_id, before, after }) =>
    sql`
    update ${users}
    set password = ${after}
    where id = ${user_id} and password = ${before}`,
);

const change = firstRow(
  write(
    'user.changePassword',
    REPLACEMENT,
    { id: users.id },
    ({ user_id, before, after }) => sql`
    with changed as (
      update ${users}
      set password = ${after}
      where id = ${user_id} and password = ${before}
      returning id),
    dropped as (
      delete from ${passwordResets}
      where user_id = ${user_id} and exists (select from changed))
    select id from changed`,
  ),
);

/**
 * Changes the password, drops a code that could reset it, and ends all other sessions. This takes two statements: the first
 * may wait for sign-ins, and only a statement that begins after it sees their sessions.
 * @param claims the session that stays open
 * @param hashes `before` is the stored hash that the current password was compared with
 * @returns the counter of the session's next refresh token and the sessions that ended; undefined when the hash has changed
 * meanwhile
 * @throws 401 when the session has ended meanwhile
 */
export function changePassword(
  db: Database,
  claims: Claims,
  hashes: { before: string; after: string },
  client: ClientInfo,
  limits: SessionLimits,
) {
  return db.transaction(async (tx) => {
    if (!(await change(tx, { user_id: claims.user_id, ...hashes }))) return undefined;
    return (await renewSession(tx, claims, client, limits)) ?? unauthenticated();
  });
}

const endAll = firstRow(
  write(
    'session.endAll',
    { user_id: 'bigint' },
    { ended: json<number[]>() },
    ({ user_id }) => sql`
    with ended as (
      delete from ${sessions}
      where user_id = ${user_id}
      returning id)
    select coalesce(json_agg(id), '[]') as ended from ended`,
  ),
);

/** Ends all sessions of the user. Its caller writes the line of the audit trail. @returns the ids of the sessions */
export async function endSessions(db: Database, user_id: number): Promise<number[]> {
  return (await endAll(db, { user_id }))?.ended ?? [];
}

const RESET = { user_id: 'bigint', code_hash: 'text' } as const;

/** @returns a row if the code can be redeemed */
export const findReset = firstRow(
  read(
    'reset.find',
    RESET,
    { user_id: passwordResets.user_id },
    ({ user_id, code_hash }) =>
      sql`
    select user_id
    from ${passwordResets}
    where user_id = ${user_id} and code_hash = ${code_hash} and expires_at > now()`,
  ),
);

// Locks the user's row first, like all statements that change both tables, so that they cannot deadlock.
const reset = firstRow(
  write(
    'user.resetPassword',
    { ...CLIENT_PARAMETERS, ...RESET, hash: 'text' },
    { user_id: users.id },
    ({ user_id, code_hash, hash, ...p }) => sql`
    with owner as (
      select id
      from ${users}
      where id = ${user_id} and blocked_at is null
      for no key update),
    used as (
      delete from ${passwordResets}
      where user_id = ${user_id}
        and exists (select from owner)
        and code_hash = ${code_hash}
        and expires_at > now()
      returning user_id),
    changed as (
      update ${users}
      set password = ${hash}
      where id = ${user_id} and exists (select from used)
      returning id as user_id),
    audited as (${audit('password_reset', p, 'changed')})
    select user_id from changed`,
  ),
);

/**
 * Redeems a code, sets the password and ends all sessions. It takes two statements, like `changePassword`.
 * @returns the sessions that ended; undefined when the code was used, replaced or dropped meanwhile
 */
export function resetPassword(
  db: Database,
  what: { user_id: number; code_hash: string; hash: string },
  client: ClientInfo,
) {
  return db.transaction(async (tx) => {
    const done = await reset(tx, { ...clientValues(client), ...what });
    return done && endSessions(tx, what.user_id);
  });
}

// On several nodes the parts run one after the other: `materialized` reads the sessions before they are removed.
const remove = firstRow(
  write(
    'user.remove',
    { ...CLIENT_PARAMETERS, user_id: 'bigint', hash: 'text' },
    { ended: json<number[]>() },
    ({ user_id, hash, ...p }) => sql`
    with ${lockUser(user_id)},
    ended as materialized (select id from ${sessions} where user_id = ${user_id}),
    gone as (
      delete from ${users}
      where id = ${user_id} and password = ${hash} and ${userLocked}
      returning id as user_id),
    unnamed as (
      delete from ${logins}
      where user_id = ${user_id} and exists (select from gone)),
    audited as (${audit('account_removed', p, 'gone')})
    select (select coalesce(json_agg(id), '[]') from ended) as ended from gone`,
  ),
);

/**
 * Removes the user, and by foreign keys all rows of the user.
 * @param hash the stored hash that the password was compared with
 * @returns the sessions that ended with it; undefined when the hash has changed meanwhile
 */
export async function removeUser(db: Database, user_id: number, hash: string, client: ClientInfo) {
  return (await remove(db, { ...clientValues(client), user_id, hash }))?.ended;
}

const exportDocument = firstRow(
  read(
    'user.export',
    { user_id: 'bigint', max_bytes: 'int' },
    { document: nullable(json<Export>()) },
    ({ user_id, max_bytes }) => sql`
    select case when (
        select sum(bytes)
        from (${sql.join(SECTION_NAMES.map(bytesOf(user_id)), sql` union all `)}) as lists) <= ${max_bytes}
      then json_build_object(
        'user', json_build_object('id', u.id, 'login', u.login, 'created_at', u.created_at),
        ${sql.join(SECTION_NAMES.map(listOf(user_id)), sql.raw(','))}) end as document
    from ${users} u where u.id = ${user_id}`,
  ),
);

function bytesOf(user_id: SQL): (name: SectionName) => SQL {
  return (name) => {
    const { table, row } = EXPORT_SECTIONS[name];
    return sql`
      select coalesce(sum(octet_length((${row(user_id)})::text)), 0) as bytes
      from ${table} t
      where t.user_id = ${user_id}`;
  };
}

function listOf(user_id: SQL): (name: SectionName) => SQL {
  return (name) => {
    const { table, key, row } = EXPORT_SECTIONS[name];
    return sql`${sql.raw(`'${name}'`)}, (
      select coalesce(json_agg(${row(user_id)} order by ${sql.raw(`t.${key}`)}), '[]')
      from ${table} t
      where t.user_id = ${user_id})`;
  };
}

/**
 * @param max_bytes of all rows as JSON
 * @returns everything that is kept of the user, as one JSON document; no hash and no token among it. Null when it is larger
 */
export async function exportUser(
  db: Database,
  user_id: number,
  max_bytes: number,
): Promise<Export | null | undefined> {
  return (await exportDocument(db, { user_id, max_bytes }))?.document;
}
