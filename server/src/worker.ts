// pnpm worker: background work without a server. settings → database → jobs → close with grace.
import closeWithGrace from 'close-with-grace';
import { ConfigError, loadConfig, readEnvironment } from './config.ts';
import { openDatabase } from './db/client.ts';
import { explain } from './explain.ts';
import { startJobs } from './jobs/run.ts';
import { createLogger, writeLast } from './logger.ts';

/** Milliseconds from the first signal until the process ends, whatever is still under way. */
const SHUTDOWN_TIMEOUT = 30_000;

try {
  await start();
} catch (error) {
  console.error(explain(error));
  process.exit(1);
}

async function start(): Promise<void> {
  const config = loadConfig(readEnvironment(), 'script');
  if (config.databaseUrl === undefined)
    throw new ConfigError('DATABASE_URL: required, the embedded database belongs to the server, which does the background work itself');
  const logger = await createLogger(config.logLevel, process.stdout.isTTY);
  const database = await openDatabase(config);
  const jobs = startJobs({ database, databaseUrl: config.databaseUrl, logger });
  // A second signal ends the process at once.
  closeWithGrace({ delay: SHUTDOWN_TIMEOUT, logger: false }, async ({ err, signal }) => {
    if (err) logger.fatal({ err }, 'crash');
    logger.info({ signal }, 'closing');
    await jobs.stop();
    await database.close();
    logger.info('closed');
    await writeLast(logger);
  });
}
