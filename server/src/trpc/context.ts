import type { Database } from '../db/client.ts';
import type { Passwords } from '../security/password.ts';
import type { Presence } from '../security/presence.ts';
import type { Tokens } from '../security/token.ts';

/** Who calls. */
export interface Caller {
  readonly id: number;
}

/** What procedures share for as long as the server runs. */
export interface Services {
  readonly db: Database;
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  readonly presence: Presence;
  readonly health: Health;
  /** Characters (code points) that a new password needs. */
  readonly passwordMinLength: number;
}

/** The state of the server, for `health.check`. */
export interface Health {
  readonly version: string;
  readonly environment: 'development' | 'test' | 'production';
  /** @returns whether the database answered lately (asked at most once a second) */
  databaseAnswers(): Promise<boolean>;
  /** Whether the server is about to end: it still answers, but nothing new should be sent to it. */
  isDraining(): boolean;
}

/** What a procedure gets with one HTTP request; the calls of a batch share it. */
export interface Context extends Services {
  readonly request_id: string;
  /** The user of the bearer token, found out when first asked for; undefined when there is no valid token. */
  caller(): Promise<Caller | undefined>;
}
