// pnpm driver:patch [--write FOLDER]: composes the patch that pnpm applies of the two in patches/. With --write it instead
// writes the driver into the folder three times: as published, and with each patch alone. STOCK_POSTGRES takes one of them.
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { COMPOSED, composePatch, PARTS, type Part, readComposed, writePackage } from './driverPatches.ts';
import { runScript } from './run.ts';

await runScript(async () => {
  const { values } = parseArgs({ options: { write: { type: 'string' } } });
  const parts = Object.keys(PARTS) as Part[];
  if (values.write !== undefined) {
    const folder = resolve(values.write);
    await writePackage([], join(folder, 'published'));
    for (const part of parts) await writePackage([part], join(folder, part));
    console.log(`${folder} has the driver as published, and with each patch alone`);
    return;
  }
  const composed = await composePatch(parts);
  if (composed === (await readComposed())) return;
  await writeFile(COMPOSED, composed);
  console.log(`${COMPOSED} is written; install again, so that pnpm applies it`);
});
