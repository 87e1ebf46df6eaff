// Brings the schema of PostgreSQL up to date, or only looks whether it is.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Told } from './client.ts';
import type { Address } from './drivers.ts';
import { databaseCode } from './errors.ts';
import { applyMigrations } from './migrations.ts';
import { sql } from './orm.ts';
import { inOneTransaction } from './postgres.ts';
import { demand, readRights, toLook, toMigrate, toServe, toWork } from './rights.ts';
import { seed } from './seed.ts';
import { type Meeting, meetOnce } from './session.ts';
import { checkVersion, missingMigrations, SchemaError } from './version.ts';

/** The advisory lock that one migration run holds: an arbitrary number that is this project's own ("step"). */
export const LOCK = 0x73746570;

/** Tries of a migration that met a locked table, and milliseconds between them, in which what queued behind it goes on. */
const TRIES = 5;
const PAUSE = 1000;

const PURPOSE = { name: 'stepwise migrations', settings: { lock_timeout: '3s' } };

/** Milliseconds between looks whether another process still migrates. */
const LOOK = 250;

export interface PrepareOptions {
  /** How the database is reached. */
  readonly met?: () => Promise<Meeting>;
  /** Whether this process is to do background work on it. */
  readonly jobs?: boolean | undefined;
  /** Told what it waits for. */
  readonly told?: Told | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/**
 * Applies the pending migrations and fills in the default data. Servers that start together wait for each other.
 * All of it is one transaction, which holds the lock: whatever stands in between, both end together.
 * @throws SchemaError, SettingError or RightsError
 */
export async function migratePostgres(url: Address, options: PrepareOptions = {}): Promise<void> {
  const { met = meetOnce(url), told = () => {}, signal } = options;
  const pace = { signal } as { signal?: AbortSignal };
  let waitsFor: number | undefined;
  for (let attempt = 1; ; ) {
    try {
      const { done, holder } = await inOneTransaction(url, met, PURPOSE, (tx) =>
        migrateUnlessLocked(tx, options.jobs),
      );
      if (done) return;
      if (holder && holder.pid !== waitsFor)
        told('another process migrates the database: waiting for it', { ...holder, until: endOf(holder) });
      waitsFor = holder?.pid;
      await sleep(LOOK, undefined, pace);
    } catch (error) {
      if (attempt++ === TRIES || databaseCode(error) !== '55P03') throw error;
      await sleep(PAUSE, undefined, pace);
    }
  }
}

/** Looks whether the schema is up to date and the role has the rights that are needed. @throws as above */
export async function checkPostgres(
  url: Address,
  { met = meetOnce(url), jobs }: PrepareOptions = {},
): Promise<void> {
  await inOneTransaction(
    url,
    met,
    { name: 'stepwise', settings: { statement_timeout: '4s' }, reads: true },
    async (tx) => {
      const rights = await readRights(tx);
      demand(rights, toLook(rights));
      await checkVersion(tx);
      demand(rights, toServe(rights));
      if (!jobs) return;
      if (!rights.schemas.pgboss && !rights.creates)
        throw new SchemaError(`the database lacks the queues of the background work: ${MAKE_THEM}`);
      demand(rights, toWork(rights), NO_JOBS);
    },
  );
}

const MAKE_THEM = 'run db:migrate as the owner of the tables, or set JOBS=off';
const NO_JOBS = '; or set JOBS=off, and let `pnpm worker` do the background work as another role';

/** A process of PostgreSQL. */
interface Holder {
  readonly pid: number;
  readonly application_name: string | null;
}

/** Of a run that was cut off behind a pooler the lock can stay with the pooler's session. */
const endOf = ({ pid }: Holder): string =>
  `it has ended, or is ended by: select pg_terminate_backend(${pid})`;

/** @returns whether all is done, and who has the lock otherwise, unless it is free by now */
async function migrateUnlessLocked(
  tx: Database,
  jobs = false,
): Promise<{ done: boolean; holder?: Holder | undefined }> {
  const [lock] = await tx.execute<{ free: boolean }>(
    sql`select pg_try_advisory_xact_lock(${sql.raw(String(LOCK))}) as free`,
  );
  if (!lock?.free) return { done: false, holder: await holderOf(tx) };
  const rights = await readRights(tx);
  demand(rights, toLook(rights));
  const isPending = (await missingMigrations(tx)).length > 0;
  if (isPending) demand(rights, toMigrate(rights));
  if (jobs) demand(rights, toWork(rights), NO_JOBS);
  if (isPending) await applyMigrations(tx);
  await checkVersion(tx);
  await seed(tx);
  // What it has made is its own.
  if (!isPending) demand(rights, toServe(rights));
  return { done: true };
}

async function holderOf(tx: Database): Promise<Holder | undefined> {
  const [holder] = await tx.execute<Holder>(sql`
    select l.pid, a.application_name from pg_locks l left join pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.granted and l.classid = 0 and l.objid = ${sql.raw(String(LOCK))} and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())`);
  return holder;
}
