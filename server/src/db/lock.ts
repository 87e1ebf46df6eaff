// Keeps a folder for one process. Two processes on one embedded database lose each other's rows without an error.
import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Thrown when another live process holds the lock. */
export class LockedError extends Error {
  override name = 'LockedError';
}

/** The locks of this process: after a restart in a container a dead process's id can be our own. */
const held = new Set<string>();

/**
 * Makes the lock file, which holds this process's id. The file of a dead process is taken over.
 * @returns what releases it
 * @throws LockedError naming the process that has it
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  const file = resolve(path);
  await mkdir(dirname(file), { recursive: true });
  const own = `${file}.${randomUUID()}`;
  await writeFile(own, `${process.pid}\n`);
  try {
    // link() fails when the name is taken, and the file never exists without its content: a reader finds no half lock.
    for (let attempt = 0; attempt < 10; attempt++) {
      try {
        await link(own, file);
        held.add(file);
        return async () => {
          held.delete(file);
          await rm(file, { force: true });
        };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = await readHolder(file);
      if (holder !== undefined && (holder === process.pid ? held.has(file) : isAlive(holder)))
        throw new LockedError(`process ${holder} has this database open; stop it, or set DATA_DIR to another folder`);
      await removeStale(file, holder);
    }
    throw new LockedError(`${file} is being taken over by other processes`);
  } finally {
    await rm(own, { force: true });
  }
}

/** Two that find the same dead holder must not remove each other's new lock: the name is moved away, then looked at. */
async function removeStale(file: string, holder: number | undefined): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readHolder(aside)) !== holder) await link(aside, file).catch(() => {});
  await rm(aside, { force: true });
}

async function readHolder(file: string): Promise<number | undefined> {
  try {
    const pid = Number(await readFile(file, 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, as another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
