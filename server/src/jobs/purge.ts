// Removes what is beyond its time, in steps so short that no request waits for one. What somebody has locked is left to
// the next run.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { KEPT } from '../db/idempotency.ts';
import { sql } from '../db/orm.ts';
import { auditTrail, events, idempotencyKeys, sessions } from '../db/schema/index.ts';
import { one, statement } from '../db/statement.ts';
import type { Job } from './registry.ts';

/** Rows of one step. */
const STEP = 1000;

const LIMIT = { limit: 'int' } as const;

/** @returns how many rows the `delete` that is given took */
const counted = (removal: SQL): SQL<{ removed: number }> =>
  sql`with removed as (${removal} returning 1) select count(*)::int as removed from removed`;

/** What goes, by its name in the log. */
const REMOVALS = {
  // No session idles beyond its absolute end (sessions/queries.ts), so one moment decides.
  sessions: one(
    statement('purge.sessions', LIMIT, ({ limit }) =>
      counted(sql`
      delete from ${sessions} where id in (
        select id from ${sessions} where idle_expires_at < now() order by idle_expires_at limit ${limit} for update skip locked)`),
    ),
  ),
  idempotency_keys: one(
    statement('purge.idempotencyKeys', LIMIT, ({ limit }) =>
      counted(sql`
      delete from ${idempotencyKeys} where (user_id, key) in (
        select user_id, key from ${idempotencyKeys} where created_at < now() - make_interval(hours => ${sql.raw(String(KEPT))})
        order by created_at limit ${limit} for update skip locked)`),
    ),
  ),
  // A reader who comes back after that is told to start anew.
  events: one(
    statement('purge.events', LIMIT, ({ limit }) =>
      counted(sql`
      delete from ${events} where (user_id, seq) in (
        select user_id, seq from ${events} where at < now() - interval '7 days' order by at limit ${limit} for update skip locked)`),
    ),
  ),
  // The trigger refuses to remove a line before its time, whoever asks.
  audit_trail: one(
    statement('purge.auditTrail', LIMIT, ({ limit }) =>
      counted(sql`
      delete from ${auditTrail} where id in (
        select id from ${auditTrail} where at < now() - interval '1 year' order by at limit ${limit} for update skip locked)`),
    ),
  ),
};

export const purge: Job = {
  name: 'purge',
  schedule: '17 * * * *',
  async run(db: Database, stopping: AbortSignal) {
    const removed: Record<string, number> = {};
    for (const [what, remove] of Object.entries(REMOVALS)) {
      removed[what] = 0;
      for (let step = STEP; step === STEP; removed[what] += step) {
        stopping.throwIfAborted();
        step = (await remove(db, { limit: STEP }))?.removed ?? 0;
      }
    }
    return removed;
  },
};
