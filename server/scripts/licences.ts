// pnpm run licences (without "run" pnpm takes it for a command of its own): writes docs/reference/licences.md from what is installed.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LICENCES, licenceList, productionPackages } from './licenceList.ts';
import { runScript } from './run.ts';

await runScript(async () => {
  const packages = await productionPackages();
  await mkdir(dirname(LICENCES), { recursive: true });
  await writeFile(LICENCES, licenceList(packages));
  console.log(
    `${packages.length} packages, ${new Set(packages.map(({ licence }) => licence)).size} licences`,
  );
});
