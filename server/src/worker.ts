// pnpm worker: background work without a server. settings → database → jobs → close with grace.
import { ConfigError, loadConfig, readEnvironment } from './config.ts';
import { openDatabase } from './db/open.ts';
import { startJobs } from './jobs/run.ts';
import { exitWhenUnusable, onShutdown, runMain } from './lifecycle.ts';
import { createLogger } from './logger.ts';

await runMain(async () => {
  const config = loadConfig(readEnvironment(), 'script');
  if (config.databaseUrl === undefined)
    throw new ConfigError(
      'DATABASE_URL: required, the embedded database belongs to the server, which does the background work itself',
    );
  const logger = await createLogger(config.logLevel, process.stdout.isTTY);
  const database = await openDatabase({ ...config, jobs: true }, (line, facts) => logger.warn(facts, line));
  exitWhenUnusable(database);
  const jobs = startJobs({ database, databaseUrl: config.databaseUrl, logger });
  onShutdown(logger, async () => {
    await jobs.stop();
    await database.close();
  });
});
