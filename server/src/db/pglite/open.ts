// PGlite, PostgreSQL inside this process, with one connection in the event loop: for development, demos and tests.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { OperatorError } from '../../operatorError.ts';
import type { OpenDatabase } from '../database.ts';
import { createLimiter, poolMeasures } from '../limiter.ts';
import { EVENTS_CHANNEL } from '../sql/eventLog.ts';
import { acquireLock } from './dataDirLock.ts';
import { databaseOnEngine, migrateAndSeed, startEngine } from './engine.ts';
import { migratedImage } from './image.ts';
import { makeFilesPrivate, makePrivate } from './privateFiles.ts';

/** Thrown when the data folder holds something else than a database that this version can open. */
export class DataFolderError extends OperatorError {
  override name = 'DataFolderError';
  override readonly setting = 'DATA_DIR';
}

/** The version of the engine, which opens the files of no other version. */
export const POSTGRES_VERSION = '18';

/** The folder of the database itself, beside which are its lock and the signing key. */
export const databaseFolder = (dataDir: string): string => join(dataDir, 'database');

/** Keeps the database for this process. @returns releases it. @throws LockedError */
export const lockDataDir = (dataDir: string): Promise<() => Promise<void>> =>
  acquireLock(join(dataDir, 'database.lock'));

/**
 * Opens the embedded database, migrated and with its default data.
 * @param dataDir the folder for `database/` and its lock; undefined keeps everything in memory
 * @throws LockedError when another process has it open; DataFolderError when the folder holds something else
 */
export async function openEmbedded(dataDir: string | undefined): Promise<OpenDatabase> {
  const release = dataDir === undefined ? async () => {} : await lockDataDir(dataDir);
  try {
    const folder = dataDir === undefined ? undefined : databaseFolder(dataDir);
    const client = await openFolder(folder);
    if (folder !== undefined) await migrateAndSeed(client);
    return {
      ...embeddedDatabase(client),
      async close() {
        await client.exec('checkpoint');
        await client.close();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** @returns the database on a running engine; whoever started the engine ends it */
export function embeddedDatabase(client: PGlite): Omit<OpenDatabase, 'close'> {
  const limiter = createLimiter(Number.POSITIVE_INFINITY);
  return {
    db: databaseOnEngine(client, limiter),
    engine: 'embedded',
    metricDefinitions: poolMeasures({ embedded: { limiter, connections: 1 } }),
    client,
    ping: async () => void (await client.query('select 1')),
    listen(onChange) {
      const listening = client.listen(EVENTS_CHANNEL, (user_id) => onChange(Number(user_id)));
      listening.then(() => onChange(undefined));
      return async () => (await listening)();
    },
  };
}

/** Starts the engine on a new, migrated database in memory. */
export const openInMemory = async (): Promise<PGlite> => startEngine({ loadDataDir: await migratedImage() });

async function openFolder(folder: string | undefined): Promise<PGlite> {
  if (folder === undefined) return openInMemory();
  makeFilesPrivate();
  if (!(await holdsDatabase(folder))) {
    const temporary = await newTemporary(folder);
    await (await startOnImage(temporary, await migratedImage())).close();
    await rename(temporary, folder);
  }
  const client = await startEngine({ dataDir: folder });
  // From an image the engine makes files that everybody may read.
  makePrivate(folder);
  return client;
}

/** @returns whether the folder holds a database; false if it is missing or empty. The engine itself would accept anything. @throws DataFolderError */
export async function holdsDatabase(folder: string): Promise<boolean> {
  try {
    const version = (await readFile(join(folder, 'PG_VERSION'), 'utf8')).trim();
    if (version === POSTGRES_VERSION) return true;
    throw new DataFolderError(
      `${folder} was written by PostgreSQL ${version}, this is ${POSTGRES_VERSION}; start the Stepwise that wrote it, or choose another folder`,
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR')
      throw new DataFolderError(`${folder} is not a folder; move it away, or choose another`);
    if (code !== 'ENOENT') throw error;
  }
  if (existsSync(folder) && (await readdir(folder)).length > 0)
    throw new DataFolderError(
      `${folder} holds something else than a database; move it away, or choose another folder`,
    );
  return false;
}

/**
 * The folder is made under another name and renamed when it is complete: a process that is killed leaves no half of one.
 * What such a process has left is removed.
 * @returns the other name
 */
export async function newTemporary(folder: string): Promise<string> {
  const parent = dirname(folder);
  for (const name of await readdir(parent))
    if (name.startsWith(`${basename(folder)}.half-`))
      await rm(join(parent, name), { recursive: true, force: true });
  return `${folder}.half-${randomUUID()}`;
}

/** Makes a folder of an image, and starts the engine on it. */
export async function startOnImage(folder: string, image: Blob): Promise<PGlite> {
  await mkdir(folder, { mode: 0o700 });
  return startEngine({ dataDir: folder, loadDataDir: image });
}
