// pnpm db:migrate: applies the pending migrations to DATABASE_URL, or to the embedded database without one. On PostgreSQL it
// also makes the queues of the background work, and with SERVER_DATABASE_URL the role that servers connect as.
// pnpm db:migrate --post-deployment: those too that servers of the version before do not survive. The embedded database, which
// has no other servers, always gets them.
import { type Config, ConfigError, loadConfig, readEnvironment } from '../src/config.ts';
import { openDatabase } from '../src/db/open.ts';
import { checkPostgres, migratePostgres, missingOnNodes } from '../src/db/postgres/migrate.ts';
import { prepareServerRole } from '../src/db/postgres/serverRole.ts';
import { prepareQueues } from '../src/jobs/queues.ts';
import { runScript } from './run.ts';

const USAGE = 'db:migrate, or db:migrate --post-deployment once no server of the version before runs';

await runScript(async () => {
  const words = process.argv.slice(2);
  const postDeployment = words[0] === '--post-deployment';
  if (words.length > Number(postDeployment)) throw new ConfigError(USAGE);
  const config = loadConfig(readEnvironment(), 'script');
  const { databaseUrl, serverDatabaseUrl } = config;
  if (databaseUrl === undefined && serverDatabaseUrl !== undefined)
    throw new ConfigError(
      'DATABASE_URL: required with SERVER_DATABASE_URL, it names the role that owns the tables',
    );
  const pending =
    databaseUrl === undefined
      ? await migrateEmbedded(config)
      : await migratePostgres(databaseUrl, {
          postDeployment,
          onWait: (line, facts) => console.error(`${line} ${JSON.stringify(facts)}`),
        });
  if (databaseUrl !== undefined && config.jobs) {
    const isPrepared = await prepareQueues(databaseUrl);
    // Servers with a role of their own cannot make them either.
    if (!isPrepared && serverDatabaseUrl !== undefined) await checkPostgres(databaseUrl, { jobs: true });
  }
  if (databaseUrl !== undefined && serverDatabaseUrl !== undefined)
    await prepareServerRole(databaseUrl, serverDatabaseUrl);
  console.log(`${databaseUrl === undefined ? 'embedded' : 'postgres'}: the schema is up to date`);
  if (pending.length > 0)
    console.log(
      `once no server of the version before runs, run db:migrate --post-deployment (${pending.join(', ')})`,
    );
  const missing = databaseUrl === undefined ? [] : await missingOnNodes(databaseUrl);
  if (missing.length > 0) console.log(`run db:distribute next (${missing.join(', ')})`);
});

async function migrateEmbedded(config: Config): Promise<string[]> {
  const database = await openDatabase({ ...config, migrateAtStart: true });
  await database.close();
  return [];
}
