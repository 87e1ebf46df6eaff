// The role that servers and workers connect as: it owns nothing and can make nothing. What it needs is given to it by whoever
// migrates, after each migration anew, and nothing else.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import type { Database } from './client.ts';
import type { DatabaseUrl } from './drivers.ts';
import { MIGRATION_LOCK_ID } from './migrate.ts';
import { sql } from './orm.ts';
import { runInTransaction } from './postgres.ts';
import { PrivilegeError, readPrivileges, requirePrivileges, TABLE_PRIVILEGES } from './rights.ts';
import { memoizedProbe } from './session.ts';

/** A role as SERVER_DATABASE_URL names it. */
export interface ServerRole {
  readonly user: string;
  /** Empty: it is known by something else, or its password is looked after elsewhere. */
  readonly password: string;
}

interface RoleState {
  /** As they are written in a statement. */
  readonly role: string;
  readonly owner: string;
  readonly exists: boolean;
  /** Whether it is the role that migrates, has its rights, or rights over all of PostgreSQL. */
  readonly isPrivileged: boolean;
  /** Whether something of ours belongs to it. */
  readonly owns: boolean;
  /** Whether the role that migrates may make roles. */
  readonly canCreateRoles: boolean;
}

/**
 * Makes the role where it is missing, gives it its password and what it needs, and takes what else it has.
 * @param owner the database as the role that owns the tables, which are up to date
 * @throws PrivilegeError
 */
export async function prepareServerRole(owner: DatabaseUrl, { user, password }: ServerRole): Promise<void> {
  await runInTransaction(
    owner,
    memoizedProbe(owner),
    { name: 'stepwise migrations', settings: { lock_timeout: '3s' } },
    async (tx) => {
      const run = (statement: string) => tx.execute(sql.raw(statement));
      await run(`select pg_advisory_xact_lock(${MIGRATION_LOCK_ID})`);
      const found = await readRole(tx, user);
      const rights = await readPrivileges(tx);
      if (found.isPrivileged)
        throw new PrivilegeError(
          `SERVER_DATABASE_URL: the role ${found.role} can change tables or roles, as the owner can: name one of its own for the servers`,
        );
      if (found.owns) requirePrivileges(rights, [`reassign owned by ${found.role} to ${found.owner}`]);
      if (!found.exists && !found.canCreateRoles)
        requirePrivileges(rights, [`create role ${found.role} login`]);
      if (!found.exists) await run(`create role ${found.role} login`);
      // Not the password itself: a statement can end in the log of PostgreSQL.
      if (password !== '' && found.canCreateRoles)
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
        await run(`grant ${privilegesOn(schema, table)} on ${schema}."${table}" to ${found.role}`);
      }
      for (const { statement, mine } of await excessPrivileges(tx, user)) if (mine) await run(statement);
      // What only an administrator can do.
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
      coalesce(r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or pg_has_role(r.oid, me.oid, 'member'), false) as mighty,
      exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('public', 'drizzle', 'pgboss') and r.oid in (c.relowner, n.nspowner)) as owns,
      me.rolsuper or me.rolcreaterole as makes
    from pg_roles me left join pg_roles r on r.rolname = ${user}::name where me.rolname = current_user`);
  return found as RoleState;
}

/** Requests and the background work: what waits for nobody (`for update`) needs the right to update, too. */
function privilegesOn(schema: string, table: string): string {
  const isRead = schema === 'drizzle' || (schema === 'public' && TABLE_PRIVILEGES[table]?.length === 0);
  return isRead ? 'select' : 'select, insert, update, delete';
}

/**
 * What PostgreSQL lets every role do, or somebody has granted: temporary tables and, in databases of older versions, tables in public.
 * @returns what ends that, and whether it is the migrating role's to do
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

/** @returns what PostgreSQL keeps of a password (RFC 5803): whoever reads it cannot sign in with it */
function scramVerifier(password: string): string {
  const [salt, iterations] = [randomBytes(16), 4096];
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const keyOf = (name: string) => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(keyOf('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${keyOf('Server Key').toString('base64')}`;
}
