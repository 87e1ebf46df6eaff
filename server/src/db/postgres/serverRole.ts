// The role that servers and workers connect as. It owns nothing and can create nothing. Each migration grants it what it
// needs, and revokes everything else.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import type { Database } from '../database.ts';
import { sql } from '../drizzle.ts';
import type { DatabaseUrl } from './driverOptions.ts';
import { MIGRATION_LOCK_ID } from './migrate.ts';
import { runInTransaction } from './ownConnection.ts';
import { PrivilegeError, readPrivileges, requirePrivileges, TABLE_PRIVILEGES } from './privileges.ts';
import { memoizedProbe, type ServerInfo } from './session.ts';

/** A role as SERVER_DATABASE_URL names it. */
export interface ServerRole {
  readonly user: string;
  /** Empty: the role authenticates in another way, or somebody else sets its password. */
  readonly password: string;
}

interface RoleState {
  /** Both quoted as in a statement. */
  readonly role: string;
  readonly owner: string;
  readonly exists: boolean;
  /** Whether it is a member of the migrating role, or may create roles or databases, replicate, or is a superuser. */
  readonly is_privileged: boolean;
  /** Whether it owns a schema or table of ours. */
  readonly owns: boolean;
  /** Whether the migrating role may create roles. */
  readonly can_create_roles: boolean;
}

/**
 * Creates the role if it is missing, sets its password, grants what it needs, and revokes the rest.
 * @param owner the database as the role that owns the tables, which are up to date
 * @throws PrivilegeError
 */
export async function prepareServerRole(owner: DatabaseUrl, { user, password }: ServerRole): Promise<void> {
  const probe = memoizedProbe(owner);
  const server = await probe();
  await runInTransaction(
    owner,
    probe,
    { name: 'stepwise migrations', settings: { lock_timeout: '3s' } },
    async (tx) => {
      const run = (statement: string) => tx.execute(sql.raw(statement));
      await run(`select pg_advisory_xact_lock(${MIGRATION_LOCK_ID})`);
      const found = await readRole(tx, user);
      const rights = await readPrivileges(tx);
      if (found.is_privileged)
        throw new PrivilegeError(
          `SERVER_DATABASE_URL: the role ${found.role} can change tables or roles, as the owner can: name one of its own for the servers`,
        );
      if (found.owns) requirePrivileges(rights, [`reassign owned by ${found.role} to ${found.owner}`]);
      if (!found.exists && !found.can_create_roles)
        requirePrivileges(rights, [`create role ${found.role} login`]);
      if (!found.exists) await run(`create role ${found.role} login`);
      // Not the password itself: PostgreSQL may log the statement.
      if (password !== '' && found.can_create_roles)
        await run(`alter role ${found.role} login password '${scramVerifier(password)}'`);

      const ours = rights.tables.filter(
        ({ schema, table }) => schema !== 'public' || table in TABLE_PRIVILEGES,
      );
      for (const schema of new Set(ours.map(({ schema }) => schema))) {
        await run(`revoke all on schema ${schema} from ${found.role}`);
        await run(`grant usage on schema ${schema} to ${found.role}`);
      }
      for (const { schema, table } of ours) {
        await run(`revoke all on ${schema}."${table}" from ${found.role}`);
        await run(`grant ${privilegesOn(schema, table, server)} on ${schema}."${table}" to ${found.role}`);
      }
      // There ids are taken before the statement (distributed.ts).
      if (server.isDistributed) await run(`grant usage on all sequences in schema public to ${found.role}`);
      for (const { statement, mine } of await excessPrivileges(tx, user)) if (mine) await run(statement);
      // What is left only an administrator can revoke.
      requirePrivileges(
        rights,
        (await excessPrivileges(tx, user)).map(({ statement }) => statement),
      );
    },
  );
}

async function readRole(tx: Database, user: string): Promise<RoleState> {
  const [found] = await tx.execute<RoleState>(sql`
    select quote_ident(${user}::name) as role, quote_ident(current_user) as owner,
      r.oid is not null as exists,
      coalesce(r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or pg_has_role(r.oid, me.oid, 'member'), false) as is_privileged,
      exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('public', 'drizzle', 'pgboss') and r.oid in (c.relowner, n.nspowner)) as owns,
      me.rolsuper or me.rolcreaterole as can_create_roles
    from pg_roles me left join pg_roles r on r.rolname = ${user}::name where me.rolname = current_user`);
  return found as RoleState;
}

/** What is never changed: a trigger refuses to, and missing rights do where tables are distributed, which have no triggers. */
const APPEND_ONLY: ReadonlySet<string> = new Set(['facts', 'audit_trail']);

/** What requests and background work need; `for update` needs the privilege to update, too. */
function privilegesOn(schema: string, table: string, { isDistributed }: ServerInfo): string {
  const isOurs = schema === 'public';
  if (schema === 'drizzle' || (isOurs && TABLE_PRIVILEGES[table]?.length === 0)) return 'select';
  if (isOurs && isDistributed && APPEND_ONLY.has(table)) return 'select, insert';
  return 'select, insert, update, delete';
}

/**
 * Finds privileges that PostgreSQL gives every role, or somebody has granted: temporary tables and, in databases of older
 * versions, tables in public.
 * @returns statements that revoke them, and whether the migrating role may run them
 */
async function excessPrivileges(tx: Database, user: string): Promise<{ statement: string; mine: boolean }[]> {
  return await tx.execute<{ statement: string; mine: boolean }>(sql`
    select format('revoke %s from public, %I', what, ${user}::name) as statement, mine
    from pg_database d join pg_namespace n on n.nspname = 'public',
      lateral (values
        ('create on schema public', has_schema_privilege(${user}::name, n.oid, 'create'), pg_has_role(n.nspowner, 'usage')),
        (format('create, temporary on database %I', d.datname),
          has_database_privilege(${user}::name, d.oid, 'create, temporary'), pg_has_role(d.datdba, 'usage'))) held (what, has, mine)
    where d.datname = current_database() and has`);
}

/** @returns what PostgreSQL stores of a password (RFC 5803), with which nobody can sign in */
function scramVerifier(password: string): string {
  const [salt, iterations] = [randomBytes(16), 4096];
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const keyOf = (name: string) => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(keyOf('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${keyOf('Server Key').toString('base64')}`;
}
