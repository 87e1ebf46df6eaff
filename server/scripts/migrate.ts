// pnpm db:migrate: applies the pending migrations to DATABASE_URL, or to the embedded database without one.
import { loadConfig, readEnvironment } from '../src/config.ts';
import { openDatabase } from '../src/db/client.ts';
import { runScript } from './run.ts';

await runScript(async () => {
  const config = loadConfig(readEnvironment(), 'script');
  const database = await openDatabase({ ...config, migrateAtStart: true, jobs: false }, (line, facts) =>
    console.error(`${line} ${JSON.stringify(facts)}`),
  );
  await database.close();
  console.log(`${database.engine}: the schema is up to date`);
});
