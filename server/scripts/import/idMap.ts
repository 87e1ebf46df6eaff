// Which row of the source became which row of ours. It is stored in the target itself, in the same transaction as the row:
// so a second run knows what is there, a copy is made once, and what a user removed since does not come back.
import type postgres from 'postgres';

type Sql = postgres.Sql | postgres.TransactionSql;

/** Names a row of the source. `owner` is the source's user for whom a resource was copied, '0' everywhere else. */
export interface Key {
  readonly source_id: string;
  readonly owner: string;
}

export const keyText = ({ source_id, owner }: Key): string => `${source_id}/${owner}`;

/** Makes the table unless it is there. It has a schema of its own: it is not part of the server's. */
export async function createIdMap(target: Sql): Promise<void> {
  await target`create schema if not exists stepwise_import`;
  await target`
    create table if not exists stepwise_import.kept (
      of text not null,
      source_id bigint not null,
      owner bigint not null,
      target_id integer not null,
      primary key (of, source_id, owner))`;
}

/** @returns the target ids under `keyText`, of those keys that are known; also of rows that were removed since */
export async function findMapped(
  target: Sql,
  of: string,
  keys: readonly Key[],
): Promise<Map<string, number>> {
  const rows = await target<{ source_id: string; owner: string; target_id: number }[]>`
    select k.source_id::text, k.owner::text, k.target_id
    from stepwise_import.kept k
    join unnest(${keys.map((key) => key.source_id)}::bigint[], ${keys.map((key) => key.owner)}::bigint[]) as wanted (source_id, owner)
      using (source_id, owner)
    where k.of = ${of}`;
  return new Map(rows.map((row) => [keyText(row), row.target_id]));
}

/** @returns the ids in `table` of the rows that came from these rows of the source and are still there */
export async function findParents(
  target: Sql,
  table: string,
  keys: readonly Key[],
): Promise<Map<string, number>> {
  const known = await findMapped(target, table, keys);
  const rows = await target<
    { id: number }[]
  >`select id from ${target(table)} where id = any(${[...known.values()]}::int[])`;
  const alive = new Set(rows.map((row) => row.id));
  return new Map([...known].filter(([, id]) => alive.has(id)));
}

export async function saveMappings(
  target: Sql,
  of: string,
  rows: readonly (Key & { target_id: number })[],
): Promise<void> {
  await target`
    insert into stepwise_import.kept (of, source_id, owner, target_id)
    select ${of}, * from unnest(
      ${rows.map((row) => row.source_id)}::bigint[], ${rows.map((row) => row.owner)}::bigint[], ${rows.map((row) => row.target_id)}::int[])`;
}
