import { IGNORABLE_RANGES } from '../../security/loginKey.ts';
import { check, index, integer, pgTable, sql, text, timestamp, uniqueIndex } from '../drizzle.ts';

/** The primary key of every table: a positive 32-bit integer. "By default", so that an import can keep its ids. */
export const id = () => integer('id').primaryKey().generatedByDefaultAsIdentity();

export const created_at = () => timestamp('created_at', { withTimezone: true }).notNull().defaultNow();

/** The owner of a row. What a user made goes with the user. */
export const owner = () =>
  integer('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' });

const sqlEscaped = (codePoint: number) => `\\U${codePoint.toString(16).padStart(8, '0')}`;
const IGNORABLE = `[${IGNORABLE_RANGES.map(([first, last]) => `${sqlEscaped(first)}-${sqlEscaped(last)}`).join('')}]`;

/**
 * SQL text: the `loginKey` (security/loginKey.ts) of the account in a row. An account from before that key dropped what is
 * ignorable keeps its older one in `login_key`, as two of those may be one login now.
 */
export const STORED_LOGIN_KEY = `normalize(regexp_replace(login_key, '${IGNORABLE}', '', 'g'), NFKC)`;

export const users = pgTable(
  'users',
  {
    id: id(),
    login: text('login').notNull(),
    /** The login, folded and without what is ignorable: two logins that look the same are the same (security/loginKey.ts). */
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
    uniqueIndex('users_login_key').on(t.login_key),
    index('users_stored_login_key').on(sql.raw(`(${STORED_LOGIN_KEY})`)),
    index('users_summary_due').on(t.summary_due_at),
    check('users_login_length', sql`char_length(${t.login}) between 1 and 254`),
  ],
);
