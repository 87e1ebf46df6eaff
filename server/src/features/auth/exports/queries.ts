// The files of exports as their owner sees them. features/auth/exports/job.ts writes them.
import type { Database } from '../../../db/database.ts';
import { sql } from '../../../db/drizzle.ts';
import { json } from '../../../db/rows.ts';
import { exportParts, exports } from '../../../db/schema/index.ts';
import { audit, CLIENT_PARAMETERS, clientValues } from '../../../db/sql/audit.ts';
import { appendEvents, lockUser, userLocked } from '../../../db/sql/eventLog.ts';
import { retryOnConflict } from '../../../db/sql/optimistic.ts';
import { firstRow, read, write } from '../../../db/statement.ts';
import type { ClientInfo } from '../../../trpc/context.ts';
import type { AccountExport } from './contract.ts';

/** A user has at most so many files; one more replaces the oldest. */
const MAX_EXPORTS_PER_USER = 3;

const moment = (column: string) =>
  sql.raw(`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);

/** The export `x` as the API and the events show it. */
export const exportJson = sql`json_build_object(
  'id', x.id,
  'state', case when x.state = 'done' and x.expires_at <= now() then 'expired' else x.state end,
  'percent', case when x.state = 'done' then 100 else least(99, x.rows_done::bigint * 100 / greatest(x.rows_total, 1)) end,
  'rows_done', x.rows_done,
  'rows_total', greatest(x.rows_total, x.rows_done),
  'bytes', x.bytes,
  'created_at', ${moment('x.created_at')},
  'finished_at', ${moment('x.finished_at')},
  'expires_at', ${moment('x.expires_at')})`;

const EXPORT_ROW = { export: json<AccountExport>() };

export const isOpen = sql.raw(`state in ('queued', 'running')`);

// Of two calls at once the second gets no row: the export of the first was not there when its statement began.
const start = firstRow(
  write(
    'export.start',
    { user_id: 'bigint' },
    EXPORT_ROW,
    ({ user_id }) => sql`
    with ${lockUser(user_id)},
    open as (
      select *
      from ${exports}
      where user_id = ${user_id} and ${isOpen} and ${userLocked}),
    made as (
      insert into ${exports} (user_id)
      select ${user_id}
      where ${userLocked} and not exists (select from open)
      on conflict (user_id) where ${isOpen} do nothing
      returning *),
    gone as (
      delete from ${exports}
      where
        exists (select from made)
        and user_id = ${user_id}
        and id in (
          select id
          from ${exports}
          where user_id = ${user_id}
          order by id desc
          offset ${sql.raw(String(MAX_EXPORTS_PER_USER - 1))})),
    ${appendEvents(user_id, 'export.created', sql`select ${exportJson} as data from made x`)}
    select ${exportJson} as export
    from (
      select * from open
      union all
      select * from made) x`,
  ),
);

/** @returns the new export, or the one that has not ended yet */
export async function startExport(db: Database, user_id: number): Promise<AccountExport> {
  const { row } = await retryOnConflict(async () => {
    const found = await start(db, { user_id });
    return found ? { outcome: 'started' as const, row: found } : { outcome: 'conflict' as const };
  });
  return row.export;
}

const list = read(
  'export.list',
  { user_id: 'bigint' },
  EXPORT_ROW,
  ({ user_id }) => sql`
  select ${exportJson} as export
  from ${exports} x
  where user_id = ${user_id}
  order by id desc`,
);

/** Newest first. */
export async function listExports(db: Database, user_id: number): Promise<AccountExport[]> {
  return (await list(db, { user_id })).map((row) => row.export);
}

const byId = firstRow(
  read(
    'export.byId',
    { user_id: 'bigint', id: 'bigint' },
    EXPORT_ROW,
    ({ user_id, id }) => sql`
    select ${exportJson} as export
    from ${exports} x
    where id = ${id} and user_id = ${user_id}`,
  ),
);

export async function findExport(
  db: Database,
  user_id: number,
  id: number,
): Promise<AccountExport | undefined> {
  return (await byId(db, { user_id, id }))?.export;
}

const fetchFile = firstRow(
  write(
    'export.file',
    { ...CLIENT_PARAMETERS, user_id: 'bigint', id: 'bigint' },
    { id: exports.id, bytes: 'bigint', date: 'text' },
    ({ user_id, id, ...p }) => sql`
    with found as (
      select *
      from ${exports}
      where id = ${id} and user_id = ${user_id} and state = 'done' and expires_at > now()),
    audited as (${audit('account_exported', p, 'found')})
    select id, bytes, to_char(finished_at at time zone 'UTC', 'YYYY-MM-DD') as date
    from found`,
  ),
);

/** Records the download in the audit trail. @returns the size and date of a file that can be fetched */
export function findFile(db: Database, user_id: number, id: number, client: ClientInfo) {
  return fetchFile(db, { ...clientValues(client), user_id, id });
}

const part = firstRow(
  read(
    'export.part',
    { user_id: 'bigint', id: 'bigint', part: 'int' },
    { text: exportParts.text },
    (p) => sql`
    select part.text
    from ${exports} export
    join ${exportParts} part
      on part.user_id = ${p.user_id} and part.export_id = export.id and part.part = ${p.part}
    where export.id = ${p.id} and export.user_id = ${p.user_id}`,
  ),
);

/** Yields the parts of a file in order. It reads one at a time, so only one part is in memory, however large the file is. */
export async function* readFile(db: Database, user_id: number, id: number): AsyncGenerator<string, void> {
  for (let number = 0; ; number++) {
    const found = await part(db, { user_id, id, part: number });
    if (!found) return;
    yield found.text;
  }
}
