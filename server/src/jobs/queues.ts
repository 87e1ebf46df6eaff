// The queues and schedules of the background work, in pg-boss's schema. The owner of its tables migrates them; every other
// role only uses them, and needs no privilege to create anything.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConstructorOptions, PgBoss, Queue, QueuePolicy, StopOptions } from 'pg-boss';
import type { OpenDatabase } from '../db/database.ts';
import { SchemaError } from '../db/migrations/version.ts';
import type { DatabaseUrl } from '../db/postgres/driverOptions.ts';
import type { JobsDatabase } from '../db/postgres/jobsDatabase.ts';
import type { Job } from './job.ts';
import { DEAD_LETTER_QUEUE } from './overview.ts';
import { JOBS } from './registry.ts';

const HOUR_SECONDS = 3600;

/** Connections of pg-boss, besides those that the jobs use. */
const CONNECTIONS = 2;

/** Between checks whether an index is built. */
const POLL_INTERVAL_MS = 100;

/** pg-boss on its database connections, and a function that ends both. */
export interface OpenedBoss {
  readonly boss: PgBoss;
  stop(options: StopOptions): Promise<void>;
}

/** The database of the queues: PostgreSQL, or without its URL the embedded engine. */
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
    // Creating a schema needs a privilege on the database, even if it exists; rebuilding an index needs its owner.
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

/** @throws SchemaError if only the owner of pg-boss's tables can migrate them */
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

/** @returns whether the schema exists, and whether this role owns its tables or may create them */
async function readQueueSchema(db: JobsDatabase): Promise<{ exists: boolean; owns: boolean }> {
  const { rows } = await db.executeSql(`
    select n.oid is not null as exists,
      coalesce(pg_has_role(c.relowner, 'usage'), has_schema_privilege(n.oid, 'create'),
        has_database_privilege(current_database(), 'create')) as owns
    from (values ('pgboss')) wanted (name) left join pg_namespace n on n.nspname = name
      left join pg_class c on c.relnamespace = n.oid and c.relname = 'version'`);
  return rows[0];
}

/** Retries after half a minute, a minute, two and so on, with jitter. All values are seconds. */
const RETRIES = {
  retryLimit: 5,
  retryDelay: 30,
  retryBackoff: true,
  retryDelayMax: HOUR_SECONDS,
  expireInSeconds: HOUR_SECONDS,
  heartbeatSeconds: 30,
};

/** Creates the queues, which are rows in tables of pg-boss: no queue has a table of its own. */
export async function createQueues(
  boss: PgBoss,
  jobs: readonly Job[],
  retries: Pick<Queue, 'retryDelayMax'> = {},
): Promise<void> {
  // `onDeadLetter` may fail too, so dead letters are retried as well.
  await createQueue(boss, DEAD_LETTER_QUEUE, {
    ...RETRIES,
    ...retries,
    deleteAfterSeconds: 30 * 24 * HOUR_SECONDS,
  });
  for (const { name, schedule } of jobs) {
    // `exclusive`: while a job of the same key (or schedule) is queued, running or to be retried, no second one is queued.
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
  // createQueue does not change a queue that exists.
  await boss.updateQueue(name, options);
}

/**
 * Migrates pg-boss's tables and creates the queues, for servers and workers whose role may create nothing.
 * @returns false if this role may not: then a worker whose role may does it
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
  // The loop below reports an index that could not be built.
  boss.on('error', () => {});
  try {
    await boss.start();
    await createQueues(boss, JOBS);
    // pg-boss builds the indexes of a new version concurrently, one after the other.
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
