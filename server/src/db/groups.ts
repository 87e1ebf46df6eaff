// Small changes that come at the same time are committed together: one transaction, one flush to disk and one message to
// PostgreSQL for all of them. Each still is answered only when it is committed, and fails only for what it did itself.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type postgres from 'postgres';
import { QueryTimeoutError } from './gate.ts';

/** Changes in one transaction at most. */
export const MAX_GROUP_SIZE = 32;

/** Changes that are run by themselves at the same time: whoever comes when there is nothing to do is not kept waiting. */
const DIRECT_CONCURRENCY = 2;

/** Milliseconds for which changes are run by themselves after a group was rolled back: its reason is likely to last. */
const COOLDOWN_MS = 1000;

/** Milliseconds for which changes wait for the connection, or behind a group; then they are run by themselves. */
const MAX_WAIT_MS = 250;

/** Milliseconds that a group may have taken for its changes to be run again; whoever has waited longer is told to come again. */
const MAX_RERUN_AGE_MS = 1000;

/** Runs one change. @returns its rows, once they are committed */
export type StatementRunner = (text: string, values: readonly unknown[]) => Promise<object[]>;

interface PendingWrite {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly resolve: (rows: object[] | Promise<object[]>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * @param pool of one connection, which takes a whole group at once and soon gives up a lock that it would have to wait for
 * @param write runs a change by itself
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
      // With COMMIT each has its own outcome, with ROLLBACK nothing has happened: for what one of them did, or waited for.
      if (end === 'COMMIT') return settleEach(group, outcomes);
      const now = performance.now();
      cooldownUntil = now + COOLDOWN_MS;
      if (now - startedAt > MAX_RERUN_AGE_MS)
        throw new QueryTimeoutError('rolled back with others, too late to be run again');
      group.forEach(runAlone);
    } catch (error) {
      // Or the connection is lost: then nobody knows whether they are committed.
      for (const { reject } of group) reject(error);
      // The driver notices the end of a connection in a turn of its own.
      await nextTurn();
    } finally {
      clearTimeout(late);
      isSlow = false;
    }
  }

  /** @returns the connection, if it is to be had in time; when it comes later it is given back */
  async function acquireConnection(): Promise<postgres.ReservedSql | undefined> {
    const coming = pool.reserve().catch(() => undefined);
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), MAX_WAIT_MS);
    const connection = await Promise.race([coming, late.promise]);
    clearTimeout(timer);
    if (!connection) coming.then((unused) => unused?.release());
    return connection;
  }

  /** @returns how the transaction ended, and what became of each change. @throws when nobody knows */
  async function pipelineTransaction(
    group: readonly PendingWrite[],
  ): Promise<{ end: string; outcomes: Outcome[] }> {
    const connection = await acquireConnection();
    // Nothing was sent.
    if (!connection) return { end: 'ROLLBACK', outcomes: [] };
    try {
      // Sent in this order, without waiting for any of them.
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
      // Others may come with the same packets.
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
