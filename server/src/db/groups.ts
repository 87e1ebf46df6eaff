// Small changes that come at the same time are committed together: one transaction, one flush to disk and one message to
// PostgreSQL for all of them. Each still is answered only when it is committed, and fails only for what it did itself.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type postgres from 'postgres';
import { TooLate } from './gate.ts';

/** Changes in one transaction at most. */
export const MOST = 32;

/** Changes that are run by themselves at the same time: whoever comes when there is nothing to do is not kept waiting. */
const ALONE = 2;

/** Milliseconds for which changes are run by themselves after a group was rolled back: its reason is likely to last. */
const PAUSE = 1000;

/** Milliseconds for which changes wait for the connection, or behind a group; then they are run by themselves. */
const PATIENCE = 250;

/** Milliseconds that a group may have taken for its changes to be run again; whoever has waited longer is told to come again. */
const AGAIN = 1000;

/** Runs one change. @returns its rows, once they are committed */
export type Run = (text: string, values: readonly unknown[]) => Promise<object[]>;

interface Change {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly resolve: (rows: object[] | Promise<object[]>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * @param pool of one connection, which takes a whole group at once and soon gives up a lock that it would have to wait for
 * @param alone runs a change by itself
 */
export function createGroups(pool: postgres.Sql, alone: Run): Run {
  const waiting: Change[] = [];
  let isSlow = false;
  let underWay = 0;
  let isWorking = false;
  let resume = 0;

  function byItself({ text, values, resolve }: Change): void {
    underWay++;
    const rows = alone(text, values).finally(() => underWay--);
    resolve(rows);
  }

  async function work(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting.splice(0, MOST);
      if (group.length === 1 || performance.now() < resume) group.forEach(byItself);
      else await together(group);
    }
    isWorking = false;
  }

  async function together(group: readonly Change[]): Promise<void> {
    const begun = performance.now();
    const late = setTimeout(() => {
      isSlow = true;
      waiting.splice(0).forEach(byItself);
    }, PATIENCE);
    try {
      const { end, outcomes } = await inOneGo(group);
      // With COMMIT each has its own outcome, with ROLLBACK nothing has happened: for what one of them did, or waited for.
      if (end === 'COMMIT') return settle(group, outcomes);
      const now = performance.now();
      resume = now + PAUSE;
      if (now - begun > AGAIN) throw new TooLate('rolled back with others, too late to be run again');
      group.forEach(byItself);
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
  async function connected(): Promise<postgres.ReservedSql | undefined> {
    const coming = pool.reserve().catch(() => undefined);
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), PATIENCE);
    const connection = await Promise.race([coming, late.promise]);
    clearTimeout(timer);
    if (!connection) coming.then((unused) => unused?.release());
    return connection;
  }

  /** @returns how the transaction ended, and what became of each change. @throws when nobody knows */
  async function inOneGo(group: readonly Change[]): Promise<{ end: string; outcomes: Outcome[] }> {
    const connection = await connected();
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
      const change = { text, values, resolve, reject };
      if (underWay < ALONE || isSlow) return byItself(change);
      waiting.push(change);
      if (isWorking) return;
      isWorking = true;
      // Others may come with the same packets.
      setImmediate(work);
    });
}

type Outcome = PromiseSettledResult<object[]>;

function settle(group: readonly Change[], outcomes: readonly Outcome[]): void {
  for (const [index, { resolve, reject }] of group.entries()) {
    const outcome = outcomes[index] as Outcome;
    if (outcome.status === 'fulfilled') resolve(outcome.value);
    else reject(outcome.reason);
  }
}
