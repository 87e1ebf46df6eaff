// pnpm db:check: fails when the schema has changes that no migration has.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MIGRATIONS_FOLDER } from '../src/db/migrations/journal.ts';
import { runScript } from './run.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

await runScript(async () => {
  const copy = await mkdtemp(join(tmpdir(), 'stepwise-schema-'));
  try {
    await cp(MIGRATIONS_FOLDER, copy, { recursive: true });
    const before = await readdir(copy);
    const { stdout } = await promisify(execFile)('drizzle-kit', ['generate'], {
      cwd: root,
      env: { ...process.env, DRIZZLE_OUT: copy },
    });
    const added = (await readdir(copy)).filter((name) => !before.includes(name));
    if (added.length > 0)
      throw new Error(`the schema has changes without a migration; run pnpm db:generate\n${stdout}`);
    console.log('schema and migrations agree');
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
});
