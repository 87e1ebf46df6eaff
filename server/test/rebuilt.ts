// What stands in the tables of the day, held against what the user's facts say.
import { expect } from 'vitest';
import type { Database } from '../src/db/database.ts';
import { sql } from '../src/db/drizzle.ts';
import type { Schedule } from '../src/domain/index.ts';
import { type NumberedFact, rebuild } from '../src/domain/rebuild.ts';

/** @returns the facts of a user by number, without what is always the same */
export async function factsOf(db: Database, user_id: number): Promise<NumberedFact[]> {
  const rows = await db.execute<{ fact: Omit<NumberedFact, 'seq'> & { seq: number | string } }>(sql`
    select data || jsonb_build_object('seq', seq, 'kind', kind, 'date', date) as fact
    from facts where user_id = ${user_id} order by seq`);
  return rows.map(({ fact }) => ({ ...fact, seq: Number(fact.seq) }) as NumberedFact);
}

type Row = Record<string, unknown>;

async function rowsOf(db: Database, query: ReturnType<typeof sql>): Promise<Row[]> {
  return (await db.execute<{ row: Row }>(sql`select to_jsonb(t) as row from (${query}) as t`)).map(
    ({ row }) => row,
  );
}

const pick = (row: Row, keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, row[key]]));

/** Fails where a row is not what the facts say. */
export async function expectRebuilt(db: Database, user_id: number): Promise<void> {
  const schedules = await rowsOf(
    db,
    sql`select from_date, training, study from schedules where user_id = ${user_id}`,
  );
  const rebuilt = rebuild(await factsOf(db, user_id), schedules as unknown as Schedule[]);

  const days = await rowsOf(db, sql`select * from days where user_id = ${user_id} order by date`);
  const expected = rebuilt.days.map(({ content: _, sums: { done: __, skipped: ___, ...sums }, ...day }) => ({
    ...day,
    ...sums,
  }));
  const dayKeys = Object.keys(expected[0] ?? {}).filter((key) => key !== 'workouts');
  expect(days.map((day) => pick(day, dayKeys))).toEqual(expected.map((day) => pick(day, dayKeys)));

  const months = await rowsOf(db, sql`select * from months where user_id = ${user_id} order by month`);
  expect(Object.fromEntries(months.map(({ month, user_id: _, ...sums }) => [month, sums]))).toEqual(
    Object.fromEntries(rebuilt.months),
  );

  const plans = await rowsOf(db, sql`select * from physical_plans where user_id = ${user_id}`);
  for (const { id, sessions } of plans)
    expect(sessions, `sessions of ${id}`).toBe(rebuilt.sessions.get(Number(id)) ?? 0);

  const key = ({ plan_id, exercise_id }: Row) => Number(plan_id) * 1e6 + Number(exercise_id);
  const inOrder = (rows: readonly object[]) =>
    (rows as Row[])
      .filter(({ plan_id }) => plans.some(({ id }) => id === plan_id))
      .toSorted((a, b) => key(a) - key(b));
  const progressions = await rowsOf(db, sql`select * from progressions where user_id = ${user_id}`);
  expect(inOrder(progressions.map(({ user_id: _, ...row }) => row))).toEqual(inOrder(rebuilt.progressions));

  const mental = await rowsOf(db, sql`select id, progress from mental_plans where user_id = ${user_id}`);
  const links = await rowsOf(
    db,
    sql`
      select resource_id as id, mental_plan_id as plan_id, progress
      from mental_plan_resources
      where user_id = ${user_id}`,
  );
  const tasks = await rowsOf(db, sql`select id, status from outer_tasks where user_id = ${user_id}`);
  const tables = {
    day: [plans, 'day'],
    progress: [plans, 'progress'],
    days_left: [mental, 'progress'],
    resource: [links, 'progress'],
    task: [tasks, 'status'],
  } as const;
  for (const { of, id, plan_id, value, breaks } of rebuilt.counters) {
    expect(breaks, `${of} ${id}`).toEqual([]);
    const [rows, column] = tables[of];
    const row = rows.find((one) => one.id === id && (plan_id === undefined || one.plan_id === plan_id));
    if (row) expect(row[column], `${of} ${id}`).toBe(value);
  }
}
