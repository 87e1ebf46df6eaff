// The whole of an import, table by table.
import type postgres from 'postgres';
import { databaseCode } from '../../src/db/errors.ts';
import type { DatabaseUrl } from '../../src/db/postgres/driverOptions.ts';
import { migratePostgres } from '../../src/db/postgres/migrate.ts';
import { withConnection } from '../../src/db/postgres/ownConnection.ts';
import { ConnectionError } from '../../src/db/postgres/socket.ts';
import { copyTable, raiseSequence } from './copy.ts';
import { ImportError } from './errors.ts';
import { exercises } from './exercises.ts';
import { createIdMap } from './idMap.ts';
import { mentalPlanResources, mentalPlans, resources } from './mental.ts';
import { fillDays, physicalPlans, workoutExercises, workouts } from './physical.ts';
import { createReport, type Report } from './report.ts';
import { checkDistinct, checkSource, checkTarget } from './schema.ts';
import type { Step } from './step.ts';
import { tasks } from './tasks.ts';
import { users } from './users.ts';

/** Each table after those that its rows refer to. */
const STEPS: readonly Step[] = [
  exercises,
  users,
  physicalPlans,
  workouts,
  workoutExercises,
  mentalPlans,
  resources,
  mentalPlanResources,
  tasks,
];

/** The advisory lock that an import holds on its target: an arbitrary number that is this project's own ("move"). */
const LOCK = 0x6d6f7665;

const PURPOSE = { name: 'stepwise import', settings: {} };

/** Where the system before this one has its tables is its own matter. */
const DEFAULT_SEARCH_PATH = { search_path: undefined };

export interface ImportOptions {
  /** The database that is copied; it is only read. */
  readonly from: DatabaseUrl;
  /** The database that it is copied into; migrated first. */
  readonly to: DatabaseUrl;
  /** Rows in one transaction. */
  readonly batch: number;
}

/**
 * Copies all rows of the source that can be copied, in the state of one moment. What is there already is left alone.
 * @param say writes a line of the report
 * @throws ImportError when it cannot begin or a database went away; what was copied until then stays
 */
export async function importDatabase(
  { from, to, batch }: ImportOptions,
  say: (line: string) => void,
): Promise<void> {
  try {
    await withConnection(to, PURPOSE, (target) =>
      withConnection(from, { ...PURPOSE, settings: DEFAULT_SEARCH_PATH }, (client) =>
        client.begin('isolation level repeatable read read only', async (source) => {
          await checkDistinct(source, target);
          await checkSource(source);
          await checkTarget(target);
          await migratePostgres(to);
          await withExclusiveLock(target, say, () => copyAll(source, target, batch, say));
        }),
      ),
    );
  } catch (error) {
    // Neither the text nor the details of a driver's error are shown: they can quote a row.
    const code = databaseCode(error);
    if (code === undefined || error instanceof ConnectionError) throw error;
    throw new ImportError(
      `a database answered ${code}; what was copied until then stays, and a further run goes on from there`,
    );
  }
}

async function copyAll(
  source: postgres.TransactionSql,
  target: postgres.Sql,
  batch: number,
  say: (line: string) => void,
): Promise<void> {
  const report = createReport(say);
  await createIdMap(target);
  // All of them first: a row that gets a new id must not take one that a later row of the source has.
  for (const { table } of STEPS) await raiseSequence(source, target, table);
  for (const step of STEPS) {
    await copyTable(source, target, step, report, batch);
    if (step === workoutExercises) await reportFilledDays(target, report);
  }
  for (const { table } of STEPS) await raiseSequence(source, target, table);
  report.summary();
}

async function reportFilledDays(target: postgres.Sql, report: Report): Promise<void> {
  const notes = report.batch('physical_plans');
  for (const { source_id, days } of await fillDays(target))
    notes.repaired(
      source_id,
      `${days.length > 1 ? 'days' : 'day'} ${days.join(', ')} had no exercises, filled with the default ones`,
    );
  notes.commit(0);
}

/** Two imports at once would each miss what the other is about to write. */
async function withExclusiveLock(
  target: postgres.Sql,
  say: (line: string) => void,
  job: () => Promise<void>,
): Promise<void> {
  const [row] = await target<{ free: boolean }[]>`select pg_try_advisory_lock(${LOCK}) as free`;
  if (!row?.free) {
    say('another import into this database has not ended yet, waiting for it');
    await target`select pg_advisory_lock(${LOCK})`;
  }
  try {
    await job();
  } finally {
    await target`select pg_advisory_unlock(${LOCK})`;
  }
}
