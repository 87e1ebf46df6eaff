// Backups of the embedded database: one file, the data folder as a compressed tar archive.
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, openAsBlob } from 'node:fs';
import { access, type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { PGlite } from '@electric-sql/pglite';
import { OperatorError } from '../../operatorError.ts';
import { sql } from '../drizzle.ts';
import { pendingMigrations } from '../migrations/version.ts';
import { databaseOnEngine, startEngine } from './engine.ts';
import {
  DataFolderError,
  databaseFolder,
  holdsDatabase,
  lockDataDir,
  newTemporary,
  POSTGRES_VERSION,
  startOnImage,
} from './open.ts';
import { makeFilesPrivate, makePrivate } from './privateFiles.ts';

/** Thrown when a file cannot be written, or is no backup. */
export class BackupError extends OperatorError {
  override name = 'BackupError';
}

/** Called with a line for the operator when something begins that takes its time, and while it goes on. */
type Say = (line: string) => void;

export interface Backup {
  /** Of the data folder, as an archive that is not compressed. */
  readonly bytes: number;
  readonly fileBytes: number;
  readonly users: number;
}

export interface Restored extends Omit<Backup, 'fileBytes'> {
  /** Migrations that the next start applies. */
  readonly pending: readonly string[];
  /** Where the database is that was there before. */
  readonly moved: string | undefined;
}

/** Between two lines of how far it is. */
const PROGRESS_INTERVAL_MS = 10_000;

export const inMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/**
 * Writes a backup of the database in `dataDir`, as it is: no migration is applied. The file has its name when it is whole.
 * @throws BackupError, DataFolderError; LockedError while another process has the database open
 */
export async function writeBackup(dataDir: string, file: string, say: Say): Promise<Backup> {
  const folder = databaseFolder(dataDir);
  await requireFree(file);
  if (!(await holdsDatabase(folder))) throw new DataFolderError(`there is no database in ${folder}`);
  const release = await lockDataDir(dataDir);
  try {
    makeFilesPrivate();
    say(`reading ${folder}`);
    const { image, users } = await readFolder(folder);
    say(`writing ${file}: ${inMegabytes(image.size)} to compress`);
    const temporary = `${file}.half-${randomUUID()}`;
    try {
      await pipeline(
        Readable.fromWeb(image.stream()),
        progress(say, image.size),
        createGzip(),
        createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }),
      );
      await requireFree(file);
      await rename(temporary, file);
      await syncToDisk(dirname(file));
    } catch (error) {
      await rm(temporary, { force: true });
      throw fileError(error, file, 'written');
    }
    return { bytes: image.size, fileBytes: (await stat(file)).size, users };
  } finally {
    await release();
  }
}

/**
 * Makes the database in `dataDir` that of a backup. One that is there is moved aside. Nothing is changed until the backup
 * has been read whole and its database has been opened.
 * @throws BackupError; SchemaError when a newer version wrote it; LockedError while another process has the database open
 */
export async function restoreBackup(dataDir: string, file: string, say: Say): Promise<Restored> {
  const { size } = await stat(file).catch((error) => {
    throw fileError(error, file, 'read');
  });
  const isNew = (await mkdir(dataDir, { recursive: true, mode: 0o700 })) !== undefined;
  const release = await lockDataDir(dataDir);
  let restored: Restored | undefined;
  try {
    makeFilesPrivate();
    restored = await restoreInto(dataDir, file, size, say);
    return restored;
  } finally {
    await release();
    if (isNew && !restored) await rmdir(dataDir);
  }
}

async function restoreInto(dataDir: string, file: string, fileBytes: number, say: Say): Promise<Restored> {
  const folder = databaseFolder(dataDir);
  const temporary = await newTemporary(folder);
  const archive = `${temporary}.tar`;
  try {
    say(`reading ${file}: ${inMegabytes(fileBytes)}`);
    await unpack(file, fileBytes, archive, say);
    await checkArchive(file, archive);
    const image = await openAsBlob(archive);
    say(`opening its database: ${inMegabytes(image.size)}`);
    const found = await makeFolder(temporary, image, file);
    const moved = await moveAside(folder);
    await rename(temporary, folder);
    await syncToDisk(dataDir);
    return { ...found, bytes: image.size, moved };
  } finally {
    for (const path of [temporary, archive]) await rm(path, { recursive: true, force: true });
  }
}

/** @throws BackupError when there is something by this name */
async function requireFree(file: string): Promise<void> {
  const isFree = await access(file).then(
    () => false,
    () => true,
  );
  if (!isFree) throw new BackupError(`${file} exists: a backup replaces no other, choose another name`);
}

async function readFolder(folder: string): Promise<{ image: Blob; users: number }> {
  const client = await startEngine({ dataDir: folder });
  try {
    const users = await countUsers(client);
    if (users === undefined)
      throw new DataFolderError(`${folder} holds another database than that of Stepwise`);
    // The tables have everything then, and the archive hardly needs the log.
    await client.exec('checkpoint');
    return { image: await client.dumpDataDir('none'), users };
  } finally {
    await client.close();
  }
}

/** @returns undefined in a database that is not ours */
async function countUsers(client: PGlite): Promise<number | undefined> {
  const db = databaseOnEngine(client);
  const [tables] = await db.execute<{ are_ours: boolean }>(sql`
    select to_regclass('drizzle.__drizzle_migrations') is not null and to_regclass('public.users') is not null as are_ours`);
  if (!tables?.are_ours) return undefined;
  const [counted] = await db.execute<{ users: number }>(
    sql`select count(*)::float8 as users from public.users`,
  );
  return counted?.users;
}

/** Passes bytes on, and says now and then how far it is. */
function progress(say: Say, bytes: number): Transform {
  let passed = 0;
  let saidAt = performance.now();
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      passed += chunk.length;
      if (performance.now() - saidAt > PROGRESS_INTERVAL_MS) {
        saidAt = performance.now();
        say(`${inMegabytes(passed)} of ${inMegabytes(bytes)}`);
      }
      done(null, chunk);
    },
  });
}

/** A compressed file has a checksum at its end: it is read whole before anything is made of it. */
async function unpack(file: string, bytes: number, archive: string, say: Say): Promise<void> {
  try {
    await pipeline(
      createReadStream(file),
      progress(say, bytes),
      createGunzip(),
      createWriteStream(archive, { flags: 'wx', mode: 0o600 }),
    );
  } catch (error) {
    const { code, path, syscall } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') throw new BackupError(`${file} is cut off: its end is missing`);
    if (code?.startsWith('Z_')) throw notABackup(file);
    throw syscall === 'read' || path === file
      ? fileError(error, file, 'read')
      : fileError(error, archive, 'written');
  }
}

const notABackup = (file: string) => new BackupError(`${file} is no backup that db:backup has written`);

/** Bytes of a tar archive's header, and of what its files are rounded up to. */
const TAR_BLOCK_BYTES = 512;

/** Finds out whether the archive is a data folder of the engine, which would start on anything. @throws BackupError */
async function checkArchive(file: string, archive: string): Promise<void> {
  const handle = await open(archive);
  try {
    const version = (await readEntry(handle, '/PG_VERSION'))?.trim();
    if (version === undefined) throw notABackup(file);
    if (version !== POSTGRES_VERSION)
      throw new BackupError(
        `${file} was written with PostgreSQL ${version}, this is ${POSTGRES_VERSION}; restore it with the Stepwise that wrote it`,
      );
  } finally {
    await handle.close();
  }
}

/** @returns the text of a file in a tar archive; undefined when it has none by this name, or is no archive */
async function readEntry(handle: FileHandle, wanted: string): Promise<string | undefined> {
  const header = Buffer.alloc(TAR_BLOCK_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(header, 0, TAR_BLOCK_BYTES, at);
    if (bytesRead < TAR_BLOCK_BYTES || header.toString('latin1', 257, 262) !== 'ustar') return undefined;
    const field = (from: number, to: number) => header.toString('latin1', from, to).split('\0')[0] ?? '';
    const size = Number.parseInt(field(124, 136), 8);
    if (!Number.isSafeInteger(size)) return undefined;
    at += TAR_BLOCK_BYTES;
    if (field(0, 100) === wanted) {
      const content = Buffer.alloc(Math.min(size, TAR_BLOCK_BYTES));
      await handle.read(content, 0, content.length, at);
      return content.toString();
    }
    at += Math.ceil(size / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
  }
}

/** What the engine (WASI) has for ENOSPC. */
const ENGINE_ENOSPC = 51;

/** Makes a data folder of the archive, and leaves it closed and on the disk. */
async function makeFolder(
  folder: string,
  image: Blob,
  file: string,
): Promise<{ users: number; pending: string[] }> {
  let client: PGlite;
  try {
    client = await startOnImage(folder, image);
  } catch (error) {
    // The engine's own file system has numbers for codes, and no messages.
    const { errno, message = `errno ${errno}` } = error as NodeJS.ErrnoException;
    if (errno === ENGINE_ENOSPC) throw new BackupError(`${folder} cannot be written (ENOSPC)`);
    throw new BackupError(`${file} cannot be opened: ${message}`, { cause: error });
  }
  let found: { users: number; pending: string[] };
  try {
    const users = await countUsers(client);
    if (users === undefined) throw notABackup(file);
    found = { users, pending: await pendingMigrations(databaseOnEngine(client)) };
    await client.exec('checkpoint');
  } finally {
    await client.close();
  }
  makePrivate(folder);
  await syncAllToDisk(folder);
  return found;
}

/** @returns the new name of what was there; undefined when there was nothing */
async function moveAside(folder: string): Promise<string | undefined> {
  try {
    // An empty folder is nothing.
    await rmdir(folder);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
  }
  const moved = `${folder}.${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  await rename(folder, moved);
  return moved;
}

/** Files at a time: the file system writes many at once as fast as one. */
const SYNC_CONCURRENCY = 16;

/** Waits until a folder and all in it are on the disk. */
async function syncAllToDisk(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = [folder, ...entries.map(({ parentPath, name }) => join(parentPath, name))];
  const lane = async () => {
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) await syncToDisk(path);
  };
  await Promise.all(Array.from({ length: SYNC_CONCURRENCY }, lane));
}

/** Waits until a file, or the names in a folder, are on the disk: the engine does not. */
async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What the file system says of the file of the backup, in words. */
function fileError(error: unknown, file: string, done: 'read' | 'written'): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === undefined ? error : new BackupError(`${file} cannot be ${done} (${code})`);
}
