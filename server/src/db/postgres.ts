import postgres from 'postgres';
import { type Database, databaseOn, type OpenDatabase, type Ring } from './client.ts';
import { type Address, postgresOptions, settingsOf } from './drivers.ts';
import { CHANNEL } from './events.ts';
import { createGate, inTime, poolMeasures, retried } from './gate.ts';
import { createGroups, MOST, type Run } from './groups.ts';

/**
 * The driver's options. The package is patched (patches/): without the patch it can hang, answer one query with
 * another's rows and commit outside a failed transaction when a connection is lost. `acquire_timeout` and
 * `query_timeout` come from the patch; with the default backoff a pool needs up to 20 s after a restart.
 * At most one call waits behind another on a connection, so that a commit that is being flushed holds up no connection
 * and a lock that is waited for at most one more call, for at most `lock_timeout`. What waits for a connection is
 * rejected after `acquire_timeout` and never run.
 * A slow statement is ended by PostgreSQL; `query_timeout` is a little longer, for a server that says nothing any more:
 * then the connection is given up. So a call is answered within 5 s of its turn on a connection.
 */
export const OPTIONS = {
  backoff: (failures: number) => Math.min(0.05 * 2 ** failures, 0.5),
  connect_timeout: 2,
  acquire_timeout: 3,
  query_timeout: 4.5,
  max_pipeline: 1,
  idle_timeout: 20,
  max_lifetime: 30 * 60,
  onnotice: () => {},
  connection: {
    application_name: 'stepwise',
    statement_timeout: 4000,
    lock_timeout: 2000,
    idle_in_transaction_session_timeout: 10_000,
  },
} as const;

/** Calls that may wait for a connection; the next is refused at once. */
const MAX_WAITING = 500;

/** Reads that may be on one connection at a time, and milliseconds until a read is given up. */
const PIPELINE = 16;
const READ_DEADLINE = 4000;

/** That reads change nothing is not left to who writes them. */
const READ_OPTIONS = { ...OPTIONS, max_pipeline: PIPELINE, connection: { ...OPTIONS.connection, default_transaction_read_only: true } };

/** A group waits for a lock no longer than this: then it is rolled back, and its changes are run by themselves (groups.ts). */
const GROUP_OPTIONS = { ...OPTIONS, max_pipeline: MOST + 2, connection: { ...OPTIONS.connection, lock_timeout: 50 } };

/** Connections from which on one of them is kept for groups; without prepared statements none is. */
const MANY = 4;

const PREPARED = { prepare: true };

/**
 * Opens pools. Reads wait for no row lock and are short, so a quarter of the connections is theirs and many are sent
 * on each at once, which costs PostgreSQL and us half (the benchmark); as one can be behind a slow one there, each has a
 * deadline. Small changes of different users that come at once share the connection for groups (groups.ts). The first
 * connection is made by the first statement.
 * @param max connections, of all pools together
 * @param prepare whether statements are kept prepared; a pooler in between may not allow it
 */
export function openPostgres(address: Address, max: number, prepare = true): OpenDatabase {
  const url = settingsOf(address);
  const isPrepared = prepare && url.prepare;
  const readers = Math.max(1, Math.floor(max / 4));
  const reads = postgres(postgresOptions(url, { ...READ_OPTIONS, max: readers }));
  const groups = isPrepared && max >= MANY ? postgres(postgresOptions(url, { ...GROUP_OPTIONS, max: 1 })) : undefined;
  const writers = Math.max(1, max - readers - (groups ? 1 : 0));
  const writes = postgres(postgresOptions(url, { ...OPTIONS, max: writers }));
  const readGate = createGate(readers * PIPELINE + MAX_WAITING);
  const gate = createGate(max + MAX_WAITING);
  const options = { prepare: isPrepared };
  const change: Run = (text, values) => retried(() => writes.unsafe(text, values as never[], options));
  const smallChange = groups ? createGroups(groups, change) : change;
  return {
    db: databaseOn({
      run: ({ text, does }, values) =>
        does === 'read'
          ? readGate(() => inTime(() => reads.unsafe(text, values as never[], options), READ_DEADLINE))
          : gate(() => (does === 'small change' ? smallChange(text, values) : change(text, values))),
      once: (text, values) => gate(() => retried(() => writes.unsafe(text, values as never[]))),
      transaction: <T>(job: (tx: Database) => Promise<T>) => gate(() => writes.begin((tx) => job(onConnection(tx, options))) as Promise<T>),
    }),
    engine: 'postgres',
    measures: poolMeasures({ reads: { gate: readGate, connections: readers }, writes: { gate, connections: writers + (groups ? 1 : 0) } }),
    ping: async () => void (await Promise.all([reads`select 1`, writes`select 1`])),
    listen: (ring) => listenOn(url, ring),
    close: async () => void (await Promise.all([reads.end({ timeout: 5 }), writes.end({ timeout: 5 }), groups?.end({ timeout: 5 })])),
  };
}

/** On a connection that waits for nobody: that of a transaction, or of a job that has its own. */
export function onConnection(client: postgres.TransactionSql | postgres.Sql, options = PREPARED): Database {
  const db: Database = databaseOn({
    run: async ({ text }, values) => client.unsafe(text, values as never[], options),
    once: async (text, values) => client.unsafe(text, values as never[]),
    transaction: (job) => job(db),
  });
  return db;
}

/** Milliseconds between looks at the listening connection, and until a lost one is made again. */
const LOOK = 5000;
const AGAIN = 200;

/**
 * Listens on a connection of its own. `listen` is said again and again: it does no harm, shows that the connection is
 * alive, and is the cure where it was lost. What was missed meanwhile stands in the table, so `ring` hears of the gap.
 */
function listenOn(url: Address, ring: Ring): () => Promise<void> {
  let listening = false;
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  const options = {
    ...OPTIONS,
    max: 1,
    query_timeout: 3,
    idle_timeout: 0,
    max_lifetime: null,
    onnotify: (_channel: string, user_id: string) => ring(Number(user_id)),
    onclose() {
      listening = false;
      next(AGAIN);
    },
  };
  const client = postgres(postgresOptions(url, options as postgres.Options<Record<string, never>>));
  function next(wait: number): void {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(() => (looking = look()), wait);
  }
  async function look(): Promise<void> {
    try {
      const before = listening;
      listening = true;
      await client.unsafe(`listen ${CHANNEL}`);
      if (!before) ring(undefined);
    } catch {
      listening = false;
    }
    next(listening ? LOOK : AGAIN);
  }
  looking = look();
  return async () => {
    ended = true;
    clearTimeout(timer);
    await client.end({ timeout: 1 });
    await looking;
  };
}

/**
 * Runs `job` on one connection of its own that no timeout but the job's own cuts, as migrations need it.
 * @param lockTimeout milliseconds that a statement may wait for a lock
 */
export async function withConnection<T>(url: Address, lockTimeout: number, job: (client: postgres.Sql) => Promise<T>): Promise<T> {
  const connection = { application_name: 'stepwise migrations', lock_timeout: lockTimeout };
  const client = postgres(postgresOptions(url, { ...OPTIONS, max: 1, query_timeout: 0, idle_timeout: 0, max_lifetime: null, connection }));
  try {
    return await job(client);
  } finally {
    await client.end({ timeout: 5 });
  }
}
