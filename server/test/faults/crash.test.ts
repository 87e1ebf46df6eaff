// A server in which something goes wrong that nobody expected, and one that is started and ended all the time.
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { freePort, startCluster } from './cluster.ts';
import { call, register, startServer } from './servers.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('crash');
const admin = postgres(url, { max: 2 });
afterAll(() => admin.end({ timeout: 1 }));
const PROBE = ['--import', fileURLToPath(new URL('probe.ts', import.meta.url))];

/** A line of JSON that the server wrote, by a key that it has. */
const said = (output: string[], key: string) =>
  output.filter((line) => line.startsWith(`{"${key}":`)).map((line) => JSON.parse(line));

test.each([
  ['thrown', 'throw'],
  ['rejected', 'reject'],
])(
  '#193 when something is %s that nobody catches it is logged, what is under way is answered, and the process ends with 1',
  async (_name, how) => {
    const PORT = String(await freePort());
    const server = await startServer({ PORT, DATABASE_URL: url, PROBE: how, RATE_LIMIT: 'off' }, PROBE);
    const token = await register(server.url, `${how}-user`);
    const underWay = await admin.begin(async (tx) => {
      await tx`lock table outer_tasks in access exclusive mode`;
      const answer = call(server.url, 'POST', '/outherTasks', token, { title: 'under way' });
      await expect
        .poll(() => tx`select from pg_stat_activity where wait_event_type = 'Lock'`)
        .toHaveLength(1);
      server.child.kill('SIGWINCH');
      await expect.poll(() => server.output.join('\n')).toContain('"closing"');
      return { answer };
    });
    expect((await underWay.answer).status).toBe(201);
    expect(await server.exit).toBe(1);
    const crash = server.output
      .map((line) => line.startsWith('{"level":60') && JSON.parse(line))
      .find(Boolean);
    expect(crash).toMatchObject({ msg: 'crash', err: { message: expect.stringContaining('by the test') } });
    // Nothing listens any more: the next one takes the port.
    const next = await startServer({ PORT, DATABASE_URL: url });
    expect(await next.end('SIGTERM')).toBe(0);
  },
);

// #194: No load is shed by its delay: the bounded queues of hashes and of the database are what sheds it.
test('#194 a server whose event loop is blocked answers no probe within a second, and all of them afterwards', async () => {
  const server = await startServer(
    { PORT: String(await freePort()), DATABASE_URL: url, PROBE: 'block' },
    PROBE,
  );
  server.child.kill('SIGWINCH');
  await expect.poll(() => said(server.output, 'blocks')).toHaveLength(1);
  const probe = () =>
    fetch(`${server.url}/livez`, { signal: AbortSignal.timeout(1000) }).then(({ status }) => status);
  await expect(probe()).rejects.toThrow('timeout');
  await expect.poll(() => probe().catch(() => 0)).toBe(200);
  expect((await call(server.url, 'GET', '/readyz')).status).toBe(200);
  expect(await server.end('SIGTERM')).toBe(0);
});

// #209: Twenty more in the rolling restarts.
test('#209 started and ended fifty times, soon after a request, it exits with 0, holds nothing open and leaves the port free', async () => {
  const PORTS = [String(await freePort()), String(await freePort())];
  const exits: unknown[] = [];
  const left = new Set<string>();
  await Promise.all(
    PORTS.map(async (PORT, lane) => {
      for (let n = 0; n < 25; n++) {
        const server = await startServer({ PORT, DATABASE_URL: url }, PROBE);
        // A connection that stays open, and at times a moment to fall idle.
        expect((await call(server.url, 'GET', '/livez')).status).toBe(200);
        await sleep(((n * 7 + lane) % 5) * 10);
        exits.push(await server.end('SIGTERM'));
        expect(server.output.join('\n'), 'the last line of the log').toContain('"msg":"closed"');
        for (const resource of said(server.output, 'left')[0].left) left.add(resource);
      }
    }),
  );
  expect(exits).toEqual(Array(50).fill(0));
  expect([...left]).toEqual([]);
});
