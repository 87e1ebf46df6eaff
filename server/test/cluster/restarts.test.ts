// Instances that go and come behind the balancer, while people write, read, and listen.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { alertQueries, missingFrom } from '../exposition.ts';
import { expectStored, newJournal, writeOne } from '../faults/journal.ts';
import { expectHeard, listen } from '../faults/listener.ts';
import { repeatUntilStopped } from '../faults/load.ts';
import { call, register, type ServerProcess } from '../faults/servers.ts';
import { startInstances } from './instances.ts';

// Longer than haproxy takes to see /readyz: two looks, a second apart.
const { entrance, servers, sql, start, isUp, proxyMetrics } = await startInstances({
  RATE_LIMIT: 'off',
  DRAIN_MS: '3000',
});

/** A request that is over. */
interface Sent {
  readonly begin: number;
  readonly end: number;
  readonly isAnswered: boolean;
}

/** Two people who write and read, four requests at a time each, and listen to three streams each. */
async function people(name: string) {
  const journal = newJournal();
  const reads: Record<string, number> = {};
  const requests: Sent[] = [];
  let next = Promise.withResolvers<void>();
  const noted = async (request: () => Promise<{ status: number | string }>) => {
    const begin = performance.now();
    const answer = request();
    next.resolve();
    next = Promise.withResolvers();
    const { status } = await answer;
    requests.push({ begin, end: performance.now(), isAnswered: typeof status === 'number' && status < 500 });
    return status;
  };
  const logins = [`${name}-1`, `${name}-2`];
  const tokens = await Promise.all(logins.map((login) => register(entrance, login)));
  const listeners = await Promise.all(
    [0, 1, 0, 1, 0, 1].map((n) => listen(entrance, logins[n] as string, tokens[n] as string)),
  );
  const stop = repeatUntilStopped(8, async (caller, n) => {
    const token = tokens[caller % 2] as string;
    await noted(() => writeOne(entrance, token, `${name}-${caller}-${n}`, n % 8 === 7, journal));
    const status = await noted(() => call(entrance, 'GET', '/outherTasks?limit=5', token));
    reads[status] = (reads[status] ?? 0) + 1;
    // Some 200 requests a second altogether.
    await sleep(60);
  });
  return { journal, reads, requests, listeners, stop, nextRequest: () => next.promise };
}

test('#190 a rolling restart of all three under load fails no request and loses no event', async () => {
  const { journal, reads, listeners, stop } = await people('rolling');
  const exits: (number | string)[] = [];
  for (const n of [0, 1, 2]) {
    exits.push(await (servers[n] as ServerProcess).end('SIGTERM'));
    await start(n);
    // The next one goes only when the balancer sends requests here again.
    await expect.poll(() => isUp(n), { interval: 100 }).toBe(true);
  }
  await stop();
  console.log(
    'rolling restart: writes',
    journal.statuses,
    'reads',
    reads,
    'streams begun',
    listeners.map(({ begun }) => begun).join(' '),
  );
  expect({ ...journal.statuses, wrong: journal.wrong }).toEqual({ 201: expect.any(Number), wrong: [] });
  expect(reads).toEqual({ 200: expect.any(Number) });
  expect(exits).toEqual([0, 0, 0]);
  await expectHeard(sql, listeners);
  expect(listeners.flatMap(({ refused }) => refused)).toEqual([]);
  await expectStored(sql, journal);
});

test.each(await alertQueries('proxy'))('$of asks for what haproxy tells: $query', async ({ query }) => {
  expect(missingFrom(await proxyMetrics(), query)).toEqual([]);
});

test('an instance that is killed is noticed by nobody but the requests that are open', async () => {
  const { journal, reads, requests, listeners, stop, nextRequest } = await people('killed');
  const kills: { told: number; gone: number }[] = [];
  for (const n of [0, 1, 2]) {
    await sleep(1000);
    // With a request under way: there are moments without one.
    await nextRequest();
    const told = performance.now();
    await (servers[n] as ServerProcess).end('SIGKILL');
    kills.push({ told, gone: performance.now() });
    await expect.poll(() => isUp(n), { interval: 100 }).toBe(false);
    await start(n);
    await expect.poll(() => isUp(n), { interval: 100 }).toBe(true);
  }
  await stop();
  const open = kills.map(({ told, gone }) => requests.filter(({ begin, end }) => begin < gone && end > told));
  const lost = requests.filter(({ isAnswered }) => !isAnswered);
  console.log(`killed: of ${open.flat().length} requests open at those moments ${lost.length} got no answer`);
  for (const each of open) expect(each.length).toBeGreaterThan(0);
  expect(lost.filter((request) => !open.flat().includes(request))).toEqual([]);
  console.log(
    'killed: writes',
    journal.statuses,
    'reads',
    reads,
    'streams begun',
    listeners.map(({ begun }) => begun).join(' '),
  );
  await expectHeard(sql, listeners);
  await expectStored(sql, journal);
});
