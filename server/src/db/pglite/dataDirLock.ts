// A lock file that keeps a folder for one process: two processes on one embedded database overwrite each other's rows.
import { randomUUID } from 'node:crypto';
import { type FileHandle, link, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { OperatorError } from '../../operatorError.ts';

/** Thrown when another live process holds the lock. */
export class LockedError extends OperatorError {
  override name = 'LockedError';
}

/** The locks of this process: after a restart of a container this process can have the id of a dead one. */
const heldLocks = new Set<string>();

/**
 * Creates the lock file with the id of this process. The file of a dead process is replaced.
 * @returns releases the lock
 * @throws LockedError naming the process that has it
 */
export async function acquireLock(path: string): Promise<() => Promise<void>> {
  const file = resolve(path);
  // Before anything is awaited: a file with our own id is stale unless its lock is in this set.
  if (heldLocks.has(file)) throw lockedBy(process.pid);
  heldLocks.add(file);
  try {
    await createLockFile(file);
  } catch (error) {
    heldLocks.delete(file);
    throw error;
  }
  return async () => {
    await rm(file, { force: true });
    heldLocks.delete(file);
  };
}

const lockedBy = (pid: number) =>
  new LockedError(`process ${pid} has this database open; stop it, or set DATA_DIR to another folder`);

async function createLockFile(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const own = `${file}.${randomUUID()}`;
  await writeFile(own, `${process.pid}\n`, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // link() fails if the name is taken, and the file is never there without its content.
      if (await succeeds(link(own, file), 'EEXIST')) return;
      const lock = await readLock(file);
      if (!lock) continue;
      const { holder } = lock;
      if (holder !== undefined && holder !== process.pid && isAlive(holder)) throw lockedBy(holder);
      await removeStale(file, lock);
      await setTimeout(RETRY_DELAY_MS);
    }
    throw new LockedError(`the lock ${file} of a process that has ended cannot be removed; delete it`);
  } finally {
    await rm(own, { force: true });
  }
}

/** Attempts while other processes replace the same stale lock. */
const MAX_ATTEMPTS = 100;
const RETRY_DELAY_MS = 20;

interface Lock {
  /** The process that made it; undefined when the file does not say. */
  readonly holder: number | undefined;
  /** Identifies the file: another one under the same name has another identity. */
  readonly identity: string;
}

/**
 * Removes exactly the lock that was read. The claim has its identity in its name, so only one of several processes removes
 * it, and a late process finds another file and leaves it.
 */
async function removeStale(file: string, { identity }: Lock): Promise<void> {
  const claim = `${file}.stale-${identity}`;
  if (!(await succeeds(writeFile(claim, `${process.pid}\n`, { flag: 'wx' }), 'EEXIST'))) return;
  try {
    if ((await readLock(file))?.identity === identity) await rm(file, { force: true });
  } finally {
    await rm(claim, { force: true });
  }
}

/** @returns undefined when there is no lock (any more) */
async function readLock(file: string): Promise<Lock | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { ino, mtimeNs } = await handle.stat({ bigint: true });
    const pid = Number(await handle.readFile('utf8'));
    return { holder: Number.isSafeInteger(pid) && pid > 0 ? pid : undefined, identity: `${ino}-${mtimeNs}` };
  } finally {
    await handle.close();
  }
}

/** @returns false when it failed with this code */
async function succeeds(work: Promise<unknown>, unless: string): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === unless) return false;
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
