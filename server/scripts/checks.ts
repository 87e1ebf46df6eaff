// pnpm checks: writes docs/reference/checks.md from the titles of the tests; with --check it only compares.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { CHECKS_PAGE, checksPage } from './checksPage.ts';
import { runScript } from './run.ts';

await runScript(async () => {
  const path = fileURLToPath(new URL(`../../${CHECKS_PAGE}`, import.meta.url));
  const page = checksPage();
  if ((await readFile(path, 'utf8').catch(() => '')) === page) return;
  if (process.argv.includes('--check'))
    throw new Error(`${CHECKS_PAGE} is not what the tests say; run pnpm checks`);
  await writeFile(path, page);
  console.log(`${CHECKS_PAGE} is written`);
});
