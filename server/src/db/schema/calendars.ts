import { check, index, pgTable, primaryKey, sql, text, timestamp } from '../drizzle.ts';
import { created_at, id, owner } from './users.ts';

/** Addresses at which a calendar file of a user's days can be read without a sign-in, by who knows the token in it. */
export const calendars = pgTable(
  'calendars',
  {
    user_id: owner(),
    id: id(),
    name: text('name').notNull(),
    /** SHA-256 of the token, which is kept nowhere. */
    token_hash: text('token_hash').notNull(),
    created_at: created_at(),
    last_read_at: timestamp('last_read_at', { withTimezone: true }),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.id] }),
    index('calendars_token_hash').on(t.token_hash),
    check('calendars_name_length', sql`char_length(${t.name}) between 1 and 500`),
  ],
);
