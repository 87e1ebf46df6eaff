import type { ExerciseCache } from '../cache/exercises.ts';
import type { ReadModelCache } from '../cache/readModels.ts';
import type { Database } from '../db/database.ts';
import type { Quotas } from '../db/sql/quota.ts';
import type { Limits } from '../security/limits.ts';
import type { OpenSessions } from '../security/openSessions.ts';
import type { Passwords } from '../security/password.ts';
import type { RefreshTokens } from '../security/refresh.ts';
import type { SessionName, Tokens, Verified } from '../security/token.ts';
import type { UserQueue } from '../security/userQueue.ts';
import type { Measure } from '../telemetry/measures.ts';
import type { Traced } from '../telemetry/traces.ts';

/** Who calls. */
export interface Caller extends SessionName {
  readonly id: number;
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
  readonly exercises: ExerciseCache;
  readonly readModels: ReadModelCache;
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  readonly refreshTokens: RefreshTokens;
  readonly openSessions: OpenSessions;
  readonly sessionLimits: SessionLimits;
  readonly limits: Limits;
  readonly quotas: Quotas;
  readonly largeReads: LargeReads;
  /** In which the changes of a user wait for each other, and the reads. */
  readonly changes: UserQueue;
  readonly reads: UserQueue;
  readonly health: Health;
  readonly streams: EventStreams;
  /** Characters (code points) that a new password needs. */
  readonly passwordMinLength: number;
  /** Whether anybody may register. */
  readonly isRegistrationOpen: boolean;
  /** Makes spans, where they are sent somewhere. */
  readonly traced?: Traced;
}

/** What a stream brings: a row of the table of events, or something about the stream itself. */
export interface Heard {
  /** Where the stream stands with it: the number of the last event. */
  readonly id: number;
  readonly type: string;
  readonly data?: unknown;
  readonly reason?: EndReason;
  /** When it was written, in milliseconds since 1970. */
  readonly at?: number;
}

/** Why the server ends a stream. */
export type EndReason = 'session_ended' | 'token_expired' | 'user_removed' | 'server_closing';

/** The streams of events that are open. */
export interface EventStreams {
  /**
   * Opens a stream; to be iterated, or to be ended by its `return`.
   * @param exp when the caller's token ends, in seconds since 1970
   * @param after the last event that the reader has, undefined for what happens from now on
   * @param shape makes of what is heard what the reader gets
   * @throws AppError 429 for one too many, 503 when the server is about to end
   */
  open<T>(
    caller: Caller,
    exp: number,
    after: number | undefined,
    shape: (heard: Heard) => T,
  ): Promise<AsyncIterableIterator<T, undefined>>;
  /** The user has changed something: whoever reads the user's events is told, on any instance. */
  changed(user_id: number): void;
  /** Ends all streams, telling their readers. */
  close(): Promise<void>;
  readonly measures: readonly Measure[];
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

/**
 * Runs a read whose answer can be many megabytes when no other such is under way.
 * @param bytes of the answer, about
 * @throws AppError 503 when the user has to take earlier answers first, or too many wait
 */
export type LargeReads = <T>(user_id: number, bytes: number, read: () => Promise<T>) => Promise<T>;

/** One HTTP request, which the calls of a batch share. */
export interface Asked {
  readonly client: Client;
  /** As the client sent it. */
  readonly idempotencyKey: string | undefined;
  /** The answer is an earlier call's: the client is told. */
  replayed(): void;
  /** Set where answers are sent while others are still made: counts one of them. @throws AppError when it no longer fits */
  countAnswer?: (data: unknown) => void;
  /** Counts calls of the user, or of the address when there is none; at once where they are counted in memory. @throws TooMany */
  spend(user_id: number | undefined, cost?: number): void | Promise<void>;
  /** What the bearer token says, if it is one of ours and not too old; its session may have ended. */
  claims(): Verified | undefined;
  /** Whether `caller` knows the user without asking the database. */
  isRemembered(): boolean;
  /** The user of the bearer token, found out when first asked for; undefined without a valid token of an open session. */
  caller(): Promise<Caller | undefined>;
}

/** What a procedure gets. Few keys, as tRPC copies them for each middleware. */
export interface Context {
  /** The database, or the transaction that the call belongs to. */
  readonly db: Database;
  readonly services: Services;
  readonly request: Asked;
}
