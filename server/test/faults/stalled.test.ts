// Clients that begin and do not go on.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { freePort, startCluster } from './cluster.ts';
import { call, register, startServer } from './servers.ts';

const STALLED = 2000;
const CALLS = 300;

const cluster = await startCluster();
const DATABASE_URL = await cluster.createDatabase('stalled');

test('#108 two thousand stalled connections keep nobody else waiting, and cost nothing when they are gone', async () => {
  const port = await freePort();
  const server = await startServer({ PORT: String(port), DATABASE_URL, RATE_LIMIT: 'off' });
  const token = await register(server.url, 'ann');
  const descriptors = () => readdirSync(`/proc/${server.child.pid}/fd`).length;
  const before = descriptors();
  const head = (line: string, more = '') => `${line} HTTP/1.1\r\nHost: localhost\r\n${more}`;
  const parts = [
    '',
    'GET /hea',
    head('GET /health', 'X-A: '),
    head('POST /users', 'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{'),
    // Whole requests, whose answers nobody reads.
    `${head('GET /openapi.json')}\r\n`.repeat(20),
  ];
  const stalled = await Promise.all(
    Array.from({ length: STALLED }, async (_, index) => {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      socket.pause();
      await once(socket, 'connect');
      socket.write(parts[index % parts.length] as string);
      return socket;
    }),
  );
  const taken: number[] = [];
  for (let n = 0; n < CALLS; n++) {
    const { status, ms } = await call(server.url, 'GET', '/outherTasks', token);
    expect(status).toBe(200);
    taken.push(ms);
  }
  const p99 = taken.toSorted((a, b) => a - b)[Math.floor(CALLS * 0.99)] as number;
  console.log(
    `${STALLED} stalled connections: p99 ${Math.round(p99)} ms, ${descriptors()} descriptors, RSS ${Math.round(server.rss())} MB`,
  );
  expect(p99).toBeLessThan(500);
  for (const socket of stalled) socket.destroy();
  // The connections to PostgreSQL that the calls opened stay.
  await expect.poll(descriptors, { timeout: 10_000 }).toBeLessThanOrEqual(before + 12);
  expect(await server.end('SIGTERM')).toBe(0);
});
