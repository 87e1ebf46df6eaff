// pnpm db:rebuild [--user ID] [--repair]: compares what is recorded of days with the facts, of every user or of one, and
// names each difference. It changes nothing without --repair. Servers may run meanwhile.
import { parseArgs } from 'node:util';
import { ConfigError, loadConfig, readEnvironment } from '../src/config.ts';
import { type Difference, listUsers, rebuildUser } from '../src/dayRecord/rebuild.ts';
import type { Database } from '../src/db/database.ts';
import { openDatabase } from '../src/db/open.ts';
import { MAX_ID } from '../src/trpc/fields.ts';
import { runScript } from './run.ts';

const USAGE = 'db:rebuild [--user ID] [--repair]';

/** Users that are listed at a time. */
const USERS_PER_BATCH = 500;

/** Users that are looked at at once, each on a connection of its own. */
const CONCURRENCY = 4;

const PROGRESS_INTERVAL_MS = 10_000;

await runScript(async () => {
  const { user, repair } = argumentsGiven();
  const config = loadConfig(readEnvironment(), 'script');
  const database = await openDatabase({
    ...config,
    poolSize: CONCURRENCY,
    migrateAtStart: false,
    jobs: false,
  });
  try {
    if (!(await run(database.db, user, repair))) process.exitCode = 1;
  } finally {
    await database.close();
  }
});

function argumentsGiven(): { user: number | undefined; repair: boolean } {
  try {
    const { values } = parseArgs({ options: { user: { type: 'string' }, repair: { type: 'boolean' } } });
    const { user, repair = false } = values;
    if (user === undefined) return { user, repair };
    if (/^[1-9]\d{0,15}$/.test(user) && Number(user) <= MAX_ID) return { user: Number(user), repair };
  } catch {
    // The usage says more.
  }
  throw new ConfigError(USAGE);
}

/** @returns whether everything is now what the facts say */
async function run(db: Database, user: number | undefined, repair: boolean): Promise<boolean> {
  const count = { users: 0, differences: 0, repaired: 0 };
  let saidAt = performance.now();

  async function check(id: number): Promise<void> {
    const differences = await rebuildUser(db, id, { now: new Date(), repair });
    // Removed since it was listed.
    if (differences === undefined && user === undefined) return;
    if (differences === undefined) throw new ConfigError(`there is no user ${id}`);
    count.users++;
    for (const difference of differences) {
      const isRepaired = repair && difference.isRepairable;
      count.differences++;
      if (isRepaired) count.repaired++;
      console.log(`user ${id}: ${inWords(difference)}${repair && !isRepaired ? ' (facts stay)' : ''}`);
    }
  }

  if (user !== undefined) await check(user);
  for (let after = user === undefined ? 0 : MAX_ID; after < MAX_ID; ) {
    const batch = await listUsers(db, { after, limit: USERS_PER_BATCH });
    const waiting = batch.filter(({ is_recorded }) => is_recorded).map(({ id }) => id);
    const lane = async () => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) await check(id);
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, lane));
    after = batch.at(-1)?.id ?? MAX_ID;
    if (performance.now() - saidAt > PROGRESS_INTERVAL_MS) {
      saidAt = performance.now();
      console.error(`users up to ${after}: ${count.differences} differences so far`);
    }
  }
  console.log(
    `users compared: ${count.users}, differences: ${count.differences}, repaired: ${count.repaired}`,
  );
  return count.differences === count.repaired;
}

function inWords({ table, key, column, stored, rebuilt }: Difference): string {
  const shown = (value: Difference['stored']) => (value === undefined ? 'no row' : String(value));
  return `${table} ${key}${column === undefined ? '' : ` ${column}`}: ${shown(stored)} → ${shown(rebuilt)}`;
}
