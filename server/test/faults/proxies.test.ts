// Proxies in front of servers: connections that they keep open between requests, and streams that they pass on. The tests
// mostly wait, so all of them run at the same time.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openStream } from '../streams.ts';
import { freePort, startCluster } from './cluster.ts';
import { startHaproxy } from './haproxy.ts';
import { startNginx } from './nginx.ts';
import { call, folder, register, startServer } from './servers.ts';

const cluster = await startCluster();
const DATABASE_URL = await cluster.createDatabase('streams');
const start = async () =>
  startServer({ PORT: String(await freePort()), DATABASE_URL, RATE_LIMIT: 'off', MIGRATE_AT_START: 'true' });
/** Two servers on one database, and one on its embedded database. */
const one = await start();
const two = await start();
const [front, back, stats] = [await freePort(), await freePort(), await freePort()];
const server = await startServer({
  PORT: String(back),
  DATA_DIR: join(folder, 'balanced'),
  RATE_LIMIT: 'off',
});

const addTask = (to: string, token: string, title = 't') =>
  call(to, 'POST', '/outherTasks', token, { title });

const url = `http://127.0.0.1:${front}`;
// One that keeps what it has opened for longer than it is idle here, and never asks a second time.
await startHaproxy(
  `global
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 100s
  timeout server 100s
  option http-keep-alive
  http-reuse always
  retries 0
  default-server pool-purge-delay 1000s pool-max-conn 100
listen app
  bind 127.0.0.1:${front}
  server s0 127.0.0.1:${back}
listen stats
  bind 127.0.0.1:${stats}
  stats enable
  stats uri /
`,
  url,
);

/** @returns how often each status came back to so many requests, twenty at a time */
async function ask(requests: number): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  let left = requests;
  const worker = async () => {
    while (left-- > 0) {
      const { status } = await call(url, 'GET', '/livez');
      seen[status] = (seen[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 20 }, worker));
  return seen;
}

/** @returns how many connections to the server the balancer has made */
async function made(): Promise<number> {
  const { body } = await call(`http://127.0.0.1:${stats}`, 'GET', '/;csv');
  const [names = '', ...lines] = String(body).split('\n');
  const line = lines.find((text) => text.startsWith('app,s0,'))?.split(',');
  return Number(line?.[names.split(',').indexOf('connect')]);
}

test.concurrent('#128 behind a balancer that reuses connections, also after a minute without a request, none fails', async () => {
  expect(await ask(9000)).toEqual({ 200: 9000 });
  const before = await made();
  await sleep(60_000);
  expect(await ask(1000)).toEqual({ 200: 1000 });
  expect(await made(), 'the server closed none in that minute').toBe(before);
  expect(server.ended()).toBeUndefined();
});

// #158: The proxy is haproxy.
test.concurrent('#158 through a proxy it begins at once, every event comes as it happens, and every 20 s a sign of life', async () => {
  const front = await freePort();
  const url = `http://127.0.0.1:${front}`;
  await startHaproxy(
    `defaults
  mode http
  timeout connect 2s
  timeout client 25s
  timeout server 25s
listen app
  bind 127.0.0.1:${front}
  server s0 ${new URL(one.url).host}
`,
    url,
  );
  const token = await register(one.url, 'proxied');
  const readers = await Promise.all(
    ['/events', '/trpc/events.stream'].map((path) => openStream(url, path, { token })),
  );
  for (const reader of readers) expect(await reader.next()).toMatchObject({ event: { type: 'ready' } });
  const silent = readers.map((reader) => reader.next());
  // Longer than the proxy waits in silence.
  await Promise.race([...silent, sleep(27_000)]);
  await addTask(two.url, token);
  for (const next of silent) expect(await next).toMatchObject({ event: { type: 'task.created' } });
  for (const reader of readers) reader.leave();
  expect(readers[0]?.others).toContain(': ping');
  expect(readers[1]?.others).toContain('event: ping\ndata: ');
});

test.concurrent.each([
  {
    name: 'haproxy',
    start: async (front: number) =>
      startHaproxy(
        `defaults
  mode http
  timeout connect 2s
  timeout client 25s
  timeout server 25s
listen app
  bind 127.0.0.1:${front}
  filter compression
  compression algo gzip
  server s0 ${new URL(one.url).host}
`,
        `http://127.0.0.1:${front}`,
      ),
  },
  {
    name: 'nginx',
    start: async (front: number) =>
      startNginx(
        `gzip on; gzip_types *; gzip_proxied any; gzip_min_length 0;
  server { listen 127.0.0.1:${front}; location / { proxy_pass ${one.url}; } }`,
        `http://127.0.0.1:${front}`,
      ),
  },
])(
  '#253 through $name that compresses everything a stream begins at once, and every event comes when it happens',
  async ({ name, start }) => {
    const front = await freePort();
    await start(front);
    const url = `http://127.0.0.1:${front}`;
    const compressed = await fetch(`${url}/openapi.json`, { headers: { 'accept-encoding': 'gzip' } });
    expect(compressed.headers.get('content-encoding')).toBe('gzip');
    await compressed.body?.cancel();
    const token = await register(one.url, `compressed-${name}`);
    for (const path of ['/events', '/trpc/events.stream']) {
      const reader = await openStream(url, path, { token }, undefined, {
        accept: 'text/event-stream',
        'accept-encoding': 'gzip',
      });
      expect(await reader.next()).toMatchObject({ event: { type: 'ready' } });
      for (const title of ['one', 'two', 'three']) {
        await addTask(two.url, token, title);
        expect(await reader.next()).toMatchObject({ event: { type: 'task.created', data: { title } } });
      }
      reader.leave();
    }
  },
);
