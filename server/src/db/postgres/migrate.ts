// Migrates the schema of PostgreSQL, or only checks that it is up to date.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, WaitListener } from '../database.ts';
import { sql } from '../drizzle.ts';
import { databaseCode } from '../errors.ts';
import { type MigrationStep, migrationSteps } from '../migrations/apply.ts';
import type { BackfillProgress } from '../migrations/backfills.ts';
import { seedExercises } from '../migrations/seed.ts';
import {
  checkVersion,
  pendingMigrations,
  SchemaError,
  withoutPostDeployment,
} from '../migrations/version.ts';
import type { DatabaseUrl } from './driverOptions.ts';
import { type ConnectionPurpose, runInTransaction } from './ownConnection.ts';
import {
  missingForJobs,
  missingToInspect,
  missingToMigrate,
  missingToServe,
  readPrivileges,
  requirePrivileges,
} from './privileges.ts';
import { memoizedProbe, type ServerInfo } from './session.ts';

/** The advisory lock of a migration: an arbitrary number of this project ("step"). */
export const MIGRATION_LOCK_ID = 0x73746570;

/** Attempts of a step that met a locked table or row. Between them the statements of servers that queued behind it run. */
const MAX_ATTEMPTS = 100;
const RETRY_DELAY_MS = 1000;

/** It waits for a lock for less than `deadlock_timeout` (1 s), after which PostgreSQL would end the statement of a server. */
const MIGRATION_CONNECTION = { name: 'stepwise migrations', settings: { lock_timeout: '500ms' } };

const CHECK_CONNECTION: ConnectionPurpose = {
  name: 'stepwise',
  settings: { statement_timeout: '4s' },
  isReadOnly: true,
};

/** Between reports of a backfill. */
const REPORT_INTERVAL_MS = 5_000;

/** Between checks whether another process still migrates. */
const POLL_INTERVAL_MS = 250;

export interface PrepareOptions {
  /** Finds out whether a pooler is in between. */
  readonly probe?: () => Promise<ServerInfo>;
  /** Whether this process runs background work on it. */
  readonly jobs?: boolean | undefined;
  /** Called with the reason for waiting. */
  readonly onWait?: WaitListener | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
  /** Whether to apply also the migrations that servers of the version before do not survive (migrations/version.ts). */
  readonly postDeployment?: boolean | undefined;
}

/**
 * Applies the pending migrations and adds the default data. Servers that start together wait for each other: each step is a
 * transaction that holds the lock and does the work, so both end together, also behind a pooler.
 * @returns the post-deployment migrations that are pending
 * @throws SchemaError, SettingError or PrivilegeError
 */
export async function migratePostgres(url: DatabaseUrl, options: PrepareOptions = {}): Promise<string[]> {
  const { probe = memoizedProbe(url), onWait = () => {}, signal, postDeployment = false } = options;
  const pace = { signal } as { signal?: AbortSignal };
  const step = migrationSteps(postDeployment);
  let waitsFor: number | undefined;
  let reportedAt = performance.now();
  for (let attempt = 1; ; ) {
    try {
      const { outcome, holder, progress, pending } = await runInTransaction(
        url,
        probe,
        MIGRATION_CONNECTION,
        (tx) => migrateUnlessLocked(tx, step, options),
      );
      if (outcome === 'done') return pending ?? [];
      attempt = 1;
      if (progress && performance.now() - reportedAt > REPORT_INTERVAL_MS) {
        onWait('filling rows for a migration', progress);
        reportedAt = performance.now();
      }
      if (outcome === 'step') continue;
      if (holder && holder.pid !== waitsFor)
        onWait('another process migrates the database: waiting for it', {
          ...holder,
          until: remedyFor(holder),
        });
      waitsFor = holder?.pid;
      await sleep(POLL_INTERVAL_MS, undefined, pace);
    } catch (error) {
      // A table was locked, or a batch lost a deadlock.
      if (attempt++ === MAX_ATTEMPTS || !['55P03', '40P01'].includes(databaseCode(error) ?? '')) throw error;
      await sleep(RETRY_DELAY_MS, undefined, pace);
    }
  }
}

/**
 * Checks that the schema is up to date and that the role has the privileges that are needed.
 * @returns and throws as above
 */
export async function checkPostgres(
  url: DatabaseUrl,
  { probe = memoizedProbe(url), jobs }: PrepareOptions = {},
): Promise<string[]> {
  return runInTransaction(url, probe, CHECK_CONNECTION, async (tx) => {
    const privileges = await readPrivileges(tx);
    requirePrivileges(privileges, missingToInspect(privileges));
    const pending = await checkVersion(tx);
    requirePrivileges(privileges, missingToServe(privileges));
    if (!jobs) return pending;
    if (!privileges.schemas.pgboss && !privileges.can_create_schemas)
      throw new SchemaError(`the database lacks the queues of the background work: ${QUEUES_REMEDY}`);
    requirePrivileges(privileges, missingForJobs(privileges), JOBS_REMEDY);
    return pending;
  });
}

/**
 * What a program does before it uses the database: it migrates or only checks, and where tables are distributed it checks
 * that the nodes have what its statements need.
 * @returns and throws as above
 */
export async function preparePostgres(
  url: DatabaseUrl,
  migrateAtStart: boolean,
  options: PrepareOptions & { readonly probe: () => Promise<ServerInfo> },
): Promise<string[]> {
  const pending = await (migrateAtStart ? migratePostgres : checkPostgres)(url, options);
  const missing = await missingOnNodes(url, options.probe);
  if (missing.length > 0)
    throw new SchemaError(
      `the nodes of the cluster lack what this version needs (${missing.join(', ')}): run pnpm db:distribute`,
    );
  return pending;
}

/** @returns the tables and functions of this version that are not distributed, where others are (distribution.ts) */
export async function missingOnNodes(
  url: DatabaseUrl,
  probe: () => Promise<ServerInfo> = memoizedProbe(url),
): Promise<string[]> {
  if (!(await probe()).isDistributed) return [];
  const { readMissing } = await import('./distribution.ts');
  return runInTransaction(url, probe, CHECK_CONNECTION, readMissing);
}

const QUEUES_REMEDY = 'run db:migrate as the owner of the tables, or set JOBS=off';
const JOBS_REMEDY = '; or set JOBS=off, and let `pnpm worker` do the background work as another role';

/** A process of PostgreSQL. */
interface LockHolder {
  readonly pid: number;
  readonly application_name: string | null;
}

/** If a run was cut off behind a pooler, the pooler's session can still hold the lock. */
const remedyFor = ({ pid }: LockHolder): string =>
  `it has ended, or is ended by: select pg_terminate_backend(${pid})`;

/** What a transaction of the migration came to. */
interface MigrationOutcome {
  /** `locked`: another process has the lock. */
  readonly outcome: 'done' | 'step' | 'locked';
  /** Who has the lock, unless it is free by now. */
  readonly holder?: LockHolder | undefined;
  readonly progress?: BackfillProgress | undefined;
  /** When all is done: the post-deployment migrations that are left. */
  readonly pending?: string[];
}

async function migrateUnlessLocked(
  tx: Database,
  step: MigrationStep,
  { jobs = false, postDeployment = false }: PrepareOptions,
): Promise<MigrationOutcome> {
  const [lock] = await tx.execute<{ free: boolean }>(
    sql`select pg_try_advisory_xact_lock(${sql.raw(String(MIGRATION_LOCK_ID))}) as free`,
  );
  if (!lock?.free) return { outcome: 'locked', holder: await holderOf(tx) };
  const privileges = await readPrivileges(tx);
  requirePrivileges(privileges, missingToInspect(privileges));
  const pending = await pendingMigrations(tx);
  const isPending = (postDeployment ? pending : withoutPostDeployment(pending)).length > 0;
  if (isPending) requirePrivileges(privileges, missingToMigrate(privileges));
  if (jobs) requirePrivileges(privileges, missingForJobs(privileges), JOBS_REMEDY);
  const result = isPending && (await step(tx));
  if (result) return { outcome: 'step', progress: result === true ? undefined : result };
  const left = await checkVersion(tx);
  await seedExercises(tx);
  // A role that has just migrated owns the tables.
  if (!isPending) requirePrivileges(privileges, missingToServe(privileges));
  return { outcome: 'done', pending: left };
}

async function holderOf(tx: Database): Promise<LockHolder | undefined> {
  const [holder] = await tx.execute<LockHolder>(sql`
    select l.pid, a.application_name from pg_locks l left join pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.granted and l.classid = 0 and l.objid = ${sql.raw(String(MIGRATION_LOCK_ID))} and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())`);
  return holder;
}
