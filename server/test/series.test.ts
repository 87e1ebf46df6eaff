// What the tables of tasks hold by themselves, on whichever engine.
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { startApp } from './harness.ts';

const api = await startApp();
const { db } = api.database;

const makeSeries = async (user_id: number) => {
  const [series] = await db.execute<{ id: number }>(sql`
    insert into task_series (user_id, title, freq, anchor) values (${user_id}, 'Water', 'daily', '2026-11-28')
    returning id::int as id`);
  return (series as { id: number }).id;
};
const insertTask = (user_id: number, series_id: number, due_on: string) =>
  db.execute(
    sql`insert into outer_tasks (user_id, title, series_id, due_on) values (${user_id}, 'Water', ${series_id}, ${due_on})`,
  );

test('#660 an occurrence is of a series of its own user, once a date, and a series with tasks stays', async () => {
  const [ann, bob] = [await api.register(), await api.register()];
  const series_id = await makeSeries(ann.id);
  await insertTask(ann.id, series_id, '2026-11-28');
  await insertTask(ann.id, series_id, '2026-11-29');
  await expect(insertTask(ann.id, series_id, '2026-11-29')).rejects.toThrow('outer_tasks_occurrence');
  await expect(insertTask(bob.id, series_id, '2026-11-28')).rejects.toThrow('outer_tasks_series');
  await expect(db.execute(sql`delete from task_series where user_id = ${ann.id}`)).rejects.toThrow(
    'outer_tasks_series',
  );
});
