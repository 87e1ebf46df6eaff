// The server behind a network that breaks between it and PostgreSQL.
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { freePort, startCluster } from './cluster.ts';
import { expectStored, newJournal, writeOne } from './journal.ts';
import { watchLateness } from './lateness.ts';
import { type Fault, startProxy } from './proxy.ts';
import { seeded } from './random.ts';
import { call, register, startServer, waitUntilReady } from './servers.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('network');
const proxy = await startProxy(cluster.port);
const server = await startServer({
  PORT: String(await freePort()),
  DATABASE_URL: url.replace(`:${cluster.port}/`, `:${proxy.port}/`),
});
const admin = postgres(url, { max: 1 });
afterAll(() => admin.end({ timeout: 1 }));
// Calls of one user wait for each other; these shall not.
const tokens: string[] = [];
for (let n = 0; n < 10; n++) tokens.push(await register(server.url, `somebody-${n}`));
const random = seeded(1800);

const FAULTS: [string, Fault | 'silence'][] = [
  ['nobody listens', 'refuse'],
  ['FIN after accept', 'fin'],
  ['RST after accept', 'rst'],
  ['a black hole', 'blackhole'],
  [
    'connections cut at random',
    { cutAfter: () => Math.floor(random() * 40_000), by: () => (random() < 0.5 ? 'fin' : 'rst') },
  ],
  ['300 ms of delay', { delay: 300 }],
  ['1 KB a second', { rate: 1024 }],
  ['open connections that fall silent', 'silence'],
];

test.each(FAULTS)(
  '#180 %s: every call is answered within 5 s, by success or 503, and all is well within 5 s after',
  async (name, fault) => {
    const journal = newJournal();
    if (fault === 'silence') proxy.silence();
    else {
      await proxy.set(fault);
      // Also the connections that the server has already.
      proxy.breakAll('rst');
    }
    const lateMs = watchLateness();
    let slowest = 0;
    const caller = async (token: string, writer: number) => {
      for (let n = 0; n < 3; n++) {
        const { ms } = await writeOne(server.url, token, `${name}-${writer}-${n}`, n % 2 === 1, journal);
        slowest = Math.max(slowest, ms);
      }
    };
    await Promise.all(tokens.map(caller));
    expect((await call(server.url, 'GET', '/livez')).status).toBe(200);
    await proxy.set('pass');
    proxy.breakAll('fin');
    const readyAgain = await waitUntilReady(server.url);
    console.log(
      name,
      journal.statuses,
      `slowest ${Math.round(slowest)} ms, ready again after ${Math.round(readyAgain)} ms`,
    );
    expect(journal.wrong).toEqual([]);
    expect(slowest - lateMs()).toBeLessThan(5000);
    expect(readyAgain - lateMs()).toBeLessThan(5000);
    expect(server.ended()).toBeUndefined();
    await expect
      .poll(
        async () =>
          (await writeOne(server.url, tokens[0] as string, `${name}-afterwards`, false, journal)).status,
      )
      .toBe(201);
    await expectStored(admin, journal);
  },
);
