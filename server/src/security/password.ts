import { argon2id, hash, needsRehash, verify } from 'argon2';
import type { Measure } from '../telemetry/measures.ts';
import { isBcrypt, verifyBcrypt } from './bcrypt.ts';

/** What a hash by argon2id costs whoever makes one: memory in KiB, passes, lanes. */
export interface HashCost {
  readonly memoryCost: number;
  readonly timeCost: number;
  readonly parallelism: number;
}

/** OWASP's (Password Storage Cheat Sheet). */
const COST: HashCost = { memoryCost: 19456, timeCost: 2, parallelism: 1 };

/** Thrown when too many passwords wait for their hash already. */
export class HashQueueFull extends Error {
  override name = 'HashQueueFull';
}

export interface Passwords {
  /** @returns the argon2id hash of `password` as a PHC string */
  hash(password: string): Promise<string>;
  /**
   * Compares a password with a stored hash: ours, or bcrypt of an account that moved in. Without a hash that can be
   * compared (no such user, or one that has no usable password) it computes one all the same and answers false, so
   * that the time says nothing about who exists.
   */
  verify(stored: string | undefined, password: string): Promise<boolean>;
  /** @returns whether a stored hash was made with other parameters than today's, or with bcrypt */
  isOutdated(stored: string): boolean;
  readonly measures: readonly Measure[];
}

/**
 * @param concurrency hashes at a time; each takes a thread of libuv's pool for tens of milliseconds
 * @param queue how many may wait
 * @param cost of a hash; less than OWASP's protects nobody
 */
export function createPasswords(concurrency: number, queue: number, cost = COST): Passwords {
  const parameters = { type: argon2id, ...cost } as const;
  const gated = gate(concurrency, queue);
  let decoy: Promise<string> | undefined;
  return {
    hash: (password) => gated(() => hash(normalise(password), parameters)),
    async verify(stored, password) {
      if (stored !== undefined && isBcrypt(stored)) return gated(() => verifyBcrypt(stored, password));
      decoy ??= hash('', parameters);
      const known = stored?.startsWith('$argon2') ? stored : await decoy;
      const matches = await gated(() => verify(known, normalise(password)));
      return matches && known === stored;
    },
    isOutdated: (stored) => isBcrypt(stored) || needsRehash(stored, parameters),
    measures: [
      {
        name: 'stepwise_hashes',
        help: 'Passwords that are being hashed or wait for it',
        type: 'gauge',
        label: 'state',
        read: () => ({ running: gated.count.running, waiting: gated.waiting.length }),
      },
      {
        name: 'stepwise_hashes_max',
        help: 'How many may run and wait',
        type: 'gauge',
        label: 'state',
        read: () => ({ running: concurrency, waiting: queue }),
      },
      {
        name: 'stepwise_hashes_refused_total',
        help: 'Passwords that were not hashed as too many waited',
        type: 'counter',
        read: () => gated.count.refused,
      },
    ],
  };
}

/** One password has several spellings in Unicode; which one a keyboard sends must not matter (NIST SP 800-63B §3.1.1.2). */
function normalise(password: string): string {
  return password.normalize('NFKC');
}

/** Runs at most `concurrency` jobs at a time and lets at most `queue` wait, first come first served. */
function gate(concurrency: number, queue: number) {
  const count = { running: 0, refused: 0 };
  const waiting: (() => void)[] = [];
  const run = async <T>(job: () => Promise<T>): Promise<T> => {
    if (count.running >= concurrency) {
      if (waiting.length >= queue) {
        count.refused++;
        throw new HashQueueFull();
      }
      // The job that ends hands its place over, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else count.running++;
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else count.running--;
    }
  };
  return Object.assign(run, { count, waiting });
}
