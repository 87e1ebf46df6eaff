// Places of which somebody may hold so many at a time, on whichever servers: what they are is kept in Redis.
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

export interface Places {
  /** Takes one of the `most` places of `key`, for as long as this server lives. @returns what gives it back; undefined when all are taken */
  take(key: string, most: number): Promise<(() => void) | undefined>;
  close(): void;
}

/** Seconds for which a place is held after its server was last heard of: it may have been killed. */
export const LEASE = 30;
/** Milliseconds after which all that is held is told again. */
const TELL = 10_000;
/** Keys that are told of at a time, so that what else is asked meanwhile does not wait. */
const STEP = 100;

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

const TAKE = `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[1] * 1000, ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1`;

/** Also holds what Redis has forgotten, or was never told while it was away. */
const HOLD = `${NOW}
for holder = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1] * 1000, ARGV[holder]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])`;

/**
 * @param ask puts a question to Redis, or gives the other answer at once while Redis is away
 */
export function redisPlaces(
  redis: Redis,
  ask: <T>(question: () => Promise<T>, otherwise: () => T) => Promise<T>,
): Places {
  redis.defineCommand('takePlace', { lua: TAKE, numberOfKeys: 1 });
  redis.defineCommand('holdPlaces', { lua: HOLD, numberOfKeys: 1 });
  const commands = redis as Redis & Commands;
  const held = new Map<string, Set<string>>();
  const telling = setInterval(() => void tell(), TELL).unref();

  async function tell(): Promise<void> {
    const all = [...held];
    for (let from = 0; from < all.length; from += STEP) {
      const step = all.slice(from, from + STEP);
      // Told of again before its lease is over, also when this fails once.
      await ask(
        async () =>
          void (await Promise.all(step.map(([key, holders]) => commands.holdPlaces(key, LEASE, ...holders)))),
        () => {},
      );
    }
  }

  return {
    async take(key, most) {
      const holder = randomUUID();
      const isTaken = await ask(
        () => commands.takePlace(key, LEASE, most, holder),
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
    close: () => clearInterval(telling),
  };
}

/** The commands that the scripts above become. */
interface Commands {
  takePlace(key: string, lease: number, most: number, holder: string): Promise<number>;
  holdPlaces(key: string, lease: number, ...holders: string[]): Promise<null>;
}
