// The database of a server that starts: PostgreSQL may come later than it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenDatabase, Told } from './client.ts';
import { databaseCode, isLasting, isUnavailable } from './errors.ts';
import { type DatabaseOptions, openDatabase } from './open.ts';

export interface StartingDatabase extends Omit<OpenDatabase, 'ping'> {
  /** Asks whether the database answers; undefined, and it is not asked, as long as it is not prepared. */
  ping(): Promise<void> | undefined;
  /**
   * Waits until the database can be reached and its schema is up to date; until then every call is refused as it is
   * when the database goes away later.
   * @param told why it waits, when that changes and every half minute
   * @throws when the database refuses us, has another schema, or is closed meanwhile
   */
  prepare(told: Told): Promise<void>;
}

/** Thrown as long as the database is not prepared, with PostgreSQL's own code for "starting up". */
class NotReady extends Error {
  override name = 'NotReady';
  readonly code = '57P03';
}

/** Opens PostgreSQL without waiting for it; the embedded database is ready at once. */
export async function openForServer(options: DatabaseOptions): Promise<StartingDatabase> {
  const { databaseUrl, poolSize, prepare, migrateAtStart, jobs } = options;
  if (databaseUrl === undefined) return { ...(await openDatabase(options)), prepare: async () => {} };
  const [{ openPostgres }, { checkPostgres, migratePostgres }, { meetOnce }] = await Promise.all([
    import('./postgres.ts'),
    import('./migrate.ts'),
    import('./session.ts'),
  ]);
  const met = meetOnce(databaseUrl);
  const bringUp = migrateAtStart ? migratePostgres : checkPostgres;
  const opened = openPostgres(databaseUrl, poolSize, prepare, met);
  const { db, ping, close } = opened;
  const closing = new AbortController();
  let isReady = false;
  const whenReady = <T>(run: () => Promise<T>) =>
    isReady ? run() : Promise.reject(new NotReady('the database is not prepared yet'));
  return {
    ...opened,
    db: {
      run: (statement, values) => whenReady(() => db.run(statement, values)),
      execute: (query) => whenReady(() => db.execute(query)),
      transaction: (job) => whenReady(() => db.transaction(job)),
    },
    ping: () => (isReady ? ping() : undefined),
    async prepare(told) {
      const { signal } = closing;
      await untilReached(() => bringUp(databaseUrl, { met, jobs, told, signal }), told, signal);
      isReady = true;
    },
    close() {
      closing.abort();
      return close();
    },
  };
}

/** Milliseconds between two tries: each time twice as long, up to the longest. */
const FIRST_PAUSE = 125;
const LONGEST_PAUSE = 1000;
/** Milliseconds after which it is told again why it waits, though nothing has changed. */
const AGAIN = 30_000;

/** Runs `job` until it does not fail because the database is away. */
async function untilReached(job: () => Promise<void>, told: Told, signal: AbortSignal): Promise<void> {
  let last: string | undefined;
  let toldAt = 0;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    try {
      return await job();
    } catch (error) {
      const reason = databaseCode(error);
      if (reason === undefined || !isUnavailable(reason) || isLasting(reason)) throw error;
      if (reason !== last || performance.now() - toldAt > AGAIN) {
        told('the database is away: waiting for it', { reason, ...sayingsOf(error) });
        toldAt = performance.now();
      }
      last = reason;
    }
    await sleep(pause, undefined, { signal });
  }
}

/** A pooler has one code for all that it says of its own: then its words are what is to be known. */
const sayingsOf = (error: unknown) =>
  databaseCode(error) === '08P01' ? { pooler: (error as Error).message } : {};
