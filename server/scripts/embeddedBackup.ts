// What db:backup and db:restore have in common.
import { parseArgs } from 'node:util';
import { ConfigError, loadConfig, readEnvironment } from '../src/config.ts';
import { runScript } from './run.ts';

/**
 * Runs a script that takes a file, and is for the embedded database alone.
 * @param instead PostgreSQL's program for the same
 */
export const embeddedBackup = (
  usage: string,
  instead: string,
  job: (dataDir: string, file: string) => Promise<void>,
): Promise<void> =>
  runScript(async () => {
    const file = fileGiven(usage);
    const { databaseUrl, dataDir } = loadConfig(readEnvironment(), 'script');
    if (databaseUrl !== undefined)
      throw new ConfigError(
        `${usage} is for the embedded database, and DATABASE_URL names PostgreSQL: use ${instead}, as docs/operations/backup.md says`,
      );
    await job(dataDir, file);
  });

function fileGiven(usage: string): string {
  try {
    const { positionals } = parseArgs({ allowPositionals: true });
    const [file] = positionals;
    if (positionals.length === 1 && file) return file;
  } catch {
    // The usage says more.
  }
  throw new ConfigError(usage);
}
