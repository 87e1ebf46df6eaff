// The bound and the second try that db/limiter.ts puts around the driver.
import { sql as raw } from 'drizzle-orm';
import postgres from 'postgres';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { databaseCode } from '../../src/db/errors.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { startCluster } from './cluster.ts';
import { watchLateness } from './lateness.ts';

const cluster = await startCluster();
const url = await cluster.createDatabase('gate');
const admin = postgres(url, { max: 4 });
await admin`create table rows (id int primary key, n int not null default 0)`;
await admin`insert into rows values (1), (2)`;
afterAll(() => admin.end({ timeout: 1 }));

const codeOf = (promise: PromiseLike<unknown>): Promise<string> =>
  Promise.resolve(promise).then(
    () => 'done',
    (error) => databaseCode(error) ?? String(error),
  );

/** @returns when a session of that application waits for a lock */
const waitsForLock = (application: string) =>
  expect
    .poll(
      async () =>
        (
          await admin`select from pg_stat_activity where application_name = ${application} and wait_event_type = 'Lock'`
        ).length,
    )
    .toBe(1);

test('#181 beyond 500 calls that wait for a connection the next is refused at once, and a transaction too', async () => {
  const { db, close } = openPostgres(url, 1);
  onTestFinished(close);
  const goOn = Promise.withResolvers<void>();
  const inside = Promise.withResolvers<void>();
  const holder = db.transaction(async (tx) => {
    await tx.execute(raw`select 1`);
    inside.resolve();
    await goOn.promise;
  });
  await inside.promise;
  const waiting = Array.from({ length: 500 }, () => codeOf(db.execute(raw`select 1`)));
  const [start, lateMs] = [performance.now(), watchLateness()];
  expect(await codeOf(db.execute(raw`select 1`))).toBe('QUEUE_FULL');
  expect(await codeOf(db.transaction((tx) => tx.execute(raw`select 1`)))).toBe('QUEUE_FULL');
  expect(performance.now() - start - lateMs()).toBeLessThan(500);
  goOn.resolve();
  expect(await codeOf(holder)).toBe('done');
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['done']));
  expect(await codeOf(db.execute(raw`select 1`))).toBe('done');
});

test('#173 a statement that loses a deadlock is run again; a transaction that does is not', async () => {
  const { db, close } = openPostgres(url, 1);
  onTestFinished(close);
  // Locks row 1, then waits for row 2, which the other side has; when that one asks for row 1, the first to wait loses.
  const both = raw`with first as (update rows set n = n + 1 where id = 1 returning id)
    update rows set n = n + 1 where id = 2 and exists (select from first)`;
  const against = async (call: () => PromiseLike<unknown>) => {
    let code: Promise<string> | undefined;
    await admin.begin(async (tx) => {
      await tx`update rows set n = n + 1 where id = 2`;
      code = codeOf(call());
      await waitsForLock('stepwise');
      await tx`update rows set n = n + 1 where id = 1`;
    });
    return code;
  };
  expect(await against(() => db.execute(both))).toBe('done');
  expect([...(await admin`select n from rows order by id`)].map(({ n }) => n)).toEqual([2, 2]);
  expect(await against(() => db.transaction((tx) => tx.execute(both)))).toBe('40P01');
  expect([...(await admin`select n from rows order by id`)].map(({ n }) => n)).toEqual([3, 3]);
});
