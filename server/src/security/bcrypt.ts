// The hashes of accounts that moved in from elsewhere. They are only ever read: sign-in replaces them by argon2id.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** `$2b$12$`, 22 characters of salt, 31 of digest. Above cost 14 one comparison would take a core for seconds. */
const HASH = /^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/;

const WORKER = new URL('./bcryptWorker.ts', import.meta.url);

/** What a comparison needs; the worker answers with a boolean. */
export interface Comparison {
  readonly stored: string;
  readonly password: string;
}

/** @returns whether a stored hash is a bcrypt hash that `verifyBcrypt` reads */
export function isBcrypt(stored: string): boolean {
  return HASH.test(stored);
}

/**
 * Compares a password, exactly as it was sent, with a bcrypt hash. As everywhere with bcrypt only the first 72 bytes
 * count. It takes a core for some 300 ms (cost 12), so it runs in a thread of its own; each account does this once.
 */
export async function verifyBcrypt(stored: string, password: string): Promise<boolean> {
  const worker = new Worker(WORKER, { workerData: { stored, password } satisfies Comparison });
  const [matches] = await once(worker, 'message');
  return matches === true;
}
