// Counts in Redis, shared by all servers. When Redis is away each server counts by itself: limits never end, and no
// request fails or waits for it.
import { Redis } from 'ioredis';
import {
  type Attempt,
  FAILURE_MEMORY,
  FREE_FAILURES,
  type Hit,
  type LimitStore,
  LONGEST_WAIT,
  memoryStore,
} from './limitStore.ts';
import { type Places, redisPlaces } from './places.ts';
import { createReasons, LateError } from './redisReasons.ts';

/** Milliseconds that a request waits for Redis at most. */
const PATIENCE = 100;
/** Milliseconds for which Redis is not asked again after it failed. */
const PAUSE = 1000;

const HIT = `
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = ARGV[2] * 1000
  redis.call('PEXPIRE', KEYS[1], left)
end
return { count, left }`;

const ATTEMPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local tries = redis.call('HMGET', KEYS[1], 'count', 'until')
local free = tonumber(tries[2] or '0')
local count = tonumber(tries[1]) or 0
if free > now then return { free - now, count } end
count = count + 1
local wait = 0
if count >= tonumber(ARGV[1]) then wait = math.min(tonumber(ARGV[2]), 2 ^ (count - ARGV[1])) end
redis.call('HSET', KEYS[1], 'count', count, 'until', string.format('%.0f', now + wait * 1000))
redis.call('EXPIRE', KEYS[1], ARGV[3])
return { 0, count }`;

/** Without the key there is nothing to undo: the password was right meanwhile. */
const UNDO = `
local count = tonumber(redis.call('HGET', KEYS[1], 'count') or '0')
if count < 1 then return end
if count == tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'until', '0') end
redis.call('HSET', KEYS[1], 'count', count - 1)`;

export interface RedisStore extends LimitStore {
  readonly places: Places;
  close(): Promise<void>;
}

/**
 * @param url `redis://…`
 * @param warn told why Redis is not counted in, when that changes and at most once a minute for each reason
 */
export function redisStore(url: string, warn: (message: string) => void): RedisStore {
  const redis = new Redis(url, {
    // Never queue: what cannot be asked now is counted here.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 500,
    retryStrategy: (attempt) => Math.min(attempt * 100, 1000),
    // After a failover the name leads to another server: the connection still goes to the one that became a replica.
    reconnectOnError: (error) => /\bREADONLY\b/.test(error.message),
    keyPrefix: 'stepwise:',
    scripts: {
      hit: { lua: HIT, numberOfKeys: 1 },
      attempt: { lua: ATTEMPT, numberOfKeys: 1 },
      undo: { lua: UNDO, numberOfKeys: 1 },
    },
  }) as Redis & Scripts;
  const local = memoryStore();
  const asked = { redis: 0 };
  let away = Number.NEGATIVE_INFINITY;
  const reasons = createReasons(warn);
  const failed = (error: unknown) => {
    away = performance.now();
    reasons.failed(error);
  };
  redis.on('error', failed);

  async function ask<T>(question: () => Promise<T>, otherwise: () => T | Promise<T>): Promise<T> {
    if (performance.now() - away < PAUSE) return otherwise();
    try {
      const answer = await inTime(question());
      asked.redis++;
      reasons.answered();
      return answer;
    } catch (error) {
      failed(error);
      return otherwise();
    }
  }

  const tell = (command: () => Promise<unknown>) =>
    ask<void>(
      async () => void (await command()),
      () => {},
    );

  const places = redisPlaces(redis, ask);
  return {
    // What Redis counts is copied, so that a limit that was reached still holds when Redis goes away.
    hit: (kind, key, cost, seconds) =>
      ask<Hit>(
        async () => {
          const [count, left] = await redis.hit(`${kind}:${key}`, cost, seconds);
          const counted = { count, reset: Math.ceil(left / 1000) };
          local.copyHit(kind, key, counted);
          return counted;
        },
        () => local.hit(kind, key, cost, seconds),
      ),
    attempt: (key) =>
      ask<Attempt>(
        async () => {
          const [wait, failures] = await redis.attempt(
            `failures:${key}`,
            FREE_FAILURES,
            LONGEST_WAIT,
            FAILURE_MEMORY,
          );
          const attempt = { waitSeconds: Math.ceil(wait / 1000), failures };
          local.copyAttempt(key, attempt);
          return attempt;
        },
        () => local.attempt(key),
      ),
    async undo(key, failures) {
      await local.undo(key, failures);
      await tell(() => redis.undo(`failures:${key}`, failures));
    },
    async clear(key) {
      await local.clear(key);
      await tell(() => redis.del(`failures:${key}`));
    },
    async mark(key, seconds) {
      await local.mark(key, seconds);
      await tell(() => redis.set(`mark:${key}`, '1', 'EX', seconds));
    },
    isMarked: (key) =>
      ask(
        async () => (await redis.exists(`mark:${key}`)) === 1,
        () => local.isMarked(key),
      ),
    places,
    get counts() {
      return { memory: local.counts.memory, redis: asked.redis };
    },
    async close() {
      places.close();
      redis.disconnect();
    },
  };
}

/** @throws when the answer takes too long; ioredis' own timeout takes one that came while this process was busy for late */
function inTime<T>(answer: Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  // Timers come first in a turn of the event loop, then what has arrived meanwhile, then immediates.
  const timer = setTimeout(() => setImmediate(reject, new LateError()), PATIENCE);
  answer.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}

/** The commands that the scripts above become. */
interface Scripts {
  hit(key: string, cost: number, seconds: number): Promise<[count: number, left: number]>;
  attempt(
    key: string,
    free: number,
    longest: number,
    memory: number,
  ): Promise<[wait: number, failures: number]>;
  undo(key: string, failures: number): Promise<null>;
}
