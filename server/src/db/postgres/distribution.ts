// How the tables and functions of this version are spread over the nodes of a Citus cluster, by the user
// (docs/decisions/0024-distributed-schema.md), and what of it a database lacks.
import { functionsOfStatements } from '../../statements.ts';
import type { Database } from '../database.ts';
import { getTableConfig, isTable, sql, type Table } from '../drizzle.ts';
import * as schema from '../schema/index.ts';

/** How the rows of a table are spread. */
export type Distribution =
  /** By a column. Tables in the same group have the rows of one user on the same node. */
  | { readonly kind: 'distributed'; readonly by: string; readonly group: 'users' | 'alone' }
  /** All rows are on each node. */
  | { readonly kind: 'reference' };

export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly to: string;
  readonly toColumns: readonly string[];
  readonly onDelete: string;
}

export interface TablePlan {
  readonly table: string;
  readonly distribution: Distribution;
  readonly foreignKeys: readonly ForeignKey[];
}

/** @returns every table of the schema, in an order in which none comes before one that it refers to */
export function distributionPlan(): TablePlan[] {
  const plans = (Object.values(schema) as unknown[]).filter(isTable).map(planOf);
  const ordered: TablePlan[] = [];
  while (ordered.length < plans.length) {
    const isPlaced = (name: string) => ordered.some(({ table }) => table === name);
    const next = plans.find(
      ({ table, distribution, foreignKeys }) =>
        !isPlaced(table) &&
        (table === 'users' || distribution.kind === 'reference' || isPlaced('users')) &&
        foreignKeys.every(({ to }) => isPlaced(to)),
    );
    if (!next) throw new Error('tables refer to each other in a circle');
    ordered.push(next);
  }
  return ordered;
}

/**
 * A table without a user's rows is a reference table. Others are distributed by the first column of their primary key: that is
 * the user, but for logins, which are unique among all users.
 */
function planOf(table: Table): TablePlan {
  const { name, columns, primaryKeys, foreignKeys } = getTableConfig(table);
  const by = primaryKeys[0]?.columns[0]?.name ?? columns.find(({ primary }) => primary)?.name;
  if (by === undefined) throw new Error(`the table ${name} has no primary key`);
  const isOfUsers = name === 'users' || columns.some((column) => column.name === 'user_id');
  return {
    table: name,
    distribution: isOfUsers
      ? { kind: 'distributed', by, group: name === 'users' || by === 'user_id' ? 'users' : 'alone' }
      : { kind: 'reference' },
    foreignKeys: foreignKeys.map((key) => {
      const { columns: from, foreignTable, foreignColumns } = key.reference();
      return {
        name: key.getName(),
        columns: from.map((column) => column.name),
        to: getTableConfig(foreignTable).name,
        toColumns: foreignColumns.map((column) => column.name),
        onDelete: key.onDelete ?? 'no action',
      };
    }),
  };
}

/** A function of the schema `public`. */
export interface ClusterFunction {
  readonly name: string;
  /** Creates it. */
  readonly definition: string;
}

/**
 * Removes lines of the audit trail that are older than a year, those of a minute at a time: the role of the servers has no
 * right to remove others (serverRole.ts). A version that changes it gives it another name, as servers of two may run.
 */
const REMOVE_EXPIRED_AUDIT: ClusterFunction = {
  name: 'remove_expired_audit_trail',
  definition: `create function public.remove_expired_audit_trail() returns integer
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $function$
declare
  removed integer;
begin
  delete from public.audit_trail
  where at < least(now() - interval '1 year', (select min(at) from public.audit_trail) + interval '1 minute');
  get diagnostics removed = row_count;
  return removed;
end $function$`,
};

/** @returns what statements call (../distributed.ts) */
export const calledFunctions = (): ClusterFunction[] => [
  REMOVE_EXPIRED_AUDIT,
  ...functionsOfStatements().map((definition) => {
    const [, name] = /^create or replace function public\.(\w+)/.exec(definition) ?? [];
    if (name === undefined) throw new Error(`no function: ${definition}`);
    return { name, definition };
  }),
];

/** @returns the names of the tables of `public` that are distributed or on each node, and of its functions */
export async function readExisting(db: Database): Promise<ReadonlySet<string>> {
  const found = await db.execute<{ name: string }>(sql`
    select relname as name
    from pg_dist_partition
    join pg_class on pg_class.oid = logicalrelid
    where relnamespace = 'public'::regnamespace
    union all
    select proname
    from pg_proc
    where pronamespace = 'public'::regnamespace`);
  return new Set(found.map(({ name }) => name));
}

/** @returns what this version needs and is not there: `pnpm db:distribute` makes it */
export async function readMissing(db: Database): Promise<string[]> {
  const there = await readExisting(db);
  const needed = [
    ...distributionPlan().map(({ table }) => table),
    ...calledFunctions().map(({ name }) => name),
  ];
  return needed.filter((name) => !there.has(name));
}
