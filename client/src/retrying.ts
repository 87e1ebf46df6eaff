// Retries of failed calls. tRPC's `retryLink` computes its delay without the error, and so without `Retry-After`.
import type { Operation, TRPCClientError, TRPCLink } from '@trpc/client';
import { isHttpError, isTransientError } from './errors.ts';
import { type Answer, callNext, type Next, sleep, toObservable } from './link.ts';
import type { AppRouter } from './router.ts';

const MAX_DELAY_MS = 30_000;

/** How calls are sent again that failed. `{}` is a policy that is safe: see `retryIf`. */
export interface RetryOptions {
  /** How often a call is sent again at most, after the first time. 3 unless given. */
  readonly maxRetries?: number | undefined;
  /** Milliseconds before the first retry, less a random part of up to a half; doubled before each further one. 500 unless given. */
  readonly baseDelayMs?: number | undefined;
  /** Milliseconds between two tries at most. Where the answer asks for longer (`Retry-After`) the call fails. 30,000 unless given. */
  readonly maxDelayMs?: number | undefined;
  /**
   * Which failures of which calls. Unless given: those that `isTransientError` names, of queries and of mutations that have
   * an `idempotencyKey`, which are not done twice. It is not asked about subscriptions, which go on by themselves.
   */
  readonly retryIf?: ((error: TRPCClientError<AppRouter>, call: Operation) => boolean) | undefined;
}

/** The link that retries failed calls where that is safe. It precedes the refreshing link, so that each attempt has a current token. */
export function retryingLink(options: RetryOptions): TRPCLink<AppRouter> {
  return () =>
    ({ op, next }) =>
      op.type === 'subscription' ? next(op) : toObservable(callWithRetries(op, next, options));
}

async function callWithRetries(op: Operation, next: Next, options: RetryOptions): Promise<Answer> {
  const { retryIf = isSafeToRetry } = options;
  for (let failureCount = 0; ; failureCount++) {
    try {
      return await callNext(next, op);
    } catch (cause) {
      const error = cause as TRPCClientError<AppRouter>;
      if (op.signal?.aborted || !hasRetriesLeft(failureCount, error, options) || !retryIf(error, op))
        throw error;
      await sleep(retryDelayMs(failureCount, error, options), op.signal);
      op.signal?.throwIfAborted();
    }
  }
}

/** @returns whether a retry may succeed and cannot repeat an effect. Sign-in and the like take no idempotency key. */
const isSafeToRetry = (error: unknown, { type, path, context }: Operation): boolean =>
  isTransientError(error) &&
  (type === 'query' || (Boolean(context.idempotencyKey) && !/^auth\.(?!exports)/.test(path)));

const hasRetriesLeft = (
  failureCount: number,
  error: unknown,
  { maxRetries = 3, maxDelayMs = MAX_DELAY_MS }: RetryOptions,
): boolean => failureCount < maxRetries && retryAfterMs(error) <= maxDelayMs;

/**
 * What TanStack Query and its like ask about a query that failed: `retry: shouldRetry, retryDelay: retryDelayMs`.
 * @param failureCount failures before this one
 * @param error what the call threw
 * @returns whether the same may succeed soon (see `isTransientError`), for three tries after the first;
 *   false for what another try does not mend: `UNAUTHENTICATED`, `NOT_FOUND`, a wait of more than 30 s
 */
export function shouldRetry(failureCount: number, error: unknown): boolean {
  return isTransientError(error) && hasRetriesLeft(failureCount, error, {});
}

/**
 * @param failureCount failures before this one
 * @param error what the call threw
 * @returns milliseconds until the next try: what `Retry-After` asks for, or 0.5 s, then 1 s, 2 s and so on; partly random,
 *   so that the clients of a server that was away do not come back all at once
 */
export function retryDelayMs(
  failureCount: number,
  error?: unknown,
  { baseDelayMs = 500, maxDelayMs = MAX_DELAY_MS }: Pick<RetryOptions, 'baseDelayMs' | 'maxDelayMs'> = {},
): number {
  const half = Math.min(baseDelayMs * 2 ** failureCount, maxDelayMs) / 2;
  return Math.max(retryAfterMs(error), half) + half * Math.random();
}

const retryAfterMs = (error: unknown): number =>
  isHttpError(error) ? 1000 * (error.retryAfterSeconds ?? 0) : 0;
