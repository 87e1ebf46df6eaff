// Calls that are sent again: which, how often, and when.
import { randomUUID } from 'node:crypto';
import { QueryClient } from '@tanstack/react-query';
import { expect, test } from 'vitest';
import { startApp } from '../../server/test/harness.ts';
import { createClient, isHttpError, type RetryOptions, retryDelayMs, shouldRetry } from '../src/index.ts';
import { createInjectedFetch, type SentRequest } from './support.ts';

const url = 'http://localhost:8000';
const { app, register } = await startApp();

/** Soon, so that tests need not wait. */
const soon = { baseDelayMs: 1 };

type Failure = (sent: () => Promise<Response>) => Promise<Response>;

const answers =
  (status: number, headers = {}): Failure =>
  async () =>
    new Response('<h1>Busy</h1>', { status, headers });
const offline: Failure = () => Promise.reject(new TypeError('fetch failed'));
/** The server has done what was asked, and nobody heard of it. */
const lost: Failure = async (sent) => {
  await sent();
  throw new TypeError('terminated');
};

/**
 * @param failures what becomes of the first requests; all further ones arrive
 * @returns a client of a new user, and what came to the server
 */
async function connect(failures: Failure[], retry?: RetryOptions) {
  const { token } = await register();
  const server = createInjectedFetch(app);
  const tries: number[] = [];
  const client = createClient({
    url,
    token,
    retry,
    fetch: (input, init) => {
      tries.push(Date.now());
      const failure = failures.shift();
      const sent = () => server.fetch(input, init);
      return failure ? failure(sent) : sent();
    },
  });
  const arrived = (): string[] => server.requests.map((request: SentRequest) => request.calls.join());
  return { client, tries, arrived };
}

test('#316 without a policy nothing is sent again', async () => {
  const { client, tries } = await connect([answers(503)]);
  await expect(client.task.list.query({})).rejects.toMatchObject({ httpStatus: 503 });
  expect(tries).toHaveLength(1);
});

test('#316 a query is sent again while the failure is one of the moment', async () => {
  const { client, tries } = await connect([offline, answers(503), answers(502)], soon);
  expect(await client.task.list.query({})).toEqual([]);
  expect(tries).toHaveLength(4);

  const persistent = await connect([offline, offline, offline, offline], soon);
  await expect(persistent.client.task.list.query({})).rejects.toThrow('fetch failed');
  expect(persistent.tries).toHaveLength(4);

  for (const failure of [answers(404), answers(500), answers(200)]) {
    const { client, tries } = await connect([failure], soon);
    await expect(client.task.list.query({})).rejects.toSatisfy(isHttpError);
    expect(tries).toHaveLength(1);
  }
});

test('#316 a mutation is sent again only with a key, and done once', async () => {
  const keyless = await connect([lost], soon);
  await expect(keyless.client.task.create.mutate({ title: 't' })).rejects.toThrow('terminated');
  expect(keyless.arrived()).toEqual(['task.create']);

  const { client, arrived } = await connect([offline, lost, answers(429, { 'retry-after': '0' })], soon);
  const created = await client.task.create.mutate(
    { title: 't' },
    { context: { idempotencyKey: randomUUID() } },
  );
  expect(arrived()).toEqual(['task.create', 'task.create']);
  expect(await client.task.list.query({})).toEqual([created]);
});

test('#316 where the first try is still running, the next one waits for its answer', async () => {
  const { client, arrived } = await connect([lost], soon);
  const key = randomUUID();
  const call = () => client.task.create.mutate({ title: 't' }, { context: { idempotencyKey: key } });
  const created = await Promise.all([call(), call(), call()]);
  expect(new Set(created.map(({ id }) => id)).size).toBe(1);
  expect(arrived().length).toBeGreaterThanOrEqual(4);
});

test('#316 what takes no key is not sent again because it has one', async () => {
  const { client, tries } = await connect([answers(503)], soon);
  const context = { idempotencyKey: randomUUID() };
  const account = { login: randomUUID(), password: randomUUID() };
  // @ts-expect-error: registering takes none
  await expect(client.auth.register.mutate(account, { context })).rejects.toThrow('503');
  expect(tries).toHaveLength(1);
});

test('#316 it waits as long as Retry-After asks for, and does not when that is too long', async () => {
  const { client, tries } = await connect([answers(503, { 'retry-after': '1' })], soon);
  await client.task.list.query({});
  expect(tries[1]! - tries[0]!).toBeGreaterThanOrEqual(999);

  const long = await connect([answers(503, { 'retry-after': '2' })], { maxDelayMs: 1999 });
  await expect(long.client.task.list.query({})).rejects.toMatchObject({ retryAfterSeconds: 2 });
  expect(long.tries).toHaveLength(1);
});

test('#316 the policy says how often and which', async () => {
  const once = await connect([offline, offline], { ...soon, maxRetries: 1 });
  await expect(once.client.task.list.query({})).rejects.toThrow('fetch failed');
  expect(once.tries).toHaveLength(2);

  const asked: string[] = [];
  const own = await connect([answers(500), answers(500), answers(418)], {
    ...soon,
    retryIf: (error, { type, path }) => {
      asked.push(`${type} ${path}`);
      return isHttpError(error) && error.httpStatus === 500;
    },
  });
  await expect(own.client.task.create.mutate({ title: 't' })).rejects.toMatchObject({ httpStatus: 418 });
  expect(own.tries).toHaveLength(3);
  expect(asked).toEqual(['mutation task.create', 'mutation task.create', 'mutation task.create']);
});

test('#316 a call that is aborted while it waits is not sent again', async () => {
  const leaving = new AbortController();
  const { client, tries } = await connect(
    [
      async () => {
        setTimeout(() => leaving.abort());
        return new Response(null, { status: 503 });
      },
    ],
    { baseDelayMs: 60_000, maxDelayMs: 60_000 },
  );
  await expect(client.task.list.query({}, { signal: leaving.signal })).rejects.toMatchObject({
    cause: { name: 'AbortError' },
  });
  expect(tries).toHaveLength(1);
});

test('#316 calls that failed together are sent again together', async () => {
  const { client, tries, arrived } = await connect([answers(503, { 'retry-after': '0' })], {
    baseDelayMs: 0,
  });
  await Promise.all(Array.from({ length: 5 }, () => client.task.list.query({})));
  expect(tries).toHaveLength(2);
  expect(arrived()).toEqual([Array(5).fill('task.list').join()]);
});

test('delays double, are partly random, and end at the longest', () => {
  const delays = (failureCount: number) => Array.from({ length: 100 }, () => retryDelayMs(failureCount));
  for (const [failureCount, longest] of [
    [0, 500],
    [1, 1000],
    [3, 4000],
    [6, 30_000],
    [60, 30_000],
  ] as const) {
    expect(Math.min(...delays(failureCount))).toBeGreaterThanOrEqual(longest / 2);
    expect(Math.max(...delays(failureCount))).toBeLessThanOrEqual(longest);
    expect(new Set(delays(failureCount)).size).toBeGreaterThan(1);
  }
});

/** As client/README.md has it. */
const cache = () =>
  new QueryClient({ defaultOptions: { queries: { retry: shouldRetry, retryDelay: retryDelayMs } } });

test.each([
  [
    '401',
    async () => createClient({ url, fetch: createInjectedFetch(app).fetch }),
    { data: { reason: 'UNAUTHENTICATED' } },
  ],
  ['404', async () => (await connect([])).client, { data: { reason: 'NOT_FOUND' } }],
])('#320 TanStack Query tells of a %s at once, after one request', async (_, signedIn, error) => {
  const client = await signedIn();
  let asked = 0;
  const queryFn = () => {
    asked++;
    return client.physicalPlan.byUser.query({ id: 2 ** 31 - 1 });
  };
  await expect(cache().fetchQuery({ queryKey: ['plan'], queryFn })).rejects.toMatchObject(error);
  expect(asked).toBe(1);
});

test('#320 TanStack Query asks again after a 503, when it was told to', async () => {
  const { client, tries } = await connect([answers(503, { 'retry-after': '1' }), offline]);
  expect(
    await cache().fetchQuery({ queryKey: ['tasks'], queryFn: () => client.task.list.query({}) }),
  ).toEqual([]);
  expect(tries).toHaveLength(3);
  expect(tries[1]! - tries[0]!).toBeGreaterThanOrEqual(999);
});
