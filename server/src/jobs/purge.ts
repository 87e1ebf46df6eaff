// Removes what is beyond its time, in steps so short that no request waits for one. What somebody has locked is left to
// the next run.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { KEY_LIFETIME_HOURS } from '../db/idempotency.ts';
import { sql } from '../db/orm.ts';
import {
  auditTrail,
  events,
  exportParts,
  exports,
  idempotencyKeys,
  passwordResets,
  sessions,
} from '../db/schema/index.ts';
import { firstRow, write } from '../db/statement.ts';
import type { Job } from './job.ts';

/** Rows of one step, where nothing else is said. */
const ROWS_PER_STEP = 1000;

/** A part of a file is up to some megabytes, in hundreds of rows that the database keeps it in. */
const EXPORT_PARTS_PER_STEP = 50;

const LIMIT = { limit: 'int' } as const;

/** @returns how many rows the `delete` that is given took */
const countRemoved = (removal: SQL): SQL<{ removed: number }> =>
  sql`with removed as (${removal} returning 1) select count(*)::int as removed from removed`;

/** What goes, by its name in the log. */
const REMOVALS = {
  // No session idles beyond its absolute end (sessions/queries.ts), so one moment decides.
  sessions: firstRow(
    write('purge.sessions', LIMIT, ({ limit }) =>
      countRemoved(sql`
      delete from ${sessions} where id in (
        select id from ${sessions} where idle_expires_at < now() order by idle_expires_at limit ${limit} for update skip locked)`),
    ),
  ),
  password_resets: firstRow(
    write('purge.passwordResets', LIMIT, ({ limit }) =>
      countRemoved(sql`
      delete from ${passwordResets} where user_id in (
        select user_id from ${passwordResets} where expires_at < now() order by expires_at limit ${limit} for update skip locked)`),
    ),
  ),
  idempotency_keys: firstRow(
    write('purge.idempotencyKeys', LIMIT, ({ limit }) =>
      countRemoved(sql`
      delete from ${idempotencyKeys} where (user_id, key) in (
        select user_id, key from ${idempotencyKeys} where created_at < now() - make_interval(hours => ${sql.raw(String(KEY_LIFETIME_HOURS))})
        order by created_at limit ${limit} for update skip locked)`),
    ),
  ),
  // A reader who comes back after that is told to start anew.
  events: firstRow(
    write('purge.events', LIMIT, ({ limit }) =>
      countRemoved(sql`
      delete from ${events} where (user_id, seq) in (
        select user_id, seq from ${events} where at < now() - interval '7 days' order by at limit ${limit} for update skip locked)`),
    ),
  ),
  export_parts: firstRow(
    write('purge.exportParts', LIMIT, ({ limit }) =>
      countRemoved(sql`
      delete from ${exportParts} where (export_id, part) in (
        select p.export_id, p.part from ${exports} x join ${exportParts} p on p.export_id = x.id
        where x.expires_at < now() order by x.expires_at limit ${limit} for update of p skip locked)`),
    ),
  ),
  // For a week it can be told that there was one.
  exports: firstRow(
    write('purge.exports', LIMIT, ({ limit }) =>
      countRemoved(sql`
      delete from ${exports} where id in (
        select id from ${exports} where expires_at < now() - interval '7 days' order by expires_at limit ${limit} for update skip locked)`),
    ),
  ),
  // The trigger refuses to remove a line before its time, whoever asks.
  audit_trail: firstRow(
    write('purge.auditTrail', LIMIT, ({ limit }) =>
      countRemoved(sql`
      delete from ${auditTrail} where id in (
        select id from ${auditTrail} where at < now() - interval '1 year' order by at limit ${limit} for update skip locked)`),
    ),
  ),
};

export const purge = {
  name: 'purge',
  schedule: '17 * * * *',
  async run(db: Database, stopping: AbortSignal) {
    const removed: Record<string, number> = {};
    for (const [what, remove] of Object.entries(REMOVALS)) {
      removed[what] = 0;
      const limit = what === 'export_parts' ? EXPORT_PARTS_PER_STEP : ROWS_PER_STEP;
      for (let step = limit; step === limit; removed[what] += step) {
        stopping.throwIfAborted();
        step = (await remove(db, { limit }))?.removed ?? 0;
      }
    }
    return removed;
  },
} satisfies Job;
