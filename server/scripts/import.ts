// pnpm db:import: copies the database that IMPORT_SOURCE_URL names, with the tables of the system before this one, into
// DATABASE_URL. The URL can be an argument too (--from), but holds a password, and arguments are seen by every user of a machine.
import { parseArgs } from 'node:util';
import { loadConfig, readEnvironment } from '../src/config.ts';
import { type ConnectionSettings, parseConnection } from '../src/db/postgres/connectionSettings.ts';
import { ConnectionStringError } from '../src/db/postgres/connectionString.ts';
import { ImportError } from './import/errors.ts';
import { importDatabase } from './import/import.ts';
import { runScript } from './run.ts';

const USAGE =
  'pnpm db:import [--batch 1000], with the URL of the database that is copied in IMPORT_SOURCE_URL (or --from)';

await runScript(async () => {
  const { from: argument, batch } = argumentsGiven();
  if (!(Number.isInteger(batch) && batch > 0 && batch <= 5000)) throw new ImportError(`usage: ${USAGE}`);
  const config = loadConfig(readEnvironment(), 'script');
  // What is said for this one run comes before what is set.
  const from = argument === undefined ? config.importSourceUrl : parsed(argument);
  if (from === undefined) throw new ImportError(`usage: ${USAGE}`);
  if (config.databaseUrl === undefined)
    throw new ImportError('DATABASE_URL: required, it names the database that is filled');
  await importDatabase({ from, to: config.databaseUrl, batch }, console.log);
});

function parsed(from: string): ConnectionSettings {
  try {
    // Without the environment, which completes DATABASE_URL.
    return parseConnection(from, { isOnlyRead: true });
  } catch (error) {
    if (error instanceof ConnectionStringError) throw new ImportError(`--from: ${error.message}`);
    throw error;
  }
}

function argumentsGiven(): { from: string | undefined; batch: number } {
  try {
    const { values } = parseArgs({
      options: { from: { type: 'string' }, batch: { type: 'string', default: '1000' } },
    });
    return { from: values.from, batch: Number(values.batch) };
  } catch {
    // What parseArgs says quotes the arguments, and one of them has a password in it.
    return { from: undefined, batch: 0 };
  }
}
