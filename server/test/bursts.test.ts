// One account that sends many changes at once, beside others.
import { afterEach, expect, test, vi } from 'vitest';
import type { Database } from '../src/db/database.ts';
import { createUserQueue, type UserQueue } from '../src/security/userQueue.ts';
import { openTestDatabase, startApp } from './harness.ts';
import { PLENTY } from './rates.ts';

afterEach(() => void vi.useRealTimers());

const database = await openTestDatabase();

/** @returns the database, in which statements of this name wait until `open` is called, and how many have begun */
function holding(name: string) {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  let begun = 0;
  const db: Database = {
    ...database.db,
    async executePrepared(statement, values) {
      if (statement.name === name) {
        begun++;
        await opened;
      }
      return database.db.executePrepared(statement, values);
    },
  };
  return { db, open, underWay: () => begun };
}

test('#349 of one account four changes are under way and a hundred wait, more are told to come again', async () => {
  const { db, underWay, open } = holding('task.create');
  const limited = await startApp({ database: { ...database, db }, rates: PLENTY });
  const ann = await limited.register();
  // Once the token has been verified, calls come to the queue in their order.
  await limited.rest('GET', '/users/me', { token: ann.token });
  const make = ({ token }: { token: string }) =>
    limited.rest('POST', '/outherTasks', { token, body: { title: 'Run' } });
  const hers = Array.from({ length: 104 }, () => make(ann));
  const refused = await make(ann);
  expect(refused).toMatchObject({
    status: 429,
    body: { code: 'RATE_LIMITED' },
    headers: { 'retry-after': '1' },
  });
  expect(underWay()).toBe(4);
  open();
  expect(new Set((await Promise.all(hers)).map(({ status }) => status))).toEqual(new Set([201]));
});

test('#692 of one account four reads are under way, whatever its batches ask for, and others are answered', async () => {
  const { db, underWay, open } = holding('task.page');
  const api = await startApp({ database: { ...database, db } });
  const [ann, ben] = [await api.register(), await api.register()];
  const inputs = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [n, {}]));
  const batch = `/trpc/${Array(10).fill('task.list').join()}?batch=1&input=${encodeURIComponent(JSON.stringify(inputs))}`;
  const hers = [1, 2, 3].map(() => api.rest('GET', batch, { token: ann.token }));
  await expect.poll(underWay).toBeGreaterThanOrEqual(4);
  for (let n = 0; n < 3; n++)
    expect((await api.rest('GET', '/resources', { token: ben.token })).status).toBe(200);
  expect(underWay()).toBe(4);
  open();
  for (const { status } of await Promise.all(hers)) expect(status).toBe(200);
  expect(underWay()).toBe(30);
});

test('#349 without limits all of them wait', async () => {
  const api = await startApp({ database });
  const ann = await api.register();
  const answers = await Promise.all(
    Array.from({ length: 150 }, (_, n) =>
      api.rest('POST', '/outherTasks', { token: ann.token, body: { title: `task ${n}` } }),
    ),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
});

/** Runs a call in its user's queue. */
async function inQueue<T>(queue: UserQueue, call: () => Promise<T>): Promise<T> {
  const place = await queue.acquire(1);
  try {
    return await call();
  } finally {
    place.release();
  }
}

test('#349 changes wait in the order in which they came, also after one that fails', async () => {
  const queue = createUserQueue(4, 100);
  const begun: number[] = [];
  const change = (n: number) =>
    inQueue(queue, async () => {
      begun.push(n);
      if (n % 3 === 0) throw new Error('failed');
    });
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, (_, n) => change(n)));
  expect(begun).toEqual(Array.from({ length: 50 }, (_, n) => n));
  expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(17);
  expect(await inQueue(queue, async () => 'and the next')).toBe('and the next');
});

test.each([
  ['all of them while calls end', 1000, ['done', 'done', 'done', 'done', 'done']],
  ['none behind one that does not', 60_000, ['done', 'QUEUE_FULL', 'QUEUE_FULL', 'QUEUE_FULL', 'QUEUE_FULL']],
])('#349 calls of a user wait for each other: %s', async (_, callMs, expected) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const queue = createUserQueue(1, 100);
  const slowCall = () =>
    inQueue(queue, () => new Promise<string>((done) => void setTimeout(() => done('done'), callMs)));
  const outcomes = Promise.all(Array.from({ length: 5 }, () => slowCall().catch(({ code }) => code)));
  for (let round = 0; round < 5; round++) {
    await vi.advanceTimersByTimeAsync(callMs);
    // A call that has its place starts in a turn of the event loop of its own.
    await new Promise(setImmediate);
  }
  expect(await outcomes).toEqual(expected);
});

test('#831 a process that was held up reads what has arrived before it refuses a call that waits', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const queue = createUserQueue(1, 100);
  const first = await queue.acquire(1);
  const second = inQueue(queue, async () => 'done');
  // The event loop reads sockets after its timers, and before this.
  setImmediate(() => first.release());
  vi.advanceTimersByTime(60_000);
  expect(await second).toBe('done');
});
