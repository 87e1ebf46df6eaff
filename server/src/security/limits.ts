// How much one address, one user and one account may ask for.
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Measure } from '../telemetry/measures.ts';
import type { Hit, LimitStore } from './limitStore.ts';

/** So many in so many seconds. */
export interface Rate {
  readonly most: number;
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
}

/** A household or an office shares an address, a person does not make ten calls a second for long. */
export const PRODUCTION_RATES: Rates = {
  address: { most: 1200, seconds: 60 },
  user: { most: 600, seconds: 60 },
  signIn: { most: 30, seconds: 600 },
  registration: { most: 20, seconds: 3600 },
  userHashes: { most: 10, seconds: 600 },
  addressHashes: { most: 60, seconds: 600 },
  rows: { most: 6000, seconds: 600 },
};

/** For a developer's loops and tests. */
export const DEVELOPMENT_RATES: Rates = {
  address: { most: 6000, seconds: 60 },
  user: { most: 6000, seconds: 60 },
  signIn: { most: 3000, seconds: 60 },
  registration: { most: 600, seconds: 60 },
  userHashes: { most: 1000, seconds: 60 },
  addressHashes: { most: 6000, seconds: 60 },
  rows: { most: 60_000, seconds: 60 },
};

/** Thrown when somebody has to wait. */
export class TooMany extends Error {
  override name = 'TooMany';
  /** Seconds. */
  readonly wait: number;

  constructor(wait: number) {
    super('too many calls');
    this.wait = Math.max(1, wait);
  }
}

export interface Standing extends Rate, Hit {}

/** An attempt at a password. It counts as failed unless the password was right or nobody looked at it. */
export interface PasswordAttempt {
  /** Looks at the password. When that throws, as the server has no time for it or for another reason, the attempt does not count. */
  check<T>(look: () => Promise<T>): Promise<T>;
  /** The password was right. */
  succeeded(): Promise<void>;
}

export interface Limits {
  /** Counts calls of an address or of a user; at once where the store counts at once. @throws TooMany */
  calls(
    kind: 'address' | 'user',
    key: string,
    cost: number,
  ): Standing | undefined | Promise<Standing | undefined>;
  /** Counts a sign-in or a registration from an address. @throws TooMany */
  entry(kind: 'signIn' | 'registration', address: string): Promise<void>;
  /** Counts the rows that a call of the user writes, where they are many. @throws TooMany */
  rows(user_id: number, count: number): Promise<void>;
  /**
   * Begins an attempt to sign in. From the sixth failure in a row one has to wait: for the account from this address, and
   * for the account from everywhere. The latter does not hold for an address that signed in to the account before, so
   * strangers who guess do not shut its owner out. @throws TooMany
   */
  signInAttempt(account: string, address: string): Promise<PasswordAttempt>;
  /** The account was opened from this address, which is known there from now on. */
  rememberAddress(account: string, address: string): Promise<void>;
  /**
   * Begins an attempt to confirm a change by the password, in an open session: counted apart from sign-ins.
   * @param hashes passwords that are hashed for it
   * @throws TooMany
   */
  confirmationAttempt(user_id: number, address: string, hashes: number): Promise<PasswordAttempt>;
  readonly measures: readonly Measure[];
}

/** Seconds for which an address that signed in to an account is known there. */
const KNOWN_ADDRESS_SECONDS = 30 * 24 * 60 * 60;

const UNLIMITED: PasswordAttempt = { check: (look) => look(), succeeded: async () => {} };

/** @param rates undefined: nothing is limited */
export function createLimits(store: LimitStore, rates: Rates | undefined): Limits {
  const refused = {
    address: 0,
    user: 0,
    signIn: 0,
    registration: 0,
    userHashes: 0,
    addressHashes: 0,
    rows: 0,
    guess: 0,
  };
  const measures: readonly Measure[] = [
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
      calls: () => undefined,
      entry: async () => {},
      rows: async () => {},
      signInAttempt: unlimited,
      rememberAddress: async () => {},
      confirmationAttempt: unlimited,
      measures,
    };
  }

  function count(kind: keyof Rates, key: string, cost: number): Standing | Promise<Standing> {
    const rate = (rates as Rates)[kind];
    const hit = store.hit(kind, key, cost, rate.seconds);
    return hit instanceof Promise
      ? hit.then((counted) => standing(kind, rate, counted))
      : standing(kind, rate, hit);
  }

  function standing(kind: keyof Rates, rate: Rate, hit: Hit): Standing {
    if (hit.count > rate.most) {
      refused[kind]++;
      throw new TooMany(hit.reset);
    }
    return { most: rate.most, seconds: rate.seconds, count: hit.count, reset: hit.reset };
  }

  /** Counts an attempt under each of the keys. @throws TooMany when one of them has to wait: then it counts under none */
  async function attempt(keys: readonly string[]): Promise<Pick<PasswordAttempt, 'check'>> {
    const begun: { key: string; failures: number }[] = [];
    const undo = () => Promise.all(begun.map(({ key, failures }) => store.undo(key, failures)));
    for (const key of keys) {
      const { waitSeconds, failures } = await store.attempt(key);
      if (waitSeconds > 0) {
        await undo();
        refused.guess++;
        throw new TooMany(waitSeconds);
      }
      begun.push({ key, failures });
    }
    return {
      async check(look) {
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
    calls: count,
    entry: async (kind, address) => void (await count(kind, addressKey(address), 1)),
    rows: async (user_id, rows) => void (await count('rows', String(user_id), rows)),
    async signInAttempt(account, address) {
      const here = `${account}:${addressKey(address)}`;
      const isKnown = await store.isMarked(here);
      const { check } = await attempt(isKnown ? [here] : [here, account]);
      return {
        check,
        async succeeded() {
          // What strangers guess elsewhere stays counted when the owner signs in from a known address.
          await Promise.all([
            store.clear(here),
            isKnown || store.clear(account),
            store.mark(here, KNOWN_ADDRESS_SECONDS),
          ]);
        },
      };
    },
    rememberAddress: (account, address) =>
      store.mark(`${account}:${addressKey(address)}`, KNOWN_ADDRESS_SECONDS),
    async confirmationAttempt(user_id, address, hashes) {
      const key = `user:${user_id}`;
      const { check } = await attempt([key]);
      await check(async () => {
        await count('userHashes', String(user_id), hashes);
        await count('addressHashes', addressKey(address), hashes);
      });
      return { check, succeeded: () => store.clear(key) };
    },
    measures,
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
