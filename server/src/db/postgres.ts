import type postgres from 'postgres';
import { type ChangeListener, type Database, databaseOn, type OpenDatabase } from './client.ts';
import { type ConnectionOptions, connect, databaseOnConnection } from './connection.ts';
import { connectionSettingsOf, type DatabaseUrl } from './drivers.ts';
import { EVENTS_CHANNEL } from './events.ts';
import { createLimiter, poolMeasures } from './gate.ts';
import { DRIVER_OPTIONS, openPools, type Pools, READ_PIPELINE_DEPTH, SESSION_TIMEOUTS } from './pools.ts';
import {
  completeSettings,
  memoizedProbe,
  type ServerInfo,
  SettingError,
  type Settings,
  sessionOptions,
  setSettings,
} from './session.ts';
import { openTransactionPools, READ_ONLY, READ_WRITE, retryUntilBegun } from './sharedPools.ts';

/** Calls that may wait for a connection; the next is refused at once. */
const MAX_WAITING_CALLS = 500;

/** Connections from which on one of them is kept for groups; without prepared statements none is. */
const MIN_CONNECTIONS_FOR_GROUPS = 4;

/**
 * Opens pools. Reads wait for no row lock and are short, so a quarter of the connections is theirs and many are sent
 * on each at once, which costs PostgreSQL and us half (the benchmark); as one can be behind a slow one there, each has a
 * deadline. Small changes of different users that come at once share the connection for groups (groups.ts). The first
 * connection is made by the first statement.
 * @param max connections, of all pools together
 * @param prepare whether statements are kept prepared; a pooler in between may not allow it
 * @param probe how the database is reached
 */
export function openPostgres(
  address: DatabaseUrl,
  max: number,
  prepare = true,
  probe = memoizedProbe(address),
): OpenDatabase {
  const url = connectionSettingsOf(address);
  const isPrepared = prepare && url.prepare;
  const sizes = divideConnections(max, isPrepared);
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
  return {
    db: databaseOn({
      run: ({ text, mode }, values) =>
        mode === 'read'
          ? readLimiter(() => withPools((to) => to.read(text, values)))
          : writeLimiter(() =>
              withPools((to) =>
                mode === 'grouped-write' ? to.groupedWrite(text, values) : to.write(text, values),
              ),
            ),
      executeUnprepared: (text, values) =>
        writeLimiter(() => withPools((to) => to.writeUnprepared(text, values))),
      transaction: (job) => writeLimiter(() => withPools((to) => to.transaction(job))),
    }),
    engine: 'postgres',
    measures: poolMeasures({
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

function divideConnections(max: number, prepare: boolean) {
  const readers = Math.max(1, Math.floor(max / 4));
  const groups = prepare && max >= MIN_CONNECTIONS_FOR_GROUPS ? 1 : 0;
  return { readers, writers: Math.max(1, max - readers - groups), groups } as const;
}

/** Milliseconds between looks at the listening connection, and until a lost one is made again. */
const CHECK_INTERVAL_MS = 5000;
const RECONNECT_DELAY_MS = 200;

/**
 * Listens on a connection of its own. `listen` is said again and again: it does no harm, shows that the connection is
 * alive, and is the cure where it was lost. What was missed meanwhile stands in the table, so `ring` hears of the gap.
 */
function listen(
  url: DatabaseUrl,
  probe: () => Promise<ServerInfo>,
  onChange: ChangeListener,
): () => Promise<void> {
  let listening = false;
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let checking: Promise<void> = Promise.resolve();
  let client: postgres.Sql | undefined;
  const open = (server: ServerInfo) =>
    connect(url, {
      ...DRIVER_OPTIONS,
      ...sessionOptions(server, 'stepwise', SESSION_TIMEOUTS),
      max: 1,
      query_timeout: 3,
      idle_timeout: 0,
      max_lifetime: null,
      onnotify: (_channel: string, user_id: string) => onChange(Number(user_id)),
      onclose() {
        listening = false;
        scheduleCheck(RECONNECT_DELAY_MS);
      },
    } as ConnectionOptions);
  function scheduleCheck(wait: number): void {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(() => (checking = checkConnection()), wait);
  }
  async function checkConnection(): Promise<void> {
    try {
      const server = await probe();
      // Whoever listens there would be told in a session that is somebody else's by then.
      if (ended || server.pooler === 'transaction') return;
      client ??= open(server);
      const before = listening;
      listening = true;
      await client.unsafe(`listen ${EVENTS_CHANNEL}`);
      if (!before) onChange(undefined);
    } catch {
      listening = false;
    }
    scheduleCheck(listening ? CHECK_INTERVAL_MS : RECONNECT_DELAY_MS);
  }
  checking = checkConnection();
  return async () => {
    ended = true;
    clearTimeout(timer);
    await client?.end({ timeout: 1 });
    await checking;
  };
}

/** What a connection of one's own is for, and what holds on it. */
export interface ConnectionPurpose {
  /** Shown by PostgreSQL. */
  readonly name: string;
  readonly settings: Settings;
  /** Of a transaction: whether it may change anything, which no standby allows. */
  readonly isReadOnly?: boolean;
}

/** Runs `job` in one transaction, on a connection of its own that no timeout but its own settings cuts. */
export async function runInTransaction<T>(
  url: DatabaseUrl,
  probe: () => Promise<ServerInfo>,
  { name, settings, isReadOnly = false }: ConnectionPurpose,
  job: (tx: Database) => Promise<T>,
): Promise<T> {
  const server = await probe();
  return onOwnConnection(url, server, { name, settings }, (client) =>
    retryUntilBegun((begun) =>
      client.begin(isReadOnly ? READ_ONLY : READ_WRITE, async (tx) => {
        if (server.pooler === 'transaction')
          await tx.unsafe(setSettings(completeSettings(settings, server), 'transaction'));
        begun();
        return job(databaseOnConnection(tx, { prepare: server.keepsPrepared }));
      }),
    ),
  ) as Promise<T>;
}

/** Runs `job` on a connection of its own whose session stays the same. @throws SettingError where a pooler changes sessions */
export async function withConnection<T>(
  url: DatabaseUrl,
  purpose: ConnectionPurpose,
  job: (client: postgres.Sql) => Promise<T>,
): Promise<T> {
  const server = await memoizedProbe(url)();
  if (server.pooler === 'transaction')
    throw new SettingError(
      'this takes more than one transaction in the same session: give it the URL of PostgreSQL itself, not that of a pooler',
    );
  return onOwnConnection(url, server, purpose, job);
}

async function onOwnConnection<T>(
  url: DatabaseUrl,
  server: ServerInfo,
  { name, settings }: ConnectionPurpose,
  job: (client: postgres.Sql) => Promise<T>,
): Promise<T> {
  const session = sessionOptions(server, name, settings);
  const lasting = {
    max: 1,
    prepare: server.keepsPrepared,
    query_timeout: 0,
    idle_timeout: 0,
    max_lifetime: null,
    fetch_types: true,
  };
  const client = connect(url, { ...DRIVER_OPTIONS, ...session, ...lasting } as ConnectionOptions);
  try {
    return await job(client);
  } finally {
    await client.end({ timeout: 5 });
  }
}
