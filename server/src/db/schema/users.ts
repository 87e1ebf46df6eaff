import { IGNORABLE_RANGES } from '../../security/loginKey.ts';
import { bigint, check, index, pgTable, primaryKey, sql, text, timestamp } from '../drizzle.ts';

/** A column that refers to a row by its id. */
export const reference = (name: string) => bigint(name, { mode: 'number' });

/**
 * The id of a row: positive, and at most 2^53 - 1, so that it is a number in JSON. In tables of what users have, the
 * primary key begins with `user_id` (docs/decisions/0024-distributed-schema.md). "By default", so that an import can keep
 * its ids.
 */
export const id = () => reference('id').notNull().generatedByDefaultAsIdentity();

export const created_at = () => timestamp('created_at', { withTimezone: true }).notNull().defaultNow();

/** The owner of a row. What a user made goes with the user. */
export const owner = () =>
  reference('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' });

const sqlEscaped = (codePoint: number) => `\\U${codePoint.toString(16).padStart(8, '0')}`;
const IGNORABLE = `[${IGNORABLE_RANGES.map(([first, last]) => `${sqlEscaped(first)}-${sqlEscaped(last)}`).join('')}]`;

/**
 * SQL text: the `loginKey` (security/loginKey.ts) of the column `login_key`, for `logins`.
 */
export const STORED_LOGIN_KEY = `normalize(regexp_replace(login_key, '${IGNORABLE}', '', 'g'), NFKC)`;

export const users = pgTable(
  'users',
  {
    id: id().primaryKey(),
    login: text('login').notNull(),
    /** The same as in `logins`. */
    login_key: text('login_key').notNull(),
    /** An argon2id hash in PHC string format (or, until the next sign-in, the bcrypt hash of an account that moved in), never the password. */
    password: text('password').notNull(),
    created_at: created_at(),
    /** Since when an operator keeps the account closed: nobody signs in to it. */
    blocked_at: timestamp('blocked_at', { withTimezone: true }),
    /** When the next weekly summary is told (features/summaries/job.ts): of a new user on Monday at 3:00 UTC. It only ever moves to a later Monday. */
    summary_due_at: timestamp('summary_due_at', { withTimezone: true })
      .notNull()
      .default(
        sql`((date_trunc('week', now() at time zone 'UTC') + interval '7 days 3 hours') at time zone 'UTC')`,
      ),
  },
  (t) => [
    index('users_summary_due').on(t.summary_due_at),
    check('users_login_length', sql`char_length(${t.login}) between 1 and 254`),
  ],
);

/**
 * Whose each login is. It is a table of its own because a login is unique among all users: where tables are distributed, this
 * one is distributed by `key`, so that all spellings of a login are on one node.
 */
export const logins = pgTable(
  'logins',
  {
    /** The login, folded and without what is ignorable: two logins that look the same are the same (security/loginKey.ts). */
    key: text('key').notNull(),
    /** The same. An account from before that key dropped what is ignorable keeps its older one, as two of those may have one `key`. */
    login_key: text('login_key').notNull(),
    user_id: owner(),
  },
  (t) => [primaryKey({ columns: [t.key, t.login_key] }), index('logins_user').on(t.user_id)],
);
