import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { freePort, startCluster } from './cluster.ts';
import { expectStored, type Journal, newJournal, writeOne } from './journal.ts';
import { seeded } from './random.ts';
import { call, folder, register, type ServerProcess, spawnServer, startServer } from './servers.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('killed');
const admin = postgres(url, { max: 1 });
afterAll(() => admin.end({ timeout: 1 }));

const PORT = String(await freePort());
const random = seeded(192);

/** Starts a write every 5 ms until the server has gone. At most 100 are under way. */
async function writeUntilKilled(
  server: ServerProcess,
  token: string,
  round: number,
  journal: Journal,
): Promise<void> {
  const underWay = new Set<Promise<unknown>>();
  const start = performance.now();
  for (let n = 0; server.ended() === undefined; n++) {
    await sleep(Math.max(1, start + n * 5 - performance.now()));
    if (underWay.size >= 100) await Promise.race(underWay);
    const write = writeOne(server.url, token, `${round}-${n}`, n % 2 === 1, journal).finally(() =>
      underWay.delete(write),
    );
    underWay.add(write);
  }
  await Promise.all(underWay);
}

/**
 * One life of a server: some acknowledged writes, then SIGKILL at a random moment among the next.
 * @param plans of these, thirty are sent just before it, and noted here
 */
async function liveAndDie(
  server: ServerProcess,
  token: string,
  round: number,
  journal: Journal,
  plans?: Journal,
): Promise<void> {
  const writing = writeUntilKilled(server, token, round, journal);
  const before = journal.acknowledged.length;
  await expect.poll(() => journal.acknowledged.length, { interval: 20 }).toBeGreaterThan(before + 20);
  await sleep(200 + random() * 400);
  const burst = Array.from({ length: plans ? 30 : 0 }, (_, n) =>
    writeOne(server.url, token, `burst-${round}-${n}`, true, plans as Journal),
  );
  await sleep(random() * 40);
  await server.end('SIGKILL');
  await Promise.all([writing, ...burst]);
}

// #192: Killed twenty times during 200 writes a second, the server loses and doubles nothing and leaves no
// lock. For jobs see #199.
// #172: A plan that was being made when the server was killed is whole or not there.
test('#192 #172 twenty times killed during 200 writes a second, the server loses and doubles nothing and leaves no half plan', async () => {
  const env = { PORT, DATABASE_URL: url };
  const journal = newJournal();
  const plans = newJournal();
  let server = await startServer(env);
  const token = await register(server.url, 'writer');
  for (let round = 0; round < 20; round++) {
    await liveAndDie(server, token, round, journal, plans);
    server = await startServer({ ...env, MIGRATE_AT_START: 'false' });
  }
  const { broken: lost = 0 } = plans.statuses;
  console.log(
    '20 kills, answers',
    journal.statuses,
    'to the plans that were sent just before',
    plans.statuses,
  );
  expect(lost, 'plans that were being made when the server was killed').toBeGreaterThanOrEqual(100);
  await expectStored(admin, { ...journal, acknowledged: [...journal.acknowledged, ...plans.acknowledged] });
  const left = await admin`select pid from pg_locks where locktype in ('advisory', 'transactionid')
    and pid in (select pid from pg_stat_activity where datname = 'killed' and pid <> pg_backend_pid())`;
  expect([...left], 'locks of the dead').toEqual([]);
  expect(await server.end('SIGTERM')).toBe(0);
});

test('#202 twenty times killed during its writes, the embedded database has everything that it acknowledged', async () => {
  const env = { PORT, DATA_DIR: join(folder, 'embedded') };
  const journal = newJournal();
  let server = await startServer(env);
  const token = await register(server.url, 'writer');
  for (let round = 0; round < 20; round++) {
    await liveAndDie(server, token, round, journal);
    server = await startServer(env);
  }
  const names = [
    ...(await listed(server, token, '/outherTasks', 'title')),
    ...(await listed(server, token, '/physicalPlans', 'goal')),
  ];
  const there = new Set(names);
  console.log('20 kills, embedded, answers', journal.statuses);
  expect(journal.acknowledged.filter((name) => !there.has(name))).toEqual([]);
  expect(names).toHaveLength(there.size);
  const me = await call(server.url, 'GET', '/users/me', token);
  const { body: current } = await call(server.url, 'GET', `/users/${me.body.id}/physical-plan`, token);
  expect(current.days.map((day: { exercises: unknown[] }) => day.exercises.length)).toEqual(Array(7).fill(8));
  expect(await server.end('SIGTERM')).toBe(0);
});

test('#203 killed at any moment of its first start, the embedded database is there at the next', async () => {
  const exits = new Set<unknown>();
  for (let round = 0; round < 5; round++) {
    const env = { PORT, DATA_DIR: join(folder, 'first', String(round)) };
    const server = spawnServer(env);
    // From before the folder is made until after it is there.
    await sleep(300 + random() * 1500);
    exits.add(await server.end('SIGKILL'));
    const next = await startServer(env);
    await register(next.url, 'first');
    expect(await next.end('SIGTERM')).toBe(0);
  }
  expect(exits).toEqual(new Set(['SIGKILL']));
});

/** One column of a whole list, page by page. */
async function listed(server: ServerProcess, token: string, path: string, column: string): Promise<string[]> {
  const found: { id: number }[] = [];
  for (;;) {
    const before = found.length > 0 ? `&before_id=${found.at(-1)?.id}` : '';
    const { body, status } = await call(server.url, 'GET', `${path}?limit=500${before}`, token);
    expect(status).toBe(200);
    found.push(...body);
    if (body.length < 500) return found.map((row) => String((row as Record<string, unknown>)[column]));
  }
}
