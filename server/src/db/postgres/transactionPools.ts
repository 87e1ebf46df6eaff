// Pools of connections to a pooler in transaction mode. Each transaction may get another session, so each statement runs in a
// transaction that sets what the statement depends on.
import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import type { Database } from '../database.ts';
import { databaseCode } from '../errors.ts';
import { type ConnectionOptions, connect, databaseOnConnection } from './connection.ts';
import type { ConnectionSettings } from './connectionSettings.ts';
import type { StatementRunner } from './groupCommit.ts';
import { refusalOf, requireWritable } from './hosts.ts';
import { DRIVER_OPTIONS, type PoolSizes, type Pools, READ_TIMEOUT_MS, SESSION_TIMEOUTS } from './pools.ts';
import { readWithTimeout, retryOnDeadlock } from './retry.ts';
import {
  completeSettings,
  type ServerInfo,
  type SettingError,
  sessionOptions,
  setSettings,
} from './session.ts';
import { SELECT_SESSION_STATE } from './sessionState.ts';

/** Modes of transactions. `begin` itself runs under the settings of the role or the database. */
export const READ_ONLY = 'isolation level read committed read only';
export const READ_WRITE = 'isolation level read committed';

/** Attempts to begin a transaction under a role's very short `statement_timeout`. */
const MAX_ATTEMPTS = 10;
const RETRY_DELAY_MS = 20;

/** @param prepare whether statements are prepared; the pooler must support that */
export function openTransactionPools(
  url: ConnectionSettings,
  server: ServerInfo,
  { readers, writers }: PoolSizes,
  prepare: boolean,
  onUnusable: (error: SettingError) => void,
): Pools {
  const set = setSettings(completeSettings(SESSION_TIMEOUTS, server), 'transaction');
  const beginRead = beginningOf(url, READ_ONLY, set);
  const beginWrite = beginningOf(url, READ_WRITE, set);
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
    isDistributed: server.isDistributed ?? false,
    transaction: <T>(job: (tx: Database) => Promise<T>) =>
      retryUntilBegun(
        (begun) =>
          writePool.begin(READ_WRITE, async (tx) => {
            const refused = beginWrite.refuse(await tx.unsafe(beginWrite.settings));
            if (refused) throw refused;
            begun();
            return job(databaseOnConnection(tx, { prepare, isDistributed: server.isDistributed }));
          }) as Promise<T>,
      ),
    async ping() {
      const [, state] = await Promise.all([
        runInOwnTransaction(readPool, beginRead, 'select 1', [], false),
        runInOwnTransaction(writePool, beginWrite, SELECT_SESSION_STATE, [], false),
      ]);
      requireWritable(url, state);
    },
    close: async () =>
      void (await Promise.all([readPool, writePool].map((pool) => pool.end({ timeout: 5 })))),
  };
}

/** How a transaction begins. */
export interface Beginning {
  /** Sets what the statements depend on, and says what the session is. */
  readonly settings: string;
  /** `begin` and the settings. */
  readonly text: string;
  /** @returns why the session must not be used: the pooler may have made it on another host than the one before */
  refuse(answer: readonly object[]): Error | undefined;
}

/** @param set as of `setSettings` */
export function beginningOf(
  url: ConnectionSettings,
  mode: typeof READ_ONLY | typeof READ_WRITE,
  set: string,
): Beginning {
  const settings = url.targetSession === 'any' ? set : `${set}; ${SELECT_SESSION_STATE}`;
  return {
    settings,
    text: `begin ${mode}; ${settings}`,
    refuse: (answer) => refusalOf(url, answer, mode === READ_ONLY),
  };
}

/** Runs one statement in a transaction. The statement and `commit` are sent together, after `begin` has succeeded. */
export function runInOwnTransaction(
  pool: postgres.Sql,
  beginning: Beginning,
  text: string,
  values: readonly unknown[],
  prepare: boolean,
): Promise<object[]> {
  return retryUntilBegun(async (begun) => {
    const connection = await pool.reserve();
    try {
      // If it failed, the statement would run outside of a transaction, without the settings.
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

/** If it fails, the connection is as before. */
async function begin(connection: postgres.ReservedSql, { text, refuse }: Beginning): Promise<void> {
  try {
    const refused = refuse(await connection.unsafe(text));
    if (refused) throw refused;
  } catch (error) {
    // The transaction may have begun, and the settings failed.
    await connection.unsafe('rollback').catch(() => {});
    throw error;
  }
}

/** Runs it again if the role's `statement_timeout` ended it before it had begun: nothing has happened then. */
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
