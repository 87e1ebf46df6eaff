// Checks at the start that the role has the privileges it needs, and names the statements that grant what is missing.

import { OperatorError } from '../../operatorError.ts';
import type { Database } from '../database.ts';
import { sql } from '../drizzle.ts';

/** Thrown when privileges are missing; the message has the statements that grant them. */
export class PrivilegeError extends OperatorError {
  override name = 'PrivilegeError';
}

type Privilege = 'select' | 'insert' | 'update' | 'delete';

interface TablePrivileges extends Readonly<Record<Privilege, boolean>> {
  readonly schema: string;
  readonly table: string;
  /** Whether the role owns it, or is a member of the role that does. */
  readonly owned: boolean;
  readonly owner: string;
}

/** The privileges of the role, on the schemas and tables that exist. */
export interface Privileges {
  /** Both quoted as in a statement. */
  readonly role: string;
  readonly database: string;
  /** Whether it may create schemas. */
  readonly can_create_schemas: boolean;
  /** Only those that exist. */
  readonly schemas: Readonly<
    Partial<Record<'public' | 'drizzle' | 'pgboss', { readonly usage: boolean; readonly create: boolean }>>
  >;
  readonly tables: readonly TablePrivileges[];
}

/** Reads them from the system catalogue, which every role may read. */
export async function readPrivileges(db: Database): Promise<Privileges> {
  const [rights] = await db.execute<Privileges>(sql`
    select quote_ident(current_user) as role, quote_ident(current_database()) as database,
      has_database_privilege(current_database(), 'create') as can_create_schemas,
      (select coalesce(json_object_agg(nspname, json_build_object(
          'usage', has_schema_privilege(oid, 'usage'), 'create', has_schema_privilege(oid, 'create'))), '{}')
        from pg_namespace where nspname in ('public', 'drizzle', 'pgboss')) as schemas,
      (select coalesce(json_agg(json_build_object('schema', n.nspname, 'table', c.relname,
          'select', has_table_privilege(c.oid, 'select'), 'insert', has_table_privilege(c.oid, 'insert'),
          'update', has_table_privilege(c.oid, 'update'), 'delete', has_table_privilege(c.oid, 'delete'),
          'owned', pg_has_role(c.relowner, 'usage'), 'owner', quote_ident(pg_get_userbyid(c.relowner))) order by c.relname), '[]')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and n.nspname in ('public', 'drizzle', 'pgboss')) as tables`);
  return rights as Privileges;
}

/** The tables with the applied migrations and with the version of pg-boss. */
const APPLIED = '__drizzle_migrations';
const VERSION = 'version';

/** The privileges on each table that requests need besides select. */
export const TABLE_PRIVILEGES: Readonly<Record<string, readonly Privilege[]>> = {
  users: ['insert', 'update', 'delete'],
  logins: ['insert', 'delete'],
  sessions: ['insert', 'update', 'delete'],
  password_resets: ['insert', 'update', 'delete'],
  audit_trail: ['insert'],
  idempotency_keys: ['insert', 'update'],
  event_sequences: ['insert', 'update'],
  events: ['insert'],
  exports: ['insert', 'update', 'delete'],
  export_parts: ['insert'],
  physical_plans: ['insert', 'update', 'delete'],
  workouts: ['insert'],
  workout_exercises: ['insert', 'update'],
  mental_plans: ['insert', 'update', 'delete'],
  resources: ['insert', 'update', 'delete'],
  mental_plan_resources: ['insert', 'update', 'delete'],
  outer_tasks: ['insert', 'update', 'delete'],
  task_series: ['insert', 'update', 'delete'],
  body_weights: ['insert', 'update', 'delete'],
  calendars: ['insert', 'update', 'delete'],
  profiles: ['insert', 'update'],
  facts: ['insert'],
  days: ['insert', 'update'],
  months: ['insert', 'update'],
  progressions: ['insert', 'update', 'delete'],
  schedules: ['insert', 'update'],
  exercises: [],
  exercise_catalogue: [],
};

/** @returns statements that grant what a check of the schema needs */
export function missingToInspect({ role, schemas, tables }: Privileges): string[] {
  const missing = missingUsage('public', role, schemas);
  if (schemas.drizzle) missing.push(...missingUsage('drizzle', role, schemas));
  const applied = tables.find(({ schema, table }) => schema === 'drizzle' && table === APPLIED);
  if (applied && !applied.select) missing.push(`grant select on drizzle.${APPLIED} to ${role}`);
  return missing;
}

/** @returns statements that grant what a migration needs */
export function missingToMigrate({
  role,
  database,
  can_create_schemas,
  schemas,
  tables,
}: Privileges): string[] {
  const missing: string[] = [];
  if (!schemas.public?.create) missing.push(`grant create on schema public to ${role}`);
  const applied = tables.find(({ schema, table }) => schema === 'drizzle' && table === APPLIED);
  if (!schemas.drizzle && !can_create_schemas) missing.push(createSchema('drizzle', role, database));
  if (schemas.drizzle && !applied && !schemas.drizzle.create)
    missing.push(`grant create on schema drizzle to ${role}`);
  if (applied && !(applied.insert && applied.select))
    missing.push(`grant select, insert on drizzle.${APPLIED} to ${role}`);
  if (applied) {
    const foreign = tables.filter(
      ({ schema, table, owned }) => schema === 'public' && table in TABLE_PRIVILEGES && !owned,
    );
    for (const owner of new Set(foreign.map(({ owner }) => owner)))
      missing.push(
        `grant ${owner} to ${role} (the owner of tables that a migration may change), or migrate as ${owner}`,
      );
  }
  return missing;
}

/** @returns statements that grant what requests need */
export function missingToServe({ role, tables }: Privileges): string[] {
  const missing = tables
    .filter(({ schema, table }) => schema === 'public' && table in TABLE_PRIVILEGES)
    .map((rights) => ({
      table: rights.table,
      lacks: (['select', ...(TABLE_PRIVILEGES[rights.table] ?? [])] as const).filter(
        (right) => !rights[right],
      ),
    }))
    .filter(({ lacks }) => lacks.length > 0);
  // One statement, if many tables lack privileges.
  if (missing.length > 3)
    return [`grant select, insert, update, delete on all tables in schema public to ${role}`];
  return missing.map(({ table, lacks }) => `grant ${lacks.join(', ')} on ${table} to ${role}`);
}

/** @returns statements that grant what background work needs */
export function missingForJobs({
  role,
  database,
  can_create_schemas,
  schemas,
  tables,
}: Privileges): string[] {
  if (!schemas.pgboss) return can_create_schemas ? [] : [createSchema('pgboss', role, database)];
  const missing = missingUsage('pgboss', role, schemas);
  const own = tables.filter(({ schema }) => schema === 'pgboss');
  if (!own.some(({ table }) => table === VERSION) && !schemas.pgboss.create)
    missing.push(`grant create on schema pgboss to ${role}`);
  if (own.some((rights) => !(rights.select && rights.insert && rights.update && rights.delete)))
    missing.push(`grant select, insert, update, delete on all tables in schema pgboss to ${role}`);
  return missing;
}

/** @throws PrivilegeError if something is missing */
export function requirePrivileges({ role }: Privileges, missing: readonly string[], otherwise = ''): void {
  if (missing.length === 0) return;
  throw new PrivilegeError(
    `the role ${role} lacks rights that are needed, as an administrator run: ${missing.join('; ')}${otherwise}`,
  );
}

function missingUsage(
  name: 'public' | 'drizzle' | 'pgboss',
  role: string,
  schemas: Privileges['schemas'],
): string[] {
  const schema = schemas[name];
  if (schema === undefined) return [`create schema ${name} authorization ${role}`];
  return schema.usage ? [] : [`grant usage on schema ${name} to ${role}`];
}

const createSchema = (name: string, role: string, database: string): string =>
  `create schema ${name} authorization ${role} (or: grant create on database ${database} to ${role})`;
