// How much one address, one user and one account may ask for.
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { MetricDefinition } from '../telemetry/metricDefinition.ts';
import type { RateLimitStore, WindowState } from './rateLimitStore.ts';

/** So many in so many seconds. */
export interface Rate {
  readonly max: number;
  readonly seconds: number;
}

export interface Rates {
  /** Calls from one address, whoever makes them. */
  readonly address: Rate;
  /** Calls of one user, from wherever. */
  readonly user: Rate;
  readonly signIn: Rate;
  readonly registration: Rate;
  /** Passwords that are hashed for one user who is signed in: to confirm a change, and for the new password. */
  readonly userHashes: Rate;
  /** The same for all users of one address. */
  readonly addressHashes: Rate;
  /** Rows that one user writes by calls that write many. Two of the largest always fit. */
  readonly rows: Rate;
  /** Changes of one user whose facts are kept for as long as the account: some 1 kB each. */
  readonly facts: Rate;
}

/** A household or an office shares an address, a person does not make ten calls a second for long. */
export const PRODUCTION_RATES: Rates = {
  address: { max: 1200, seconds: 60 },
  user: { max: 600, seconds: 60 },
  signIn: { max: 30, seconds: 600 },
  registration: { max: 20, seconds: 3600 },
  userHashes: { max: 10, seconds: 600 },
  addressHashes: { max: 60, seconds: 600 },
  rows: { max: 6000, seconds: 600 },
  facts: { max: 1000, seconds: 3600 },
};

/** For a developer's loops and tests. */
export const DEVELOPMENT_RATES: Rates = {
  address: { max: 6000, seconds: 60 },
  user: { max: 6000, seconds: 60 },
  signIn: { max: 3000, seconds: 60 },
  registration: { max: 600, seconds: 60 },
  userHashes: { max: 1000, seconds: 60 },
  addressHashes: { max: 6000, seconds: 60 },
  rows: { max: 60_000, seconds: 60 },
  facts: { max: 60_000, seconds: 60 },
};

/** Thrown when somebody has to wait. */
export class RateLimitError extends Error {
  override name = 'RateLimitError';
  /** Seconds. */
  readonly retryAfterSeconds: number;

  constructor(wait: number) {
    super('too many calls');
    this.retryAfterSeconds = Math.max(1, wait);
  }
}

export interface RateLimitState extends Rate, WindowState {}

/** An attempt at a password. It counts as failed unless the password was right or nobody looked at it. */
export interface PasswordAttempt {
  /** Looks at the password. When that throws, as the server has no time for it or for another reason, the attempt does not count. */
  run<T>(look: () => Promise<T>): Promise<T>;
  /** The password was right. */
  clearFailures(): Promise<void>;
}

export interface RateLimits {
  /** Counts calls of an address or of a user; at once where the store counts at once. @throws RateLimitError */
  consume(
    kind: 'address' | 'user',
    key: string,
    cost: number,
  ): RateLimitState | undefined | Promise<RateLimitState | undefined>;
  /** Counts a sign-in or a registration from an address. @throws RateLimitError */
  consumeAuth(kind: 'signIn' | 'registration', address: string): Promise<void>;
  /** Counts the rows that a call of the user writes, where they are many. @throws RateLimitError */
  consumeRows(user_id: number, count: number): Promise<void>;
  /** Counts a change of the user whose fact is kept for good. @throws RateLimitError */
  consumeFact(user_id: number): Promise<void>;
  /**
   * Begins an attempt to sign in. From the sixth failure in a row one has to wait: for the account from this address, and
   * for the account from everywhere. The latter does not hold for an address that signed in to the account before, so
   * strangers who guess do not shut its owner out. @throws RateLimitError
   */
  beginSignInAttempt(account: string, address: string): Promise<PasswordAttempt>;
  /** The account was opened from this address, which is known there from now on. */
  rememberAddress(account: string, address: string): Promise<void>;
  /**
   * Begins an attempt to confirm a change by the password, in an open session: counted apart from sign-ins.
   * @param hashes passwords that are hashed for it
   * @throws RateLimitError
   */
  beginConfirmationAttempt(user_id: number, address: string, hashes: number): Promise<PasswordAttempt>;
  readonly metricDefinitions: readonly MetricDefinition[];
}

/** Seconds for which an address that signed in to an account is known there. */
const KNOWN_ADDRESS_SECONDS = 30 * 24 * 60 * 60;

const UNLIMITED: PasswordAttempt = { run: (look) => look(), clearFailures: async () => {} };

/** @param rates undefined: nothing is limited */
export function createRateLimits(store: RateLimitStore, rates: Rates | undefined): RateLimits {
  const refused = {
    address: 0,
    user: 0,
    signIn: 0,
    registration: 0,
    userHashes: 0,
    addressHashes: 0,
    rows: 0,
    facts: 0,
    guess: 0,
  };
  const metricDefinitions: readonly MetricDefinition[] = [
    {
      name: 'stepwise_limits_refused_total',
      help: 'Calls that were told to wait',
      type: 'counter',
      label: 'kind',
      read: () => refused,
    },
    {
      name: 'stepwise_limits_counts_total',
      help: 'What was counted: by Redis, where there is one, or in memory',
      type: 'counter',
      label: 'store',
      read: () => ({ ...store.counts }),
    },
  ];
  if (!rates) {
    const unlimited = async () => UNLIMITED;
    return {
      consume: () => undefined,
      consumeAuth: async () => {},
      consumeRows: async () => {},
      consumeFact: async () => {},
      beginSignInAttempt: unlimited,
      rememberAddress: async () => {},
      beginConfirmationAttempt: unlimited,
      metricDefinitions,
    };
  }

  function count(kind: keyof Rates, key: string, cost: number): RateLimitState | Promise<RateLimitState> {
    const rate = (rates as Rates)[kind];
    const hit = store.increment(kind, key, cost, rate.seconds);
    return hit instanceof Promise
      ? hit.then((counted) => checkRate(kind, rate, counted))
      : checkRate(kind, rate, hit);
  }

  function checkRate(kind: keyof Rates, rate: Rate, hit: WindowState): RateLimitState {
    if (hit.count > rate.max) {
      refused[kind]++;
      throw new RateLimitError(hit.resetSeconds);
    }
    return { max: rate.max, seconds: rate.seconds, count: hit.count, resetSeconds: hit.resetSeconds };
  }

  /** Counts an attempt under each of the keys. @throws RateLimitError when one of them has to wait: then it counts under none */
  async function beginAttempt(keys: readonly string[]): Promise<Pick<PasswordAttempt, 'run'>> {
    const begun: { key: string; failures: number }[] = [];
    const undo = () => Promise.all(begun.map(({ key, failures }) => store.undoAttempt(key, failures)));
    for (const key of keys) {
      const { waitSeconds, failures } = await store.beginAttempt(key);
      if (waitSeconds > 0) {
        await undo();
        refused.guess++;
        throw new RateLimitError(waitSeconds);
      }
      begun.push({ key, failures });
    }
    return {
      async run(look) {
        try {
          return await look();
        } catch (error) {
          await undo();
          throw error;
        }
      },
    };
  }

  return {
    consume: count,
    consumeAuth: async (kind, address) => void (await count(kind, addressKey(address), 1)),
    consumeRows: async (user_id, rows) => void (await count('rows', String(user_id), rows)),
    consumeFact: async (user_id) => void (await count('facts', String(user_id), 1)),
    async beginSignInAttempt(account, address) {
      const here = `${account}:${addressKey(address)}`;
      const isKnown = await store.isMarked(here);
      const { run } = await beginAttempt(isKnown ? [here] : [here, account]);
      return {
        run,
        async clearFailures() {
          // What strangers guess elsewhere stays counted when the owner signs in from a known address.
          await Promise.all([
            store.clearFailures(here),
            isKnown || store.clearFailures(account),
            store.mark(here, KNOWN_ADDRESS_SECONDS),
          ]);
        },
      };
    },
    rememberAddress: (account, address) =>
      store.mark(`${account}:${addressKey(address)}`, KNOWN_ADDRESS_SECONDS),
    async beginConfirmationAttempt(user_id, address, hashes) {
      const key = `user:${user_id}`;
      const { run } = await beginAttempt([key]);
      await run(async () => {
        await count('userHashes', String(user_id), hashes);
        await count('addressHashes', addressKey(address), hashes);
      });
      return { run, clearFailures: () => store.clearFailures(key) };
    },
    metricDefinitions,
  };
}

/** The name of an account in the counters: a login is nobody's business there. */
export function accountKey(login_key: string): string {
  return createHash('sha256').update(login_key).digest('base64url').slice(0, 22);
}

/** One household, one key: IPv4 as it is (mapped into IPv6 or not), of IPv6 the network of 64 bits. */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%', 1)[0] as string).split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail?.split(':').filter(Boolean) ?? [];
  const full =
    tail === undefined
      ? left
      : [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  return `${full
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
