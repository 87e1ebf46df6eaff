import { afterAll, beforeEach, expect, test } from 'vitest';
import { openTestDatabase } from '../../../test/harness.ts';
import { topOf } from '../../domain/index.ts';
import { sql } from '../drizzle.ts';
import { CATALOGUE, DEFAULT_EXERCISES } from './catalogue.ts';
import { seedExercises } from './seed.ts';

const database = await openTestDatabase();
afterAll(() => database.close());
const { db } = database;

type Row = Record<string, unknown>;

const rows = async (): Promise<Row[]> =>
  (await db.execute<{ row: Row }>(sql`select to_jsonb(e) as row from exercises e order by id`)).map(
    ({ row }) => row,
  );
const plain = (row: Row) => {
  const { id: _, ...values } = row;
  return values;
};

beforeEach(async () => {
  await db.execute(sql`delete from exercises`);
  await db.execute(sql`alter sequence exercises_id_seq restart`);
  await seedExercises(db);
});

test('#661 there are 44 exercises in 18 chains, the eight of a plan first, each in two languages', async () => {
  const found = await rows();
  expect(found).toHaveLength(44);
  expect(found.slice(0, 8).map(({ id, default_order }) => [id, default_order])).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 8].map((n) => [n, n]),
  );
  expect(found.map(plain)).toEqual(
    [...DEFAULT_EXERCISES, ...CATALOGUE.filter((one) => one.default_order === null)].map((one) => ({
      ...one,
    })),
  );
  expect(found.filter(({ calories_burned }) => calories_burned === 0)).toHaveLength(36);
  const chains = Map.groupBy(CATALOGUE, ({ chain }) => chain);
  expect(chains.size).toBe(18);
  for (const chain of chains.values()) {
    expect(chain.map(({ chain_order }) => chain_order)).toEqual(chain.map((_, at) => at + 1));
    expect(chain.map(({ level }) => level)).toEqual(chain.map(({ level }) => level).sort());
    expect(new Set(chain.map(({ pattern }) => pattern)).size).toBe(1);
  }
  expect(new Set(CATALOGUE.map(({ key }) => key)).size).toBe(44);
  for (const { name_en, description_en, name, description } of CATALOGUE) {
    expect(`${name_en}. ${description_en}`).toMatch(/^[\w’ -]+\. [A-Z][^а-я]{15,}\.$/);
    expect(`${name}. ${description}`).toMatch(/^[А-ЯЁа-яёY «»-]+\. [А-ЯЁ][^a-z]{15,}\.$/);
  }
});

test('#661 a level begins with a target of the ladder, and not below a lower level', () => {
  for (const { key, level, start_reps, end_reps, step, starts_by_level } of CATALOGUE) {
    const top = topOf({ start: start_reps, end: end_reps, step });
    const ladder = Array.from({ length: top + 1 }, (_, k) => Math.min(end_reps, start_reps + step * k));
    const offered = starts_by_level.filter((start) => start !== null);
    expect(
      starts_by_level.map((start) => start === null),
      key,
    ).toEqual([1, 2, 3, 4, 5].map((n) => n < level));
    expect(offered[0], key).toBe(start_reps);
    expect(
      offered.filter((start) => !ladder.includes(start)),
      key,
    ).toEqual([]);
    expect(offered, key).toEqual(offered.toSorted((a, b) => a - b));
  }
});

test('#662 what an operator has edited stays, and what is gone comes back with the others untouched', async () => {
  await db.execute(sql`update exercises set name = 'Планка!', name_en = null, level = 3 where key = 'plank'`);
  await db.execute(sql`update exercises set pattern = null where key = 'push_up'`);
  await db.execute(sql`delete from exercises where key = 'pistol_squat'`);
  await db.execute(sql`
    insert into exercises (name, description, calories_burned, start_reps, end_reps, step) values ('Own', 'x', 1, 1, 2, 1)`);
  const before = await rows();
  await seedExercises(db);
  const after = await rows();
  expect(after.slice(0, -1)).toEqual(before);
  expect(after.at(-1)).toMatchObject({ key: 'pistol_squat', default_order: null });
  await seedExercises(db);
  expect(await rows()).toEqual(after);
});

test('#662 the eight of older versions, with keys or without, get what they lack and keep their ids', async () => {
  const whole = await rows();
  const bare = sql`name_en = null, description_en = null, pattern = null, muscles = '{}', chain = null, chain_order = null,
    level = null, equipment = '{}', alternating = false, impact = false, starts_by_level = null`;
  for (const key of [sql`key`, sql`null`]) {
    await db.execute(sql`delete from exercises where default_order is null`);
    await db.execute(sql`update exercises set ${bare}, key = ${key}, name = name || '!'`);
    await seedExercises(db);
    const found = await rows();
    expect(found.slice(0, 8)).toEqual(
      whole.slice(0, 8).map((row) => ({ ...row, name: expect.stringMatching(/!$/) })),
    );
    expect(found.slice(8).map(plain)).toEqual(whole.slice(8).map(plain));
  }
});
