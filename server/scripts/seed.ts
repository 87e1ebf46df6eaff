// pnpm db:seed: fills in the exercises of the catalogue where they are missing.
import { loadConfig, readEnvironment } from '../src/config.ts';
import { seedExercises } from '../src/db/migrations/seed.ts';
import { openDatabase } from '../src/db/open.ts';
import { runScript } from './run.ts';

await runScript(async () => {
  const database = await openDatabase({
    ...loadConfig(readEnvironment(), 'script'),
    migrateAtStart: false,
    jobs: false,
  });
  try {
    await seedExercises(database.db);
  } finally {
    await database.close();
  }
  console.log(`${database.engine}: the exercises of the catalogue are there`);
});
