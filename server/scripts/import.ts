// pnpm db:import --from URL: copies a database with the tables of the system before this one into DATABASE_URL.
import { parseArgs } from 'node:util';
import { loadConfig, readEnvironment } from '../src/config.ts';
import { type ConnectionSettings, parseConnection } from '../src/db/connectionSettings.ts';
import { ConnectionStringError } from '../src/db/connectionString.ts';
import { ImportError } from './import/errors.ts';
import { importDatabase } from './import/import.ts';
import { runScript } from './run.ts';

const USAGE = 'pnpm db:import --from postgres://user:password@host/database [--batch 1000]';

await runScript(async () => {
  const { from, batch } = options();
  const { databaseUrl } = loadConfig(readEnvironment(), 'script');
  if (databaseUrl === undefined) throw new ImportError('DATABASE_URL: required, it names the database that is filled');
  await importDatabase({ from, to: databaseUrl, batch }, console.log);
});

function options(): { from: ConnectionSettings; batch: number } {
  const { from, batch } = argumentsGiven();
  if (from === undefined || !(Number.isInteger(batch) && batch > 0 && batch <= 5000)) throw new ImportError(`usage: ${USAGE}`);
  try {
    // Without the environment, which completes DATABASE_URL.
    return { from: parseConnection(from), batch };
  } catch (error) {
    if (error instanceof ConnectionStringError) throw new ImportError(`--from: ${error.message}`);
    throw error;
  }
}

function argumentsGiven(): { from: string | undefined; batch: number } {
  try {
    const { values } = parseArgs({ options: { from: { type: 'string' }, batch: { type: 'string', default: '1000' } } });
    return { from: values.from, batch: Number(values.batch) };
  } catch {
    // What parseArgs says quotes the arguments, and one of them has a password in it.
    return { from: undefined, batch: 0 };
  }
}
