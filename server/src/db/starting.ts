// The database of a server that starts: PostgreSQL may come later than it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenDatabase, WaitListener } from './client.ts';
import { databaseCode, isPermanent, isUnavailable } from './errors.ts';
import { type DatabaseOptions, openDatabase } from './open.ts';

export interface StartingDatabase extends Omit<OpenDatabase, 'ping'> {
  /** Asks whether the database answers; undefined, and it is not asked, as long as it is not prepared. */
  ping(): Promise<void> | undefined;
  /**
   * Waits until the database can be reached and its schema is up to date; until then every call is refused as it is
   * when the database goes away later.
   * @param onWait why it waits, when that changes and every half minute
   * @throws when the database refuses us, has another schema, or is closed meanwhile
   */
  prepare(onWait: WaitListener): Promise<void>;
}

/** Thrown as long as the database is not prepared, with PostgreSQL's own code for "starting up". */
class DatabaseNotReadyError extends Error {
  override name = 'DatabaseNotReadyError';
  readonly code = '57P03';
}

/** Opens PostgreSQL without waiting for it; the embedded database is ready at once. */
export async function openForServer(options: DatabaseOptions): Promise<StartingDatabase> {
  const { databaseUrl, poolSize, prepare, migrateAtStart, jobs } = options;
  if (databaseUrl === undefined) return { ...(await openDatabase(options)), prepare: async () => {} };
  const [{ openPostgres }, { checkPostgres, migratePostgres }, { memoizedProbe }] = await Promise.all([
    import('./postgres.ts'),
    import('./migrate.ts'),
    import('./session.ts'),
  ]);
  const probe = memoizedProbe(databaseUrl);
  const bringUp = migrateAtStart ? migratePostgres : checkPostgres;
  const opened = openPostgres(databaseUrl, poolSize, prepare, probe);
  const { db, ping, close } = opened;
  const closing = new AbortController();
  let isReady = false;
  const whenReady = <T>(run: () => Promise<T>) =>
    isReady ? run() : Promise.reject(new DatabaseNotReadyError('the database is not prepared yet'));
  return {
    ...opened,
    db: {
      executePrepared: (statement, values) => whenReady(() => db.executePrepared(statement, values)),
      execute: (query) => whenReady(() => db.execute(query)),
      transaction: (job) => whenReady(() => db.transaction(job)),
    },
    ping: () => (isReady ? ping() : undefined),
    async prepare(onWait) {
      const { signal } = closing;
      await retryUntilReachable(() => bringUp(databaseUrl, { probe, jobs, onWait, signal }), onWait, signal);
      isReady = true;
    },
    close() {
      closing.abort();
      return close();
    },
  };
}

/** Milliseconds between two tries: each time twice as long, up to the longest. */
const MIN_DELAY_MS = 125;
const MAX_DELAY_MS = 1000;
/** Milliseconds after which it is told again why it waits, though nothing has changed. */
const REPORT_INTERVAL_MS = 30_000;

/** Runs `job` until it does not fail because the database is away. */
async function retryUntilReachable(
  job: () => Promise<void>,
  onWait: WaitListener,
  signal: AbortSignal,
): Promise<void> {
  let last: string | undefined;
  let reportedAt = 0;
  for (let delayMs = MIN_DELAY_MS; ; delayMs = Math.min(delayMs * 2, MAX_DELAY_MS)) {
    try {
      return await job();
    } catch (error) {
      const reason = databaseCode(error);
      if (reason === undefined || !isUnavailable(reason) || isPermanent(reason)) throw error;
      if (reason !== last || performance.now() - reportedAt > REPORT_INTERVAL_MS) {
        onWait('the database is away: waiting for it', { reason, ...poolerMessage(error) });
        reportedAt = performance.now();
      }
      last = reason;
    }
    await sleep(delayMs, undefined, { signal });
  }
}

/** A pooler has one code for all that it says of its own: then its words are what is to be known. */
const poolerMessage = (error: unknown) =>
  databaseCode(error) === '08P01' ? { pooler: (error as Error).message } : {};
