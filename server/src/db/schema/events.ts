import { bigint, index, json, pgTable, primaryKey, text, timestamp } from '../drizzle.ts';
import { owner, reference } from './users.ts';

/**
 * How many events a user has had. A row for each user, made with the user; its lock is what changes of one user wait for
 * each other by (db/sql/eventLog.ts).
 */
export const eventSequences = pgTable(
  'event_sequences',
  {
    user_id: owner(),
    last: bigint('last', { mode: 'number' }).notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.user_id] })],
);

/** What happened to a user's tasks, plans and resources, for a week: 1, 2, 3 … without gaps, in the order of the commits. */
export const events = pgTable(
  'events',
  {
    user_id: reference('user_id')
      .notNull()
      .references(() => eventSequences.user_id, { onDelete: 'cascade' }),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    /** `task.changed` */
    type: text('type').notNull(),
    data: json('data').notNull(),
    at: timestamp('at', { withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.user_id, t.seq] }), index('events_at').on(t.at)],
);
