// What was acknowledged, to be held against what is stored.
import type postgres from 'postgres';
import { expect } from 'vitest';
import { type Answer, call } from './servers.ts';

export interface Journal {
  /** Titles of tasks and goals of plans that were answered with 201. */
  readonly acknowledged: string[];
  /** Answers by status. */
  readonly statuses: Record<string, number>;
  /** Answers that neither succeed nor say "later" as they should. */
  readonly wrong: string[];
}

export const newJournal = (): Journal => ({ acknowledged: [], statuses: {}, wrong: [] });

const PLAN = { age: 30, gender: 'female', weight: 70.5, height: 178 };

/** Makes a task (even numbers) or a plan (odd ones) by this name, and notes the answer. */
export async function writeOne(
  url: string,
  token: string,
  name: string,
  isPlan: boolean,
  journal: Journal,
): Promise<Answer> {
  const answer = isPlan
    ? await call(url, 'POST', '/physicalPlans', token, { ...PLAN, goal: name })
    : await call(url, 'POST', '/outherTasks', token, { title: name });
  const { status, retryAfter } = answer;
  journal.statuses[status] = (journal.statuses[status] ?? 0) + 1;
  if (status === 201) journal.acknowledged.push(name);
  else if (status !== 503 || !retryAfter)
    journal.wrong.push(`${status} ${answer.why ?? JSON.stringify(answer.body)}`);
  return answer;
}

/** Every acknowledged row is there exactly once, no other twice, and every plan is whole: 7 workouts of 8 exercises. */
export async function expectStored(sql: postgres.Sql, journal: Journal): Promise<void> {
  const rows = await sql`select title as name from outer_tasks union all select goal from physical_plans`;
  const times = new Map<string, number>();
  for (const { name } of rows) times.set(name, (times.get(name) ?? 0) + 1);
  const half = await sql`
    select p.id from physical_plans p where (
      select array_agg(n order by n) from (
        select count(x.id) as n
        from workouts w
        left join workout_exercises x on x.user_id = w.user_id and x.workout_id = w.id
        where w.user_id = p.user_id and w.physical_plan_id = p.id
        group by w.id) as each
    ) is distinct from array_fill(8::bigint, array[7])`;
  const found = {
    lost: journal.acknowledged.filter((name) => !times.has(name)),
    twice: [...times].filter(([, count]) => count > 1).map(([name]) => name),
    half: half.length,
  };
  expect(found).toEqual({ lost: [], twice: [], half: 0 });
}
