// A migration changes the type of a column that prepared statements answer: PostgreSQL refuses each of them once on each
// connection (0A000), and the driver prepares it again.
import { sql } from 'drizzle-orm';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { CompiledStatement } from '../../src/db/database.ts';
import { databaseCode, isUnavailable } from '../../src/db/errors.ts';
import { openTestDatabase } from '../harness.ts';

const { db, close } = await openTestDatabase();
afterAll(() => close());

const CALLS = Array.from({ length: 24 }, (_, n) => n + 1);

beforeEach(async () => {
  await db.execute(sql`drop table if exists widened`);
  await db.execute(sql`create table widened (id integer, n integer)`);
});

const widen = () => db.execute(sql`alter table widened alter column id type bigint`);

const insert: CompiledStatement = {
  name: 'widened.insert',
  mode: 'grouped-write',
  text: 'insert into widened (id, n) values ($1, 1) returning id',
};
const find: CompiledStatement = {
  name: 'widened.find',
  mode: 'read',
  text: 'select id, n from widened where id = $1',
};

test('#822 writes that are committed together are each made once', async () => {
  const writeAll = () => Promise.all(CALLS.map((id) => db.executePrepared(insert, [id])));
  for (let round = 1; round <= 3; round++) await writeAll();
  await widen();
  expect((await writeAll()).map(([row]) => Number((row as { id: number }).id))).toEqual(CALLS);
  const [found] = await db.execute<{ rows: number }>(sql`select count(*)::int as rows from widened`);
  expect(found?.rows).toBe(4 * CALLS.length);
});

test('#823 reads that are sent one behind the other are all answered', async () => {
  for (const id of CALLS) await db.execute(sql`insert into widened (id, n) values (${id}, ${id})`);
  const readAll = () => Promise.all(CALLS.map((id) => db.executePrepared(find, [id])));
  await readAll();
  await widen();
  expect((await readAll()).map(([row]) => (row as { n: number }).n)).toEqual(CALLS);
});

test('#824 a transaction is refused once, as one that may be tried again, and then made', async () => {
  const id = 1;
  const writeOne = () => db.transaction((tx) => tx.executePrepared(insert, [id]));
  // On every connection.
  const writeAll = () => Promise.allSettled(CALLS.map(writeOne));
  // The first time the table is another one than in the test before.
  for (let round = 1; round <= 2; round++) await writeAll();
  await widen();
  const refused = (await writeAll()).flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  expect(refused.length).toBeGreaterThan(0);
  for (const reason of refused) expect(isUnavailable(databaseCode(reason) as string)).toBe(true);
  expect((await writeAll()).filter((one) => one.status === 'rejected')).toEqual([]);
});
