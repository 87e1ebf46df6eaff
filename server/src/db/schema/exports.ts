import {
  bigint,
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  sql,
  text,
  timestamp,
  uniqueIndex,
} from '../drizzle.ts';
import { created_at, id, owner, reference } from './users.ts';

const moment = (name: string) => timestamp(name, { withTimezone: true });

const count = (name: string) => integer(name).notNull().default(0);

/** The files that users have asked for, with all that is kept of them, and how far each is (features/auth/exports/job.ts). */
export const exports = pgTable(
  'exports',
  {
    user_id: owner(),
    id: id(),
    /** `queued`, then `running`, then `done` or `failed`. One whose file's time is over still stands here as `done`. */
    state: text('state').notNull().default('queued'),
    /** Where it goes on: the list of the document that is being written, and the row of it that was written last. */
    section: text('section'),
    place: bigint('place', { mode: 'number' }).notNull().default(0),
    /** Written so far. */
    parts: count('parts'),
    bytes: bigint('bytes', { mode: 'number' }).notNull().default(0),
    rows_done: count('rows_done'),
    /** As counted when it began: more can have come since. */
    rows_total: count('rows_total'),
    created_at: created_at(),
    touched_at: moment('touched_at').notNull().defaultNow(),
    finished_at: moment('finished_at'),
    expires_at: moment('expires_at'),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.id] }),
    // Also what finds those that wait, without looking at the others.
    uniqueIndex('exports_open').on(t.user_id).where(sql`state in ('queued', 'running')`),
    index('exports_expires').on(t.expires_at),
    check('exports_state', sql`${t.state} in ('queued', 'running', 'done', 'failed')`),
  ],
);

/** The file of an export in pieces, which are the document when they are put one after the other. */
export const exportParts = pgTable(
  'export_parts',
  {
    user_id: reference('user_id').notNull(),
    export_id: reference('export_id').notNull(),
    part: integer('part').notNull(),
    text: text('text').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.export_id, t.part] }),
    foreignKey({
      name: 'export_parts_export',
      columns: [t.user_id, t.export_id],
      foreignColumns: [exports.user_id, exports.id],
    }).onDelete('cascade'),
  ],
);
