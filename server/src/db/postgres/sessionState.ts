// What a session says of itself that target_session_attrs, and we, ask of it.
import type { TargetSession } from './connectionSettings.ts';

/** Whether the server is a standby, and whether transactions only read unless they say otherwise. */
export interface SessionState {
  readonly in_recovery: boolean;
  readonly read_only: boolean;
}

export const SELECT_SESSION_STATE =
  "select pg_catalog.pg_is_in_recovery() as in_recovery, pg_catalog.current_setting('transaction_read_only') = 'on' as read_only";

/** @param answer that ends with that of SELECT_SESSION_STATE */
export const sessionStateOf = (answer: readonly object[]): SessionState =>
  answer.flat().at(-1) as SessionState;

/** Thrown when a session, or each host, is not what it has to be; a host may be about to become it. */
export class UnsuitableError extends Error {
  override name = 'UnsuitableError';
  readonly code = 'CONNECTION_UNSUITABLE';

  constructor(target: TargetSession) {
    super(`no host is ${target}`);
  }
}

/** Whether it is what libpq takes for this value; any for `prefer-standby`, which is a preference. */
export function isSuitable(target: TargetSession, { in_recovery, read_only }: SessionState): boolean {
  switch (target) {
    case 'read-write':
      return !in_recovery && !read_only;
    case 'read-only':
      return in_recovery || read_only;
    case 'primary':
      return !in_recovery;
    case 'standby':
      return in_recovery;
    default:
      return true;
  }
}

/** The timeout of the questions that are asked before a connection is used. */
const PROBE_TIMEOUT_MS = 4000;

export const SET_PROBE_TIMEOUT = `set local statement_timeout = ${PROBE_TIMEOUT_MS}`;

/** Runs the text with the probe's timeout. (The driver refuses `begin` on a connection that is not reserved.) */
export const withProbeTimeout = (text: string): string =>
  `start transaction; ${SET_PROBE_TIMEOUT}; ${text}; commit`;
