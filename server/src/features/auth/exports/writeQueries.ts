// Writes the file of an export. One statement writes a page of rows and records how far the file is, so a worker that is
// killed leaves a file that the next one continues, and two workers on one file do not write a page twice.
import type { SQL } from 'drizzle-orm';
import { sql } from '../../../db/drizzle.ts';
import type { RowOf } from '../../../db/rows.ts';
import { exportParts, exports, users } from '../../../db/schema/index.ts';
import { pickColumns } from '../../../db/sql/columns.ts';
import { appendEvents, lockUser, userLocked } from '../../../db/sql/eventLog.ts';
import { firstRow, read, write } from '../../../db/statement.ts';
import { exportJson, isOpen } from './queries.ts';
import { EXPORT_SECTIONS, SECTION_NAMES, type SectionName } from './sectionQueries.ts';

/** A finished file can be fetched for this long. */
const FILE_LIFETIME_HOURS = 24;

/** An open export that nobody has touched for this long is pending again: its job may be lost. */
const STALLED_AFTER_MINUTES = 5;

const EXPORT_ID = { user_id: 'bigint', id: 'bigint' } as const;

const POSITION = { section: exports.section, place: exports.place, parts: exports.parts } as const;

/** How far an export is: the section, the last row written of it (`place`), and the number of parts. */
export type ExportPosition = Readonly<RowOf<typeof POSITION>>;

const positionColumns = sql.raw('section, place, parts');

const lifetime = sql`make_interval(hours => ${sql.raw(String(FILE_LIFETIME_HOURS))})`;

export const findWaiting = read(
  'export.waiting',
  { limit: 'int' },
  pickColumns(exports, ['user_id', 'id']),
  ({ limit }) => sql`
  select user_id, id from ${exports}
  where ${isOpen} and (state = 'queued' or touched_at < now() - make_interval(mins => ${sql.raw(String(STALLED_AFTER_MINUTES))})) limit ${limit}`,
);

const [first] = SECTION_NAMES as [SectionName];

const totalOf = (user_id: SQL) =>
  sql.join(
    SECTION_NAMES.map(
      (name) => sql`(select count(*) from ${EXPORT_SECTIONS[name].table} t where t.user_id = ${user_id})`,
    ),
    sql.raw(' + '),
  );

// A retried export that had failed continues, unless its user has an open one by now.
export const beginExport = firstRow(
  write(
    'export.begin',
    EXPORT_ID,
    POSITION,
    ({ user_id, id }) => sql`
    with ${lockUser(user_id)},
    found as (
      select x.id, x.state, x.parts, (${totalOf(user_id)})::int as total,
        '{"user":' || json_build_object('id', u.id, 'login', u.login, 'created_at', u.created_at) as text
      from ${exports} x join ${users} u on u.id = ${user_id}
      where x.id = ${id} and x.user_id = ${user_id} and ${userLocked} and (x.${isOpen} or x.state = 'failed' and not exists (
        select from ${exports} o where o.user_id = ${user_id} and o.${isOpen}))),
    begun as (
      update ${exports} x set
        state = 'running', section = coalesce(x.section, '${sql.raw(first)}'), rows_total = greatest(x.rows_done, found.total),
        parts = greatest(x.parts, 1), bytes = greatest(x.bytes, octet_length(found.text)),
        touched_at = now(), finished_at = null, expires_at = null
      from found where x.user_id = ${user_id} and x.id = found.id and x.state = found.state
      returning x.*, found.state as before, found.parts as had, found.text),
    written as (
      insert into ${exportParts} (user_id, export_id, part, text) select ${user_id}, id, 0, text from begun where had = 0),
    ${appendEvents(user_id, 'export.changed', sql`select ${exportJson} as data from begun x where before <> 'running'`)}
    select ${positionColumns} from begun`,
  ),
);

/** The tenth of the whole that a count of rows is in: an export sends an event per tenth, not per page. */
const tenth = (rows: string) => sql.raw(`least(9, ${rows}::bigint * 10 / greatest(x.rows_total, 1))`);

/** 9999-12-31, the last date that there is here, in days since 1970. */
const LAST_DAY = 2_932_896;

// Times are computed in `piece`, which is materialized, as Citus refuses `now()` in the `case` of an update.
/** @returns the statement that writes the next page of a section; it writes nothing if another worker has written the page */
function pageWriter(name: SectionName) {
  const { table, key, row } = EXPORT_SECTIONS[name];
  const next: SectionName | undefined = SECTION_NAMES[SECTION_NAMES.indexOf(name) + 1];
  const column = sql.raw(`t.${key}`);
  const isDate = key === 'date' || key === 'from_date';
  // A place is a number: that of a date is its day since 1970.
  const position = isDate ? sql`${column} - date '1970-01-01'` : column;
  const after = (place: SQL) =>
    isDate ? sql`date '1970-01-01' + least(${place}, ${sql.raw(String(LAST_DAY))})::int` : place;
  const text = (value: string) => sql.raw(`'${value}'`);
  const finished = sql.raw(
    next
      ? ''
      : `, finished_at = case when ends then piece.at end,
          expires_at = case when ends then piece.expires end`,
  );
  return firstRow(
    write(
      `export.write.${name}`,
      { ...EXPORT_ID, place: 'bigint', part: 'int', limit: 'int' },
      POSITION,
      ({ user_id, id, place, part, limit }) => sql`
      with ${lockUser(user_id)},
      page as (
        select ${position} as place, (${row(user_id)})::text as line from ${table} t
        where t.user_id = ${user_id} and ${column} > ${after(place)} order by ${column} limit ${limit}),
      counted_page as (
        select count(*)::int as many, max(place) as last, count(*) < ${limit} as ends, string_agg(line, ',' order by place) as lines from page),
      piece as materialized (
        select many, last, ends, now() as at, now() + ${lifetime} as expires, concat(
          case when ${place} = 0 then ${text(`,"${name}":[`)} when many > 0 then ',' end, lines,
          case when ends then ${text(next ? ']' : ']}')} end) as text
        from counted_page),
      stepped as (
        update ${exports} x set
          parts = x.parts + 1, bytes = x.bytes + octet_length(piece.text), rows_done = x.rows_done + many, touched_at = now(),
          place = case when ends then 0 else last end,
          section = case when ends then ${next ? text(next) : sql.raw('null')} else x.section end,
          state = case when ends then ${text(next ? 'running' : 'done')} else x.state end
          ${finished}
        from piece where x.id = ${id} and x.user_id = ${user_id} and x.state = 'running' and x.parts = ${part} and ${userLocked}
        returning x.*, many, piece.text),
      written as (insert into ${exportParts} (user_id, export_id, part, text) select ${user_id}, id, parts - 1, text from stepped),
      ${appendEvents(
        user_id,
        'export.changed',
        sql`select ${exportJson} as data from stepped x where x.state = 'done' or ${tenth('x.rows_done')} <> ${tenth('(x.rows_done - x.many)')}`,
      )}
      select ${positionColumns} from stepped`,
    ),
  );
}

export const PAGE_WRITERS = Object.fromEntries(
  SECTION_NAMES.map((name) => [name, pageWriter(name)]),
) as Record<SectionName, ReturnType<typeof pageWriter>>;

export const markFailed = write(
  'export.giveUp',
  EXPORT_ID,
  { id: exports.id },
  ({ user_id, id }) => sql`
  with ${lockUser(user_id)},
  failed as (
    update ${exports} set state = 'failed', finished_at = now(), expires_at = now() + ${lifetime}
    where id = ${id} and user_id = ${user_id} and ${isOpen} and ${userLocked}
    returning *),
  ${appendEvents(user_id, 'export.changed', sql`select ${exportJson} as data from failed x`)}
  select id from failed`,
);
