// The queues and schedules of the background work, in pg-boss's schema. Who owns its tables brings them up to date; every
// other role only uses them, and needs no right to make anything.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConstructorOptions, PgBoss, Queue, QueuePolicy, StopOptions } from 'pg-boss';
import type { OpenDatabase } from '../db/database.ts';
import { SchemaError } from '../db/migrations/version.ts';
import type { DatabaseUrl } from '../db/postgres/driverOptions.ts';
import type { JobsDatabase } from '../db/postgres/jobsDatabase.ts';
import type { Job } from './job.ts';
import { DEAD_LETTER_QUEUE } from './overview.ts';
import { JOBS } from './registry.ts';

/** Seconds. */
const HOUR_SECONDS = 3600;

/** Of its own, besides those of the work itself. */
const CONNECTIONS = 2;

/** Milliseconds between looks whether an index is made. */
const POLL_INTERVAL_MS = 100;

/** pg-boss on the database, and what ends both. */
export interface OpenedBoss {
  readonly boss: PgBoss;
  stop(options: StopOptions): Promise<void>;
}

/** Where the queues are: PostgreSQL, or without its URL the embedded engine. */
interface QueueDatabase {
  readonly database?: Pick<OpenDatabase, 'client'>;
  readonly databaseUrl: DatabaseUrl | undefined;
}

export async function openBoss(
  { database, databaseUrl }: QueueDatabase,
  options: ConstructorOptions,
): Promise<OpenedBoss> {
  const { PgBoss, fromPglite } = await import('pg-boss');
  const common = { ...options, schema: 'pgboss' };
  if (databaseUrl === undefined) {
    const client = database?.client as NonNullable<OpenDatabase['client']>;
    const boss = new PgBoss({ ...common, db: fromPglite(client), backend: 'pglite' });
    return { boss, stop: (how) => boss.stop(how) };
  }
  const { openJobsDatabase } = await import('../db/postgres/jobsDatabase.ts');
  const db = openJobsDatabase(databaseUrl, CONNECTIONS);
  try {
    const { exists, owns } = await readQueueSchema(db);
    // Making a schema takes a right of the database, also where it is there already; rebuilding an index takes its owner.
    const rights = owns ? { createSchema: !exists } : { migrate: false, reindex: false };
    const boss = new PgBoss({ ...common, ...rights, db });
    return {
      boss,
      async stop(how) {
        await boss.stop(how);
        await db.close();
      },
    };
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** @throws SchemaError when only the owner of pg-boss's tables can bring them up to date */
export async function startBoss(boss: PgBoss): Promise<void> {
  try {
    await boss.start();
  } catch (error) {
    if (!/^pg-boss (is not installed|database requires migrations)$/.test((error as Error).message))
      throw error;
    throw new SchemaError(
      'the queues of the background work are not those of this version: run db:migrate as the role that owns them',
    );
  }
}

/** Whether the schema is there, and whether what is in it is the role's own, or can become so. */
async function readQueueSchema(db: JobsDatabase): Promise<{ exists: boolean; owns: boolean }> {
  const { rows } = await db.executeSql(`
    select n.oid is not null as exists,
      coalesce(pg_has_role(c.relowner, 'usage'), has_schema_privilege(n.oid, 'create'),
        has_database_privilege(current_database(), 'create')) as owns
    from (values ('pgboss')) wanted (name) left join pg_namespace n on n.nspname = name
      left join pg_class c on c.relnamespace = n.oid and c.relname = 'version'`);
  return rows[0];
}

/** Seconds: after half a minute, a minute, two and so on, each drawn out by chance. */
const RETRIES = {
  retryLimit: 5,
  retryDelay: 30,
  retryBackoff: true,
  retryDelayMax: HOUR_SECONDS,
  expireInSeconds: HOUR_SECONDS,
  heartbeatSeconds: 30,
};

/** Rows in tables of pg-boss: nothing is made for a queue that has no table of its own. */
export async function createQueues(
  boss: PgBoss,
  jobs: readonly Job[],
  retries: Pick<Queue, 'retryDelayMax'> = {},
): Promise<void> {
  // Who is told of a dead letter may fail too: that is tried again as well.
  await createQueue(boss, DEAD_LETTER_QUEUE, {
    ...RETRIES,
    ...retries,
    deleteAfterSeconds: 30 * 24 * HOUR_SECONDS,
  });
  for (const { name, schedule } of jobs) {
    // One of a kind (of a schedule, or of what was wanted) is passed by while another is waiting, running or to be tried again.
    await createQueue(boss, name, { ...RETRIES, ...retries, deadLetter: DEAD_LETTER_QUEUE }, 'exclusive');
    if (schedule !== undefined) await boss.schedule(name, schedule);
  }
  for (const { name } of await boss.getSchedules())
    if (!jobs.some((job) => job.name === name && job.schedule !== undefined)) await boss.unschedule(name);
}

async function createQueue(
  boss: PgBoss,
  name: string,
  options: Omit<Queue, 'name'>,
  policy: QueuePolicy = 'standard',
): Promise<void> {
  await boss.createQueue(name, { ...options, policy });
  // One that was there keeps what it was made with.
  await boss.updateQueue(name, options);
}

/**
 * Brings pg-boss's tables up to date and makes the queues, for servers and workers whose role may make nothing.
 * @returns false where this role may not: then those that work do it, as a role that may
 * @throws SchemaError
 */
export async function prepareQueues(databaseUrl: DatabaseUrl): Promise<boolean> {
  const { openJobsDatabase } = await import('../db/postgres/jobsDatabase.ts');
  const db = openJobsDatabase(databaseUrl, 1);
  const { owns } = await readQueueSchema(db).finally(() => db.close());
  if (!owns) return false;
  const { boss, stop } = await openBoss(
    { databaseUrl },
    { supervise: false, schedule: false, bamIntervalSeconds: 10 },
  );
  // That an index could not be made is told by the loop below.
  boss.on('error', () => {});
  try {
    await boss.start();
    await createQueues(boss, JOBS);
    // Indexes of a new version are made beside what runs, one after the other.
    for (let left = await pendingIndexes(boss); left.length > 0; left = await pendingIndexes(boss)) {
      if (left.includes('failed'))
        throw new SchemaError('an index of the background work could not be made: run db:migrate again');
      await sleep(POLL_INTERVAL_MS);
    }
  } finally {
    await stop({ graceful: false });
  }
  return true;
}

const pendingIndexes = async (boss: PgBoss) =>
  (await boss.getBamStatus()).map(({ status }) => status).filter((status) => status !== 'completed');
