// Fills rows between two migrations, in batches: each is a transaction of its own on PostgreSQL, so that no lock outlasts it.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../database.ts';
import { sql } from '../drizzle.ts';
import { STORED_LOGIN_KEY } from '../schema/index.ts';

/** How far it is. */
export interface BackfillProgress {
  readonly table: string;
  /** Rows that were looked at in this run. */
  readonly rows: number;
}

/**
 * Fills the next batch. A backfill that was cut off begins anew, and does nothing to what is filled already.
 * @returns how far it is; undefined when all is filled
 */
export type Backfill = (tx: Database) => Promise<BackfillProgress | undefined>;

/**
 * Rows in a batch, which takes some 0.2 s. One that has fewer is the last of its table: what servers write from then on is not
 * waited for, as triggers fill it.
 */
const BATCH_ROWS = 10_000;

/** What is filled before a migration, by the migration's name. */
export const BACKFILLS: Readonly<Record<string, () => Backfill>> = {
  '0011_owners_known': fillOwners,
  '0013_exchange': copyTables,
};

/** Tables whose rows get the user of the row that they belong to, in this order. `id` is what batches are counted by. */
const OWNED = [
  { table: 'workouts', id: 'id', parent: 'physical_plans', parent_id: 'physical_plan_id' },
  { table: 'workout_exercises', id: 'id', parent: 'workouts', parent_id: 'workout_id' },
  { table: 'mental_plan_resources', id: 'id', parent: 'mental_plans', parent_id: 'mental_plan_id' },
  { table: 'export_parts', id: 'export_id', parent: 'exports', parent_id: 'export_id' },
] as const;

interface IdRange {
  readonly table: string;
  readonly id: string;
  /** @returns the statement that fills the rows with ids after `from`, up to `to` */
  fill(from: SQL, to: SQL): SQL;
}

const name = (text: string) => sql.identifier(text);
const number = (value: number) => sql.raw(`${value}::bigint`);

/** Says whose workouts, their exercises, links and parts of exports are, and lists the logins of users that nobody removes meanwhile. */
function fillOwners(): Backfill {
  return inIdRanges([
    ...OWNED.map(({ table, id, parent, parent_id }) => ({
      table,
      id,
      fill: (from: SQL, to: SQL) => sql`
        update ${name(table)} child
        set user_id = parent.user_id
        from ${name(parent)} parent
        where parent.id = child.${name(parent_id)}
          and child.${name(id)} > ${from}
          and child.${name(id)} <= ${to}
          and child.user_id is null`,
    })),
    {
      table: 'users',
      id: 'id',
      fill: (from: SQL, to: SQL) => sql`
        insert into logins (key, login_key, user_id)
        select ${sql.raw(STORED_LOGIN_KEY)}, login_key, id
        from users
        where id > ${from} and id <= ${to}
        for key share
        on conflict do nothing`,
    },
  ]);
}

function inIdRanges(ranges: readonly IdRange[]): Backfill {
  let at = 0;
  let last = 0;
  let rows = 0;
  return async (tx) => {
    const range = ranges[at];
    if (!range) return undefined;
    const { table, id, fill } = range;
    const [found] = await tx.execute<{ last: string | null; rows: number }>(sql`
      select max(id)::text as last, count(*)::int as rows
      from (
        select ${name(id)} as id
        from ${name(table)}
        where ${name(id)} > ${number(last)}
        order by ${name(id)}
        limit ${sql.raw(String(BATCH_ROWS))}) batch`);
    if (found?.last != null) await tx.execute(fill(number(last), number(Number(found.last))));
    const inBatch = found?.rows ?? 0;
    const progress = { table, rows: rows + inBatch };
    if (inBatch < BATCH_ROWS) {
      at++;
      last = 0;
      rows = 0;
    } else {
      last = Number(found?.last);
      rows = progress.rows;
    }
    return progress;
  };
}

/** A table that `0012_wide_tables` has made for an older one. */
interface WideTable {
  readonly table: string;
  readonly old: string;
  /** Its columns, and expressions of a row `new` of the older table. */
  readonly names: string;
  readonly values: string;
  readonly old_key: string[];
  readonly old_key_types: string[];
}

/**
 * Copies the rows of each table into the wider one that follows it, in any order: those have no foreign keys yet. Triggers copy
 * what changes meanwhile.
 */
function copyTables(): Backfill {
  let tables: WideTable[] | undefined;
  let after: string[] | undefined;
  let rows = 0;
  return async (tx) => {
    tables ??= await readWideTables(tx);
    const [current] = tables;
    if (!current) return undefined;
    const { table, old, names, values, old_key, old_key_types } = current;
    const key = old_key.join(', ');
    const parameters = after?.map(
      (value, index) => sql`${value}::${sql.raw(old_key_types[index] as string)}`,
    );
    const start = parameters ? sql`where (${sql.raw(key)}) > (${sql.join(parameters, sql`, `)})` : sql``;
    const [copied] = await tx.execute<{ key: string[]; rows: number }>(sql`
      with batch as materialized (
        select *
        from ${name(old)}
        ${start}
        order by ${sql.raw(key)}
        limit ${sql.raw(String(BATCH_ROWS))}
        for share),
      copied as (
        insert into ${name(table)} (${sql.raw(names)}) overriding system value
        select ${sql.raw(values)}
        from batch as new
        on conflict do nothing)
      select
        array[${sql.raw(old_key.map((column) => `${column}::text`).join(', '))}] as key,
        (select count(*)::int from batch) as rows
      from batch
      order by ${sql.raw(old_key.map((column) => `batch.${column} desc`).join(', '))}
      limit 1`);
    const inBatch = copied?.rows ?? 0;
    const progress = { table: old, rows: rows + inBatch };
    if (inBatch < BATCH_ROWS) {
      if (progress.rows > 0) await tx.execute(sql`analyze ${name(table)}`);
      tables.shift();
      after = undefined;
      rows = 0;
    } else {
      after = copied?.key;
      rows = progress.rows;
    }
    return progress;
  };
}

function readWideTables(tx: Database): Promise<WideTable[]> {
  return tx.execute<WideTable>(
    sql`select "table", old, names, values, old_key, old_key_types from next_tables order by old`,
  );
}
