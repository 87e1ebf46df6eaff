import { check, index, integer, pgTable, primaryKey, sql, text, timestamp } from '../drizzle.ts';
import { created_at, id, owner, reference } from './users.ts';

const moment = (name: string) => timestamp(name, { withTimezone: true });

/** The sessions that are open: one that ends is a row that goes. */
export const sessions = pgTable(
  'sessions',
  {
    user_id: owner(),
    id: id(),
    /** Which refresh token is the current one: they are numbered, and none is stored (security/refreshTokens.ts). */
    counter: integer('counter').notNull().default(0),
    /** Refresh tokens with lower numbers are no longer taken, nor are they signs of theft: the password was changed after them. */
    refreshable_from: integer('refreshable_from').notNull().default(0),
    /**
     * A random value that the session's tokens carry: a restored backup gives the same ids again, and a token from before
     * must not open another user's session. Null for a session that a version without it opened, whose tokens carry none.
     */
    nonce: text('nonce'),
    /** The User-Agent that opened it, shortened. */
    device: text('device').notNull(),
    created_at: created_at(),
    last_seen_at: moment('last_seen_at').notNull().defaultNow(),
    rotated_at: moment('rotated_at').notNull().defaultNow(),
    idle_expires_at: moment('idle_expires_at').notNull(),
    absolute_expires_at: moment('absolute_expires_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.id] }),
    index('sessions_idle').on(t.idle_expires_at),
    // Refresh tokens of the version before do not say whose the session is.
    index('sessions_id').on(t.id),
    check('sessions_device_length', sql`char_length(${t.device}) <= 200`),
  ],
);

/** Codes that operators have made, which each set a new password once: one for a user, the last. */
export const passwordResets = pgTable(
  'password_resets',
  {
    user_id: owner(),
    /** SHA-256 of the code (security/resetCode.ts), which is kept nowhere. */
    code_hash: text('code_hash').notNull(),
    created_at: created_at(),
    expires_at: moment('expires_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.user_id] }), index('password_resets_expires').on(t.expires_at)],
);

/**
 * What happened to accounts, for a year. No foreign key: the number of a removed user stays. A trigger (in the
 * migrations) refuses to change rows, and to remove them before their time.
 */
export const auditTrail = pgTable(
  'audit_trail',
  {
    /** Whose account; 0 when no account has the login. */
    user_id: reference('user_id').notNull().default(0),
    id: reference('id').notNull().generatedAlwaysAsIdentity(),
    at: moment('at').notNull().defaultNow(),
    event: text('event').notNull(),
    ip: text('ip').notNull(),
    request_id: text('request_id').notNull(),
  },
  (t) => [primaryKey({ columns: [t.user_id, t.id] }), index('audit_trail_at').on(t.at)],
);
