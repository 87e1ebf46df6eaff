// The database of a server that starts: PostgreSQL may start after it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenDatabase, WaitListener } from './database.ts';
import { databaseCode, isPermanent, isUnavailable } from './errors.ts';
import { type DatabaseOptions, openDatabase } from './open.ts';

export interface StartingDatabase extends Omit<OpenDatabase, 'ping'> {
  /** Rejects if the database does not answer; undefined as long as it is not prepared, when it is not asked. */
  ping(): Promise<void> | undefined;
  /**
   * Waits until the database can be reached and its schema is up to date. Until then every call is refused as it is when
   * the database becomes unavailable later.
   * @param onWait called with the reason, when it changes and every half minute, and with migrations that an operator has
   * yet to apply
   * @throws when the database refuses the connection, has another schema, or is closed meanwhile
   */
  prepare(onWait: WaitListener): Promise<void>;
}

/** Thrown as long as the database is not prepared, with PostgreSQL's code for "starting up". */
class DatabaseNotReadyError extends Error {
  override name = 'DatabaseNotReadyError';
  readonly code = '57P03';
}

/** Opens PostgreSQL without waiting for it; the embedded database is ready at once. */
export async function openForServer(options: DatabaseOptions): Promise<StartingDatabase> {
  const { databaseUrl, poolSize, migrateAtStart, jobs } = options;
  if (databaseUrl === undefined) return { ...(await openDatabase(options)), prepare: async () => {} };
  const [{ openPostgres }, { preparePostgres }, { memoizedProbe }] = await Promise.all([
    import('./postgres/open.ts'),
    import('./postgres/migrate.ts'),
    import('./postgres/session.ts'),
  ]);
  const probe = memoizedProbe(databaseUrl);
  const opened = openPostgres(databaseUrl, poolSize, options, probe);
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
      const pending = await retryUntilReachable(
        () => preparePostgres(databaseUrl, migrateAtStart, { probe, jobs, onWait, signal }),
        onWait,
        signal,
      );
      if (pending.length > 0)
        onWait('once no server of the version before runs, run db:migrate --post-deployment', { pending });
      isReady = true;
    },
    close() {
      closing.abort();
      return close();
    },
  };
}

/** Between two attempts: doubled each time, up to the maximum. */
const MIN_DELAY_MS = 125;
const MAX_DELAY_MS = 1000;
/** After this time the reason is reported again, though it has not changed. */
const REPORT_INTERVAL_MS = 30_000;

/** Runs `job` until it succeeds, or fails for another reason than an unavailable database. */
async function retryUntilReachable<T>(
  job: () => Promise<T>,
  onWait: WaitListener,
  signal: AbortSignal,
): Promise<T> {
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

/** A pooler has one code for all its own errors, so their text is needed. */
const poolerMessage = (error: unknown) =>
  databaseCode(error) === '08P01' ? { pooler: (error as Error).message } : {};
