import type { ExerciseCache } from '../cache/exercises.ts';
import type { ReadModelCache } from '../cache/readModels.ts';
import type { Database } from '../db/database.ts';
import type { Quotas } from '../db/sql/quota.ts';
import type { AccessTokens, SessionIdentity, VerifiedClaims } from '../security/accessTokens.ts';
import type { Passwords } from '../security/passwords.ts';
import type { RateLimits } from '../security/rateLimits.ts';
import type { RefreshTokens } from '../security/refreshTokens.ts';
import type { SessionCache } from '../security/sessionCache.ts';
import type { UserQueue } from '../security/userQueue.ts';
import type { MetricDefinition } from '../telemetry/metricDefinition.ts';
import type { TraceProcedure } from '../telemetry/traces.ts';

/** Who calls. */
export interface Caller extends SessionIdentity {
  readonly id: number;
}

/** Where a request comes from. */
export interface ClientInfo {
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
  readonly accessTokens: AccessTokens;
  readonly refreshTokens: RefreshTokens;
  readonly sessionCache: SessionCache;
  readonly sessionLimits: SessionLimits;
  readonly limits: RateLimits;
  readonly quotas: Quotas;
  readonly runLargeRead: RunLargeRead;
  /** In which the changes of a user wait for each other, and the reads. */
  readonly changeQueue: UserQueue;
  readonly readQueue: UserQueue;
  readonly health: HealthMonitor;
  /** The clock that local dates are taken from; in tests one that is set. */
  readonly now: () => Date;
  readonly streams: EventStreams;
  /** Characters (code points) that a new password needs. */
  readonly passwordMinLength: number;
  /** Whether anybody may register. */
  readonly isRegistrationOpen: boolean;
  /** Makes spans, where they are sent somewhere. */
  readonly traceProcedure?: TraceProcedure;
}

/** What a stream brings: a row of the table of events, or something about the stream itself. */
export interface StreamItem {
  /** Where the stream stands with it: the number of the last event. */
  readonly id: number;
  readonly type: string;
  readonly data?: unknown;
  readonly reason?: StreamEndReason;
  /** When it was written, in milliseconds since 1970. */
  readonly at?: number;
}

/** Why the server ends a stream. */
export type StreamEndReason = 'session_ended' | 'token_expired' | 'user_removed' | 'server_closing';

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
    shape: (heard: StreamItem) => T,
  ): Promise<AsyncIterableIterator<T, undefined>>;
  /** The user has changed something: whoever reads the user's events is told, on any instance. */
  publishChange(user_id: number): void;
  /** Ends all streams, telling their readers. */
  close(): Promise<void>;
  readonly metricDefinitions: readonly MetricDefinition[];
}

/** The state of the server, for `health.check`. */
export interface HealthMonitor {
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
export type RunLargeRead = <T>(user_id: number, bytes: number, read: () => Promise<T>) => Promise<T>;

/** One HTTP request, which the calls of a batch share. */
export interface RequestContext {
  readonly client: ClientInfo;
  /** As the client sent it. */
  readonly idempotencyKey: string | undefined;
  /** The answer is an earlier call's: the client is told. */
  markReplayed(): void;
  /** Set where answers are sent while others are still made: counts one of them. @throws AppError when it no longer fits */
  countAnswer?: (data: unknown) => void;
  /** Counts calls of the user, or of the address when there is none; at once where they are counted in memory. @throws RateLimitError */
  consumeRateLimit(user_id: number | undefined, cost?: number): void | Promise<void>;
  /** What the bearer token says, if it is one of ours and not too old; its session may have ended. At once where it is remembered. */
  claims(): VerifiedClaims | undefined | Promise<VerifiedClaims | undefined>;
  /** What `claims` found; undefined while it has not been asked, or has not answered. */
  readonly knownClaims: VerifiedClaims | undefined;
  /** Whether `authenticate` knows the user of `knownClaims` without asking the database. */
  isSessionCached(): boolean;
  /** The user of the bearer token, found out when first asked for; undefined without a valid token of an open session. */
  authenticate(): Promise<Caller | undefined>;
}

/** What a procedure gets. Few keys, as tRPC copies them for each middleware. */
export interface Context {
  /** The database, or the transaction that the call belongs to. */
  readonly db: Database;
  readonly services: Services;
  readonly request: RequestContext;
}
