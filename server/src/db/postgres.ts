import type postgres from 'postgres';
import { type Database, databaseOn, type OpenDatabase, type Ring } from './client.ts';
import { connect, type Options, onConnection } from './connection.ts';
import { type Address, settingsOf } from './drivers.ts';
import { CHANNEL } from './events.ts';
import { createGate, poolMeasures } from './gate.ts';
import { LIMITS, OPTIONS, openPools, PIPELINE, type Pools } from './pools.ts';
import {
  completed,
  type Meeting,
  meetOnce,
  SettingError,
  type Settings,
  sessionOptions,
  setting,
} from './session.ts';
import { CHANGES, openSharedPools, READS, untilBegun } from './sharedPools.ts';

/** Calls that may wait for a connection; the next is refused at once. */
const MAX_WAITING = 500;

/** Connections from which on one of them is kept for groups; without prepared statements none is. */
const MANY = 4;

/**
 * Opens pools. Reads wait for no row lock and are short, so a quarter of the connections is theirs and many are sent
 * on each at once, which costs PostgreSQL and us half (the benchmark); as one can be behind a slow one there, each has a
 * deadline. Small changes of different users that come at once share the connection for groups (groups.ts). The first
 * connection is made by the first statement.
 * @param max connections, of all pools together
 * @param prepare whether statements are kept prepared; a pooler in between may not allow it
 * @param met how the database is reached
 */
export function openPostgres(
  address: Address,
  max: number,
  prepare = true,
  met = meetOnce(address),
): OpenDatabase {
  const url = settingsOf(address);
  const isPrepared = prepare && url.prepare;
  const shares = shareOut(max, isPrepared);
  const readGate = createGate(shares.readers * PIPELINE + MAX_WAITING);
  const gate = createGate(max + MAX_WAITING);
  const refusal = Promise.withResolvers<SettingError>();
  let pools: Pools | undefined;
  let isClosed = false;
  const opened = async (): Promise<Pools> => {
    const meeting = await met();
    if (isClosed) throw Object.assign(new Error('closed'), { code: 'CONNECTION_ENDED' });
    const open = meeting.pooler === 'transaction' ? openSharedPools : openPools;
    pools ??= open(url, meeting, shares, isPrepared && meeting.prepares, refusal.resolve);
    return pools;
  };
  const on = <T>(run: (pools: Pools) => Promise<T>): Promise<T> => (pools ? run(pools) : opened().then(run));
  return {
    db: databaseOn({
      run: ({ text, does }, values) =>
        does === 'read'
          ? readGate(() => on((to) => to.read(text, values)))
          : gate(() =>
              on((to) => (does === 'small change' ? to.smallChange(text, values) : to.change(text, values))),
            ),
      once: (text, values) => gate(() => on((to) => to.once(text, values))),
      transaction: (job) => gate(() => on((to) => to.transaction(job))),
    }),
    engine: 'postgres',
    measures: poolMeasures({
      reads: { gate: readGate, connections: shares.readers },
      writes: { gate, connections: shares.writers + shares.groups },
    }),
    refusal: refusal.promise,
    ping: () => on((to) => to.ping()),
    listen: (ring) => listenOn(url, met, ring),
    async close() {
      isClosed = true;
      await pools?.close();
    },
  };
}

function shareOut(max: number, prepare: boolean) {
  const readers = Math.max(1, Math.floor(max / 4));
  const groups = prepare && max >= MANY ? 1 : 0;
  return { readers, writers: Math.max(1, max - readers - groups), groups } as const;
}

/** Milliseconds between looks at the listening connection, and until a lost one is made again. */
const LOOK = 5000;
const AGAIN = 200;

/**
 * Listens on a connection of its own. `listen` is said again and again: it does no harm, shows that the connection is
 * alive, and is the cure where it was lost. What was missed meanwhile stands in the table, so `ring` hears of the gap.
 */
function listenOn(url: Address, met: () => Promise<Meeting>, ring: Ring): () => Promise<void> {
  let listening = false;
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let client: postgres.Sql | undefined;
  const open = (meeting: Meeting) =>
    connect(url, {
      ...OPTIONS,
      ...sessionOptions(meeting, 'stepwise', LIMITS),
      max: 1,
      query_timeout: 3,
      idle_timeout: 0,
      max_lifetime: null,
      onnotify: (_channel: string, user_id: string) => ring(Number(user_id)),
      onclose() {
        listening = false;
        next(AGAIN);
      },
    } as Options);
  function next(wait: number): void {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(() => (looking = look()), wait);
  }
  async function look(): Promise<void> {
    try {
      const meeting = await met();
      // Whoever listens there would be told in a session that is somebody else's by then.
      if (ended || meeting.pooler === 'transaction') return;
      client ??= open(meeting);
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
    await client?.end({ timeout: 1 });
    await looking;
  };
}

/** What a connection of one's own is for, and what holds on it. */
export interface Purpose {
  /** Shown by PostgreSQL. */
  readonly name: string;
  readonly settings: Settings;
  /** Of a transaction: whether it may change anything, which no standby allows. */
  readonly reads?: boolean;
}

/** Runs `job` in one transaction, on a connection of its own that no timeout but its own settings cuts. */
export async function inOneTransaction<T>(
  url: Address,
  met: () => Promise<Meeting>,
  { name, settings, reads = false }: Purpose,
  job: (tx: Database) => Promise<T>,
): Promise<T> {
  const meeting = await met();
  return onOwn(url, meeting, { name, settings }, (client) =>
    untilBegun((begun) =>
      client.begin(reads ? READS : CHANGES, async (tx) => {
        if (meeting.pooler === 'transaction')
          await tx.unsafe(setting(completed(settings, meeting), 'transaction'));
        begun();
        return job(onConnection(tx, { prepare: meeting.prepares }));
      }),
    ),
  ) as Promise<T>;
}

/** Runs `job` on a connection of its own whose session stays the same. @throws SettingError where a pooler changes sessions */
export async function withConnection<T>(
  url: Address,
  purpose: Purpose,
  job: (client: postgres.Sql) => Promise<T>,
): Promise<T> {
  const meeting = await meetOnce(url)();
  if (meeting.pooler === 'transaction')
    throw new SettingError(
      'this takes more than one transaction in the same session: give it the URL of PostgreSQL itself, not that of a pooler',
    );
  return onOwn(url, meeting, purpose, job);
}

async function onOwn<T>(
  url: Address,
  meeting: Meeting,
  { name, settings }: Purpose,
  job: (client: postgres.Sql) => Promise<T>,
): Promise<T> {
  const session = sessionOptions(meeting, name, settings);
  const lasting = {
    max: 1,
    prepare: meeting.prepares,
    query_timeout: 0,
    idle_timeout: 0,
    max_lifetime: null,
    fetch_types: true,
  };
  const client = connect(url, { ...OPTIONS, ...session, ...lasting } as Options);
  try {
    return await job(client);
  } finally {
    await client.end({ timeout: 5 });
  }
}
