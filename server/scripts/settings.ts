// pnpm run settings: writes the settings into docs/operations/configuration.md and .env.example; with --check it only compares.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runScript } from './run.ts';
import { GENERATED, withSettings } from './settingsReference.ts';

await runScript(async () => {
  const isCheck = process.argv.includes('--check');
  for (const generated of GENERATED) {
    const path = fileURLToPath(new URL(`../../${generated.path}`, import.meta.url));
    const before = await readFile(path, 'utf8');
    const after = withSettings(before, generated);
    if (before === after) continue;
    if (isCheck) throw new Error(`${generated.path} is not what settings.ts says; run pnpm run settings`);
    await writeFile(path, after);
    console.log(`${generated.path} is written`);
  }
});
