// pnpm bench:tables: writes the tables of documents from results.json; with --check it only compares.
import { readFile, writeFile } from 'node:fs/promises';
import { runScript } from '../scripts/run.ts';
import { resultsPage, TABLES, withTables } from './report.ts';
import { here } from './settings.ts';

await runScript(async () => {
  const report = JSON.parse(await readFile(here('results.json'), 'utf8'));
  const documents = await Promise.all(
    TABLES.map(async ({ path, make }) => {
      const file = here(`../../${path}`);
      const before = await readFile(file, 'utf8');
      return { file, before, after: withTables(before, make(report)) };
    }),
  );
  const page = here('results.md');
  documents.push({ file: page, before: await readFile(page, 'utf8'), after: resultsPage(report) });
  for (const { file, before, after } of documents) {
    if (before === after) continue;
    if (process.argv.includes('--check')) throw new Error(`${file} is not current; run pnpm bench:tables`);
    await writeFile(file, after);
    console.log(`${file} is written`);
  }
});
