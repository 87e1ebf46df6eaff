// An image of a new, migrated database, so that first starts and tests do not wait for initdb.
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import manifest from '../../../package.json' with { type: 'json' };
import { CATALOGUE } from '../migrations/catalogue.ts';
import { readJournal } from '../migrations/journal.ts';
import { migrateAndSeed, startEngine } from './engine.ts';

const IMAGE_FOLDER = fileURLToPath(new URL('../../../../node_modules/.cache/stepwise', import.meta.url));

/**
 * @returns the data folder of a new, migrated database as a tar file. It is made once per state of the schema and kept
 * beside the installed packages.
 */
export async function migratedImage(): Promise<Blob> {
  const state = createHash('sha256')
    .update(manifest.dependencies['@electric-sql/pglite'])
    .update(await readJournal())
    .update(JSON.stringify(CATALOGUE));
  const file = join(IMAGE_FOLDER, `embedded-${state.digest('hex').slice(0, 16)}.tar`);
  try {
    return new Blob([await readFile(file)]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const client = await startEngine({});
  await migrateAndSeed(client);
  await client.exec('checkpoint');
  const image = await client.dumpDataDir('none');
  await client.close();
  await writeAtomically(file, image);
  return image;
}

/** Writes the whole file or none. If the folder of the packages is read-only, each first start makes the image. */
async function writeAtomically(file: string, image: Blob): Promise<void> {
  const temporary = `${file}.${randomUUID()}`;
  try {
    await mkdir(IMAGE_FOLDER, { recursive: true });
    await writeFile(temporary, Buffer.from(await image.arrayBuffer()));
    await rename(temporary, file);
  } catch (error) {
    // On a read-only file system a recursive mkdir answers ENOENT.
    if (
      !['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')
    )
      throw error;
    await rm(temporary, { force: true });
  }
}
