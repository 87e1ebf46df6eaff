import { check, integer, pgTable, sql, text, timestamp, uniqueIndex } from '../orm.ts';

/** The primary key of every table: a positive 32-bit integer. "By default", so that an import can keep its ids. */
export const id = () => integer('id').primaryKey().generatedByDefaultAsIdentity();

export const created_at = () => timestamp('created_at', { withTimezone: true }).notNull().defaultNow();

/** The owner of a row. What a user made goes with the user. */
export const owner = () =>
  integer('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' });

export const users = pgTable(
  'users',
  {
    id: id(),
    login: text('login').notNull(),
    /** casefold(NFKC(login)): two logins that look the same are the same (security/login.ts). */
    login_key: text('login_key').notNull(),
    /** An argon2id hash in PHC string format (or, until the next sign-in, the bcrypt hash of an account that moved in), never the password. */
    password: text('password').notNull(),
    created_at: created_at(),
  },
  (t) => [uniqueIndex('users_login_key').on(t.login_key), check('users_login_length', sql`char_length(${t.login}) between 1 and 254`)],
);
