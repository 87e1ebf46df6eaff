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
}

/** A household or an office shares an address, a person does not make ten calls a second for long. */
export const PRODUCTION_RATES: Rates = {
  address: { most: 1200, seconds: 60 },
  user: { most: 600, seconds: 60 },
  signIn: { most: 30, seconds: 600 },
  registration: { most: 20, seconds: 3600 },
};

/** For a developer's loops and tests. */
export const DEVELOPMENT_RATES: Rates = {
  address: { most: 6000, seconds: 60 },
  user: { most: 6000, seconds: 60 },
  signIn: { most: 3000, seconds: 60 },
  registration: { most: 600, seconds: 60 },
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

export interface Limits {
  /** Counts calls of an address or of a user; at once where the store counts at once. @throws TooMany */
  calls(kind: 'address' | 'user', key: string, cost: number): Standing | undefined | Promise<Standing | undefined>;
  /** Counts a sign-in or a registration from an address. @throws TooMany */
  entry(kind: 'signIn' | 'registration', address: string): Promise<void>;
  /** Begins a try at the password of an account; from the sixth failure in a row one has to wait. @throws TooMany */
  guess(account: string): Promise<void>;
  /** The password was right. */
  guessed(account: string): Promise<void>;
  readonly measures: readonly Measure[];
}

/** @param rates undefined: nothing is limited */
export function createLimits(store: LimitStore, rates: Rates | undefined): Limits {
  const refused = { address: 0, user: 0, signIn: 0, registration: 0, guess: 0 };
  const measures: readonly Measure[] = [
    { name: 'stepwise_limits_refused_total', help: 'Calls that were told to wait', type: 'counter', label: 'kind', read: () => refused },
    {
      name: 'stepwise_limits_counts_total',
      help: 'What was counted: by Redis, where there is one, or in memory',
      type: 'counter',
      label: 'store',
      read: () => ({ ...store.counts }),
    },
  ];
  if (!rates) return { calls: () => undefined, entry: async () => {}, guess: async () => {}, guessed: async () => {}, measures };

  function count(kind: keyof Rates, key: string, cost: number): Standing | Promise<Standing> {
    const rate = (rates as Rates)[kind];
    const hit = store.hit(`${kind}:${key}`, cost, rate.seconds);
    return hit instanceof Promise ? hit.then((counted) => standing(kind, rate, counted)) : standing(kind, rate, hit);
  }

  function standing(kind: keyof Rates, rate: Rate, hit: Hit): Standing {
    if (hit.count > rate.most) {
      refused[kind]++;
      throw new TooMany(hit.reset);
    }
    return { most: rate.most, seconds: rate.seconds, count: hit.count, reset: hit.reset };
  }
  return {
    calls: count,
    entry: async (kind, address) => void (await count(kind, addressKey(address), 1)),
    async guess(account) {
      const wait = await store.attempt(`guess:${account}`);
      if (wait === 0) return;
      refused.guess++;
      throw new TooMany(wait);
    },
    guessed: (account) => store.clear(`guess:${account}`),
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
  const full = tail === undefined ? left : [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  return `${full
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
