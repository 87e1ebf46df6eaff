// Which row of the source became which row of ours. It is stored in the target itself, in the same transaction as the row:
// so a second run knows what is there, a copy is made once, and what a user removed since does not come back.
import type postgres from 'postgres';
import { isOwned, OWNED_TABLES } from './schema.ts';

type Sql = postgres.Sql | postgres.TransactionSql;

/** Names a row of the source. `owner` is the source's user for whom a resource was copied, '0' everywhere else. */
export interface Key {
  readonly source_id: string;
  readonly owner: string;
}

export const keyText = ({ source_id, owner }: Key): string => `${source_id}/${owner}`;

/** A row of ours. */
export interface Target {
  readonly id: number;
  /** Whose it is; null of a user and of an exercise. */
  readonly user_id: number | null;
}

/** Makes the table unless it is there. It has a schema of its own: it is not part of the server's. */
export async function createIdMap(target: postgres.Sql): Promise<void> {
  await target`create schema if not exists stepwise_import`;
  await target`
    create table if not exists stepwise_import.kept (
      of text not null,
      source_id bigint not null,
      owner bigint not null,
      target_id bigint not null,
      user_id bigint,
      primary key (of, source_id, owner))`;
  const [column] = await target`
    select from information_schema.columns
    where table_schema = 'stepwise_import' and table_name = 'kept' and column_name = 'user_id'`;
  if (!column) await widenIdMap(target);
}

/** The version before kept ids of 32 bits, and not whose a row is. What was removed since is nobody's. */
async function widenIdMap(target: postgres.Sql): Promise<void> {
  await target.begin(async (transaction) => {
    await transaction`
      alter table stepwise_import.kept
        alter column target_id type bigint,
        add column user_id bigint`;
    for (const table of OWNED_TABLES)
      await transaction`
        update stepwise_import.kept k
        set user_id = t.user_id
        from ${transaction(table)} t
        where k.of = ${table} and t.id = k.target_id`;
  });
}

/** @returns the rows of ours under `keyText`, of those keys that are known; also rows that were removed since */
export async function findMapped(
  target: Sql,
  of: string,
  keys: readonly Key[],
): Promise<Map<string, Target>> {
  const rows = await target<(Key & Target)[]>`
    select k.source_id::text, k.owner::text, k.target_id as id, k.user_id
    from stepwise_import.kept k
    join unnest(${keys.map((key) => key.source_id)}::bigint[], ${keys.map((key) => key.owner)}::bigint[]) as wanted (source_id, owner)
      using (source_id, owner)
    where k.of = ${of}`;
  return new Map(rows.map((row) => [keyText(row), { id: row.id, user_id: row.user_id }]));
}

/** @returns the rows in `table` that came from these rows of the source and are still there */
export async function findParents(
  target: Sql,
  table: string,
  keys: readonly Key[],
): Promise<Map<string, Target>> {
  const known = await findMapped(target, table, keys);
  const found = [...known.values()];
  const ids = found.map(({ id }) => id);
  const rows = isOwned(table)
    ? await target<{ id: number }[]>`
        select t.id
        from ${target(table)} t
        join unnest(${found.map(({ user_id }) => user_id)}::bigint[], ${ids}::bigint[]) as wanted (user_id, id)
          using (user_id, id)`
    : await target<{ id: number }[]>`select id from ${target(table)} where id = any(${ids}::bigint[])`;
  const alive = new Set(rows.map((row) => row.id));
  return new Map([...known].filter(([, { id }]) => alive.has(id)));
}

export async function saveMappings(target: Sql, of: string, rows: readonly (Key & Target)[]): Promise<void> {
  await target`
    insert into stepwise_import.kept (of, source_id, owner, target_id, user_id)
    select ${of}, * from unnest(
      ${rows.map((row) => row.source_id)}::bigint[], ${rows.map((row) => row.owner)}::bigint[],
      ${rows.map((row) => row.id)}::bigint[], ${rows.map((row) => row.user_id)}::bigint[])`;
}
