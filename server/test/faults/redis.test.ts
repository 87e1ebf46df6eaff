// Limits that several servers share, and what becomes of them when Redis goes away.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { FREE_FAILURES } from '../../src/security/limitStore.ts';
import type { Rates } from '../../src/security/limits.ts';
import { redisStore } from '../../src/security/redisStore.ts';
import { openTestDatabase, startApp, type TestApp } from '../harness.ts';

const port = await freePort();
let redis: ChildProcess;
await startRedis();
const warnings: string[] = [];
const plenty = { most: 100_000, seconds: 60 };
const rates: Rates = { address: plenty, user: { most: 30, seconds: 60 }, signIn: plenty, registration: plenty };
const database = await openTestDatabase();
const stores = [1, 2, 3].map(() => redisStore(`redis://127.0.0.1:${port}`, (message) => warnings.push(message)));
const servers: TestApp[] = [];
for (const store of stores) servers.push(await startApp({ database, rates, store }));
const [one, two, three] = servers as [TestApp, TestApp, TestApp];
afterAll(async () => {
  for (const store of stores) await store.close();
  redis.kill('SIGKILL');
  await database.close();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

async function startRedis(): Promise<void> {
  redis = spawn('redis-server', [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--enable-debug-command',
    'yes',
  ]);
  for await (const chunk of redis.stdout as NodeJS.ReadableStream) if (String(chunk).includes('Ready to accept connections')) break;
}

/** Waits until every server counts in Redis: a call there and the next one here see each other. */
async function together(): Promise<void> {
  await vi.waitFor(
    async () => {
      const key = `together-${Math.random()}`;
      const counts = [];
      for (const store of stores) counts.push((await store.hit(key, 1, 60)).count);
      expect(counts).toEqual([1, 2, 3]);
    },
    { timeout: 20_000, interval: 100 },
  );
}

beforeEach(together);

test('#143 three servers count as one', async () => {
  const ann = await one.register();
  const statuses: number[] = [];
  for (let call = 0; call < 36; call++) statuses.push((await servers[call % 3]!.rest('GET', '/outherTasks', { token: ann.token })).status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(30);
  expect(statuses.slice(30)).toEqual([429, 429, 429, 429, 429, 429]);
});

test('guesses on several servers are guesses at one account, and the right password on one clears them on all', async () => {
  const ann = await one.register();
  const signIn = (server: TestApp, password: string) => server.rest('POST', '/users/signIn', { body: { username: ann.login, password } });
  for (let failure = 0; failure < 4; failure++) expect((await signIn(servers[failure % 3]!, 'not it at all')).status).toBe(401);
  expect((await signIn(two, ann.password)).status).toBe(200);
  for (let failure = 0; failure < FREE_FAILURES; failure++) expect((await signIn(servers[failure % 3]!, 'not it at all')).status).toBe(401);
  expect(await signIn(three, ann.password)).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
});

const AWAY = {
  'is killed': { leave: () => redis.kill('SIGKILL'), back: startRedis },
  'stands still': { leave: () => redis.kill('SIGSTOP'), back: async () => void redis.kill('SIGCONT') },
};

test.each(Object.entries(AWAY))(
  '#144 #188 when Redis %s nothing fails or waits long, and each server limits by itself',
  async (_how, { leave, back }) => {
    const ann = await one.register();
    const usual = median(await times(20, () => two.rest('GET', '/health')));
    leave();
    try {
      const statuses: number[] = [];
      const taken = await times(60, async () => statuses.push((await one.rest('GET', '/outherTasks', { token: ann.token })).status));
      expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([]);
      expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(31);
      expect(statuses.at(-1)).toBe(429);
      // Now and then one answer waits for Redis; the others do not ask.
      expect(median(taken)).toBeLessThan(usual + 100);

      const guess = () => two.rest('POST', '/users/signIn', { body: { username: ann.login, password: 'not it at all' } });
      const guesses: number[] = [];
      for (let failure = 0; failure < 8; failure++) guesses.push((await guess()).status);
      expect(guesses.slice(-2), 'guessing stays limited').toEqual([429, 429]);
    } finally {
      await back();
    }
    await together();
    expect(warnings.length, 'told, and not at every call').toBeGreaterThan(0);
  },
);

/** Milliseconds that each of so many runs takes. */
async function times(count: number, run: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < count; i++) {
    const begin = performance.now();
    await run();
    taken.push(performance.now() - begin);
  }
  return taken;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

test('Redis that is away at the start is no reason not to start', async () => {
  const warned: string[] = [];
  const store = redisStore(`redis://127.0.0.1:${await freePort()}`, (message) => warned.push(message));
  const server = await startApp({ database, rates, store });
  const ann = await server.register();
  expect((await server.rest('GET', '/users/me', { token: ann.token })).status).toBe(200);
  await vi.waitFor(() => expect(warned).toHaveLength(1));
  await store.close();
});
