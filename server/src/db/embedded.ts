// PGlite: PostgreSQL inside this process. One connection, in the event loop: for development, demos and tests.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PGlite, type PGliteOptions, type Transaction } from '@electric-sql/pglite';
import manifest from '../../package.json' with { type: 'json' };
import { type Database, databaseOn, type OpenDatabase } from './client.ts';
import { compileWasm } from './engine.ts';
import { EVENTS_CHANNEL } from './events.ts';
import { type ConcurrencyLimiter, createLimiter, poolMeasures } from './gate.ts';
import { readJournal } from './journal.ts';
import { acquireLock } from './lock.ts';
import { applyMigrations } from './migrations.ts';
import { makeFilesPrivate, makePrivate } from './privateFiles.ts';
import { DEFAULT_EXERCISES, seedExercises } from './seed.ts';
import { checkVersion, pendingMigrations } from './version.ts';

/** Thrown when what stands where the database is to be is not one that we can open. */
export class DataFolderError extends Error {
  override name = 'DataFolderError';
}

/** The version that the engine is of: it opens no other's files. */
const POSTGRES_VERSION = '18';

/** With its 128 MB of buffers a start would take a fifth longer, and 100 MB more; the system's cache is below them anyway. */
const startParams = [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB'];

const startEngine = async (options: PGliteOptions): Promise<PGlite> =>
  PGlite.create({ startParams, pgliteWasmModule: await compileWasm(), ...options });

const IMAGE_FOLDER = fileURLToPath(new URL('../../../node_modules/.cache/stepwise', import.meta.url));

/**
 * Opens the embedded database, migrated and with its default data.
 * @param dataDir the folder for `database/` and its lock; undefined keeps everything in memory
 * @throws LockedError when another process has it open; DataFolderError when something else stands there
 */
export async function openEmbedded(dataDir: string | undefined): Promise<OpenDatabase> {
  const release = dataDir === undefined ? async () => {} : await acquireLock(join(dataDir, 'database.lock'));
  try {
    const folder = dataDir === undefined ? undefined : join(dataDir, 'database');
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

/** @returns the database on an engine that runs, which is ended by whoever started it */
export function embeddedDatabase(client: PGlite): Omit<OpenDatabase, 'close'> {
  const limiter = createLimiter(Number.POSITIVE_INFINITY);
  return {
    db: databaseOnEngine(client, limiter),
    engine: 'embedded',
    measures: poolMeasures({ embedded: { limiter, connections: 1 } }),
    client,
    ping: async () => void (await client.query('select 1')),
    listen(onChange) {
      const listening = client.listen(EVENTS_CHANNEL, (user_id) => onChange(Number(user_id)));
      listening.then(() => onChange(undefined));
      return async () => (await listening)();
    },
  };
}

/** @param limiter counts what does not belong to a transaction that it counts already */
function databaseOnEngine(client: PGlite | Transaction, limiter?: ConcurrencyLimiter): Database {
  const limited = limiter ?? (<T>(run: () => Promise<T>) => run());
  const query = (text: string, values: readonly unknown[]) =>
    limited(async () => (await client.query<object>(text, [...values])).rows);
  const db: Database = databaseOn({
    run: ({ text }, values) => query(text, values),
    executeUnprepared: query,
    transaction: (job) =>
      'transaction' in client
        ? limited(() => client.transaction((tx) => job(databaseOnEngine(tx))))
        : job(db),
  });
  return db;
}

/** Starts the engine on a new, migrated database in memory. */
export const openInMemory = async (): Promise<PGlite> => startEngine({ loadDataDir: await migratedImage() });

async function openFolder(folder: string | undefined): Promise<PGlite> {
  if (folder === undefined) return openInMemory();
  makeFilesPrivate();
  if (!(await holdsDatabase(folder))) await createDataFolder(folder);
  const client = await startEngine({ dataDir: folder });
  // Of an image the engine makes files that everybody may read.
  makePrivate(folder);
  return client;
}

/** @returns whether a database of ours is there; not when there is nothing. The engine would take anything for its own. */
async function holdsDatabase(folder: string): Promise<boolean> {
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

/** Makes the folder under another name and renames it when it is finished: killed half way it never stands there. */
async function createDataFolder(folder: string): Promise<void> {
  const parent = dirname(folder);
  for (const name of await readdir(parent))
    if (name.startsWith(`${basename(folder)}.half-`))
      await rm(join(parent, name), { recursive: true, force: true });
  const temporary = `${folder}.half-${randomUUID()}`;
  await mkdir(temporary, { mode: 0o700 });
  const client = await startEngine({ dataDir: temporary, loadDataDir: await migratedImage() });
  await client.close();
  await rename(temporary, folder);
}

async function migrateAndSeed(client: PGlite): Promise<void> {
  const db = databaseOnEngine(client);
  if ((await pendingMigrations(db)).length > 0) {
    await db.transaction(applyMigrations);
    await checkVersion(db);
  }
  await seedExercises(db);
}

/**
 * The data folder of a new, migrated database as a tar file. Made once for each state of the schema and kept beside
 * the installed packages, so that first starts and tests need not wait for initdb.
 */
export async function migratedImage(): Promise<Blob> {
  const state = createHash('sha256')
    .update(manifest.dependencies['@electric-sql/pglite'])
    .update(await readJournal())
    .update(JSON.stringify(DEFAULT_EXERCISES));
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

/** Writes the whole file or none. Where the packages are read-only the image is made at each first start. */
async function writeAtomically(file: string, image: Blob): Promise<void> {
  const temporary = `${file}.${randomUUID()}`;
  try {
    await mkdir(IMAGE_FOLDER, { recursive: true });
    await writeFile(temporary, Buffer.from(await image.arrayBuffer()));
    await rename(temporary, file);
  } catch (error) {
    // ENOENT is what a recursive mkdir answers on a read-only file system.
    if (
      !['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')
    )
      throw error;
    await rm(temporary, { force: true });
  }
}
