// Runs the jobs with pg-boss, which keeps queues and schedules in the same database, in the schema `pgboss`. Each scheduled run
// executes on exactly one process, and a job whose process dies runs again on another.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConstructorOptions, JobWithMetadata, PgBoss, Queue } from 'pg-boss';
import type { Logger } from 'pino';
import type { Database, OpenDatabase } from '../db/database.ts';
import { databaseCode } from '../db/errors.ts';
import { SchemaError } from '../db/migrations/version.ts';
import type { DatabaseUrl } from '../db/postgres/driverOptions.ts';
import { type ChangeNotifier, createChangeNotifier } from '../features/events/changeNotifier.ts';
import { causesOf } from '../logger.ts';
import type { MetricDefinition } from '../telemetry/metricDefinition.ts';
import type { Job, JobContext } from './job.ts';
import { DEAD_LETTER_QUEUE, jobMeasures, reasonOf } from './overview.ts';
import { createQueues, type OpenedBoss, openBoss, startBoss } from './queues.ts';
import { JOBS } from './registry.ts';

export interface JobsOptions {
  readonly database: Pick<OpenDatabase, 'db' | 'client'>;
  /** Undefined when the database is the embedded one. */
  readonly databaseUrl: DatabaseUrl | undefined;
  readonly logger: Logger;
  readonly jobs?: readonly Job[];
  /** Loading pg-boss takes some hundred milliseconds, which the first requests need not wait for. */
  readonly delayMs?: number;
  /** How often it polls for work and schedules. */
  readonly pace?: Pick<
    ConstructorOptions,
    | 'cronMonitorIntervalSeconds'
    | 'cronWorkerIntervalSeconds'
    | 'monitorIntervalSeconds'
    | 'superviseIntervalSeconds'
  > & { pollingIntervalSeconds: number };
  readonly retries?: Pick<Queue, 'retryDelayMax'>;
}

export interface RunningJobs {
  readonly metricDefinitions: readonly MetricDefinition[];
  /** Takes no more work and lets running jobs stop. Never rejects. */
  stop(): Promise<void>;
}

/** Running jobs may take this long at shutdown. */
const STOP_TIMEOUT_MS = 10_000;

/** Between polls for pending requests, which users wait for. */
const PENDING_POLL_SECONDS = 2;

/** Starts the workers, and retries while the database is unavailable. */
export function startJobs(options: JobsOptions): RunningJobs {
  const stopping = new AbortController();
  const notifier = createChangeNotifier(options.database.db);
  let boss: PgBoss | undefined;
  const started = startWithRetries(options, notifier, stopping.signal).then((running) => {
    boss = running?.boss;
    return running;
  });
  return {
    metricDefinitions: jobMeasures(
      (options.jobs ?? JOBS).map(({ name }) => name),
      () => boss,
    ),
    async stop() {
      stopping.abort(new Error('the process is about to end'));
      try {
        const running = await started;
        await running?.enqueuing;
        await running?.stop({ timeout: STOP_TIMEOUT_MS });
        await notifier.drain();
      } catch (err) {
        options.logger.warn({ causes: causesOf(err) }, 'background work did not end well');
      }
    },
  };
}

interface StartedJobs extends OpenedBoss {
  /** Settles when no more pending requests are enqueued. */
  readonly enqueuing: Promise<void> | undefined;
}

async function startWithRetries(
  options: JobsOptions,
  notifier: ChangeNotifier,
  stopping: AbortSignal,
): Promise<StartedJobs | undefined> {
  for (let wait = options.delayMs ?? 0; ; wait = Math.min(Math.max(1000, wait * 2), 30_000)) {
    await sleep(wait, undefined, { signal: stopping }).catch(() => {});
    if (stopping.aborted) return undefined;
    try {
      return await startWorkers(options, notifier, stopping);
    } catch (err) {
      const reason = err instanceof SchemaError ? err.message : undefined;
      options.logger.warn({ causes: causesOf(err), reason }, 'background work cannot begin yet');
    }
  }
}

async function startWorkers(
  options: JobsOptions,
  notifier: ChangeNotifier,
  stopping: AbortSignal,
): Promise<StartedJobs> {
  const { database, logger, jobs = JOBS, pace = { pollingIntervalSeconds: 10 }, retries } = options;
  const { pollingIntervalSeconds, ...intervals } = pace;
  const { boss, stop } = await openBoss(options, intervals);
  const onQueueError = (err: unknown) => logger.warn({ causes: causesOf(err) }, 'background work is held up');
  boss.on('error', onQueueError);
  boss.on('warning', ({ message }) => logger.warn(message));
  try {
    await startBoss(boss);
    await createQueues(boss, jobs, retries);
    // Finds the jobs of killed processes now, and not only in a minute.
    await boss.supervise();
    const polling = { includeMetadata: true, pollingIntervalSeconds } as const;
    const work = { ...options, jobs, notifier, stopping };
    await boss.work(DEAD_LETTER_QUEUE, polling, ([deadLetter]) =>
      handleDeadLetter(deadLetter as JobWithMetadata, work),
    );
    const sources: PendingSource[] = [];
    for (const job of jobs) {
      const worker = await boss.work(job.name, polling, ([attempt]) =>
        runAttempt(job, attempt as JobWithMetadata, work),
      );
      if (job.findPending) sources.push({ job, worker });
    }
    const seconds = Math.min(PENDING_POLL_SECONDS, pollingIntervalSeconds);
    const enqueuing =
      sources.length > 0
        ? repeatUntilStopped(
            () => enqueuePending(boss, database.db, sources).catch(onQueueError),
            seconds * 1000,
            stopping,
          )
        : undefined;
    logger.info({ jobs: jobs.map(({ name }) => name) }, 'background work has begun');
    return { boss, enqueuing, stop };
  } catch (error) {
    await stop({ graceful: false });
    throw error;
  }
}

interface PendingSource {
  readonly job: Job;
  /** The id of this process's worker, which is notified so that it polls at once. */
  readonly worker: string;
}

/**
 * Enqueues each pending request once: the id of the job is derived from its key, so a job that has just failed permanently is
 * not enqueued again before `onDeadLetter` has run.
 */
async function enqueuePending(boss: PgBoss, db: Database, sources: readonly PendingSource[]): Promise<void> {
  for (const { job, worker } of sources) {
    const pending = (await job.findPending?.(db)) ?? [];
    for (const { key, data } of pending)
      await boss.send(job.name, data, { id: jobIdOf(job.name, key), singletonKey: key });
    if (pending.length > 0) boss.notifyWorker(worker);
  }
}

/** @returns a UUID that depends on the name and the key alone */
function jobIdOf(name: string, key: string): string {
  const digest = createHash('sha256').update(`${name} ${key}`).digest('hex');
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

/** Repeats until the process shuts down. */
async function repeatUntilStopped(
  run: () => Promise<void>,
  milliseconds: number,
  stopping: AbortSignal,
): Promise<void> {
  while (!stopping.aborted) {
    await run();
    await sleep(milliseconds, undefined, { signal: stopping }).catch(() => {});
  }
}

/** What all attempts share. */
interface AttemptContext extends Pick<JobsOptions, 'database' | 'logger'> {
  readonly jobs: readonly Job[];
  readonly notifier: ChangeNotifier;
  readonly stopping: AbortSignal;
}

async function runAttempt(
  job: Job,
  { id, signal, retryCount, data }: JobWithMetadata,
  { database, logger, notifier, stopping }: AttemptContext,
) {
  const about = { job: job.name, job_id: id, attempt: retryCount + 1 };
  const begin = performance.now();
  try {
    const figures = await job.run(
      database.db,
      AbortSignal.any([signal, stopping]),
      jobContext(data, notifier),
    );
    logger.info({ ...about, figures, ms: Math.round(performance.now() - begin) }, 'job done');
  } catch (error) {
    if (stopping.aborted) logger.info(about, 'job left off, to be done again');
    else logger.warn({ ...about, causes: causesOf(error) }, 'job failed');
    // The message is stored in the job's row, and the text of a driver's error can hold values.
    throw new Error(databaseCode(error) ?? (error as Error).name);
  }
}

async function handleDeadLetter(
  { sourceName, sourceId, sourceOutput, data }: JobWithMetadata,
  { database, jobs, notifier, logger }: AttemptContext,
): Promise<void> {
  await jobs.find(({ name }) => name === sourceName)?.onDeadLetter?.(database.db, jobContext(data, notifier));
  logger.error({ job: sourceName, job_id: sourceId, reason: reasonOf(sourceOutput) }, 'job failed for good');
}

/** pg-boss keeps null for the data of a scheduled job. */
const jobContext = (data: object | null, notifier: ChangeNotifier): JobContext<object> => ({
  data: data ?? {},
  now: () => new Date(),
  publishChange: notifier.notify,
});
