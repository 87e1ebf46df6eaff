// Pools of connections with a session each: to PostgreSQL, or to a pooler in session mode.
import type { Database } from '../database.ts';
import { type ConnectionOptions, connect, databaseOnConnection } from './connection.ts';
import type { ConnectionSettings } from './connectionSettings.ts';
import { createGroupCommit, MAX_GROUP_SIZE, type StatementRunner } from './groupCommit.ts';
import { requireWritable } from './hosts.ts';
import { readWithTimeout, retryOnDeadlock } from './retry.ts';
import { type ServerInfo, type SettingError, type Settings, sessionOptions } from './session.ts';
import { SELECT_SESSION_STATE } from './sessionState.ts';

/**
 * The driver's options. The package is patched (patches/): without the patch it can hang, answer one query with
 * another's rows and commit outside a failed transaction when a connection is lost. `acquire_timeout`, `query_timeout`
 * and `greeting` come from the patch; with the default backoff a pool needs up to 20 s after a restart.
 * At most one call is sent behind another on a connection: the connection is busy while a commit is flushed, and a call that
 * waits for a lock delays at most one more call, by `lock_timeout`. A call that gets no connection within
 * `acquire_timeout` is rejected and never run.
 * PostgreSQL ends a slow statement. `query_timeout` is a little longer, for a server that no longer answers: then the
 * connection is closed. So a call is answered within 5 s after it was sent.
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

/** Timeouts of a statement, of waiting for a lock, and of an idle transaction. */
export const SESSION_TIMEOUTS = {
  statement_timeout: '4s',
  lock_timeout: '2s',
  idle_in_transaction_session_timeout: '10s',
} as const satisfies Settings;

/** Reads in flight on one connection at most, and the timeout of a read. */
export const READ_PIPELINE_DEPTH = 16;
export const READ_TIMEOUT_MS = 4000;

/** A group that has to wait for a lock is rolled back soon, and its writes run alone (groupCommit.ts). */
const GROUP_TIMEOUTS = { ...SESSION_TIMEOUTS, lock_timeout: '50ms' };

/** Runs statements on pools. */
export interface Pools {
  read: StatementRunner;
  write: StatementRunner;
  groupedWrite: StatementRunner;
  /** A write whose text is not prepared. */
  writeUnprepared: StatementRunner;
  /** Whether the tables are distributed by the user. */
  readonly isDistributed: boolean;
  transaction<T>(job: (tx: Database) => Promise<T>): Promise<T>;
  /** @throws if the database does not answer, or takes no writes */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Connections of each pool. */
export interface PoolSizes {
  readonly readers: number;
  readonly writers: number;
  readonly groups: 0 | 1;
}

/** @param onUnusable called when a new connection shows that the database must not be used */
export function openPools(
  url: ConnectionSettings,
  server: ServerInfo,
  sizes: PoolSizes,
  prepare: boolean,
  onUnusable: (error: SettingError) => void,
): Pools {
  const options = { prepare };
  const isDistributed = server.isDistributed ?? false;
  // Two users of a group may be on two nodes, which takes a commit in two phases.
  const { readers, writers, groups } = isDistributed
    ? { ...sizes, writers: sizes.writers + sizes.groups, groups: 0 }
    : sizes;
  const open = (max: number, settings: Settings, max_pipeline: number) =>
    connect(url, {
      ...DRIVER_OPTIONS,
      ...sessionOptions(server, 'stepwise', settings, onUnusable),
      max,
      max_pipeline,
      prepare,
    } as ConnectionOptions);
  // PostgreSQL itself refuses writes there. (Not behind a pooler, which hands its sessions to others.)
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
    isDistributed,
    writeUnprepared: (text, values) => retryOnDeadlock(() => writePool.unsafe(text, values as never[])),
    transaction: <T>(job: (tx: Database) => Promise<T>) =>
      writePool.begin((tx) => job(databaseOnConnection(tx, { prepare, isDistributed }))) as Promise<T>,
    async ping() {
      const [, state] = await Promise.all([readPool`select 1`, writePool.unsafe(SELECT_SESSION_STATE)]);
      requireWritable(url, state);
    },
    close: async () =>
      void (await Promise.all([readPool, writePool, groupPool].map((pool) => pool?.end({ timeout: 5 })))),
  };
}
