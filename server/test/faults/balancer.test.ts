// Connections that a balancer keeps open between requests, to a server on its embedded database.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { freePort } from './cluster.ts';
import { startHaproxy } from './haproxy.ts';
import { call, folder, startServer } from './servers.ts';

const [front, back, stats] = [await freePort(), await freePort(), await freePort()];
const server = await startServer({
  PORT: String(back),
  DATA_DIR: join(folder, 'balanced'),
  RATE_LIMIT: 'off',
});

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

test('#128 behind a balancer that reuses connections, also after a minute without a request, none fails', async () => {
  expect(await ask(9000)).toEqual({ 200: 9000 });
  const before = await made();
  await sleep(60_000);
  expect(await ask(1000)).toEqual({ 200: 1000 });
  expect(await made(), 'the server closed none in that minute').toBe(before);
  expect(server.ended()).toBeUndefined();
});
