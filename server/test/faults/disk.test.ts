// PostgreSQL on a disk that fills up. Needs the right to mount a disk in memory.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { freePort, startCluster } from './cluster.ts';
import { expectStored, newJournal, writeOne } from './journal.ts';
import { repeatUntilStopped } from './load.ts';
import { call, register, startServer, waitUntilReady } from './servers.ts';

const cluster = await startCluster(80);
const url = await cluster.createDatabase('disk');
const server = await startServer({ PORT: String(await freePort()), DATABASE_URL: url });
const admin = postgres(url, { max: 1, onnotice: () => {} });
afterAll(() => admin.end({ timeout: 1 }));

// #184: A disk of 80 MB in memory, log segments of 1 MB.
test('#184 while the disk is full writes get 503; with space again all is well, and nothing acknowledged is lost', async () => {
  const token = await register(server.url, 'writer');
  const journal = newJournal();
  const stop = repeatUntilStopped(6, (writer, n) =>
    writeOne(server.url, token, `${writer}-${n}`, n % 2 === 1, journal),
  );
  const acknowledges = async (more: number) => {
    const enough = journal.acknowledged.length + more;
    await expect.poll(() => journal.acknowledged.length).toBeGreaterThan(enough);
  };
  await acknowledges(50);
  const filler = join(cluster.data, 'filler');
  // dd fails when nothing is left: that is the point.
  expect(() => execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k'], { stdio: 'ignore' })).toThrow();
  await expect.poll(() => journal.statuses[503] ?? 0).toBeGreaterThan(50);
  expect((await call(server.url, 'GET', '/livez')).status).toBe(200);

  rmSync(filler);
  // PostgreSQL has ended itself if it could not write its log.
  await cluster.start().catch(() => {});
  await waitUntilReady(server.url);
  await acknowledges(50);
  await stop();
  console.log('answers', journal.statuses);
  expect(journal.wrong).toEqual([]);
  expect(server.ended()).toBeUndefined();
  await expectStored(admin, journal);
});
