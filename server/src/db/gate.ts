// What stands between statements and the driver: a bound on the calls that wait, and a second try for a lost conflict.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measure } from '../telemetry/measures.ts';
import { databaseCode } from './errors.ts';

/** Thrown when too many calls wait for the database already; the caller may try again later. */
class PoolSaturatedError extends Error {
  override name = 'PoolSaturatedError';
  readonly code = 'QUEUE_FULL';
}

/** How often a statement is run again that PostgreSQL rolled back in a deadlock or a serialization conflict. */
const MAX_RETRIES = 3;

export interface ConcurrencyLimiter {
  /** Runs a call, or refuses it at once with PoolSaturatedError. */
  <T>(run: () => PromiseLike<T>): Promise<T>;
  readonly counts: { readonly limit: number; inFlight: number; admitted: number; refused: number };
}

/** @param limit calls that may be under way or wait at the same time; a transaction counts as one */
export function createLimiter(limit: number): ConcurrencyLimiter {
  const counts = { limit, inFlight: 0, admitted: 0, refused: 0 };
  const limiter = async <T>(run: () => PromiseLike<T>): Promise<T> => {
    if (counts.inFlight >= limit) {
      counts.refused++;
      throw new PoolSaturatedError('too many calls wait for the database');
    }
    counts.inFlight++;
    counts.admitted++;
    try {
      return await run();
    } finally {
      counts.inFlight--;
    }
  };
  return Object.assign(limiter, { counts });
}

/** What pools of connections, each behind its gate, tell. */
export function poolMeasures(
  pools: Readonly<Record<string, { readonly limiter: ConcurrencyLimiter; readonly connections: number }>>,
): readonly Measure[] {
  const each =
    (value: (pool: { counts: ConcurrencyLimiter['counts']; connections: number }) => number) => () =>
      Object.fromEntries(
        Object.entries(pools).map(
          ([name, { limiter, connections }]) =>
            [name, value({ counts: limiter.counts, connections })] as const,
        ),
      );
  const measure = (name: string, help: string, value: Parameters<typeof each>[0]): Measure => ({
    name: `stepwise_database_${name}`,
    help,
    type: name.endsWith('_total') ? 'counter' : 'gauge',
    label: 'pool',
    read: each(value),
  });
  return [
    measure('connections_max', 'Connections of a pool at most', ({ connections }) => connections),
    measure(
      'calls',
      'Statements and transactions that are under way or wait for a connection',
      ({ counts }) => counts.inFlight,
    ),
    measure('calls_max', 'How many of them there may be; the next is refused', ({ counts }) => counts.limit),
    measure('calls_total', 'Statements and transactions that were let in', ({ counts }) => counts.admitted),
    measure(
      'refused_total',
      'Statements and transactions that were refused as too many waited',
      ({ counts }) => counts.refused,
    ),
  ];
}

/**
 * Runs a single statement again, after 20 to 200 ms, that lost a conflict. Not for a transaction: only its caller knows
 * what it did besides.
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

/** Thrown when an answer did not come in time. */
export class QueryTimeoutError extends Error {
  override name = 'QueryTimeoutError';
  readonly code = 'QUERY_TIMEOUT';
}

/**
 * Gives up waiting for a statement after a time, and runs it again, once, when its connection is lost: for statements
 * that only read, as it may still be run, or be run twice.
 * @param timeoutMs milliseconds
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
