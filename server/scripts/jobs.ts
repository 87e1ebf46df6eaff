// pnpm jobs: what the background work is at, and what of it failed for good.
// pnpm jobs retry ID …, pnpm jobs forget ID …: settles what failed for good.
import { PgBoss } from 'pg-boss';
import { ConfigError, loadConfig, readEnvironment } from '../src/config.ts';
import { openJobsDatabase } from '../src/db/postgres/jobsDatabase.ts';
import { readOverview, resolveDeadLetter } from '../src/jobs/overview.ts';
import { runScript } from './run.ts';

await runScript(async () => {
  const [how, ...ids] = process.argv.slice(2);
  if (how !== undefined && (!isAction(how) || ids.length === 0))
    throw new ConfigError('jobs, jobs retry ID … or jobs forget ID …');
  const { databaseUrl } = loadConfig(readEnvironment(), 'script');
  if (databaseUrl === undefined)
    throw new ConfigError('DATABASE_URL: required, the embedded database belongs to its server');
  const db = openJobsDatabase(databaseUrl, 1);
  const boss = new PgBoss({ db, schema: 'pgboss', migrate: false, supervise: false, schedule: false });
  boss.on('error', () => {});
  try {
    await boss.start().catch((error: Error) => {
      if (error.message !== 'pg-boss is not installed') throw error;
      throw new ConfigError('there are no queues yet: db:migrate makes them');
    });
    if (how === undefined) await show(boss);
    for (const id of ids) {
      const outcome = await resolveDeadLetter(boss, id, how as 'retry' | 'forget');
      console.log(`${id}: ${outcome}`);
      if (outcome === 'unknown') process.exitCode = 1;
    }
  } finally {
    await boss.stop({ graceful: false });
    await db.close();
  }
});

function isAction(word: string): word is 'retry' | 'forget' {
  return word === 'retry' || word === 'forget';
}

async function show(boss: PgBoss): Promise<void> {
  const { queues, deadLetters } = await readOverview(boss);
  console.log(`${'queue'.padEnd(20)} waiting  active  failed`);
  for (const { name, waiting, active, failed } of queues)
    console.log(
      `${name.padEnd(20)} ${[waiting, active, failed].map((count) => String(count).padStart(6)).join('  ')}`,
    );
  console.log(
    `\n${deadLetters.length === 0 ? 'nothing failed for good' : 'failed for good (retry or forget):'}`,
  );
  for (const { job_id, job, at, attempts, reason } of deadLetters)
    console.log(`${job_id}  ${at.toISOString()}  ${job}, ${attempts} attempts: ${reason ?? 'unknown'}`);
}
