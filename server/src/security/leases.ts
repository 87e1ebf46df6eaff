// Leases: how many of something one key may hold at a time, on all servers together. Redis keeps them.
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

export interface Leases {
  /** Acquires one of the `limit` leases of `key`, for as long as this server lives. @returns what releases it; undefined when all are held */
  acquire(key: string, limit: number): Promise<(() => void) | undefined>;
  close(): void;
}

/** Seconds for which a lease outlives the last renewal of its server, which may have been killed. */
export const LEASE_SECONDS = 30;
/** Milliseconds between renewals of all that this server holds. */
const RENEW_INTERVAL_MS = 10_000;
/** Keys that are renewed together, so that other commands to Redis do not wait behind them. */
const RENEW_BATCH_SIZE = 100;

const NOW_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

const ACQUIRE_SCRIPT = `${NOW_SCRIPT}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[1] * 1000, ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1`;

/** Also acquires what Redis has lost, or did not hear of while it was away. */
const RENEW_SCRIPT = `${NOW_SCRIPT}
for holder = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1] * 1000, ARGV[holder]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])`;

/**
 * @param ask puts a question to Redis, or gives the other answer at once while Redis is away
 */
export function createRedisLeases(
  redis: Redis,
  ask: <T>(question: () => Promise<T>, otherwise: () => T) => Promise<T>,
): Leases {
  redis.defineCommand('acquireLease', { lua: ACQUIRE_SCRIPT, numberOfKeys: 1 });
  redis.defineCommand('renewLeases', { lua: RENEW_SCRIPT, numberOfKeys: 1 });
  const commands = redis as Redis & LeaseCommands;
  const held = new Map<string, Set<string>>();
  const renewing = setInterval(() => void renewAll(), RENEW_INTERVAL_MS).unref();

  async function renewAll(): Promise<void> {
    const all = [...held];
    for (let from = 0; from < all.length; from += RENEW_BATCH_SIZE) {
      const step = all.slice(from, from + RENEW_BATCH_SIZE);
      // The next renewal comes before the lease ends, also when this one fails.
      await ask(
        async () =>
          void (await Promise.all(
            step.map(([key, holders]) => commands.renewLeases(key, LEASE_SECONDS, ...holders)),
          )),
        () => {},
      );
    }
  }

  return {
    async acquire(key, limit) {
      const holder = randomUUID();
      const isTaken = await ask(
        () => commands.acquireLease(key, LEASE_SECONDS, limit, holder),
        () => 1,
      );
      if (!isTaken) return undefined;
      const holders = held.get(key) ?? new Set();
      held.set(key, holders.add(holder));
      return () => {
        holders.delete(holder);
        if (holders.size === 0 && held.get(key) === holders) held.delete(key);
        void ask(
          async () => void (await redis.zrem(key, holder)),
          () => {},
        );
      };
    },
    close: () => clearInterval(renewing),
  };
}

/** The commands that the scripts above become. */
interface LeaseCommands {
  acquireLease(key: string, lease: number, limit: number, holder: string): Promise<number>;
  renewLeases(key: string, lease: number, ...holders: string[]): Promise<null>;
}
