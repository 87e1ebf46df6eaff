import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** What is not ours to change: the volume of a container can belong to another user, who lets our group in. */
const isForeign = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EPERM';

/** Lets the files that this process makes from now on be its owner's alone. Other threads have no say in it. */
export function makeFilesPrivate(): void {
  if (isMainThread) process.umask(0o077);
}

/** Makes a folder and all in it readable by its owner alone. At once: waiting for each of a thousand files takes longer. */
export function makePrivate(folder: string): void {
  try {
    chmodSync(folder, FOLDER_MODE);
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
      chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? FOLDER_MODE : FILE_MODE);
  } catch (error) {
    if (!isForeign(error)) throw error;
  }
}
