// Group commit: writes that arrive at the same time share one transaction, so one flush to disk and one message to
// PostgreSQL. Each is answered after the commit, and fails only for its own error.
import { setImmediate as nextLoopIteration } from 'node:timers/promises';
import type postgres from 'postgres';
import { QueryTimeoutError } from './retry.ts';

/** Writes in one transaction at most. */
export const MAX_GROUP_SIZE = 32;

/** Below this concurrency a write runs alone, so an idle server adds no latency. */
const DIRECT_CONCURRENCY = 2;

/** After a rollback of a group all writes run alone for this time, because its cause is likely to last. */
const COOLDOWN_MS = 1000;

/** Writes wait this long for the connection, or behind a group; then they run alone. */
const MAX_WAIT_MS = 250;

/** A group that was rolled back after a longer time is answered 503 instead of run again. */
const MAX_RERUN_AGE_MS = 1000;

/** Runs one statement. @returns its rows, once they are committed */
export type StatementRunner = (text: string, values: readonly unknown[]) => Promise<object[]>;

interface PendingWrite {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly resolve: (rows: object[] | Promise<object[]>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * @param pool one connection with a pipeline as long as a group and a short lock timeout
 * @param write runs a write alone
 */
export function createGroupCommit(pool: postgres.Sql, write: StatementRunner): StatementRunner {
  const queue: PendingWrite[] = [];
  let isSlow = false;
  let inFlight = 0;
  let isDraining = false;
  let cooldownUntil = 0;

  function runAlone({ text, values, resolve }: PendingWrite): void {
    inFlight++;
    const rows = write(text, values).finally(() => inFlight--);
    resolve(rows);
  }

  async function drainQueue(): Promise<void> {
    while (queue.length > 0) {
      const group = queue.splice(0, MAX_GROUP_SIZE);
      if (group.length === 1 || performance.now() < cooldownUntil) group.forEach(runAlone);
      else await commitGroup(group);
    }
    isDraining = false;
  }

  async function commitGroup(group: readonly PendingWrite[]): Promise<void> {
    const startedAt = performance.now();
    const late = setTimeout(() => {
      isSlow = true;
      queue.splice(0).forEach(runAlone);
    }, MAX_WAIT_MS);
    try {
      const { end, outcomes } = await pipelineTransaction(group);
      // After COMMIT each write has its own outcome. After ROLLBACK (one of them failed, or waited for a lock) nothing happened.
      if (end === 'COMMIT') return settleEach(group, outcomes);
      const now = performance.now();
      cooldownUntil = now + COOLDOWN_MS;
      if (now - startedAt > MAX_RERUN_AGE_MS)
        throw new QueryTimeoutError('rolled back with others, too late to be run again');
      group.forEach(runAlone);
    } catch (error) {
      // Or the connection is lost, and the outcome is unknown.
      for (const { reject } of group) reject(error);
      // The driver notices the end of a connection in the next iteration of the event loop.
      await nextLoopIteration();
    } finally {
      clearTimeout(late);
      isSlow = false;
    }
  }

  /** @returns the connection, or undefined if it is not available in time; a late one is released */
  async function acquireConnection(): Promise<postgres.ReservedSql | undefined> {
    const coming = pool.reserve().catch(() => undefined);
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), MAX_WAIT_MS);
    const connection = await Promise.race([coming, late.promise]);
    clearTimeout(timer);
    if (!connection) coming.then((unused) => unused?.release());
    return connection;
  }

  /** @returns how the transaction ended, and the outcome of each write. @throws if that is unknown */
  async function pipelineTransaction(
    group: readonly PendingWrite[],
  ): Promise<{ end: string; outcomes: Outcome[] }> {
    const connection = await acquireConnection();
    // Nothing was sent.
    if (!connection) return { end: 'ROLLBACK', outcomes: [] };
    try {
      // Sent in this order without waiting.
      const [, ...outcomes] = await Promise.allSettled([
        connection.unsafe('begin'),
        ...group.map(({ text, values }) => connection.unsafe(text, values as never[], { prepare: true })),
        connection.unsafe('commit'),
      ]);
      const end = outcomes.pop() as PromiseSettledResult<{ command: string }>;
      if (end.status === 'rejected') throw end.reason;
      return { end: end.value.command, outcomes: outcomes as Outcome[] };
    } finally {
      connection.release();
    }
  }

  return (text, values) =>
    new Promise((resolve, reject) => {
      const pending = { text, values, resolve, reject };
      if (inFlight < DIRECT_CONCURRENCY || isSlow) return runAlone(pending);
      queue.push(pending);
      if (isDraining) return;
      isDraining = true;
      // More writes may be in the packets that are being read.
      setImmediate(drainQueue);
    });
}

type Outcome = PromiseSettledResult<object[]>;

function settleEach(group: readonly PendingWrite[], outcomes: readonly Outcome[]): void {
  for (const [index, { resolve, reject }] of group.entries()) {
    const outcome = outcomes[index] as Outcome;
    if (outcome.status === 'fulfilled') resolve(outcome.value);
    else reject(outcome.reason);
  }
}
