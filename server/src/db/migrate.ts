// Brings the schema of PostgreSQL up to date, or only looks whether it is.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, WaitListener } from './client.ts';
import type { DatabaseUrl } from './drivers.ts';
import { databaseCode } from './errors.ts';
import { applyMigrations } from './migrations.ts';
import { sql } from './orm.ts';
import { runInTransaction } from './postgres.ts';
import {
  missingForJobs,
  missingToInspect,
  missingToMigrate,
  missingToServe,
  readPrivileges,
  requirePrivileges,
} from './rights.ts';
import { seedExercises } from './seed.ts';
import { memoizedProbe, type ServerInfo } from './session.ts';
import { checkVersion, pendingMigrations, SchemaError } from './version.ts';

/** The advisory lock that one migration run holds: an arbitrary number that is this project's own ("step"). */
export const MIGRATION_LOCK_ID = 0x73746570;

/** Tries of a migration that met a locked table, and milliseconds between them, in which what queued behind it goes on. */
const MAX_ATTEMPTS = 5;
const RETRY_DELAY_MS = 1000;

const MIGRATION_CONNECTION = { name: 'stepwise migrations', settings: { lock_timeout: '3s' } };

/** Milliseconds between looks whether another process still migrates. */
const POLL_INTERVAL_MS = 250;

export interface PrepareOptions {
  /** How the database is reached. */
  readonly probe?: () => Promise<ServerInfo>;
  /** Whether this process is to do background work on it. */
  readonly jobs?: boolean | undefined;
  /** Told what it waits for. */
  readonly onWait?: WaitListener | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/**
 * Applies the pending migrations and fills in the default data. Servers that start together wait for each other.
 * All of it is one transaction, which holds the lock: whatever stands in between, both end together.
 * @throws SchemaError, SettingError or PrivilegeError
 */
export async function migratePostgres(url: DatabaseUrl, options: PrepareOptions = {}): Promise<void> {
  const { probe = memoizedProbe(url), onWait = () => {}, signal } = options;
  const pace = { signal } as { signal?: AbortSignal };
  let waitsFor: number | undefined;
  for (let attempt = 1; ; ) {
    try {
      const { done, holder } = await runInTransaction(url, probe, MIGRATION_CONNECTION, (tx) =>
        migrateUnlessLocked(tx, options.jobs),
      );
      if (done) return;
      if (holder && holder.pid !== waitsFor)
        onWait('another process migrates the database: waiting for it', {
          ...holder,
          until: remedyFor(holder),
        });
      waitsFor = holder?.pid;
      await sleep(POLL_INTERVAL_MS, undefined, pace);
    } catch (error) {
      if (attempt++ === MAX_ATTEMPTS || databaseCode(error) !== '55P03') throw error;
      await sleep(RETRY_DELAY_MS, undefined, pace);
    }
  }
}

/** Looks whether the schema is up to date and the role has the rights that are needed. @throws as above */
export async function checkPostgres(
  url: DatabaseUrl,
  { probe = memoizedProbe(url), jobs }: PrepareOptions = {},
): Promise<void> {
  await runInTransaction(
    url,
    probe,
    { name: 'stepwise', settings: { statement_timeout: '4s' }, isReadOnly: true },
    async (tx) => {
      const rights = await readPrivileges(tx);
      requirePrivileges(rights, missingToInspect(rights));
      await checkVersion(tx);
      requirePrivileges(rights, missingToServe(rights));
      if (!jobs) return;
      if (!rights.schemas.pgboss && !rights.canCreateSchemas)
        throw new SchemaError(`the database lacks the queues of the background work: ${QUEUES_REMEDY}`);
      requirePrivileges(rights, missingForJobs(rights), JOBS_REMEDY);
    },
  );
}

const QUEUES_REMEDY = 'run db:migrate as the owner of the tables, or set JOBS=off';
const JOBS_REMEDY = '; or set JOBS=off, and let `pnpm worker` do the background work as another role';

/** A process of PostgreSQL. */
interface LockHolder {
  readonly pid: number;
  readonly application_name: string | null;
}

/** Of a run that was cut off behind a pooler the lock can stay with the pooler's session. */
const remedyFor = ({ pid }: LockHolder): string =>
  `it has ended, or is ended by: select pg_terminate_backend(${pid})`;

/** @returns whether all is done, and who has the lock otherwise, unless it is free by now */
async function migrateUnlessLocked(
  tx: Database,
  jobs = false,
): Promise<{ done: boolean; holder?: LockHolder | undefined }> {
  const [lock] = await tx.execute<{ free: boolean }>(
    sql`select pg_try_advisory_xact_lock(${sql.raw(String(MIGRATION_LOCK_ID))}) as free`,
  );
  if (!lock?.free) return { done: false, holder: await holderOf(tx) };
  const rights = await readPrivileges(tx);
  requirePrivileges(rights, missingToInspect(rights));
  const isPending = (await pendingMigrations(tx)).length > 0;
  if (isPending) requirePrivileges(rights, missingToMigrate(rights));
  if (jobs) requirePrivileges(rights, missingForJobs(rights), JOBS_REMEDY);
  if (isPending) await applyMigrations(tx);
  await checkVersion(tx);
  await seedExercises(tx);
  // What it has made is its own.
  if (!isPending) requirePrivileges(rights, missingToServe(rights));
  return { done: true };
}

async function holderOf(tx: Database): Promise<LockHolder | undefined> {
  const [holder] = await tx.execute<LockHolder>(sql`
    select l.pid, a.application_name from pg_locks l left join pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.granted and l.classid = 0 and l.objid = ${sql.raw(String(MIGRATION_LOCK_ID))} and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())`);
  return holder;
}
