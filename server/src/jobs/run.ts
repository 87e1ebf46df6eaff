// Runs the jobs with pg-boss, which keeps queues and schedules in the same database, in the schema `pgboss`: however many
// processes do this, each turn of a schedule runs in one of them, and what dies with its process runs again in another.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConstructorOptions, JobWithMetadata, PgBoss, Queue, QueuePolicy } from 'pg-boss';
import type { Logger } from 'pino';
import type { OpenDatabase } from '../db/client.ts';
import { databaseCode } from '../db/errors.ts';
import { causesOf } from '../logger.ts';
import { JOBS, type Job } from './registry.ts';

export interface JobsOptions {
  readonly database: Pick<OpenDatabase, 'db' | 'client'>;
  /** Undefined when the database is the embedded one. */
  readonly databaseUrl: string | undefined;
  readonly logger: Logger;
  readonly jobs?: readonly Job[];
  /** Milliseconds until it begins: loading pg-boss takes some hundred, which the first requests need not wait for. */
  readonly delay?: number;
  /** How often it looks for work and for schedules. */
  readonly pace?: Pick<ConstructorOptions, 'cronMonitorIntervalSeconds' | 'cronWorkerIntervalSeconds'> & { pollingIntervalSeconds: number };
  readonly retries?: Pick<Queue, 'retryDelayMax'>;
}

export interface RunningJobs {
  /** Takes no more work and lets what is under way leave off. Never rejects. */
  stop(): Promise<void>;
}

/** Jobs that failed for good, to be looked at: the log names each once, and their rows stay for a month. */
export const DEAD_LETTERS = 'dead-letters';

/** Seconds. */
const HOUR = 3600;

/** Milliseconds that work under way may still take when the process ends. */
const STOP_TIMEOUT = 10_000;

/** Begins, and goes on trying while there is no database. */
export function startJobs(options: JobsOptions): RunningJobs {
  const stopping = new AbortController();
  const started = start(options, stopping.signal);
  return {
    async stop() {
      stopping.abort(new Error('the process is about to end'));
      try {
        await (await started)?.stop({ timeout: STOP_TIMEOUT });
      } catch (err) {
        options.logger.warn({ causes: causesOf(err) }, 'background work did not end well');
      }
    },
  };
}

async function start(options: JobsOptions, stopping: AbortSignal): Promise<PgBoss | undefined> {
  for (let wait = options.delay ?? 0; ; wait = Math.min(Math.max(1000, wait * 2), 30_000)) {
    await sleep(wait, undefined, { signal: stopping }).catch(() => {});
    if (stopping.aborted) return undefined;
    try {
      return await begin(options, stopping);
    } catch (err) {
      options.logger.warn({ causes: causesOf(err) }, 'background work cannot begin yet');
    }
  }
}

async function begin(options: JobsOptions, stopping: AbortSignal): Promise<PgBoss> {
  const { database, databaseUrl, logger, jobs = JOBS, pace = { pollingIntervalSeconds: 10 }, retries } = options;
  const { pollingIntervalSeconds, ...cron } = pace;
  const { PgBoss, fromPglite } = await import('pg-boss');
  const connection: ConstructorOptions =
    databaseUrl === undefined
      ? { db: fromPglite(database.client as NonNullable<typeof database.client>), backend: 'pglite' }
      : { connectionString: databaseUrl, max: 2, application_name: 'stepwise jobs' };
  const boss = new PgBoss({ ...connection, ...cron, schema: 'pgboss' });
  boss.on('error', (err) => logger.warn({ causes: causesOf(err) }, 'background work is held up'));
  boss.on('warning', ({ message }) => logger.warn(message));
  try {
    await boss.start();
    await makeQueue(boss, DEAD_LETTERS, { retryLimit: 0, deleteAfterSeconds: 30 * 24 * HOUR });
    for (const { name, schedule } of jobs) {
      // A turn is passed by while the one before it is waiting, running or to be tried again.
      await makeQueue(boss, name, { ...RETRIES, ...retries, deadLetter: DEAD_LETTERS }, 'exclusive');
      await boss.schedule(name, schedule);
    }
    for (const { name } of await boss.getSchedules()) if (!jobs.some((job) => job.name === name)) await boss.unschedule(name);
    // What a killed process had under way is noticed now, and not only in a minute.
    await boss.supervise();
    const looks = { includeMetadata: true, pollingIntervalSeconds } as const;
    await boss.work(DEAD_LETTERS, looks, async ([dead]) => bury(dead as JobWithMetadata, logger));
    for (const job of jobs) await boss.work(job.name, looks, ([turn]) => attempt(job, turn as JobWithMetadata, options, stopping));
    logger.info({ jobs: jobs.map(({ name }) => name) }, 'background work has begun');
    return boss;
  } catch (error) {
    await boss.stop({ graceful: false });
    throw error;
  }
}

/** Seconds: after half a minute, a minute, two and so on, each drawn out by chance. */
const RETRIES = { retryLimit: 5, retryDelay: 30, retryBackoff: true, retryDelayMax: HOUR, expireInSeconds: HOUR, heartbeatSeconds: 30 };

async function makeQueue(boss: PgBoss, name: string, options: Omit<Queue, 'name'>, policy: QueuePolicy = 'standard'): Promise<void> {
  await boss.createQueue(name, { ...options, policy });
  // One that was there keeps what it was made with.
  await boss.updateQueue(name, options);
}

async function attempt(job: Job, { id, signal, retryCount }: JobWithMetadata, { database, logger }: JobsOptions, stopping: AbortSignal) {
  const about = { job: job.name, job_id: id, attempt: retryCount + 1 };
  const begin = performance.now();
  try {
    const figures = await job.run(database.db, AbortSignal.any([signal, stopping]));
    logger.info({ ...about, figures, ms: Math.round(performance.now() - begin) }, 'job done');
  } catch (error) {
    if (stopping.aborted) logger.info(about, 'job left off, to be done again');
    else logger.warn({ ...about, causes: causesOf(error) }, 'job failed');
    // What is thrown is kept in the job's row; the text of a driver's error can hold values.
    throw new Error(databaseCode(error) ?? (error as Error).name);
  }
}

async function bury({ sourceName, sourceId, sourceOutput }: JobWithMetadata, logger: Logger): Promise<void> {
  logger.error({ job: sourceName, job_id: sourceId, reason: reasonOf(sourceOutput) }, 'job failed for good');
}

/** @returns the message of the error that a job ended with, where pg-boss keeps it: its own are wrapped */
function reasonOf(output: object | null): string | undefined {
  const { message, value } = (output ?? {}) as { message?: string; value?: { message?: string } };
  return message ?? value?.message;
}
