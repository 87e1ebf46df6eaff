import { is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { expect, test } from 'vitest';
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

/** What is not taken along: nothing may be taken from the catalogue, and a task outlives its series. */
const OTHERWISE: Readonly<Record<string, string>> = { exercises: 'restrict', task_series: 'set null' };

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
