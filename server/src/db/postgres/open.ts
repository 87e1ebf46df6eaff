// PostgreSQL behind pools of connections.
import { databaseOn, type OpenDatabase } from '../database.ts';
import { databaseCode } from '../errors.ts';
import { createLimiter, poolMeasures } from '../limiter.ts';
import { connectionSettingsOf, type DatabaseUrl } from './driverOptions.ts';
import { findHostAgain } from './hosts.ts';
import { listen } from './listen.ts';
import { openPools, type Pools, READ_PIPELINE_DEPTH } from './pools.ts';
import { runStatement } from './runStatement.ts';
import { memoizedProbe, type SettingError } from './session.ts';
import { openTransactionPools } from './transactionPools.ts';

/** Calls that may wait for a connection; one more is refused at once. */
const MAX_WAITING_CALLS = 500;

/** With fewer connections, or without prepared statements, there is no connection for group commit (0006). */
const MIN_CONNECTIONS_FOR_GROUPS = 4;

/** The SQLSTATE read_only_sql_transaction. */
const READ_ONLY_TRANSACTION = '25006';

/** How statements are run; both are true when undefined. */
export interface StatementOptions {
  /** Whether statements are kept prepared on their connection. */
  readonly prepare?: boolean;
  /** Whether small writes that arrive at once are committed together. */
  readonly groupCommit?: boolean;
}

/**
 * Opens pools; the first statement makes the first connection. Reads wait for no row lock and are short, so a quarter of
 * the connections is for reads, and many reads are pipelined on each, which halves their cost (the benchmark). A read can be
 * behind a slow one there, so each read has a timeout. Grouped writes share one connection (groupCommit.ts).
 * @param max connections, of all pools together
 * @param options `prepare`: a pooler in between may not allow it
 * @param probe finds out whether a pooler is in between
 */
export function openPostgres(
  address: DatabaseUrl,
  max: number,
  { prepare = true, groupCommit = true }: StatementOptions = {},
  probe = memoizedProbe(address),
): OpenDatabase {
  const url = connectionSettingsOf(address);
  const isPrepared = prepare && url.prepare;
  const sizes = divideConnections(max, isPrepared && groupCommit);
  const readLimiter = createLimiter(sizes.readers * READ_PIPELINE_DEPTH + MAX_WAITING_CALLS);
  const writeLimiter = createLimiter(max + MAX_WAITING_CALLS);
  const unusable = Promise.withResolvers<SettingError>();
  let pools: Pools | undefined;
  let isClosed = false;
  const openPoolsOnce = async (): Promise<Pools> => {
    const server = await probe();
    if (isClosed) throw Object.assign(new Error('closed'), { code: 'CONNECTION_ENDED' });
    const open = server.pooler === 'transaction' ? openTransactionPools : openPools;
    pools ??= open(url, server, sizes, isPrepared && server.keepsPrepared, unusable.resolve);
    return pools;
  };
  const withPools = <T>(run: (pools: Pools) => Promise<T>): Promise<T> =>
    pools ? run(pools) : openPoolsOnce().then(run);
  /** A host that was the primary when the connection began may take no writes any more. */
  const writing = <T>(run: (pools: Pools) => Promise<T>): Promise<T> =>
    writeLimiter(() =>
      withPools(run).catch((error) => {
        if (databaseCode(error) === READ_ONLY_TRANSACTION) findHostAgain(url);
        throw error;
      }),
    );
  return {
    db: databaseOn({
      executePrepared: (statement, values) => {
        const run = (to: Pools) =>
          runStatement(statement, values, to.isDistributed, RUNNERS[statement.mode](to));
        return statement.mode === 'read' ? readLimiter(() => withPools(run)) : writing(run);
      },
      executeUnprepared: (text, values) => writing((to) => to.writeUnprepared(text, values)),
      transaction: (job) => writing((to) => to.transaction(job)),
    }),
    engine: 'postgres',
    metricDefinitions: poolMeasures({
      reads: { limiter: readLimiter, connections: sizes.readers },
      writes: { limiter: writeLimiter, connections: sizes.writers + sizes.groups },
    }),
    unusable: unusable.promise,
    ping: () => withPools((to) => to.ping()),
    listen: (onChange) => listen(url, probe, onChange),
    async close() {
      isClosed = true;
      await pools?.close();
    },
  };
}

const RUNNERS = {
  read: (to: Pools) => to.read,
  write: (to: Pools) => to.write,
  'grouped-write': (to: Pools) => to.groupedWrite,
} as const;

function divideConnections(max: number, groupCommit: boolean) {
  const readers = Math.max(1, Math.floor(max / 4));
  const groups = groupCommit && max >= MIN_CONNECTIONS_FOR_GROUPS ? 1 : 0;
  return { readers, writers: Math.max(1, max - readers - groups), groups } as const;
}
