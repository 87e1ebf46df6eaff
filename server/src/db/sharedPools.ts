// Pools of connections to a pooler that gives each transaction a session, the next one another: what a statement depends
// on is set in a transaction around it.
import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import type { Database } from './client.ts';
import { type ConnectionOptions, connect, databaseOnConnection } from './connection.ts';
import type { DatabaseUrl } from './drivers.ts';
import { databaseCode } from './errors.ts';
import { readWithTimeout, retryOnDeadlock } from './gate.ts';
import type { StatementRunner } from './groups.ts';
import { DRIVER_OPTIONS, type PoolSizes, type Pools, READ_TIMEOUT_MS, SESSION_TIMEOUTS } from './pools.ts';
import {
  completeSettings,
  type ServerInfo,
  type SettingError,
  sessionOptions,
  setSettings,
} from './session.ts';

/** How a transaction begins. What a role or a database has set holds for the beginning itself. */
export const READ_ONLY = 'isolation level read committed read only';
export const READ_WRITE = 'isolation level read committed';

/** Tries to begin one, where a role's `statement_timeout` is hardly enough for that, and milliseconds between them. */
const MAX_ATTEMPTS = 10;
const RETRY_DELAY_MS = 20;

/** @param prepare whether statements are kept prepared: only where the pooler can do that */
export function openTransactionPools(
  url: DatabaseUrl,
  server: ServerInfo,
  { readers, writers }: PoolSizes,
  prepare: boolean,
  onUnusable: (error: SettingError) => void,
): Pools {
  const options = { prepare };
  const set = setSettings(completeSettings(SESSION_TIMEOUTS, server), 'transaction');
  const [beginRead, beginWrite] = [READ_ONLY, READ_WRITE].map((how) => `begin ${how}; ${set}`) as [
    string,
    string,
  ];
  const open = (max: number) =>
    connect(url, {
      ...DRIVER_OPTIONS,
      ...sessionOptions(server, 'stepwise', {}, onUnusable),
      max,
      prepare,
    } as ConnectionOptions);
  const readPool = open(readers);
  const writePool = open(writers);

  const write = (prepared: boolean): StatementRunner => {
    return (text, values) =>
      retryOnDeadlock(() => runInOwnTransaction(writePool, beginWrite, text, values, prepared));
  };
  return {
    read: (text, values) =>
      readWithTimeout(() => runInOwnTransaction(readPool, beginRead, text, values, prepare), READ_TIMEOUT_MS),
    write: write(prepare),
    groupedWrite: write(prepare),
    writeUnprepared: write(false),
    transaction: <T>(job: (tx: Database) => Promise<T>) =>
      retryUntilBegun(
        (begun) =>
          writePool.begin(READ_WRITE, async (tx) => {
            await tx.unsafe(set);
            begun();
            return job(databaseOnConnection(tx, options));
          }) as Promise<T>,
      ),
    ping: async () =>
      void (await Promise.all([
        runInOwnTransaction(readPool, beginRead, 'select 1', [], false),
        runInOwnTransaction(writePool, beginWrite, 'select 1', [], false),
      ])),
    close: async () =>
      void (await Promise.all([readPool, writePool].map((pool) => pool.end({ timeout: 5 })))),
  };
}

/** Runs one statement in a transaction. What comes after its beginning is sent without waiting for it to be run. */
export function runInOwnTransaction(
  pool: postgres.Sql,
  beginning: string,
  text: string,
  values: readonly unknown[],
  prepare: boolean,
): Promise<object[]> {
  return retryUntilBegun(async (begun) => {
    const connection = await pool.reserve();
    try {
      // Waited for: had it failed, what follows would be run by itself, without the settings.
      await begin(connection, beginning);
      begun();
      const [outcome, end] = await Promise.allSettled([
        connection.unsafe(text, values as never[], { prepare }),
        connection.unsafe('commit'),
      ]);
      if (outcome.status === 'rejected') throw outcome.reason;
      if (end.status === 'rejected') throw end.reason;
      if (end.value.command !== 'COMMIT')
        throw Object.assign(new Error('rolled back'), { code: 'TRANSACTION_ROLLED_BACK' });
      return outcome.value;
    } finally {
      connection.release();
    }
  });
}

/** On failure the connection is as it was before. */
async function begin(connection: postgres.ReservedSql, text: string): Promise<void> {
  try {
    await connection.unsafe(text);
  } catch (error) {
    // It may have begun, and failed at the settings.
    await connection.unsafe('rollback').catch(() => {});
    throw error;
  }
}

/** Runs it again as long as the role's time is too short for it to say that it has begun: nothing has happened then. */
export async function retryUntilBegun<T>(run: (begun: () => void) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    let hasBegun = false;
    try {
      return await run(() => {
        hasBegun = true;
      });
    } catch (error) {
      if (hasBegun || attempt === MAX_ATTEMPTS || databaseCode(error) !== '57014') throw error;
      await sleep(RETRY_DELAY_MS);
    }
  }
}
