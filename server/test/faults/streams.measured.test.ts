// Streams under stress: many of them, clients that do not read, and notifications that are lost.
// Those through proxies are in proxies.test.ts.
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { openStream } from '../streams.ts';
import { freePort, startCluster } from './cluster.ts';
import { watchLateness } from './lateness.ts';
import { call, register, startServer } from './servers.ts';

const cluster = await startCluster();
const DATABASE_URL = await cluster.createDatabase('streams');
const start = async () =>
  startServer({ PORT: String(await freePort()), DATABASE_URL, RATE_LIMIT: 'off', MIGRATE_AT_START: 'true' });
const one = await start();
const two = await start();
const admin = postgres(DATABASE_URL, { max: 1, onnotice: () => {} });
afterAll(() => admin.end({ timeout: 1 }));

const addTask = (url: string, token: string, title = 't') =>
  call(url, 'POST', '/outherTasks', token, { title });

// #159: The notifications are PostgreSQL's alone, Redis has no part in it.
test('#159 what happens on another instance is heard here, also after the listening connection was lost', async () => {
  const token = await register(one.url, 'ann');
  const reader = await openStream(one.url, '/events', { token });
  expect(await reader.next()).toEqual({ id: 0, event: { type: 'ready' } });
  let written = 0;
  for (let round = 0; round < 6; round++) {
    const waiting = (async () => reader.take(20))();
    const writing = (async () => {
      for (let n = 0; n < 20; ) if ((await addTask(two.url, token)).status === 201) n++;
    })();
    // Three times it is cut off alone, three times with the whole database.
    if (round % 2) await cluster.restart('fast');
    else {
      const cut =
        await admin`select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen events'`;
      expect(cut.length).toBeGreaterThan(0);
    }
    await writing;
    expect((await waiting).map(({ id }) => id)).toEqual(
      Array.from({ length: 20 }, (_, index) => written + index + 1),
    );
    written += 20;
    // Whole again: what is said now comes at once, by the bell.
    await expect
      .poll(
        async () =>
          (await admin`select from pg_stat_activity where query = 'listen events'`.catch(() => [])).length,
      )
      .toBeGreaterThan(0);
  }
  const [before, lateMs] = [performance.now(), watchLateness()];
  await addTask(two.url, token);
  expect(await reader.next()).toMatchObject({ id: written + 1 });
  expect(performance.now() - before - lateMs()).toBeLessThan(1000);
  reader.leave();
});

test('#155 a thousand idle streams cost at most 250 kB each, hold no connection, and leave nothing behind', async () => {
  const tokens: string[] = [];
  // One after the other: on a busy machine hashes that wait would be refused.
  for (let n = 0; n < 100; n++) tokens.push(await register(one.url, `idle-${n}`));
  const connections = async () =>
    (await admin`select from pg_stat_activity where application_name = 'stepwise'`).length;
  const everybody = async () => {
    const readers = [];
    for (const token of tokens)
      readers.push(
        ...(await Promise.all(Array.from({ length: 10 }, () => openStream(one.url, '/events', { token })))),
      );
    expect(new Set(readers.map(({ status }) => status))).toEqual(new Set([200]));
    return readers;
  };
  const open = () => readdirSync(`/proc/${one.child.pid}/fd`).length;
  const [before, atRest] = [one.rss(), open()];
  for (let round = 0; round < 3; round++) {
    const readers = await everybody();
    await sleep(1000);
    const each = ((one.rss() - before) * 1024) / readers.length;
    console.log(`a thousand streams, round ${round + 1}: ${Math.round(each)} kB each`);
    expect(each).toBeLessThan(250);
    // Ten of the pool at most, and the one that listens, for each of two servers.
    expect(await connections()).toBeLessThanOrEqual(22);
    for (const reader of readers) reader.leave();
    await expect.poll(open).toBeLessThan(atRest + 50);
  }
});

test('#156 a reader who does not read costs nothing but a socket, and is told to read everything anew', async () => {
  const token = await register(one.url, 'slow');
  const { port } = new URL(one.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(`GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  const before = one.rss();
  const description = 'x'.repeat(800);
  const resources = Array.from({ length: 1000 }, () => ({ type: 'book', name: 'n', description, volume: 1 }));
  let most = 0;
  for (let n = 0; n < 60; n++) {
    expect((await call(two.url, 'POST', '/resources/bulk', token, resources)).status).toBe(201);
    most = Math.max(most, one.rss() - before);
  }
  const lateMs = watchLateness();
  expect((await call(one.url, 'GET', '/users/me', token)).ms - lateMs()).toBeLessThan(1000);
  console.log(`60,000 events for a reader who does not read: ${Math.round(most)} MB more`);
  expect(most).toBeLessThan(60);
  let text = '';
  socket.on('data', (chunk) => {
    text = (text + chunk).slice(-2000);
  });
  socket.resume();
  await expect.poll(() => text).toMatch(/"type":"resync"\}\nid: 60000\n/);
  await addTask(two.url, token);
  await expect.poll(() => text).toMatch(/"task\.created".*\nid: 60001\n/);
  socket.destroy();
});
