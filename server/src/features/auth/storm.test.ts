// Many sign-ins at once, over real connections.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startApp } from '../../../test/harness.ts';

const api = await startApp({ productionHashCost: true });
const url = await api.app.listen({ port: 0, host: '127.0.0.1' });
const ann = await api.register();

interface Seen {
  readonly status: number;
  readonly retryAfter: string | null;
}

async function signIn(password: string): Promise<Seen> {
  const body = JSON.stringify({ username: ann.login, password });
  const answer = await fetch(`${url}/users/signIn`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  await answer.arrayBuffer();
  return { status: answer.status, retryAfter: answer.headers.get('retry-after') };
}

/** Does something again and again while something else goes on. */
async function during<T>(work: Promise<T>, milliseconds: number, each: () => Promise<void>): Promise<T> {
  let over = false;
  const done = work.finally(() => {
    over = true;
  });
  while (!over) {
    await each();
    await Promise.race([sleep(milliseconds), done]);
  }
  return done;
}

// #17: The event loop's thread is held against the processor time of all threads, not against milliseconds.
test('#17 while fifty sign in at once everybody else is answered, and whoever cannot wait is told to come back', async () => {
  let healthAnswers = 0;
  const begun = process.cpuUsage();
  const begunOnThread = process.threadCpuUsage();
  const storm = Promise.all(Array.from({ length: 50 }, () => signIn(ann.password)));
  const answers = await during(storm, 50, async () => {
    const answer = await fetch(`${url}/health`);
    expect(answer.status).toBe(200);
    healthAnswers++;
  });
  const onThread = process.threadCpuUsage(begunOnThread);
  const all = process.cpuUsage(begun);
  for (const { status, retryAfter } of answers) {
    expect([200, 429, 503]).toContain(status);
    expect(retryAfter).toEqual(status === 200 ? null : expect.stringMatching(/^[1-9]\d*$/));
  }
  // One at a time and 32 that wait.
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(33);
  // Hashes take other threads than the event loop, which the fifty clients share.
  expect((onThread.user + onThread.system) / (all.user + all.system)).toBeLessThan(0.5);
  expect(healthAnswers).toBeGreaterThan(3);
});

test('#18 five hundred at once are let in or sent away, in bounded memory', async () => {
  const before = process.memoryUsage().rss;
  let most = before;
  const body = (n: number) => ({ username: ann.login, password: n % 2 ? ann.password : `wrong ${n}` });
  const storm = Promise.all(
    Array.from({ length: 500 }, (_, n) => api.rest('POST', '/users/signIn', { body: body(n) })),
  );
  const answers = await during(storm, 10, async () => {
    most = Math.max(most, process.memoryUsage().rss);
  });
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => ![200, 401, 429, 503].includes(status))).toEqual([]);
  expect(statuses).toContain(503);
  expect(statuses).toContain(200);
  // One hash at a time of 19 MiB; the rest is 500 requests and their answers.
  expect((most - before) / 2 ** 20).toBeLessThan(19 + 100);
});
