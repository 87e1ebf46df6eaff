import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { freePort, startCluster } from './cluster.ts';
import { expectStored, newJournal, writeOne } from './journal.ts';
import { watchLateness } from './lateness.ts';
import { register, startServer, waitUntilReady } from './servers.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('restart');
const server = await startServer({ PORT: String(await freePort()), DATABASE_URL: url });
const admin = postgres(url, { max: 1 });
afterAll(() => admin.end({ timeout: 1 }));

const WRITERS = 12;

test('#176 restarts of PostgreSQL under 12 writers cost 503s and nothing else', async () => {
  const token = await register(server.url, 'writer');
  const journal = newJournal();
  const lateMs = watchLateness();
  let over = false;
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let n = 0; !over; n++) await writeOne(server.url, token, `${writer}-${n}`, n % 2 === 1, journal);
  });
  const acknowledges = (more: number) => {
    const enough = journal.acknowledged.length + more;
    return expect.poll(() => journal.acknowledged.length).toBeGreaterThan(enough);
  };

  const readyAgain: number[] = [];
  await acknowledges(200);
  for (const mode of ['fast', 'fast', 'fast', 'fast', 'immediate'] as const) {
    await cluster.restart(mode);
    readyAgain.push(Math.round(await waitUntilReady(server.url)));
    await acknowledges(200);
  }
  over = true;
  await Promise.all(writers);

  console.log('answers', journal.statuses, 'ready again after ms', readyAgain);
  expect(server.ended()).toBeUndefined();
  expect(journal.wrong).toEqual([]);
  expect(journal.statuses[503]).toBeGreaterThan(0);
  expect(Math.max(...readyAgain) - lateMs()).toBeLessThan(5000);
  await expectStored(admin, journal);
});
