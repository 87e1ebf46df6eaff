// Counts in Redis, shared by all servers. When Redis is away each server counts by itself: limits never end, and no
// request fails or waits for it.
import { Redis } from 'ioredis';
import { createRedisLeases, type Leases } from './leases.ts';
import {
  type AttemptState,
  createMemoryStore,
  FAILURE_TTL_SECONDS,
  FREE_FAILURES,
  MAX_WAIT_SECONDS,
  type RateLimitStore,
  type WindowState,
} from './rateLimitStore.ts';
import { createFailureLog, RedisTimeoutError } from './redisFailures.ts';

/** Milliseconds that a request waits for Redis at most. */
const TIMEOUT_MS = 100;
/** Milliseconds for which Redis is not asks again after it failed. */
const COOLDOWN_MS = 1000;

const INCREMENT_SCRIPT = `
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = ARGV[2] * 1000
  redis.call('PEXPIRE', KEYS[1], left)
end
return { count, left }`;

const BEGIN_ATTEMPT_SCRIPT = `
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
const UNDO_ATTEMPT_SCRIPT = `
local count = tonumber(redis.call('HGET', KEYS[1], 'count') or '0')
if count < 1 then return end
if count == tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'until', '0') end
redis.call('HSET', KEYS[1], 'count', count - 1)`;

export interface RedisStore extends RateLimitStore {
  readonly leases: Leases;
  close(): Promise<void>;
}

/**
 * @param url `redis://…`
 * @param warn told why Redis is not counted in, when that changes and at most once a minute for each reason
 */
export function createRedisStore(url: string, warn: (message: string) => void): RedisStore {
  const redis = new Redis(url, {
    // Never queue: what cannot be asks now is counted here.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 500,
    retryStrategy: (attempt) => Math.min(attempt * 100, 1000),
    // After a failover the name leads to another server: the connection still goes to the one that became a replica.
    reconnectOnError: (error) => /\bREADONLY\b/.test(error.message),
    keyPrefix: 'stepwise:',
    scripts: {
      hit: { lua: INCREMENT_SCRIPT, numberOfKeys: 1 },
      attempt: { lua: BEGIN_ATTEMPT_SCRIPT, numberOfKeys: 1 },
      undo: { lua: UNDO_ATTEMPT_SCRIPT, numberOfKeys: 1 },
    },
  }) as Redis & Scripts;
  const local = createMemoryStore();
  const asks = { redis: 0 };
  let failedAt = Number.NEGATIVE_INFINITY;
  const reasons = createFailureLog(warn);
  const onFailure = (error: unknown) => {
    failedAt = performance.now();
    reasons.failed(error);
  };
  redis.on('error', onFailure);

  async function ask<T>(question: () => Promise<T>, otherwise: () => T | Promise<T>): Promise<T> {
    if (performance.now() - failedAt < COOLDOWN_MS) return otherwise();
    try {
      const answer = await withTimeout(question());
      asks.redis++;
      reasons.answered();
      return answer;
    } catch (error) {
      onFailure(error);
      return otherwise();
    }
  }

  const send = (command: () => Promise<unknown>) =>
    ask<void>(
      async () => void (await command()),
      () => {},
    );

  const leases = createRedisLeases(redis, ask);
  return {
    // What Redis counts is copied, so that a limit that was reached still holds when Redis goes away.
    increment: (kind, key, cost, seconds) =>
      ask<WindowState>(
        async () => {
          const [count, left] = await redis.hit(`${kind}:${key}`, cost, seconds);
          const counted = { count, resetSeconds: Math.ceil(left / 1000) };
          local.copyWindow(kind, key, counted);
          return counted;
        },
        () => local.increment(kind, key, cost, seconds),
      ),
    beginAttempt: (key) =>
      ask<AttemptState>(
        async () => {
          const [wait, failures] = await redis.attempt(
            `failures:${key}`,
            FREE_FAILURES,
            MAX_WAIT_SECONDS,
            FAILURE_TTL_SECONDS,
          );
          const attempt = { waitSeconds: Math.ceil(wait / 1000), failures };
          local.copyAttempt(key, attempt);
          return attempt;
        },
        () => local.beginAttempt(key),
      ),
    async undoAttempt(key, failures) {
      await local.undoAttempt(key, failures);
      await send(() => redis.undo(`failures:${key}`, failures));
    },
    async clearFailures(key) {
      await local.clearFailures(key);
      await send(() => redis.del(`failures:${key}`));
    },
    async mark(key, seconds) {
      await local.mark(key, seconds);
      await send(() => redis.set(`mark:${key}`, '1', 'EX', seconds));
    },
    isMarked: (key) =>
      ask(
        async () => (await redis.exists(`mark:${key}`)) === 1,
        () => local.isMarked(key),
      ),
    leases,
    get counts() {
      return { memory: local.counts.memory, redis: asks.redis };
    },
    async close() {
      leases.close();
      redis.disconnect();
    },
  };
}

/** @throws when the answer takes too long; ioredis' own timeout takes one that came while this process was busy for late */
function withTimeout<T>(answer: Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  // Timers come first in a turn of the event loop, then what has arrived meanwhile, then immediates.
  const timer = setTimeout(() => setImmediate(reject, new RedisTimeoutError()), TIMEOUT_MS);
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
