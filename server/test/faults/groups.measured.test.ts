// Small changes that PostgreSQL commits together (db/postgres/groupCommit.ts): nobody notices whom they share a transaction with.
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { startCluster } from './cluster.ts';
import { watchLateness } from './lateness.ts';
import { startProxy } from './proxy.ts';
import { seeded } from './random.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('groups');
const proxy = await startProxy(cluster.port);
const admin = postgres(url, { max: 2, onnotice: () => {} });
await admin`create table rows (name text primary key, part int not null)`;
await admin`create table turns (owner int primary key)`;
await admin`insert into turns select generate_series(1, 40)`;
const direct = openPostgres(url, 10);
const proxied = openPostgres(url.replace(`:${cluster.port}/`, `:${proxy.port}/`), 10);
afterAll(() => Promise.all([admin.end({ timeout: 1 }), direct.close(), proxied.close()]));

const add = (db: typeof direct.db, name: string, part: number | string = 1) =>
  db.executePrepared(
    {
      name: 'rows.add',
      mode: 'grouped-write',
      text: 'insert into rows values ($1, $2::text::int) returning name, xmin::text as transaction',
    },
    [name, String(part)],
  ) as Promise<{ name: string; transaction: string }[]>;

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}-${n}`);
const stored = async (prefix: string): Promise<string[]> =>
  (await admin`select name from rows where name like ${`${prefix}-%`} order by name`).map(({ name }) => name);

/** After a group was rolled back all are run by themselves for a while. */
async function untilGrouped(): Promise<void> {
  const transactions = async () => {
    const rows = await Promise.all(
      names('grouped', 20).map((name) => add(direct.db, `${name}-${Math.random()}`)),
    );
    return new Set(rows.map(([row]) => row?.transaction)).size;
  };
  await expect.poll(transactions).toBeLessThan(10);
}

test('what comes at once is committed together, and each gets its own rows', async () => {
  const answers = await Promise.all(names('at-once', 100).map((name) => add(direct.db, name)));
  expect(answers.map(([row, ...others]) => [row?.name, others.length])).toEqual(
    names('at-once', 100).map((name) => [name, 0]),
  );
  expect(new Set(answers.map(([row]) => row?.transaction)).size).toBeLessThan(10);
  expect(await stored('at-once')).toHaveLength(100);
});

test('what one of them fails for, it fails for alone', async () => {
  await untilGrouped();
  await add(direct.db, 'fail-7');
  const outcomes = await Promise.allSettled(
    names('fail', 40).map((name, n) => add(direct.db, name, n === 20 ? 'twenty' : n)),
  );
  const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'done'));
  expect(codes).toEqual(names('fail', 40).map((_, n) => (n === 7 ? '23505' : n === 20 ? '22P02' : 'done')));
  expect((await stored('fail')).sort()).toEqual(
    names('fail', 40)
      .filter((name) => name !== 'fail-20')
      .sort(),
  );
});

test('a lock that one of them waits for holds up no others', async () => {
  await untilGrouped();
  const held = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const holder = admin.begin(async (tx) => {
    await tx`select from turns where owner = 5 for update`;
    held.resolve();
    await release.promise;
  });
  await held.promise;
  const [start, lateMs] = [performance.now(), watchLateness()];
  const done = new Set<number>();
  const all = Array.from({ length: 40 }, async (_, index) => {
    const owner = index + 1;
    const text = `with turn as (select from turns where owner = $2::text::int for update)
      insert into rows select $1, 1 where (select count(*) from turn) = 1 returning name`;
    const rows = await direct.db.executePrepared({ name: 'rows.locked', mode: 'grouped-write', text }, [
      `turn-${owner}`,
      String(owner),
    ]);
    expect(rows).toEqual([{ name: `turn-${owner}` }]);
    done.add(owner);
  });
  await expect.poll(() => done.size).toBe(39);
  expect(performance.now() - start - lateMs()).toBeLessThan(1500);
  expect(done.has(5)).toBe(false);
  release.resolve();
  await Promise.all([holder, ...all]);
});

test('where the connection of groups is not to be had, changes are made without it', async () => {
  const { db, close } = openPostgres(url.replace(`:${cluster.port}/`, `:${proxy.port}/`), 10);
  const sleep = { name: 'rows.sleep', mode: 'write', text: 'select pg_sleep(0.2)' } as const;
  // More than there are connections for: all of those are open then.
  await Promise.all(Array.from({ length: 20 }, () => db.executePrepared(sleep, [])));
  await proxy.set('rst');
  const made = await Promise.allSettled(names('without', 20).map((name) => add(db, name)));
  await proxy.set('pass');
  expect(made.map((each) => (each.status === 'rejected' ? each.reason.code : 'done'))).toEqual(
    Array(20).fill('done'),
  );
  await close();
});

test('of a group that is rolled back after a long time nobody has to wait for another try', async () => {
  await untilGrouped();
  const text = `with slow as materialized (select pg_sleep($3::text::float8) is null as woken)
    insert into rows select $1, $2::text::int from slow returning name`;
  const outcomes = await Promise.allSettled(
    names('late', 20).map((name, n) =>
      direct.db.executePrepared({ name: 'rows.late', mode: 'grouped-write', text }, [
        name,
        n === 15 ? 'fifteen' : '1',
        n === 14 ? '1.2' : '0',
      ]),
    ),
  );
  const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'done'));
  // The first two were run by themselves, as nothing was under way.
  expect(codes).toEqual(names('late', 20).map((_, n) => (n < 2 ? 'done' : 'QUERY_TIMEOUT')));
  expect(await stored('late')).toEqual(['late-0', 'late-1']);
});

test('#177 #180 of groups whose connection is lost, no change is told that it is done and is not, and none is done later', async () => {
  const random = seeded(177);
  const outcomes = new Map<string, string>();
  let over = false;
  const before = proxy.accepted();
  await proxy.set({
    cutAfter: () => 2000 + Math.floor(random() * 30_000),
    by: () => (random() < 0.5 ? 'fin' : 'rst'),
  });
  const writers = Array.from({ length: 40 }, async (_, writer) => {
    for (let n = 0; !over; n++) {
      const name = `cut-${writer}-${n}`;
      outcomes.set(
        name,
        await add(proxied.db, name).then(
          ([row]) => (row?.name === name ? 'done' : 'wrong'),
          ({ code }) => code,
        ),
      );
    }
  });
  await expect.poll(() => proxy.accepted() - before).toBeGreaterThan(100);
  over = true;
  await Promise.all(writers);
  await proxy.set('pass');
  const kept = await stored('cut');
  const told = [...outcomes].filter(([, outcome]) => outcome === 'done').map(([name]) => name);
  const codes = new Set(outcomes.values());
  console.log(`${told.length} acknowledged, ${outcomes.size - told.length} failed: ${[...codes]}`);
  expect(told.length).toBeGreaterThan(100);
  expect(outcomes.size - told.length).toBeGreaterThan(40);
  expect(told.filter((name) => !kept.includes(name))).toEqual([]);
  expect(
    [...codes].filter(
      (code) => !/^(done|CONNECTION_CLOSED|ECONNRESET|ACQUIRE_TIMEOUT|TRANSACTION_CLOSED|EPIPE)$/.test(code),
    ),
  ).toEqual([]);
  // The pool works as before, and what was refused has not been waiting in it.
  proxy.breakAll('rst');
  await expect
    .poll(async () =>
      (await Promise.allSettled(names(`after-${random()}`, 64).map((name) => add(proxied.db, name)))).map(
        (o) => o.status,
      ),
    )
    .toEqual(Array(64).fill('fulfilled'));
  expect(await stored('cut')).toEqual(kept);
});
