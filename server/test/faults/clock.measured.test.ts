// The clock of the server's machine jumps; that of PostgreSQL does not. (libfaketime, with a file that says by how much.)
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort, startCluster } from './cluster.ts';
import { call, folder, register, signIn, startServer } from './servers.ts';

const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';
const cluster = await startCluster();
const shift = join(folder, 'shift');
const jump = (seconds: number) => writeFileSync(shift, `${seconds < 0 ? '' : '+'}${seconds}\n`);
jump(0);
const server = await startServer({
  PORT: String(await freePort()),
  DATABASE_URL: await cluster.createDatabase('clock'),
  LD_PRELOAD: FAKETIME,
  FAKETIME_TIMESTAMP_FILE: shift,
  FAKETIME_NO_CACHE: '1',
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
  DONT_FAKE_MONOTONIC: '1',
});

const me = async (token: string) => (await call(server.url, 'GET', '/users/me', token)).status;
const now = async () => Date.parse((await call(server.url, 'GET', '/health')).body.timestamp);

// #187: libfaketime in the server's process.
test('#187 when the clock jumps an hour ahead tokens have run out, new ones are good, and waits for guesses are what they were', async () => {
  const token = await register(server.url, 'ahead');
  expect(await me(token)).toBe(200);
  for (let failure = 0; failure < 7; failure++) await signIn(server.url, 'ahead', 'not her pass phrase');
  const before = await signIn(server.url, 'ahead');
  expect(before.status).toBe(429);
  jump(3600);
  expect(await now()).toBeGreaterThan(Date.now() + 3_500_000);
  expect(await me(token)).toBe(401);
  const still = await signIn(server.url, 'ahead');
  expect(still.status).toBe(429);
  expect(Number(still.retryAfter)).toBeLessThanOrEqual(Number(before.retryAfter));
  await expect
    .poll(() => signIn(server.url, 'ahead').then(({ status }) => status), { interval: 250 })
    .toBe(200);
  expect(await me((await signIn(server.url, 'ahead')).body.access_token)).toBe(200);
  jump(0);
  // A token of the hour to come is no token yet.
  expect(await me(token)).toBe(200);
});

test('#187 when it jumps an hour back tokens of the future are refused, and timers go on', async () => {
  const token = await register(server.url, 'back');
  jump(-3600);
  expect(await now()).toBeLessThan(Date.now() - 3_500_000);
  expect(await me(token)).toBe(401);
  const fresh = (await signIn(server.url, 'back')).body.access_token;
  expect(await me(fresh)).toBe(200);
  expect((await call(server.url, 'POST', '/outherTasks', fresh, { title: 'an hour ago' })).status).toBe(201);
  jump(0);
  expect(await me(fresh)).toBe(401);
  expect(await me(token)).toBe(200);
  expect(await server.end('SIGTERM')).toBe(0);
});
