import { argon2id, hash, needsRehash, verify } from 'argon2';

/** argon2id with OWASP's parameters (Password Storage Cheat Sheet): memory in KiB, passes, lanes. */
const PARAMETERS = { type: argon2id, memoryCost: 19456, timeCost: 2, parallelism: 1 } as const;

/** Thrown when too many passwords wait for their hash already. */
export class HashQueueFull extends Error {
  override name = 'HashQueueFull';
}

export interface Passwords {
  /** @returns the argon2id hash of `password` as a PHC string */
  hash(password: string): Promise<string>;
  /**
   * Compares a password with a stored hash. Without a hash (no such user) it computes one all the same and answers
   * false, so that the time says nothing about who exists.
   */
  verify(stored: string | undefined, password: string): Promise<boolean>;
  /** @returns whether a stored hash was made with other parameters than today's */
  isOutdated(stored: string): boolean;
}

/**
 * @param concurrency hashes at a time; each takes a thread of libuv's pool for tens of milliseconds
 * @param queue how many may wait
 */
export function createPasswords(concurrency: number, queue: number): Passwords {
  const gated = gate(concurrency, queue);
  let decoy: Promise<string> | undefined;
  return {
    hash: (password) => gated(() => hash(normalise(password), PARAMETERS)),
    async verify(stored, password) {
      decoy ??= hash('', PARAMETERS);
      const known = stored ?? (await decoy);
      const matches = await gated(() => verify(known, normalise(password)));
      return matches && stored !== undefined;
    },
    isOutdated: (stored) => needsRehash(stored, PARAMETERS),
  };
}

/** One password has several spellings in Unicode; which one a keyboard sends must not matter (NIST SP 800-63B §3.1.1.2). */
function normalise(password: string): string {
  return password.normalize('NFKC');
}

/** Runs at most `concurrency` jobs at a time and lets at most `queue` wait, first come first served. */
function gate(concurrency: number, queue: number) {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async <T>(job: () => Promise<T>): Promise<T> => {
    if (running >= concurrency) {
      if (waiting.length >= queue) throw new HashQueueFull();
      // The job that ends hands its place over, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running++;
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
