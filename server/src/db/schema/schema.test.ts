import { is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { describe, expect, test } from 'vitest';
import * as schema from './index.ts';

const tables = Object.values(schema)
  .filter((value) => is(value, PgTable))
  .map((table) => getTableConfig(table as PgTable));

const foreignKeys = tables.flatMap((table) =>
  table.foreignKeys.map((key) => {
    const { columns, foreignTable } = key.reference();
    const [column] = columns;
    return {
      table,
      column: column?.name as string,
      to: getTableConfig(foreignTable).name,
      onDelete: key.onDelete,
    };
  }),
);

/** What is not taken along: nothing may be taken from the catalogue, and a task outlives its series, which leaves it first. */
const OTHERWISE: Readonly<Record<string, string>> = { exercises: 'restrict', task_series: 'no action' };

test.each(foreignKeys.map((key) => ({ ...key, name: `${key.table.name}.${key.column}` })))(
  'what $name refers to takes it along, but for the catalogue and series',
  ({ to, onDelete }) => {
    expect(onDelete).toBe(OTHERWISE[to] ?? 'cascade');
  },
);

test.each(
  foreignKeys
    .filter(({ to }) => to !== 'exercises')
    .map((key) => ({ ...key, name: `${key.table.name}.${key.column}` })),
)('removing what $name refers to finds it by an index', ({ table, column }) => {
  const leading = [
    ...table.indexes.map((index) => (index.config.columns[0] as { name?: string }).name),
    ...table.primaryKeys.map((key) => key.columns[0]?.name),
  ];
  expect(leading).toContain(column);
});

/** What no user owns. */
const SHARED = ['exercises', 'exercise_catalogue'];
/** Distributed by something else: a user by its own id, a login by itself, so that all its spellings are on one node. */
const OWN_KEYS: Readonly<Record<string, string>> = { users: 'id', logins: 'key' };

describe.each(tables.filter(({ name }) => !SHARED.includes(name)))(
  '$name can be distributed by the user',
  (table) => {
    const column = OWN_KEYS[table.name] ?? 'user_id';

    test('#820 its primary key and unique indexes begin with the user', () => {
      const primary = [
        ...table.primaryKeys.map((key) => key.columns[0]?.name),
        ...table.columns.filter((one) => one.primary).map((one) => one.name),
      ];
      expect(primary).toEqual([column]);
      const unique = table.indexes
        .filter((index) => index.config.unique)
        .map((index) => (index.config.columns[0] as { name?: string }).name);
      expect(unique.filter((name) => name !== column)).toEqual([]);
    });

    test('#820 what it refers to is the same user’s, or belongs to nobody', () => {
      const keys = table.foreignKeys.map((key) => key.reference());
      const pairs = keys
        .filter(({ foreignTable }) => !SHARED.includes(getTableConfig(foreignTable).name))
        .map(({ columns, foreignColumns }) => [columns[0]?.name, foreignColumns[0]?.name]);
      for (const pair of pairs)
        expect([
          ['user_id', 'id'],
          ['user_id', 'user_id'],
        ]).toContainEqual(pair);
    });
  },
);

test.each(
  tables.flatMap((table) =>
    table.columns
      .filter(({ name }) => name === 'id' || name.endsWith('_id'))
      .filter(({ name }) => name !== 'request_id')
      .map((column) => ({ name: `${table.name}.${column.name}`, column })),
  ),
)('#821 $name has 64 bits', ({ column }) => {
  expect(column.getSQLType()).toBe('bigint');
});
