import type { Database } from '../db/client.ts';
import type { Limits } from '../security/limits.ts';
import type { OpenSessions } from '../security/openSessions.ts';
import type { Passwords } from '../security/password.ts';
import type { RefreshTokens } from '../security/refresh.ts';
import type { Claims, Tokens } from '../security/token.ts';

/** Who calls. */
export interface Caller {
  readonly id: number;
  readonly session_id: number;
}

/** Where a request comes from. */
export interface Client {
  readonly ip: string;
  /** The User-Agent, shortened to 200 characters. */
  readonly device: string;
  readonly request_id: string;
}

/** How long sessions live, in seconds, and how many a user may have. */
export interface SessionLimits {
  /** Without a refresh. */
  readonly idle: number;
  /** Whatever happens. */
  readonly absolute: number;
  readonly perUser: number;
}

/** What procedures share for as long as the server runs. */
export interface Services {
  readonly db: Database;
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  readonly refreshTokens: RefreshTokens;
  readonly openSessions: OpenSessions;
  readonly sessionLimits: SessionLimits;
  readonly limits: Limits;
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
  readonly client: Client;
  /** As the client sent it. */
  readonly idempotencyKey: string | undefined;
  /** The answer is an earlier call's: the client is told. */
  replayed(): void;
  /** Counts calls of the user, or of the address when there is none. @throws TooMany */
  spend(user_id: number | undefined, cost?: number): Promise<void>;
  /** What the bearer token says, if it is one of ours and not too old; its session may have ended. */
  claims(): Promise<Claims | undefined>;
  /** The user of the bearer token, found out when first asked for; undefined without a valid token of an open session. */
  caller(): Promise<Caller | undefined>;
}
