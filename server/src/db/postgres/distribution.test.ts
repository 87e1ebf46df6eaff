import { expect, test } from 'vitest';
import { getTableConfig, isTable } from '../drizzle.ts';
import * as schema from '../schema/index.ts';
import { distributionPlan } from './distribution.ts';
import { TABLE_PRIVILEGES } from './privileges.ts';

const plan = distributionPlan();
const tables = (Object.values(schema) as unknown[]).filter(isTable).map(getTableConfig);
/** How a table is distributed where it is not by `user_id`, on the node of its user. */
const OTHERWISE: Readonly<Record<string, object>> = {
  users: { kind: 'distributed', by: 'id', group: 'users' },
  logins: { kind: 'distributed', by: 'key', group: 'alone' },
  exercises: { kind: 'reference' },
  exercise_catalogue: { kind: 'reference' },
};

test('#787 every table is on the node of its user, but for logins and the catalogue', () => {
  const names = plan.map(({ table }) => table);
  // The rights of servers name each table of the schema; logins are changed with their user.
  expect([...names].sort()).toEqual([...new Set([...Object.keys(TABLE_PRIVILEGES), 'logins'])].sort());
  for (const { table, distribution } of plan)
    expect(distribution, table).toEqual(
      OTHERWISE[table] ?? { kind: 'distributed', by: 'user_id', group: 'users' },
    );
});

test('#787 what is unique is so on one node, and a table comes after those that it refers to', () => {
  const seen = new Set<string>();
  for (const { table, distribution, foreignKeys } of plan) {
    for (const { to, columns } of foreignKeys) {
      expect(seen, `${table} refers to ${to}`).toContain(to);
      const other = plan.find((one) => one.table === to)?.distribution;
      // A foreign key between tables of users holds the user.
      if (
        other?.kind === 'distributed' &&
        distribution.kind === 'distributed' &&
        distribution.group === 'users'
      )
        expect(columns, `${table} refers to ${to}`).toContain(distribution.by);
    }
    seen.add(table);
    if (distribution.kind === 'reference') continue;
    const { indexes = [], primaryKeys = [] } = tables.find(({ name }) => name === table) ?? {};
    const unique = [
      ...indexes
        .filter(({ config }) => config.unique)
        .map(({ config }) => config.columns.map((column) => (column as { name?: string }).name)),
      ...primaryKeys.map(({ columns }) => columns.map(({ name }) => name)),
    ];
    for (const columns of unique) expect(columns, table).toContain(distribution.by);
  }
});
