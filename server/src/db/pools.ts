// Pools of connections to PostgreSQL that have a session each: its own, or that of a pooler in session mode.
import type { Database } from './client.ts';
import { type ConnectionOptions, connect, databaseOnConnection } from './connection.ts';
import type { DatabaseUrl } from './drivers.ts';
import { readWithTimeout, retryOnDeadlock } from './gate.ts';
import { createGroupCommit, MAX_GROUP_SIZE, type StatementRunner } from './groups.ts';
import { type ServerInfo, type SettingError, type Settings, sessionOptions } from './session.ts';

/**
 * The driver's options. The package is patched (patches/): without the patch it can hang, answer one query with
 * another's rows and commit outside a failed transaction when a connection is lost. `acquire_timeout`, `query_timeout`
 * and `greeting` come from the patch; with the default backoff a pool needs up to 20 s after a restart.
 * At most one call waits behind another on a connection, so that a commit that is being flushed holds up no connection
 * and a lock that is waited for at most one more call, for at most `lock_timeout`. What waits for a connection is
 * rejected after `acquire_timeout` and never run.
 * A slow statement is ended by PostgreSQL; `query_timeout` is a little longer, for a server that says nothing any more:
 * then the connection is given up. So a call is answered within 5 s of its turn on a connection.
 */
export const DRIVER_OPTIONS = {
  backoff: (failures: number) => Math.min(0.05 * 2 ** failures, 0.5),
  connect_timeout: 2,
  acquire_timeout: 3,
  query_timeout: 4.5,
  max_pipeline: 1,
  idle_timeout: 20,
  max_lifetime: 30 * 60,
  // No column of ours is an array.
  fetch_types: false,
  onnotice: () => {},
} as const;

/** What one statement may take, and a transaction that nothing happens in. */
export const SESSION_TIMEOUTS = {
  statement_timeout: '4s',
  lock_timeout: '2s',
  idle_in_transaction_session_timeout: '10s',
} as const satisfies Settings;

/** Reads that may be on one connection at a time, and milliseconds until a read is given up. */
export const READ_PIPELINE_DEPTH = 16;
export const READ_TIMEOUT_MS = 4000;

/** A group waits for a lock no longer than this: then it is rolled back, and its changes are run by themselves (groups.ts). */
const GROUP_TIMEOUTS = { ...SESSION_TIMEOUTS, lock_timeout: '50ms' };

/** What statements are run on. */
export interface Pools {
  read: StatementRunner;
  write: StatementRunner;
  groupedWrite: StatementRunner;
  /** A change whose text is not worth being remembered. */
  writeUnprepared: StatementRunner;
  transaction<T>(job: (tx: Database) => Promise<T>): Promise<T>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** How many connections do what. */
export interface PoolSizes {
  readonly readers: number;
  readonly writers: number;
  readonly groups: 0 | 1;
}

/** @param onUnusable told when a new connection shows that the database has become one that is not for us */
export function openPools(
  url: DatabaseUrl,
  server: ServerInfo,
  { readers, writers, groups }: PoolSizes,
  prepare: boolean,
  onUnusable: (error: SettingError) => void,
): Pools {
  const options = { prepare };
  const open = (max: number, settings: Settings, max_pipeline: number) =>
    connect(url, {
      ...DRIVER_OPTIONS,
      ...sessionOptions(server, 'stepwise', settings, onUnusable),
      max,
      max_pipeline,
      prepare,
    } as ConnectionOptions);
  // That reads change nothing is not left to who writes them. (To a pooler we leave nothing that others could not bear.)
  const readSettings = {
    ...SESSION_TIMEOUTS,
    ...(server.pooler === 'none' && { default_transaction_read_only: 'on' }),
  };
  const readPool = open(readers, readSettings, READ_PIPELINE_DEPTH);
  const writePool = open(writers, SESSION_TIMEOUTS, DRIVER_OPTIONS.max_pipeline);
  const groupPool = groups === 1 ? open(1, GROUP_TIMEOUTS, MAX_GROUP_SIZE + 2) : undefined;
  const write: StatementRunner = (text, values) =>
    retryOnDeadlock(() => writePool.unsafe(text, values as never[], options));
  return {
    read: (text, values) =>
      readWithTimeout(() => readPool.unsafe(text, values as never[], options), READ_TIMEOUT_MS),
    write,
    groupedWrite: groupPool ? createGroupCommit(groupPool, write) : write,
    writeUnprepared: (text, values) => retryOnDeadlock(() => writePool.unsafe(text, values as never[])),
    transaction: <T>(job: (tx: Database) => Promise<T>) =>
      writePool.begin((tx) => job(databaseOnConnection(tx, options))) as Promise<T>,
    ping: async () => void (await Promise.all([readPool`select 1`, writePool`select 1`])),
    close: async () =>
      void (await Promise.all([readPool, writePool, groupPool].map((pool) => pool?.end({ timeout: 5 })))),
  };
}
