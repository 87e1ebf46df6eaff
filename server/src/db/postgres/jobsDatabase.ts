// The adapter that runs the statements of pg-boss with our driver, so that its connections are set up like all others.
import type { Db } from 'pg-boss';
import type postgres from 'postgres';
import { type ConnectionOptions, connect } from './connection.ts';
import { connectionSettingsOf, type DatabaseUrl } from './driverOptions.ts';
import { DRIVER_OPTIONS } from './pools.ts';
import { completeSettings, memoizedProbe, type ServerInfo, sessionOptions, setSettings } from './session.ts';
import { type Beginning, beginningOf, READ_WRITE, runInOwnTransaction } from './transactionPools.ts';

export interface JobsDatabase extends Pick<Db, 'executeSql'> {
  close(): Promise<void>;
}

/** Its statements have no timeout: it migrates itself, and sets timeouts of its own where others wait. */
const SETTINGS = { idle_in_transaction_session_timeout: '10min' };

/** pg-boss passes undefined for NULL. */
const OPTIONS = {
  transform: { undefined: null },
  fetch_types: true,
};

/** @param max connections */
export function openJobsDatabase(address: DatabaseUrl, max: number): JobsDatabase {
  const url = connectionSettingsOf(address);
  const probe = memoizedProbe(url);
  let opened: { pool: postgres.Sql; begin: Beginning | undefined } | undefined;
  let isClosed = false;
  async function open() {
    const server: ServerInfo = await probe();
    if (isClosed) throw Object.assign(new Error('closed'), { code: 'CONNECTION_ENDED' });
    const session = sessionOptions(server, 'stepwise jobs', SETTINGS);
    opened ??= {
      pool: connect(url, {
        ...DRIVER_OPTIONS,
        ...OPTIONS,
        ...session,
        query_timeout: 0,
        acquire_timeout: 10,
        prepare: server.keepsPrepared,
        max,
      } as unknown as ConnectionOptions),
      begin:
        server.pooler === 'transaction'
          ? beginningOf(url, READ_WRITE, setSettings(completeSettings(SETTINGS, server), 'transaction'))
          : undefined,
    };
    return opened;
  }
  return {
    async executeSql(text, values = []) {
      const { pool, begin } = opened ?? (await open());
      const answer =
        begin !== undefined
          ? await runInOwnTransaction(pool, begin, text, values, false)
          : values.length > 0
            ? await pool.unsafe(text, values as never[])
            : await runScript(pool, text);
      // If a text has several statements, pg-boss expects the rows of all.
      return { rows: answer.every(Array.isArray) ? answer.flat() : [...answer] };
    },
    async close() {
      isClosed = true;
      await opened?.pool.end({ timeout: 5 });
    },
  };
}

/** Runs a text that may have several statements, and begin a transaction. */
async function runScript(pool: postgres.Sql, text: string): Promise<object[]> {
  const connection = await pool.reserve();
  try {
    return await connection.unsafe(text);
  } catch (error) {
    // The transaction that it began is still open, and failed.
    await connection.unsafe('rollback').catch(() => {});
    throw error;
  } finally {
    connection.release();
  }
}
