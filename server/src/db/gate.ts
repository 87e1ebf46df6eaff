// What stands between Drizzle and the driver: a bound on the calls that wait, and a second try for a lost conflict.
import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import { databaseCode } from './errors.ts';

/** Thrown when too many calls wait for the database already; the caller may try again later. */
export class QueueFull extends Error {
  override name = 'QueueFull';
  readonly code = 'QUEUE_FULL';
}

/** How often a statement is run again that PostgreSQL rolled back in a deadlock or a serialization conflict. */
const RETRIES = 3;

/**
 * @param limit calls that may be under way or wait at the same time; a transaction counts as one
 * @returns the client for Drizzle: a call beyond the limit is refused at once with QueueFull; a single statement that
 * lost a conflict is run again after 20 to 200 ms. A transaction is not: only its caller knows what it did besides.
 */
export function gated(client: postgres.Sql, limit: number): postgres.Sql {
  let underWay = 0;

  async function counted<T>(run: () => PromiseLike<T>): Promise<T> {
    if (underWay >= limit) throw new QueueFull('too many calls wait for the database');
    underWay++;
    try {
      return await run();
    } finally {
      underWay--;
    }
  }

  function unsafe(...args: Parameters<postgres.Sql['unsafe']>) {
    let asArrays = false;
    const run = () => (asArrays ? client.unsafe(...args).values() : client.unsafe(...args));
    // Like the driver's own queries it starts a moment later, when `.values()` has been said or not.
    const answer = Promise.resolve().then(() => counted(() => retried<unknown>(run)));
    const values = () => {
      asArrays = true;
      return answer;
    };
    return Object.assign(answer, { values });
  }

  const begin = (job: (tx: postgres.TransactionSql) => Promise<unknown>) => counted(() => client.begin(job));

  // These two are all that Drizzle calls; of a query it uses no more than `await` and `.values()`.
  return new Proxy(client, { get: (target, key) => ({ unsafe, begin })[key as string] ?? Reflect.get(target, key) });
}

async function retried<T>(run: () => PromiseLike<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt === RETRIES || !['40P01', '40001'].includes(databaseCode(error) ?? '')) throw error;
      await sleep(20 + Math.random() * 180);
    }
  }
}
