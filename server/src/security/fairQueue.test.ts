import { expect, test } from 'vitest';
import { createFairQueue, QueueFullError } from './fairQueue.ts';

/** A queue of one place whose jobs end when they are told to; `ran` says in which order they began. */
function queueOfOne(capacity: number) {
  const queue = createFairQueue(1, capacity);
  const ran: string[] = [];
  const ends: (() => void)[] = [];
  const refused: string[] = [];
  const settled: Promise<void>[] = [];
  return {
    queue,
    ran,
    refused,
    send(name: string) {
      const { promise, resolve } = Promise.withResolvers<void>();
      ends.push(resolve);
      const job = queue(name.charAt(0), async () => {
        ran.push(name);
        await promise;
      });
      settled.push(
        job.catch((error) => {
          expect(error).toBeInstanceOf(QueueFullError);
          refused.push(name);
        }),
      );
    },
    async finish() {
      for (const end of ends) end();
      await Promise.all(settled);
    },
  };
}

test('clients take turns, and each one’s jobs keep their order', async () => {
  const { send, finish, ran } = queueOfOne(10);
  for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1']) send(name);
  await finish();
  expect(ran).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
});

test('#344 a full queue makes room for a client with fewer jobs, at the cost of the one with the most', async () => {
  const { send, finish, ran, refused, queue } = queueOfOne(4);
  for (const name of ['a1', 'a2', 'a3', 'a4', 'a5', 'a6']) send(name);
  expect(queue.counts).toEqual({ running: 1, waiting: 4, refused: 1 });
  send('b1');
  send('b2');
  // Two each: nobody has more than their share.
  send('b3');
  send('a7');
  expect(queue.counts).toEqual({ running: 1, waiting: 4, refused: 5 });
  await finish();
  expect(refused.toSorted()).toEqual(['a4', 'a5', 'a6', 'a7', 'b3']);
  expect(ran).toEqual(['a1', 'a2', 'b1', 'a3', 'b2']);
  expect(queue.counts).toMatchObject({ running: 0, waiting: 0 });
});

test('a job that fails gives its place back', async () => {
  const queue = createFairQueue(1, 1);
  const failing = queue('a', () => Promise.reject(new Error('failed')));
  const second = queue('a', async () => 'done');
  await expect(failing).rejects.toThrow('failed');
  expect(await second).toBe('done');
  expect(await queue('b', async () => 'done too')).toBe('done too');
});
