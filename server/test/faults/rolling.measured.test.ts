import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { freePort, startCluster } from './cluster.ts';
import { startHaproxy } from './haproxy.ts';
import { expectStored, newJournal, writeOne } from './journal.ts';
import { watchLateness } from './lateness.ts';
import { call, register, type ServerProcess, startServer } from './servers.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('rolling');
const admin = postgres(url, { max: 1 });
afterAll(() => admin.end({ timeout: 1 }));

const front = await freePort();
const stats = await freePort();
const backs = [await freePort(), await freePort()] as const;
const settings = (PORT: number) => ({ PORT: String(PORT), DATABASE_URL: url, DRAIN_MS: '700' });
const servers: ServerProcess[] = [];
for (const port of backs) servers.push(await startServer(settings(port)));

await startHaproxy(
  `defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout check 2s
  option httpchk
  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost
  default-server inter 100ms fall 2 rise 2
listen app
  bind 127.0.0.1:${front}
${backs.map((port, n) => `  server s${n} 127.0.0.1:${port} check`).join('\n')}
listen stats
  bind 127.0.0.1:${stats}
  stats enable
  stats uri /
`,
  `http://127.0.0.1:${front}`,
);

/** Whether the balancer sends requests to server `n`. */
async function isUp(n: number): Promise<boolean> {
  const { body } = await call(`http://127.0.0.1:${stats}`, 'GET', '/;csv');
  return String(body)
    .split('\n')
    .some((line) => line.startsWith(`app,s${n},`) && line.split(',')[17] === 'UP');
}

// #190: Clusters of three servers have streams, too.
test('#190 twenty rolling restarts of two servers behind a balancer fail no request, and every server exits with 0', async () => {
  const entrance = `http://127.0.0.1:${front}`;
  const token = await register(entrance, 'roller');
  const journal = newJournal();
  const reads: Record<string, number> = {};
  let over = false;
  const writers = Array.from({ length: 6 }, async (_, writer) => {
    for (let n = 0; !over; n++) {
      await writeOne(entrance, token, `${writer}-${n}`, n % 2 === 1, journal);
      const { status } = await call(entrance, 'GET', '/outherTasks?limit=5', token);
      reads[status] = (reads[status] ?? 0) + 1;
      // Some 50 requests a second altogether.
      await sleep(100);
    }
  });

  const exits: (number | string)[] = [];
  let slowest = 0;
  for (let n = 0; n < 20; n++) {
    const start = performance.now();
    exits.push(await (servers[n % 2] as ServerProcess).end('SIGTERM'));
    slowest = Math.max(slowest, performance.now() - start);
    servers[n % 2] = await startServer({ ...settings(backs[n % 2] as number), MIGRATE_AT_START: 'false' });
    // The other one goes only when the balancer sends requests here again.
    await expect.poll(() => isUp(n % 2), { interval: 50 }).toBe(true);
  }
  over = true;
  await Promise.all(writers);

  console.log('writes', journal.statuses, 'reads', reads, 'slowest exit', Math.round(slowest), 'ms');
  expect({ ...journal.statuses, wrong: journal.wrong }).toEqual({ 201: expect.any(Number), wrong: [] });
  expect(reads).toEqual({ 200: expect.any(Number) });
  expect(exits).toEqual(Array(20).fill(0));
  expect(slowest).toBeLessThan(30_000);
  await expectStored(admin, journal);
});

// #191: Requests under way and idle connections: server/test/process.test.ts.
test('#191 after the signal /readyz says 503 and requests are answered on; a second signal ends it at once', async () => {
  const PORT = String(await freePort());
  const server = await startServer({ PORT, DATABASE_URL: url, DRAIN_MS: '20000' });
  const token = await register(server.url, 'late');
  expect(await call(server.url, 'GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  server.child.kill('SIGTERM');
  const unavailable = { status: 503, retryAfter: '1', body: { status: 'unavailable' } };
  await expect.poll(() => call(server.url, 'GET', '/readyz')).toMatchObject(unavailable);
  expect(await call(server.url, 'GET', '/health')).toMatchObject({
    ...unavailable,
    body: { database: 'connected' },
  });
  expect(await call(server.url, 'GET', '/livez')).toMatchObject({ status: 200, body: { status: 'ok' } });
  const { headers } = await fetch(`${server.url}/livez`);
  expect(headers.get('connection')).toBe('close');
  expect((await call(server.url, 'POST', '/outherTasks', token, { title: 'late' })).status).toBe(201);
  const [start, lateMs] = [performance.now(), watchLateness()];
  expect(await server.end('SIGTERM')).toBe(1);
  expect(performance.now() - start - lateMs()).toBeLessThan(2000);
});
