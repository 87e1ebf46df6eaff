import { argon2id, hash, needsRehash, verify } from 'argon2';
import type { MetricDefinition } from '../telemetry/metricDefinition.ts';
import { isBcrypt, verifyBcrypt } from './bcrypt.ts';
import { createFairQueue } from './fairQueue.ts';

/** What a hash by argon2id costs whoever makes one: memory in KiB, passes, lanes. */
export interface HashCost {
  readonly memoryCost: number;
  readonly timeCost: number;
  readonly parallelism: number;
}

/** OWASP's (Password Storage Cheat Sheet). */
const OWASP_COST: HashCost = { memoryCost: 19456, timeCost: 2, parallelism: 1 };

export interface Passwords {
  /**
   * @param client whose place in the queue it takes: clients share them fairly
   * @returns the argon2id hash of `password` as a PHC string
   * @throws QueueFullError
   */
  hash(password: string, client?: string): Promise<string>;
  /**
   * Compares a password with a stored hash: ours, or bcrypt of an account that moved in. Without a hash that can be
   * compared (no such user, or one that has no usable password) it computes one all the same and answers false, so
   * that the time says nothing about who exists.
   * @param client as for `hash`
   * @throws QueueFullError
   */
  verify(stored: string | undefined, password: string, client?: string): Promise<boolean>;
  /** @returns whether a stored hash was made with other parameters than today's, or with bcrypt */
  isOutdated(stored: string): boolean;
  readonly metricDefinitions: readonly MetricDefinition[];
}

/**
 * @param concurrency hashes at a time; each takes a thread of libuv's pool for tens of milliseconds
 * @param queue how many may wait
 * @param cost of a hash; less than OWASP's protects nobody
 */
export function createPasswords(concurrency: number, queue: number, cost = OWASP_COST): Passwords {
  const parameters = { type: argon2id, ...cost } as const;
  const enqueue = createFairQueue(concurrency, queue);
  let decoy: Promise<string> | undefined;
  return {
    hash: (password, client = '') => enqueue(client, () => hash(normalise(password), parameters)),
    async verify(stored, password, client = '') {
      if (stored !== undefined && isBcrypt(stored))
        return enqueue(client, () => verifyBcrypt(stored, password));
      decoy ??= hash('', parameters);
      const known = stored?.startsWith('$argon2') ? stored : await decoy;
      const matches = await enqueue(client, () => verify(known, normalise(password)));
      return matches && known === stored;
    },
    isOutdated: (stored) => isBcrypt(stored) || needsRehash(stored, parameters),
    metricDefinitions: [
      {
        name: 'stepwise_hashes',
        help: 'Passwords that are being hashed or wait for it',
        type: 'gauge',
        label: 'state',
        read: () => ({ running: enqueue.counts.running, waiting: enqueue.counts.waiting }),
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
        read: () => enqueue.counts.refused,
      },
    ],
  };
}

/** One password has several spellings in Unicode; which one a keyboard sends must not matter (NIST SP 800-63B §3.1.1.2). */
function normalise(password: string): string {
  return password.normalize('NFKC');
}
