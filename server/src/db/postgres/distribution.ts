// How the tables and functions of this version are spread over the nodes of a Citus cluster, by the user
// (docs/decisions/0024-distributed-schema.md), and what of it a database lacks.
import { insertFunctions } from '../../statements.ts';
import type { Database } from '../database.ts';
import { getTableConfig, isTable, sql, type Table } from '../drizzle.ts';
import { SchemaError } from '../migrations/version.ts';
import * as schema from '../schema/index.ts';

/** How the rows of a table are spread. */
export type Distribution =
  /** By a column. Tables in the same group have the rows of one user on the same node. */
  | { readonly kind: 'distributed'; readonly by: string; readonly group: 'users' | 'own' }
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
      ? { kind: 'distributed', by, group: name === 'users' || by === 'user_id' ? 'users' : 'own' }
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
  readonly definition: string;
}

/** @returns what statements call on the nodes (../distributed.ts) */
export const calledFunctions = (): ClusterFunction[] =>
  insertFunctions().map((definition) => {
    const [, name] = /^create or replace function public\.(\w+)/.exec(definition) ?? [];
    if (name === undefined) throw new Error(`no function: ${definition}`);
    return { name, definition };
  });

/**
 * Checks that `pnpm db:distribute` was run after the migrations of this version.
 * @throws SchemaError otherwise
 */
export async function checkDistribution(db: Database): Promise<void> {
  const found = await db.execute<{ name: string }>(sql`
    select relname as name
    from pg_dist_partition
    join pg_class on pg_class.oid = logicalrelid
    where relnamespace = 'public'::regnamespace
    union all
    select proname
    from pg_proc
    where pronamespace = 'public'::regnamespace`);
  const there = new Set(found.map(({ name }) => name));
  const missing = [
    ...distributionPlan().map(({ table }) => table),
    ...calledFunctions().map(({ name }) => name),
  ].filter((name) => !there.has(name));
  if (missing.length > 0)
    throw new SchemaError(
      `the nodes of the cluster lack what this version needs (${missing.join(', ')}): run pnpm db:distribute`,
    );
}
