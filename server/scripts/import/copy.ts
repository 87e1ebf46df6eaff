// Copies a table in batches, each in one transaction: a stop in the middle loses nothing, the next run goes on.
import type postgres from 'postgres';
import { databaseCode } from '../../src/db/errors.ts';
import { findMapped, keyText, saveMappings, type Target } from './idMap.ts';
import type { Report } from './report.ts';
import type { SourceRow } from './sanitize.ts';
import { isOwned } from './schema.ts';
import { type Item, keyOf, type Step } from './step.ts';

/** Ids above it get a new one: they would leave no room for the rows to come. */
export const GREATEST_ID = 2_000_000_000;

/** @param batch rows in one transaction */
export async function copyTable(
  source: postgres.TransactionSql,
  target: postgres.Sql,
  step: Step,
  report: Report,
  batch: number,
): Promise<void> {
  const [row] = await source.unsafe<{ n: string }[]>(`select count(*) as n from (${step.select}) as counted`);
  const total = Number(row?.n);
  const taken = isOwned(step.table) ? await takenIds(source, target, step.table) : undefined;
  for await (const rows of source.unsafe<SourceRow[]>(step.select).cursor(batch)) {
    await copyRows(target, step, rows, taken, report);
    report.progress(step.table, total);
  }
  report.progress(step.table, total, true);
}

/** One row that the database refuses for a reason nobody thought of must not keep the others away. */
async function copyRows(
  target: postgres.Sql,
  step: Step,
  rows: readonly SourceRow[],
  taken: ReadonlySet<number> | undefined,
  report: Report,
): Promise<void> {
  const notes = report.batch(step.table);
  try {
    await target.begin((transaction) => copyBatch(transaction, step, rows, taken, notes));
    notes.commit(rows.length);
  } catch (error) {
    const code = databaseCode(error);
    // Class 22: a value; class 23: a constraint. Anything else is no row's fault.
    if (code === undefined || !/^2[23]/.test(code)) throw error;
    if (rows.length > 1) {
      for (const row of rows) await copyRows(target, step, [row], taken, report);
      return;
    }
    const refused = report.batch(step.table);
    for (const row of rows) refused.refused(row.id, `the database refuses it (SQLSTATE ${code})`);
    refused.commit(rows.length);
  }
}

async function copyBatch(
  target: postgres.TransactionSql,
  step: Step,
  rows: readonly SourceRow[],
  taken: ReadonlySet<number> | undefined,
  notes: ReturnType<Report['batch']>,
): Promise<void> {
  const { table } = step;
  const known = await findMapped(target, table, rows.map(keyOf));
  const fresh = rows.filter((row) => !known.has(keyText(keyOf(row))));
  notes.there(rows.length - fresh.length);
  if (fresh.length === 0) return;

  const items = await step.prepare(target, fresh, (row, why) => notes.refused(row.id, why));
  const ids = await assignIds(target, table, items, taken);
  const made = items.filter((item) => item.mergedInto === undefined);
  const values = made.map((item) => ({ id: ids.get(item) as number, ...item.values }));
  if (values.length > 0) {
    if (step.insert) await step.insert(target, values);
    else await target`insert into ${target(table)} ${target(values)}`;
  }
  const targetOf = (item: Item): number =>
    typeof item.mergedInto === 'object'
      ? targetOf(item.mergedInto)
      : (item.mergedInto ?? (ids.get(item) as number));
  if (items.length > 0)
    await saveMappings(
      target,
      table,
      items.map((item) => ({
        source_id: item.source_id,
        owner: item.owner,
        id: targetOf(item),
        user_id: (item.values.user_id ?? null) as Target['user_id'],
      })),
    );

  notes.copied(items.length);
  for (const item of items)
    if (item.repairs.length > 0) notes.repaired(item.source_id, item.repairs.join('; '));
}

/** Each item keeps its id where that is possible; copies, and rows whose id is another's already, get a new one. */
async function assignIds(
  target: postgres.TransactionSql,
  table: string,
  items: readonly Item[],
  knownTaken: ReadonlySet<number> | undefined,
): Promise<Map<Item, number>> {
  const ids = new Map<Item, number>();
  const wanted = (item: Item) => Number(item.source_id);
  const keepable = items.filter(
    (item) => item.mergedInto === undefined && !item.copy && wanted(item) > 0 && wanted(item) <= GREATEST_ID,
  );
  const taken = knownTaken ?? (await existingIds(target, table, keepable.map(wanted)));
  for (const item of keepable) if (!taken.has(wanted(item))) ids.set(item, wanted(item));

  const others = items.filter((item) => item.mergedInto === undefined && !ids.has(item));
  const fresh = await newIds(target, table, others.length);
  others.forEach((item, at) => {
    ids.set(item, fresh[at] as number);
    item.repairs.push(
      item.copy
        ? `copied for users ${item.owner} as ${fresh[at]}`
        : `its id could not be kept, it has ${fresh[at]} now`,
    );
  });
  return ids;
}

async function existingIds(
  target: postgres.TransactionSql,
  table: string,
  ids: readonly number[],
): Promise<ReadonlySet<number>> {
  const rows = await target<
    { id: number }[]
  >`select id from ${target(table)} where id = any(${ids}::bigint[])`;
  return new Set(rows.map((row) => row.id));
}

/**
 * What is a user's has no index that begins with its id, so such a table is read once and not for each batch. Rows that come
 * later have ids of the sequence, which is past those of the source.
 * @returns ids which rows of the source may have, and other rows here have already
 */
async function takenIds(
  source: postgres.TransactionSql,
  target: postgres.Sql,
  table: string,
): Promise<ReadonlySet<number>> {
  const rows = await target<{ id: number }[]>`
    select t.id
    from ${target(table)} t
    where t.id <= ${await greatestId(source, table)}::bigint
      and not exists (
        select from stepwise_import.kept k
        where k.of = ${table} and k.source_id = t.id and k.target_id = t.id)`;
  return new Set(rows.map((row) => row.id));
}

/** @returns the greatest id of the source that can be kept, or null */
async function greatestId(source: postgres.TransactionSql, table: string): Promise<string | null> {
  const [row] = await source.unsafe<{ id: string | null }[]>(
    `select max(id)::text as id from ${table} where id between 1 and ${GREATEST_ID}`,
  );
  return row?.id ?? null;
}

/** @returns ids of the table's own sequence */
export async function newIds(
  target: postgres.TransactionSql,
  table: string,
  count: number,
): Promise<number[]> {
  const rows = await target<{ id: number }[]>`
    select nextval(pg_get_serial_sequence(${table}, 'id')) as id from generate_series(1, ${count}::int)`;
  return rows.map((row) => row.id);
}

/** Sets the table's sequence past every id that the source or the target has, never back. */
export async function raiseSequence(
  source: postgres.TransactionSql,
  target: postgres.Sql,
  table: string,
): Promise<void> {
  await target`
    select setval(s.sequence, ids.top)
    from (select pg_get_serial_sequence(${table}, 'id')::regclass) as s (sequence),
      (select greatest(${await greatestId(source, table)}::bigint, (select max(id) from ${target(table)}))) as ids (top)
    where ids.top > coalesce(pg_sequence_last_value(s.sequence), 0)`;
}
