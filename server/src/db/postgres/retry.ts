// A second try for statements that lost a conflict or their connection, and a bound on the time that they take.
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseCode } from '../errors.ts';

/** How often a statement is run again that lost a conflict. */
const MAX_RETRIES = 3;

/**
 * Runs a single statement, and again after 20 to 200 ms if PostgreSQL rolled it back for a deadlock or a serialization
 * failure. Not for transactions: only their callers know what else they did.
 */
export async function retryOnDeadlock<T>(run: () => PromiseLike<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt === MAX_RETRIES || !['40P01', '40001'].includes(databaseCode(error) ?? '')) throw error;
      await sleep(20 + Math.random() * 180);
    }
  }
}

/** Thrown when the database did not answer in time. */
export class QueryTimeoutError extends Error {
  override name = 'QueryTimeoutError';
  readonly code = 'QUERY_TIMEOUT';
}

/**
 * Stops waiting for a read after `timeoutMs`, and runs it again once if its connection is lost. Only for statements that
 * read: the first one may still run, or run twice.
 * @throws QueryTimeoutError
 */
export async function readWithTimeout<T>(run: () => PromiseLike<T>, timeoutMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new QueryTimeoutError('no answer in time')), timeoutMs);
  const rerunIfLost = (error: unknown) => {
    if (databaseCode(error) !== 'CONNECTION_CLOSED') throw error;
    return run();
  };
  try {
    return await Promise.race([late.promise, run().then(undefined, rerunIfLost)]);
  } finally {
    clearTimeout(timer);
  }
}
