// A bound on the calls that run or wait on a pool (a bulkhead).
import type { MetricDefinition } from '../telemetry/metricDefinition.ts';

/** Thrown when too many calls wait for the database; the caller may try again later. */
class PoolSaturatedError extends Error {
  override name = 'PoolSaturatedError';
  readonly code = 'QUEUE_FULL';
}

export interface ConcurrencyLimiter {
  /** Runs a call, or refuses it at once with PoolSaturatedError. */
  <T>(run: () => PromiseLike<T>): Promise<T>;
  readonly counts: { readonly limit: number; inFlight: number; admitted: number; refused: number };
}

/** @param limit calls that may run or wait at the same time; a transaction counts as one */
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

/** The metrics of pools of connections, each behind its limiter. */
export function poolMeasures(
  pools: Readonly<Record<string, { readonly limiter: ConcurrencyLimiter; readonly connections: number }>>,
): readonly MetricDefinition[] {
  const each =
    (value: (pool: { counts: ConcurrencyLimiter['counts']; connections: number }) => number) => () =>
      Object.fromEntries(
        Object.entries(pools).map(
          ([name, { limiter, connections }]) =>
            [name, value({ counts: limiter.counts, connections })] as const,
        ),
      );
  const measure = (name: string, help: string, value: Parameters<typeof each>[0]): MetricDefinition => ({
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
