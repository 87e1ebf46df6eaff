import { index, pgTable, primaryKey, text } from '../drizzle.ts';
import { created_at, owner } from './users.ts';

/** What a call with an Idempotency-Key answered, for a day (db/idempotency.ts). */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    user_id: owner(),
    key: text('key').notNull(),
    /** SHA-256 of the procedure and its input: the same key with another request is a mistake of the caller. */
    request: text('request').notNull(),
    /** The answer as JSON; null only inside the transaction that makes it. */
    answer: text('answer'),
    created_at: created_at(),
  },
  (t) => [primaryKey({ columns: [t.user_id, t.key] }), index('idempotency_keys_created').on(t.created_at)],
);
