// Lines of the audit trail, inserted by the statement of what happened.
import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { auditTrail } from '../schema/index.ts';

/** The id of no user: that of a line about a login that no account has. */
export const NOBODY = 0;

/** The parameters that name the client. */
export const CLIENT_PARAMETERS = { ip: 'text', request_id: 'text' } as const;
export const clientValues = ({ ip, request_id }: Record<keyof typeof CLIENT_PARAMETERS, string>) => ({
  ip,
  request_id,
});

/** What an operator did (scripts/users.ts); such lines have no address. */
export type OperatorEvent = 'account_blocked' | 'account_unblocked' | 'sessions_ended' | 'reset_code_made';

export type AuditEvent =
  | 'registered'
  | 'signed_in'
  | 'sign_in_failed'
  | 'sign_in_blocked'
  | 'refresh_token_reused'
  | 'signed_out'
  | 'session_revoked'
  | 'password_changed'
  | 'password_refused'
  | 'password_reset'
  | 'password_reset_failed'
  | 'calendar_created'
  | 'calendar_revoked'
  | 'account_exported'
  | 'account_removed'
  | OperatorEvent;

/** `insert … select`: one line for each row of the relation `who`, which has a user_id. */
export const audit = (
  event: AuditEvent,
  { ip, request_id }: Record<keyof typeof CLIENT_PARAMETERS, SQL>,
  who: string,
) => sql`
  insert into ${auditTrail} (event, user_id, ip, request_id)
  select ${sql.raw(`'${event}'`)}, user_id, ${ip}, ${request_id} from ${sql.raw(who)}`;
