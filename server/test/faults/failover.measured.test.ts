// A primary that is killed, and its standby that takes over, with both hosts in DATABASE_URL.
import { expect, test } from 'vitest';
import { freePort } from './cluster.ts';
import { failOver, startFailoverLoad } from './failoverLoad.ts';
import { startPair, untilStreaming } from './pair.ts';
import { startProxy } from './proxy.ts';
import { call, register, startServer } from './servers.ts';

/** In the gate once in each direction. */
const FAILOVERS = Number(process.env.FAILOVERS ?? 2);
const pair = await startPair();

test('#742 the primary of two hosts is killed in both directions: nothing acknowledged is lost, nothing hangs, and writes, streams, keys and background work go on', {
  timeout: 600_000 + FAILOVERS * 60_000,
}, async () => {
  const load = await startFailoverLoad(pair.url);
  const times = await failOver(pair, load, FAILOVERS, () => pair.primary.kill());
  await load.expectJobsDone();
  const ours = await pair.standby.sql`
    select application_name from pg_stat_activity where application_name like 'stepwise%'`;
  expect([...ours], 'connections to the standby').toEqual([]);
  const facts = await load.end(pair.primary.sql);
  console.log(`${FAILOVERS} failovers:`, facts, 'ms:', times);
});

test('#750 a primary of which nothing is heard any more is left, also when it is heard again', async () => {
  await startEmpty();
  const [former, proxy] = [pair.primary, await startProxy(pair.primary.port)];
  const load = await startFailoverLoad(
    `postgres://postgres@127.0.0.1:${proxy.port},127.0.0.1:${pair.standby.port}/postgres`,
  );
  await load.acknowledges(300);
  await proxy.set('blackhole');
  proxy.silence();
  await load.refuses(24);
  const since = await pair.promote();
  const written = await load.writesAgain(since);
  await load.expectKeysKnown();
  await proxy.set('pass');
  const [heard] = await former.sql`select now() as at`;
  // They are made anew, and could go back.
  await pair.primary.sql`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'stepwise%'`;
  await load.acknowledges(300);
  // What was under way there when it was cut off still waits for a standby.
  const back = await former.sql`
    select query from pg_stat_activity
    where application_name = 'stepwise' and query like '%outer_tasks%' and backend_start > ${heard?.at}`;
  expect([...back]).toEqual([]);
  const facts = await load.end(pair.primary.sql);
  console.log('a primary that is cut off:', facts, 'everybody writes again after ms:', written);
  await former.kill();
  await pair.rebuild();
});

test('#749 with one address that is pointed at the primary the same holds', async () => {
  await startEmpty();
  const proxy = await startProxy(pair.primary.port);
  const load = await startFailoverLoad(`postgres://postgres@127.0.0.1:${proxy.port}/postgres`);
  const times = await failOver(
    pair,
    load,
    2,
    () => pair.primary.kill(),
    () => proxy.point(pair.primary.port),
  );
  const facts = await load.end(pair.primary.sql);
  console.log('2 failovers behind one address:', facts, 'ms:', times);
});

test('#747 with an asynchronous standby what it had not received is lost, and nothing else', async () => {
  await startEmpty();
  await pair.becomeAsynchronous();
  const server = await startServer({
    PORT: String(await freePort()),
    DATABASE_URL: pair.url,
    RATE_LIMIT: 'off',
  });
  const token = await register(server.url, 'ann');
  const send = (title: string, key: string) =>
    call(server.url, 'POST', '/outherTasks', token, { title }, { 'idempotency-key': key });
  expect(await send('received', 'first')).toMatchObject({ status: 201 });
  await untilStreaming(pair.primary, 'async');

  // It falls behind, as by a network that is too slow.
  await pair.standby.sql`alter system set primary_conninfo = ''`;
  await pair.standby.sql`select pg_reload_conf()`;
  await expect.poll(() => pair.standby.sql`select from pg_stat_wal_receiver`).toHaveLength(0);
  const acknowledged: string[] = [];
  for (let n = 0; n < 50; n++)
    if ((await send(`lost ${n}`, `key-${n}`)).status === 201) acknowledged.push(`lost ${n}`);
  expect(acknowledged).toHaveLength(50);
  await pair.primary.kill();
  await pair.promote();
  await expect.poll(() => call(server.url, 'GET', '/readyz').then(({ status }) => status)).toBe(200);

  const titles = async () =>
    (await pair.primary.sql`select title from outer_tasks order by id`).map(({ title }) => title);
  expect(await titles()).toEqual(['received']);
  console.log(
    `asynchronous: of ${acknowledged.length + 1} acknowledged writes ${acknowledged.length} were lost`,
  );
  // What is not known any more is done when it is sent again, once.
  expect(await send('received', 'first')).toMatchObject({ status: 201 });
  for (const n of [0, 0, 1]) expect(await send(`lost ${n}`, `key-${n}`)).toMatchObject({ status: 201 });
  expect(await titles()).toEqual(['received', 'lost 0', 'lost 1']);
});

/** What the test before left is gone. */
async function startEmpty(): Promise<void> {
  await pair.primary.sql`drop schema if exists public, drizzle, pgboss cascade`;
  await pair.primary.sql`create schema public`;
}
