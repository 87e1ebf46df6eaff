// Deletes expired rows, a limited number per statement, so that no request waits for it. Rows that another transaction
// has locked stay until the next run.
import type { SQL } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { sql } from '../../db/drizzle.ts';
import { KEY_LIFETIME_HOURS } from '../../db/idempotency.ts';
import {
  auditTrail,
  events,
  exportParts,
  exports,
  idempotencyKeys,
  passwordResets,
  sessions,
} from '../../db/schema/index.ts';
import { firstRow, write } from '../../db/statement.ts';

const LIMIT = { limit: 'int' } as const;
const COUNT = { removed: 'int' } as const;

/** How much older than the oldest row a row may be that the same statement deletes, on a distributed database. */
const SLICE = sql.raw(`interval '1 minute'`);

/**
 * Where tables are distributed, `limit` and `skip locked` would make the coordinator find the rows. So each node deletes those
 * of its shards, and a slice of time bounds how many.
 * @param column the moment that the slice is of
 * @param before rows from before it have expired
 */
const whenDistributed = (table: PgTable, column: PgColumn, before: SQL) => ({
  build: () => {
    const at = sql.identifier(column.name);
    return sql`
      delete from ${table}
      where ${at} < least(${before}, (select min(${at}) from ${table}) + ${SLICE})`;
  },
  changedRowsAs: 'removed',
});

/** @returns a statement that counts the rows of the given `delete` */
const countRemoved = (removal: SQL): SQL =>
  sql`with removed as (${removal} returning 1) select count(*)::int as removed from removed`;

/** The removals, by their names in the log. */
export const REMOVALS = {
  // `idle_expires_at` is never after the absolute end (sessions/queries.ts), so it alone decides.
  sessions: firstRow(
    write(
      'purge.sessions',
      LIMIT,
      COUNT,
      ({ limit }) =>
        countRemoved(sql`
      delete from ${sessions}
      where (user_id, id) in (
        select user_id, id
        from ${sessions}
        where idle_expires_at < now()
        order by idle_expires_at
        limit ${limit}
        for update skip locked)`),
      whenDistributed(sessions, sessions.idle_expires_at, sql`now()`),
    ),
  ),
  password_resets: firstRow(
    write(
      'purge.passwordResets',
      LIMIT,
      COUNT,
      ({ limit }) =>
        countRemoved(sql`
      delete from ${passwordResets}
      where user_id in (
        select user_id
        from ${passwordResets}
        where expires_at < now()
        order by expires_at
        limit ${limit}
        for update skip locked)`),
      whenDistributed(passwordResets, passwordResets.expires_at, sql`now()`),
    ),
  ),
  idempotency_keys: firstRow(
    write(
      'purge.idempotencyKeys',
      LIMIT,
      COUNT,
      ({ limit }) =>
        countRemoved(sql`
      delete from ${idempotencyKeys}
      where (user_id, key) in (
        select user_id, key
        from ${idempotencyKeys}
        where created_at < now() - make_interval(hours => ${sql.raw(String(KEY_LIFETIME_HOURS))})
        order by created_at
        limit ${limit}
        for update skip locked)`),
      whenDistributed(
        idempotencyKeys,
        idempotencyKeys.created_at,
        sql`now() - make_interval(hours => ${sql.raw(String(KEY_LIFETIME_HOURS))})`,
      ),
    ),
  ),
  // A reader that resumes later gets `resync`.
  events: firstRow(
    write(
      'purge.events',
      LIMIT,
      COUNT,
      ({ limit }) =>
        countRemoved(sql`
      delete from ${events}
      where (user_id, seq) in (
        select user_id, seq
        from ${events}
        where at < now() - interval '7 days'
        order by at
        limit ${limit}
        for update skip locked)`),
      whenDistributed(events, events.at, sql`now() - interval '7 days'`),
    ),
  ),
  export_parts: firstRow(
    write(
      'purge.exportParts',
      LIMIT,
      COUNT,
      ({ limit }) =>
        countRemoved(sql`
      delete from ${exportParts}
      where (user_id, export_id, part) in (
        select part.user_id, part.export_id, part.part
        from ${exports} export
        join ${exportParts} part on part.user_id = export.user_id and part.export_id = export.id
        where export.expires_at < now()
        order by export.expires_at
        limit ${limit}
        for update of part skip locked)`),
      {
        build: () => sql`
      delete from ${exportParts} part
      using ${exports} export
      where part.user_id = export.user_id and part.export_id = export.id
        and export.expires_at < least(now(), ${SLICE} + (
          select min(old.expires_at)
          from ${exports} old
          join ${exportParts} of_old on of_old.user_id = old.user_id and of_old.export_id = old.id))`,
        changedRowsAs: 'removed',
      },
    ),
  ),
  // An expired export is listed for another week.
  exports: firstRow(
    write(
      'purge.exports',
      LIMIT,
      COUNT,
      ({ limit }) =>
        countRemoved(sql`
      delete from ${exports}
      where (user_id, id) in (
        select user_id, id
        from ${exports}
        where expires_at < now() - interval '7 days'
        order by expires_at
        limit ${limit}
        for update skip locked)`),
      whenDistributed(exports, exports.expires_at, sql`now() - interval '7 days'`),
    ),
  ),
  // A trigger refuses to remove a younger line.
  audit_trail: firstRow(
    write(
      'purge.auditTrail',
      LIMIT,
      COUNT,
      ({ limit }) =>
        countRemoved(sql`
      delete from ${auditTrail}
      where (user_id, id) in (
        select user_id, id
        from ${auditTrail}
        where at < now() - interval '1 year'
        order by at
        limit ${limit}
        for update skip locked)`),
      // A role of its own has no right to remove a line, so a function of the owner does (db/postgres/distribute.ts).
      { build: () => sql`select remove_expired_audit_trail() as removed` },
    ),
  ),
};
