import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** The volume of a container can belong to another user and be open to our group. */
const isForeign = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EPERM';

/** Makes new files of this process readable by its owner alone. Only the main thread can set that. */
export function makeFilesPrivate(): void {
  if (isMainThread) process.umask(0o077);
}

/** Makes a folder and all in it readable by its owner alone. Synchronous: awaiting a thousand calls takes longer. */
export function makePrivate(folder: string): void {
  try {
    chmodSync(folder, FOLDER_MODE);
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
      chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? FOLDER_MODE : FILE_MODE);
  } catch (error) {
    if (!isForeign(error)) throw error;
  }
}
