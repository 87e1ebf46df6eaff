// Writes the files that users have asked for: a page of rows and the note of how far it is in one statement, so that a
// worker that is killed leaves a file that the next one goes on with, and two that work on the same one help each other.
import type { SQL } from 'drizzle-orm';
import { EXPORT_SECTIONS, SECTION_NAMES, type SectionName } from '../db/account.ts';
import type { Database } from '../db/client.ts';
import { appendEvents, lockUser, userLocked } from '../db/events.ts';
import { sql } from '../db/orm.ts';
import { exportParts, exports, users } from '../db/schema/index.ts';
import { firstRow, read, write } from '../db/statement.ts';
import { exportJson, isOpen } from '../features/auth/exports/queries.ts';
import type { Job } from './job.ts';

/** Hours for which a file can be fetched. */
const FILE_LIFETIME_HOURS = 24;

/** Minutes after which one that nobody has touched is told again: should its job be lost, it gets another. */
const STALLED_AFTER_MINUTES = 5;

/** Of what waits at most so many are handed out at a time. */
const MAX_PENDING = 100;

const EXPORT_ID = { user_id: 'int', id: 'int' } as const;

/** Where an export stands: in which list, behind which row, and how many parts there are. */
interface ExportPosition {
  readonly section: SectionName | null;
  readonly place: number;
  readonly parts: number;
}

const positionColumns = sql.raw('section, place::float8 as place, parts');

const ended = sql`finished_at = now(), expires_at = now() + make_interval(hours => ${sql.raw(String(FILE_LIFETIME_HOURS))})`;

const findWaiting = read(
  'export.waiting',
  { limit: 'int' },
  ({ limit }): SQL<{ user_id: number; id: number }> => sql`
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

// One that failed goes on when somebody asks for that, unless its user has asked for another one meanwhile.
const beginExport = firstRow(
  write(
    'export.begin',
    EXPORT_ID,
    ({ user_id, id }): SQL<ExportPosition> => sql`
    with ${lockUser(user_id)},
    found as (
      select x.id, x.state, x.parts, (${totalOf(sql.raw('x.user_id'))})::int as total,
        '{"user":' || json_build_object('id', u.id, 'login', u.login, 'created_at', u.created_at) as text
      from ${exports} x join ${users} u on u.id = x.user_id
      where x.id = ${id} and x.user_id = ${user_id} and ${userLocked} and (x.${isOpen} or x.state = 'failed' and not exists (
        select from ${exports} o where o.user_id = ${user_id} and o.${isOpen}))),
    begun as (
      update ${exports} x set
        state = 'running', section = coalesce(x.section, '${sql.raw(first)}'), rows_total = greatest(x.rows_done, found.total),
        parts = greatest(x.parts, 1), bytes = greatest(x.bytes, octet_length(found.text)),
        touched_at = now(), finished_at = null, expires_at = null
      from found where x.id = found.id and x.state = found.state
      returning x.*, found.state as before, found.parts as had, found.text),
    written as (
      insert into ${exportParts} (export_id, part, text) select id, 0, text from begun where had = 0),
    ${appendEvents(user_id, 'export.changed', sql`select ${exportJson} as data from begun x where before <> 'running'`)}
    select ${positionColumns} from begun`,
  ),
);

/** Which tenth of the whole it is in: an event for each page would be a flood. */
const tenth = (rows: string) => sql.raw(`least(9, ${rows}::bigint * 10 / greatest(x.rows_total, 1))`);

/** @returns what writes the next page of a list, and nothing where another has written it meanwhile */
function pageWriter(name: SectionName) {
  const { table, key, row } = EXPORT_SECTIONS[name];
  const next: SectionName | undefined = SECTION_NAMES[SECTION_NAMES.indexOf(name) + 1];
  const position = sql.raw(`t.${key}`);
  const text = (value: string) => sql.raw(`'${value}'`);
  return firstRow(
    write(
      `export.write.${name}`,
      { ...EXPORT_ID, place: 'bigint', part: 'int', limit: 'int' },
      ({ user_id, id, place, part, limit }): SQL<ExportPosition> => sql`
      with ${lockUser(user_id)},
      page as (
        select ${position} as place, (${row})::text as line from ${table} t
        where t.user_id = ${user_id} and ${position} > ${place} order by ${position} limit ${limit}),
      counted_page as (
        select count(*)::int as many, max(place) as last, count(*) < ${limit} as ends, string_agg(line, ',' order by place) as lines from page),
      piece as (
        select many, last, ends, concat(
          case when ${place} = 0 then ${text(`,"${name}":[`)} when many > 0 then ',' end, lines,
          case when ends then ${text(next ? ']' : ']}')} end) as text
        from counted_page),
      stepped as (
        update ${exports} x set
          parts = x.parts + 1, bytes = x.bytes + octet_length(piece.text), rows_done = x.rows_done + many, touched_at = now(),
          place = case when ends then 0 else last end,
          section = case when ends then ${next ? text(next) : sql.raw('null')} else x.section end,
          state = case when ends then ${text(next ? 'running' : 'done')} else x.state end
          ${next ? sql.raw('') : sql.raw(`, finished_at = case when ends then now() end, expires_at = case when ends then now() + make_interval(hours => ${FILE_LIFETIME_HOURS}) end`)}
        from piece where x.id = ${id} and x.user_id = ${user_id} and x.state = 'running' and x.parts = ${part} and ${userLocked}
        returning x.*, many, piece.text),
      written as (insert into ${exportParts} (export_id, part, text) select id, parts - 1, text from stepped),
      ${appendEvents(
        user_id,
        'export.changed',
        sql`select ${exportJson} as data from stepped x where x.state = 'done' or ${tenth('x.rows_done')} <> ${tenth('(x.rows_done - x.many)')}`,
      )}
      select ${positionColumns} from stepped`,
    ),
  );
}

const PAGE_WRITERS = Object.fromEntries(SECTION_NAMES.map((name) => [name, pageWriter(name)])) as Record<
  SectionName,
  ReturnType<typeof pageWriter>
>;

const markFailed = write(
  'export.giveUp',
  EXPORT_ID,
  ({ user_id, id }) => sql`
  with ${lockUser(user_id)},
  failed as (
    update ${exports} set state = 'failed', ${ended}
    where id = ${id} and user_id = ${user_id} and ${isOpen} and ${userLocked}
    returning *),
  ${appendEvents(user_id, 'export.changed', sql`select ${exportJson} as data from failed x`)}
  select id from failed`,
);

/** An export that somebody has asked for. */
interface ExportRequest {
  readonly user_id: number;
  readonly id: number;
}

export const exportJob: Job<ExportRequest> = {
  name: 'export',
  findPending: async (db: Database) => {
    const rows = await findWaiting(db, { limit: MAX_PENDING });
    return rows.map(({ user_id, id }) => ({ key: String(id), data: { user_id, id } }));
  },
  async run(db, stopping, { data: { user_id, id }, publishChange }) {
    let steps = 0;
    // The first look finds nothing where another begins at the same moment.
    let at = (await beginExport(db, { user_id, id })) ?? (await beginExport(db, { user_id, id }));
    while (at) {
      publishChange(user_id);
      const { section, place, parts } = at;
      if (section === null) break;
      stopping.throwIfAborted();
      steps++;
      // Whoever finds nothing to write looks where it stands now; one that is done or gone does not begin again.
      at =
        (await PAGE_WRITERS[section](db, {
          user_id,
          id,
          place,
          part: parts,
          limit: EXPORT_SECTIONS[section].page,
        })) ?? (await beginExport(db, { user_id, id }));
    }
    return { steps };
  },
  async onDeadLetter(db, { data: { user_id, id }, publishChange }) {
    await markFailed(db, { user_id, id });
    publishChange(user_id);
  },
};
