// pnpm db:import --from URL: copies a database with the tables of the system before this one into DATABASE_URL.
import { parseArgs } from 'node:util';
import { loadConfig, readEnvironment } from '../src/config.ts';
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

function options(): { from: string; batch: number } {
  try {
    const { values } = parseArgs({ options: { from: { type: 'string' }, batch: { type: 'string', default: '1000' } } });
    const from = values.from?.replace(/^(postgres(?:ql)?)\+\w+:/, '$1:');
    const batch = Number(values.batch);
    if (
      from !== undefined &&
      /^postgres(ql)?:\/\//.test(from) &&
      URL.canParse(from) &&
      Number.isInteger(batch) &&
      batch > 0 &&
      batch <= 5000
    )
      return { from, batch };
  } catch {
    // What parseArgs says quotes the arguments, and one of them has a password in it.
  }
  throw new ImportError(`usage: ${USAGE}`);
}
