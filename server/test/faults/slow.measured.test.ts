// Clients that are slow or send too much, and a database that is too slow for all who ask.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { freePort, startCluster } from './cluster.ts';
import { watchLateness } from './lateness.ts';
import { type Answer, call, register, startServer } from './servers.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('slow');
const port = await freePort();
const server = await startServer({
  PORT: String(port),
  DATABASE_URL: url,
  DATABASE_POOL_SIZE: '4',
  CONNECTIONS_PER_ADDRESS: '5000',
});
const admin = postgres(url, { max: 2 });
afterAll(() => admin.end({ timeout: 1 }));
const token = await register(server.url, 'somebody');

const percentile = (values: number[], share: number) =>
  values.sort((a, b) => a - b)[Math.floor(values.length * share)] as number;
const MB = 1024 * 1024;

/** Sends 500 MB, or as much of it as is taken. @returns the status of the answer, undefined when the connection broke first */
async function upload(
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; sent: number }> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  const chunked = headers['content-length'] === undefined;
  const head = {
    host: 'localhost',
    authorization: `Bearer ${token}`,
    ...(chunked && { 'transfer-encoding': 'chunked' }),
    ...headers,
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`);
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  const data = Buffer.alloc(MB / 4, 'x');
  const chunk = chunked
    ? Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from('\r\n')])
    : data;
  let sent = 0;
  while (sent < 500 * MB && !socket.destroyed) {
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain').catch(() => {}), closed]);
    sent += data.length;
  }
  socket.end();
  await closed;
  const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1];
  return { status: status === undefined ? undefined : Number(status), sent };
}

test('a 500 MB upload to either transport is refused and does not fill the memory', async () => {
  const multipart = 'multipart/form-data; boundary=x';
  const kinds: [Record<string, string>, number][] = [
    [{ 'content-type': multipart, 'content-length': String(500 * MB) }, 415],
    [{ 'content-type': multipart }, 415],
    [{ 'content-type': 'application/json', 'content-length': String(500 * MB) }, 413],
    [{ 'content-type': 'application/json' }, 413],
  ];
  const uploads = ['/outherTasks', '/trpc/task.create'].flatMap((path) =>
    kinds.map(([headers, status]) => ({ path, headers, status })),
  );
  // Once before it counts, so that what the first of each kind compiles and loads is there.
  for (const { path, headers } of uploads) await upload(path, headers);

  const before = server.rss();
  let most = before;
  const sampler = setInterval(() => {
    most = Math.max(most, server.rss());
  }, 20);
  for (const { path, headers, status } of uploads) {
    const answer = await upload(path, headers);
    expect(answer.status, JSON.stringify([path, headers])).toBe(status);
    expect(answer.sent).toBeLessThan(50 * MB);
  }
  clearInterval(sampler);
  console.log(
    `RSS ${before.toFixed(1)} MB, at most ${(most - before).toFixed(1)} MB more during the uploads`,
  );
  // Of each upload 32 MiB are read: what was dropped is free when memory is next looked through.
  expect(most - before).toBeLessThan(64);
  expect((await call(server.url, 'GET', '/livez')).status).toBe(200);
});

/** Keeps that many connections open that send their requests a byte a second; one that the server cuts is made again. */
async function stall(count: number) {
  const HEADERS = 'GET /outherTasks HTTP/1.1\r\nHost: localhost\r\nX-Slow: ';
  const BODY = `POST /outherTasks HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"title": "`;
  const sockets = new Set<Socket>();
  let cut = 0;
  let over = false;
  const open = async (n: number): Promise<void> => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    sockets.add(socket);
    socket.resume().once('close', () => {
      sockets.delete(socket);
      cut++;
      if (!over) void open(n);
    });
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
    socket.write(n % 2 ? HEADERS : BODY);
  };
  for (let n = 0; n < count; n += 100) await Promise.all(Array.from({ length: 100 }, (_, i) => open(n + i)));
  const drip = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write('x');
  }, 1000);
  return {
    open: () => sockets.size,
    cut: () => cut,
    end() {
      over = true;
      clearInterval(drip);
      for (const socket of sockets) socket.destroy();
    },
  };
}

test('#108 2,000 stalled connections leave normal requests fast, and are cut in time', async () => {
  const before = server.rss();
  const stalled = await stall(2000);
  const times: number[] = [];
  const statuses = new Set<Answer['status']>();
  // Long enough to see the first of them cut (after 10 s) and made again.
  const end = performance.now() + 12_000;
  const caller = async () => {
    while (performance.now() < end) {
      const { status, ms } = await call(server.url, 'GET', '/outherTasks', token);
      statuses.add(status);
      times.push(ms);
      await sleep(50);
    }
  };
  await Promise.all(Array.from({ length: 4 }, caller));
  console.log(
    `${stalled.open()} stalled, ${stalled.cut()} cut; ${times.length} requests: p50 ${percentile(times, 0.5).toFixed(1)} ms,`,
    `p99 ${percentile(times, 0.99).toFixed(1)} ms; RSS ${before.toFixed(0)} -> ${server.rss().toFixed(0)} MB`,
  );
  expect(stalled.open()).toBe(2000);
  expect(stalled.cut()).toBeGreaterThan(1000);
  stalled.end();
  expect(statuses).toEqual(new Set([200]));
  expect(percentile(times, 0.99)).toBeLessThan(500);
});

// #181: The wait for a connection is 3 s, Retry-After is 1.
test('#181 #182 while locks hold every connection, waiters get 503 with Retry-After in seconds and /livez answers', async () => {
  const probes: number[] = [];
  const lateMs = watchLateness();
  let over = false;
  const probing = (async () => {
    while (!over) {
      probes.push((await call(server.url, 'GET', '/livez')).ms);
      await sleep(20);
    }
  })();
  const answers = await admin.begin(async (tx) => {
    await tx`lock table outer_tasks in access exclusive mode`;
    return Promise.all(
      Array.from({ length: 80 }, (_, n) =>
        call(server.url, 'POST', '/outherTasks', token, { title: `locked-${n}` }),
      ),
    );
  });
  over = true;
  await probing;
  const slowest = Math.max(...answers.map(({ ms }) => ms));
  console.log(
    `slowest 503 ${Math.round(slowest)} ms; /livez p50 ${percentile(probes, 0.5).toFixed(1)}, p99 ${percentile(probes, 0.99).toFixed(1)} ms`,
  );
  expect(new Set(answers.map(({ status, retryAfter }) => `${status} ${retryAfter}`))).toEqual(
    new Set(['503 1']),
  );
  expect(slowest - lateMs()).toBeLessThan(6000);
  expect(percentile(probes, 0.5)).toBeLessThan(50);
  expect((await call(server.url, 'POST', '/outherTasks', token, { title: 'afterwards' })).status).toBe(201);
  // What was refused is not done later either.
  expect([...(await admin`select title from outer_tasks`)]).toEqual([{ title: 'afterwards' }]);
});
