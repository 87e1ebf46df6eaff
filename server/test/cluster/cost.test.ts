// What an instance costs: processor time, memory and connections, by itself and as one of three.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { repeatUntilStopped } from '../faults/load.ts';
import { call, register } from '../faults/servers.ts';
import { openStream } from '../streams.ts';
import { startInstances } from './instances.ts';

const { servers, sql } = await startInstances({ TRUST_PROXY: '127.0.0.1', JOBS: 'off' });

const SHELF = Array.from({ length: 20 }, (_, n) => ({
  type: 'book',
  name: `a book of mine, the number ${n}`,
  description: '',
  volume: 300,
}));

/** Linux counts processor time in hundredths of a second (USER_HZ). */
const TICK = 10;

/** @returns milliseconds of processor time that the process has taken */
function spent(pid: number): number {
  const [, after = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const fields = after.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

const ofServers = () => servers.reduce((sum, { child }) => sum + spent(child.pid as number), 0);

/** Of PostgreSQL's processes that are there now: the servers keep their connections. */
async function ofDatabase(): Promise<number> {
  const processes = await sql`select pid from pg_stat_activity`;
  return processes.reduce((sum, { pid }) => sum + spent(pid), 0);
}

const resident = () => servers.map((server) => Math.round(server.rss())).join(', ');
console.log(`resident after the start: ${resident()} MB`);

/** Limits are counted, and nobody meets them: these people come from as many addresses. */
const tokens: string[] = [];
for (let n = 0; n < 30; n++) tokens.push(await register(servers[0].url, `cost-${n}`));
for (const token of tokens) await call(servers[0].url, 'POST', '/resources/bulk', token, SHELF);

interface Cost {
  readonly requests: number;
  /** Milliseconds that all instances took of the processor, and that PostgreSQL did. */
  readonly processor: number;
  readonly database: number;
  readonly seconds: number;
}

/** @returns milliseconds of processor time a request */
function tell(who: string, costs: readonly Cost[]): number {
  const sum = (key: keyof Cost) => costs.reduce((sum, cost) => sum + cost[key], 0);
  const [each, database, rate] = [
    sum('processor') / sum('requests'),
    sum('database') / sum('requests'),
    sum('requests') / sum('seconds'),
  ];
  console.log(
    `${who}: ${each.toFixed(2)} ms of processor time a request and ${database.toFixed(2)} ms of PostgreSQL's, at ${Math.round(rate)} a second`,
  );
  return each;
}

/**
 * So many callers, each with one request at a time: nine reads of twenty resources to one new task.
 * @param pause milliseconds between a caller's requests
 */
async function load(
  urls: readonly string[],
  callers: number,
  pause: number,
  duration: number,
): Promise<Cost> {
  let requests = 0;
  const [before, databaseBefore] = [ofServers(), await ofDatabase()];
  const begin = performance.now();
  const stop = repeatUntilStopped(callers, async (caller, n) => {
    const url = urls[(caller + n) % urls.length] as string;
    const who = (caller + callers * n) % tokens.length;
    const from = { 'x-forwarded-for': `192.0.2.${who}` };
    const { status } =
      n % 10 === 9
        ? await call(url, 'POST', '/outherTasks', tokens[who], { title: 'a task of mine' }, from)
        : await call(url, 'GET', '/resources?limit=20', tokens[who], undefined, from);
    expect(status).toBe(n % 10 === 9 ? 201 : 200);
    requests++;
    if (pause > 0) await sleep(pause);
  });
  await sleep(duration * 1000);
  await stop();
  const seconds = (performance.now() - begin) / 1000;
  return {
    requests,
    processor: ofServers() - before,
    database: (await ofDatabase()) - databaseBefore,
    seconds,
  };
}

test('a request costs three instances what it costs one that has as much to do as each of them', async () => {
  const urls = servers.map(({ url }) => url);
  // So that all of it is compiled.
  await load(urls, 12, 0, 6);
  // By turns, so that what else the machine does meets both.
  const one: Cost[] = [];
  const three: Cost[] = [];
  const all: Cost[] = [];
  for (let turn = 0; turn < 9; turn++) {
    const alone = urls.slice(turn % 3, (turn % 3) + 1);
    one.push(await load(alone, 4, 30, 1));
    three.push(await load(urls, 12, 30, 1));
    all.push(await load(alone, 12, 30, 1));
  }
  const ratio = tell('three instances', three) / tell('one, with a third of the callers', one);
  console.log(`ratio ${ratio.toFixed(2)}`);
  // With more to do in a turn of the event loop each is done for less.
  tell('one, with all callers', all);
  tell('one, as much as it can', [await load(urls.slice(0, 1), 12, 0, 3)]);
  tell('three, as much as they can', [await load(urls, 12, 0, 3)]);
  // Wide: who shares the machine shares its caches and its clock rate, too.
  expect(ratio).toBeLessThan(1.5);
});

test('what an instance takes of memory and of connections', async () => {
  const connections = async () =>
    Number(
      (await sql`select count(*) as n from pg_stat_activity where application_name like 'stepwise%'`)[0]?.n,
    );
  console.log(`resident after load: ${resident()} MB; connections of all: ${await connections()}`);
  const before = servers[1].rss();
  const readers = await Promise.all(
    tokens.flatMap((each) =>
      Array.from({ length: 10 }, () => openStream(servers[1].url, '/events', { token: each })),
    ),
  );
  expect(new Set(readers.map(({ status }) => status))).toEqual(new Set([200]));
  for (const reader of readers) await reader.next();
  await sleep(1000);
  const each = ((servers[1].rss() - before) * 1024) / readers.length;
  console.log(
    `${readers.length} idle streams: ${Math.round(each)} kB each; connections of all: ${await connections()}`,
  );
  expect(each).toBeLessThan(250);
  // Ten of each pool, and one that listens where there are streams.
  expect(await connections()).toBeLessThanOrEqual(31);
  for (const reader of readers) reader.leave();
});
