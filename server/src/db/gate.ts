// What stands between statements and the driver: a bound on the calls that wait, and a second try for a lost conflict.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measure } from '../telemetry/measures.ts';
import { databaseCode } from './errors.ts';

/** Thrown when too many calls wait for the database already; the caller may try again later. */
class QueueFull extends Error {
  override name = 'QueueFull';
  readonly code = 'QUEUE_FULL';
}

/** How often a statement is run again that PostgreSQL rolled back in a deadlock or a serialization conflict. */
const RETRIES = 3;

export interface Gate {
  /** Runs a call, or refuses it at once with QueueFull. */
  <T>(run: () => PromiseLike<T>): Promise<T>;
  readonly count: { readonly limit: number; underWay: number; begun: number; refused: number };
}

/** @param limit calls that may be under way or wait at the same time; a transaction counts as one */
export function createGate(limit: number): Gate {
  const count = { limit, underWay: 0, begun: 0, refused: 0 };
  const gate = async <T>(run: () => PromiseLike<T>): Promise<T> => {
    if (count.underWay >= limit) {
      count.refused++;
      throw new QueueFull('too many calls wait for the database');
    }
    count.underWay++;
    count.begun++;
    try {
      return await run();
    } finally {
      count.underWay--;
    }
  };
  return Object.assign(gate, { count });
}

/** What pools of connections, each behind its gate, tell. */
export function poolMeasures(
  pools: Readonly<Record<string, { readonly gate: Gate; readonly connections: number }>>,
): readonly Measure[] {
  const each = (value: (pool: { count: Gate['count']; connections: number }) => number) => () =>
    Object.fromEntries(
      Object.entries(pools).map(
        ([name, { gate, connections }]) => [name, value({ count: gate.count, connections })] as const,
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
      ({ count }) => count.underWay,
    ),
    measure('calls_max', 'How many of them there may be; the next is refused', ({ count }) => count.limit),
    measure('calls_total', 'Statements and transactions that were let in', ({ count }) => count.begun),
    measure(
      'refused_total',
      'Statements and transactions that were refused as too many waited',
      ({ count }) => count.refused,
    ),
  ];
}

/**
 * Runs a single statement again, after 20 to 200 ms, that lost a conflict. Not for a transaction: only its caller knows
 * what it did besides.
 */
export async function retried<T>(run: () => PromiseLike<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt === RETRIES || !['40P01', '40001'].includes(databaseCode(error) ?? '')) throw error;
      await sleep(20 + Math.random() * 180);
    }
  }
}

/** Thrown when an answer did not come in time. */
export class TooLate extends Error {
  override name = 'TooLate';
  readonly code = 'QUERY_TIMEOUT';
}

/**
 * Gives up waiting for a statement after a time, and runs it again, once, when its connection is lost: for statements
 * that only read, as it may still be run, or be run twice.
 * @param deadline milliseconds
 */
export async function inTime<T>(run: () => PromiseLike<T>, deadline: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new TooLate('no answer in time')), deadline);
  const again = (error: unknown) => {
    if (databaseCode(error) !== 'CONNECTION_CLOSED') throw error;
    return run();
  };
  try {
    return await Promise.race([late.promise, run().then(undefined, again)]);
  } finally {
    clearTimeout(timer);
  }
}
