// Runs the jobs with pg-boss, which keeps queues and schedules in the same database, in the schema `pgboss`: however many
// processes do this, each turn of a schedule runs in one of them, and what dies with its process runs again in another.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConstructorOptions, JobWithMetadata, PgBoss, Queue } from 'pg-boss';
import type { Logger } from 'pino';
import type { Database, OpenDatabase } from '../db/client.ts';
import type { Address } from '../db/drivers.ts';
import { databaseCode } from '../db/errors.ts';
import { SchemaError } from '../db/version.ts';
import { type Bell, createBell } from '../features/events/bell.ts';
import { causesOf } from '../logger.ts';
import type { Measure } from '../telemetry/measures.ts';
import type { Job, Turn } from './job.ts';
import { DEAD_LETTERS, jobMeasures, reasonOf } from './overview.ts';
import { makeQueues, type OpenedBoss, openBoss, startBoss } from './queues.ts';
import { JOBS } from './registry.ts';

export interface JobsOptions {
  readonly database: Pick<OpenDatabase, 'db' | 'client'>;
  /** Undefined when the database is the embedded one. */
  readonly databaseUrl: Address | undefined;
  readonly logger: Logger;
  readonly jobs?: readonly Job[];
  /** Milliseconds until it begins: loading pg-boss takes some hundred, which the first requests need not wait for. */
  readonly delay?: number;
  /** How often it looks for work and for schedules. */
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
  readonly measures: readonly Measure[];
  /** Takes no more work and lets what is under way leave off. Never rejects. */
  stop(): Promise<void>;
}

/** Milliseconds that work under way may still take when the process ends. */
const STOP_TIMEOUT = 10_000;

/** Seconds between looks at what users want: somebody waits for it. */
const WANTED = 2;

/** Begins, and goes on trying while there is no database. */
export function startJobs(options: JobsOptions): RunningJobs {
  const stopping = new AbortController();
  const bell = createBell(options.database.db);
  let boss: PgBoss | undefined;
  const started = start(options, bell, stopping.signal).then((begun) => {
    boss = begun?.boss;
    return begun;
  });
  return {
    measures: jobMeasures(
      (options.jobs ?? JOBS).map(({ name }) => name),
      () => boss,
    ),
    async stop() {
      stopping.abort(new Error('the process is about to end'));
      try {
        const begun = await started;
        await begun?.handed;
        await begun?.stop({ timeout: STOP_TIMEOUT });
        await bell.quiet();
      } catch (err) {
        options.logger.warn({ causes: causesOf(err) }, 'background work did not end well');
      }
    },
  };
}

interface Begun extends OpenedBoss {
  /** Settled when no more is handed out. */
  readonly handed: Promise<void> | undefined;
}

async function start(options: JobsOptions, bell: Bell, stopping: AbortSignal): Promise<Begun | undefined> {
  for (let wait = options.delay ?? 0; ; wait = Math.min(Math.max(1000, wait * 2), 30_000)) {
    await sleep(wait, undefined, { signal: stopping }).catch(() => {});
    if (stopping.aborted) return undefined;
    try {
      return await begin(options, bell, stopping);
    } catch (err) {
      const reason = err instanceof SchemaError ? err.message : undefined;
      options.logger.warn({ causes: causesOf(err), reason }, 'background work cannot begin yet');
    }
  }
}

async function begin(options: JobsOptions, bell: Bell, stopping: AbortSignal): Promise<Begun> {
  const { database, logger, jobs = JOBS, pace = { pollingIntervalSeconds: 10 }, retries } = options;
  const { pollingIntervalSeconds, ...intervals } = pace;
  const { boss, stop } = await openBoss(options, intervals);
  const heldUp = (err: unknown) => logger.warn({ causes: causesOf(err) }, 'background work is held up');
  boss.on('error', heldUp);
  boss.on('warning', ({ message }) => logger.warn(message));
  try {
    await startBoss(boss);
    await makeQueues(boss, jobs, retries);
    // What a killed process had under way is noticed now, and not only in a minute.
    await boss.supervise();
    const looks = { includeMetadata: true, pollingIntervalSeconds } as const;
    const work = { ...options, jobs, bell, stopping };
    await boss.work(DEAD_LETTERS, looks, ([dead]) => bury(dead as JobWithMetadata, work));
    const handing: Handing[] = [];
    for (const job of jobs) {
      const worker = await boss.work(job.name, looks, ([turn]) =>
        attempt(job, turn as JobWithMetadata, work),
      );
      if (job.wanted) handing.push({ job, worker });
    }
    const seconds = Math.min(WANTED, pollingIntervalSeconds);
    const handed =
      handing.length > 0
        ? again(() => handOut(boss, database.db, handing).catch(heldUp), seconds * 1000, stopping)
        : undefined;
    logger.info({ jobs: jobs.map(({ name }) => name) }, 'background work has begun');
    return { boss, handed, stop };
  } catch (error) {
    await stop({ graceful: false });
    throw error;
  }
}

interface Handing {
  readonly job: Job;
  /** What of this process does it: told, so that it looks at once. */
  readonly worker: string;
}

/**
 * Makes a job of each thing that is wanted, once: its id is the thing's own, so one that has just failed for good does
 * not begin anew before that is noted.
 */
async function handOut(boss: PgBoss, db: Database, handing: readonly Handing[]): Promise<void> {
  for (const { job, worker } of handing) {
    const wanted = (await job.wanted?.(db)) ?? [];
    for (const { key, data } of wanted)
      await boss.send(job.name, data, { id: idOf(job.name, key), singletonKey: key });
    if (wanted.length > 0) boss.notifyWorker(worker);
  }
}

/** @returns a UUID that is always the same for a key */
function idOf(name: string, key: string): string {
  const digest = createHash('sha256').update(`${name} ${key}`).digest('hex');
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

/** Does something again and again. Comes back when the process is about to end. */
async function again(run: () => Promise<void>, milliseconds: number, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    await run();
    await sleep(milliseconds, undefined, { signal: stopping }).catch(() => {});
  }
}

/** What attempts at jobs have in common. */
interface Work extends Pick<JobsOptions, 'database' | 'logger'> {
  readonly jobs: readonly Job[];
  readonly bell: Bell;
  readonly stopping: AbortSignal;
}

async function attempt(
  job: Job,
  { id, signal, retryCount, data }: JobWithMetadata,
  { database, logger, bell, stopping }: Work,
) {
  const about = { job: job.name, job_id: id, attempt: retryCount + 1 };
  const begin = performance.now();
  try {
    const figures = await job.run(database.db, AbortSignal.any([signal, stopping]), turnOf(data, bell));
    logger.info({ ...about, figures, ms: Math.round(performance.now() - begin) }, 'job done');
  } catch (error) {
    if (stopping.aborted) logger.info(about, 'job left off, to be done again');
    else logger.warn({ ...about, causes: causesOf(error) }, 'job failed');
    // What is thrown is kept in the job's row; the text of a driver's error can hold values.
    throw new Error(databaseCode(error) ?? (error as Error).name);
  }
}

async function bury(
  { sourceName, sourceId, sourceOutput, data }: JobWithMetadata,
  { database, jobs, bell, logger }: Work,
): Promise<void> {
  await jobs.find(({ name }) => name === sourceName)?.givenUp?.(database.db, turnOf(data, bell));
  logger.error({ job: sourceName, job_id: sourceId, reason: reasonOf(sourceOutput) }, 'job failed for good');
}

/** pg-boss keeps null for the data of a scheduled job. */
const turnOf = (data: object | null, bell: Bell): Turn<object> => ({ data: data ?? {}, changed: bell.ring });
