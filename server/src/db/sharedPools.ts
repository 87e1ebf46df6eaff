// Pools of connections to a pooler that gives each transaction a session, the next one another: what a statement depends
// on is set in a transaction around it.
import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import type { Database } from './client.ts';
import { connect, type Options, onConnection } from './connection.ts';
import type { Address } from './drivers.ts';
import { databaseCode } from './errors.ts';
import { inTime, retried } from './gate.ts';
import type { Run } from './groups.ts';
import { LIMITS, OPTIONS, type Pools, READ_DEADLINE, type Shares } from './pools.ts';
import { completed, type Meeting, type SettingError, sessionOptions, setting } from './session.ts';

/** How a transaction begins. What a role or a database has set holds for the beginning itself. */
export const READS = 'isolation level read committed read only';
export const CHANGES = 'isolation level read committed';

/** Tries to begin one, where a role's `statement_timeout` is hardly enough for that, and milliseconds between them. */
const TRIES = 10;
const PAUSE = 20;

/** @param prepare whether statements are kept prepared: only where the pooler can do that */
export function openSharedPools(
  url: Address,
  meeting: Meeting,
  { readers, writers }: Shares,
  prepare: boolean,
  refused: (error: SettingError) => void,
): Pools {
  const options = { prepare };
  const set = setting(completed(LIMITS, meeting), 'transaction');
  const [reading, changing] = [READS, CHANGES].map((how) => `begin ${how}; ${set}`) as [string, string];
  const open = (max: number) =>
    connect(url, {
      ...OPTIONS,
      ...sessionOptions(meeting, 'stepwise', {}, refused),
      max,
      prepare,
    } as Options);
  const reads = open(readers);
  const writes = open(writers);

  const change = (prepared: boolean): Run => {
    return (text, values) => retried(() => alone(writes, changing, text, values, prepared));
  };
  return {
    read: (text, values) => inTime(() => alone(reads, reading, text, values, prepare), READ_DEADLINE),
    change: change(prepare),
    smallChange: change(prepare),
    once: change(false),
    transaction: <T>(job: (tx: Database) => Promise<T>) =>
      untilBegun(
        (begun) =>
          writes.begin(CHANGES, async (tx) => {
            await tx.unsafe(set);
            begun();
            return job(onConnection(tx, options));
          }) as Promise<T>,
      ),
    ping: async () =>
      void (await Promise.all([
        alone(reads, reading, 'select 1', [], false),
        alone(writes, changing, 'select 1', [], false),
      ])),
    close: async () => void (await Promise.all([reads, writes].map((pool) => pool.end({ timeout: 5 })))),
  };
}

/** Runs one statement in a transaction. What comes after its beginning is sent without waiting for it to be run. */
export function alone(
  pool: postgres.Sql,
  beginning: string,
  text: string,
  values: readonly unknown[],
  prepare: boolean,
): Promise<object[]> {
  return untilBegun(async (begun) => {
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
export async function untilBegun<T>(run: (begun: () => void) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    let hasBegun = false;
    try {
      return await run(() => {
        hasBegun = true;
      });
    } catch (error) {
      if (hasBegun || attempt === TRIES || databaseCode(error) !== '57014') throw error;
      await sleep(PAUSE);
    }
  }
}
