// What PostgreSQL itself refuses or ends: too slow, locked, too many connections, read-only.

import { sql as raw } from 'drizzle-orm';
import postgres from 'postgres';
import { afterAll, afterEach, expect, onTestFinished, test } from 'vitest';
import { databaseCode } from '../../src/db/errors.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { freePort, startCluster } from './cluster.ts';
import { expectStored, newJournal, writeOne } from './journal.ts';
import { watchLateness } from './lateness.ts';
import { repeatUntilStopped } from './load.ts';
import { startProxy } from './proxy.ts';
import { type Answer, call, register, signIn, startServer, waitUntilReady } from './servers.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('refusals');
const proxy = await startProxy(cluster.port);
const server = await startServer({
  PORT: String(await freePort()),
  DATABASE_URL: url.replace(`:${cluster.port}/`, `:${proxy.port}/`),
  DATABASE_POOL_SIZE: '4',
  RATE_LIMIT: 'off',
});
const admin = postgres(url, { max: 2, onnotice: () => {} });
afterAll(() => admin.end({ timeout: 1 }));
const token = await register(server.url, 'somebody');
afterEach(() => expect(server.ended()).toBeUndefined());

const backends = async () =>
  (await admin`select pid from pg_stat_activity where application_name = 'stepwise' order by pid`).map(
    ({ pid }) => pid as number,
  );
const terminateAll = () =>
  admin`select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'stepwise'`;
const unavailable = { status: 503, retryAfter: '1', body: { code: 'UNAVAILABLE' } };
const write = (title: string) => call(server.url, 'POST', '/outherTasks', token, { title });
const read = () => call(server.url, 'GET', '/outherTasks', token);
const writes = (title: string) => expect.poll(() => write(title).then(({ status }) => status)).toBe(201);

test('#177 when every backend is terminated under load, calls succeed or get 503, and nothing acknowledged is lost', async () => {
  const journal = newJournal();
  const reads: Answer[] = [];
  const stop = repeatUntilStopped(8, async (caller, n) => {
    await writeOne(server.url, token, `terminated-${caller}-${n}`, n % 2 === 1, journal);
    reads.push(await read());
  });
  for (let round = 0; round < 10; round++) {
    const enough = journal.acknowledged.length + 20;
    await expect.poll(() => journal.acknowledged.length, { interval: 10 }).toBeGreaterThan(enough);
    await terminateAll();
  }
  await stop();
  console.log('ten times all backends terminated', journal.statuses);
  expect(journal.wrong).toEqual([]);
  expect(reads.filter(({ status, retryAfter }) => status !== 200 && !(status === 503 && retryAfter))).toEqual(
    [],
  );
  expect(reads.filter(({ body }) => JSON.stringify(body).includes('127.0.0.1'))).toEqual([]);
  await waitUntilReady(server.url);
  await expectStored(admin, journal);
});

test('#182 a statement that is too slow, or waits too long for a lock, is 503 in time and leaves the connection as it was', async () => {
  await admin.unsafe(`
    create function sleeps() returns trigger language plpgsql as $$ begin perform pg_sleep(30); return new; end $$;
    create trigger sleeps before insert on outer_tasks for each row when (new.title = 'slow') execute function sleeps();`);
  await writes('before');
  const before = await backends();
  const lateMs = watchLateness();
  const slow = await write('slow');
  expect(slow).toMatchObject(unavailable);
  expect(slow.ms - lateMs()).toBeLessThan(5000);
  const locked = await admin.begin(async (tx) => {
    await tx`lock table outer_tasks in access exclusive mode`;
    return write('locked');
  });
  expect(locked).toMatchObject(unavailable);
  expect(locked.ms - lateMs()).toBeLessThan(5000);
  expect((await write('after')).status).toBe(201);
  expect(await backends(), 'no connection was given up').toEqual(before);
  expect((await admin`select title from outer_tasks where title in ('slow', 'locked')`).length).toBe(0);
  // The next user of the same connections has the whole of both timeouts again.
  const { db, close } = openPostgres(url, 1);
  onTestFinished(close);
  const settings = () =>
    db.execute(raw`select current_setting('statement_timeout') as s, current_setting('lock_timeout') as l`);
  const usual = [...((await settings()) as unknown as object[])];
  await expect(db.execute(raw`select pg_sleep(30)`)).rejects.toMatchObject({ code: '57014' });
  expect([...((await settings()) as unknown as object[])]).toEqual(usual);
  await db.execute(raw`select pg_sleep(2)`);
});

test('#179 a transaction that is idle for too long is ended by PostgreSQL: nothing of it is stored, the pool goes on', async () => {
  await admin`create table idle (name text)`;
  const { db, close } = openPostgres(url, 1);
  onTestFinished(close);
  const idle = db.transaction(async (tx) => {
    await tx.execute(raw`insert into idle values ('first')`);
    const [row] = (await tx.execute(raw`select pg_backend_pid() as pid`)) as unknown as { pid: number }[];
    const gone = () => admin`select from pg_stat_activity where pid = ${row?.pid as number}`;
    await expect.poll(gone).toHaveLength(0);
    await tx.execute(raw`insert into idle values ('second')`);
  });
  const code = await idle.then(() => 'done', databaseCode);
  expect(code).toMatch(/CONNECTION_CLOSED|TRANSACTION_CLOSED|25P03/);
  expect(await admin`select name from idle`).toHaveLength(0);
  await db.execute(raw`insert into idle values ('third')`);
  expect([...(await admin`select name from idle`)]).toEqual([{ name: 'third' }]);
});

test('#183 when PostgreSQL has no connection left, calls get 503 without a storm of new ones, and succeed as soon as there is one', async () => {
  const held: postgres.Sql[] = [];
  const holdAll = async () => {
    for (;;) {
      const one = postgres(url, { max: 1, onnotice: () => {} });
      try {
        await one`select 1`;
        held.push(one);
      } catch (error) {
        await one.end({ timeout: 0 });
        return databaseCode(error);
      }
    }
  };
  await holdAll();
  await terminateAll();
  expect(await holdAll()).toBe('53300');
  const before = proxy.accepted();
  const begin = performance.now();
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => write(`crowded-${n}`)));
  const seconds = (performance.now() - begin) / 1000;
  for (const answer of answers) expect(answer).toMatchObject(unavailable);
  console.log(`${proxy.accepted() - before} connections tried in ${seconds.toFixed(1)} s`);
  expect(proxy.accepted() - before).toBeLessThan(40 + 4 * 20 * seconds);
  expect(await call(server.url, 'GET', '/livez')).toMatchObject({ status: 200 });
  await Promise.all(held.map((one) => one.end()));
  await writes('room again');
  await waitUntilReady(server.url);
});

test('#185 on a read-only database writes get 503 and reads succeed', async () => {
  await admin`alter database refusals set default_transaction_read_only = on`;
  await terminateAll();
  await expect.poll(() => read().then(({ status }) => status)).toBe(200);
  expect(await write('read-only')).toMatchObject(unavailable);
  expect(await signIn(server.url, 'somebody')).toMatchObject(unavailable);
  expect(await read()).toMatchObject({ status: 200 });
  expect(await call(server.url, 'GET', '/exercises', token)).toMatchObject({ status: 200 });
  await admin.begin('read write', (tx) => tx`alter database refusals reset default_transaction_read_only`);
  await terminateAll();
  await writes('writable again');
  expect((await admin`select from outer_tasks where title = 'read-only'`).length).toBe(0);
});
