// What changes of one date at the same time come to, on connections of their own: each case fifty times.
import { expect, test } from 'vitest';
import { sql } from '../../src/db/drizzle.ts';
import { startApp } from '../harness.ts';
import { expectRebuilt, factsOf } from '../rebuilt.ts';

const TIMES = 50;
const now = new Date('2026-03-04T12:00:00Z');
const api = await startApp({ now: () => now });
const { db } = api.database;
const TODAY = '2026-03-04';
const YESTERDAY = '2026-03-03';
const BODY = { goal: 'Run', age: 30, gender: 'male', weight: 80, height: 180 };

interface Stands {
  readonly day: { readonly state: string; readonly revision: number } | null;
  readonly plan_day: number | null;
  readonly days_left: number;
  readonly progress: number;
}

/** A new user with both plans and a book, for each time. */
async function newPerson() {
  const user = await api.register();
  const { token } = user;
  const post = async (path: string, body: object) => (await api.rest('POST', path, { token, body })).body;
  const plan_id = (await post('/physicalPlans', BODY)).data.id;
  await post('/mentalPlans', { name: 'x', goal: 'x', resource_list: [], progress: 20 });
  const resource_id = (await post('/resources', { type: 'book', name: 'x', description: '', volume: 500 }))
    .data;
  const call = async (method: string, path: string, body: object = {}) =>
    (await api.rest(method, path, { token, body })).status;
  const content = (pages: number) => ({
    workout: { plan_id, exercises: [{ exercise_id: 1, target: 5, done: [5] }] },
    resources: [{ resource_id, delta: pages }],
  });
  return {
    ...user,
    plan_id,
    resource_id,
    complete: (pages: number, date = TODAY) => call('POST', `/users/me/days/${date}`, content(pages)),
    correct: (pages: number, date = TODAY) => call('PUT', `/users/me/days/${date}`, content(pages)),
    skip: (date = TODAY) => call('POST', `/users/me/days/${date}/skip`),
    reopen: (date = TODAY) => call('POST', `/users/me/days/${date}/reopen`),
    remove: (path: string) => call('DELETE', path),
    /** State and revision of the date, and what it has moved. */
    async stands(date = TODAY) {
      const [row] = await db.execute(sql`
        select
          (select row_to_json(d) from (select state, revision from days where user_id = ${user.id} and date = ${date}) d) as day,
          (select day from physical_plans where user_id = ${user.id} and id = ${plan_id}) as plan_day,
          (select progress from mental_plans where user_id = ${user.id}) as days_left,
          (select progress from mental_plan_resources where user_id = ${user.id} and resource_id = ${resource_id}) as progress`);
      return { ...(row as unknown as Stands), facts: (await factsOf(db, user.id)).length };
    },
  };
}
type Person = Awaited<ReturnType<typeof newPerson>>;

const countOf = (statuses: readonly number[], status: number) =>
  statuses.filter((one) => one === status).length;

/** Runs a case fifty times, each with a person of its own, and holds the tables against the facts. */
const times = (title: string, run: (person: Person) => Promise<void>) =>
  test(title, async () => {
    for (let time = 0; time < TIMES; time++) {
      const person = await newPerson();
      await run(person);
      await expectRebuilt(db, person.id);
    }
  });

const DONE_ONCE = { day: { state: 'done', revision: 1 }, plan_day: 2, days_left: 19, progress: 2, facts: 1 };

times(
  '#643 of twenty completes with the same content one writes, and all are answered with it',
  async (ann) => {
    const statuses = await Promise.all(Array.from({ length: 20 }, () => ann.complete(2)));
    expect(countOf(statuses, 200)).toBe(20);
    expect(await ann.stands()).toEqual(DONE_ONCE);
  },
);

times('#644 of twenty completes with different content one is done, the others are refused', async (ann) => {
  const statuses = await Promise.all(Array.from({ length: 20 }, (_, n) => ann.complete(n + 1)));
  expect([countOf(statuses, 200), countOf(statuses, 409)]).toEqual([1, 19]);
  const { progress, ...stands } = await ann.stands();
  expect({ ...stands, progress: 2 }).toEqual(DONE_ONCE);
  expect(progress).toBe(statuses.indexOf(200) + 1);
});

times('#645 a day that is completed and skipped at once is done', async (ann) => {
  const [done, skipped] = await Promise.all([ann.complete(2), ann.skip()]);
  expect(done).toBe(200);
  expect([200, 409]).toContain(skipped);
  const { day, ...moved } = await ann.stands();
  expect(day).toMatchObject({ state: 'done', revision: skipped === 200 ? 2 : 1 });
  expect(moved).toEqual({ ...DONE_ONCE, day: undefined, facts: skipped === 200 ? 2 : 1 });
});

times('#646 a correction that comes first is refused, one that comes after is a revision', async (ann) => {
  const [done, corrected] = await Promise.all([ann.complete(2), ann.correct(3)]);
  expect(done).toBe(200);
  const isLast = corrected === 200;
  if (!isLast) expect(corrected).toBe(409);
  expect(await ann.stands()).toEqual({
    ...DONE_ONCE,
    day: { state: 'done', revision: isLast ? 2 : 1 },
    progress: isLast ? 3 : 2,
    facts: isLast ? 2 : 1,
  });
});

times('#647 a complete and a reopening at once are done or open, and nothing is lost', async (ann) => {
  await ann.complete(2);
  const [again, reopened] = await Promise.all([ann.complete(2), ann.reopen()]);
  expect([again, reopened]).toEqual([200, 200]);
  const { day, ...moved } = await ann.stands();
  const isDone = day?.state === 'done';
  expect(day).toEqual(isDone ? { state: 'done', revision: 3 } : { state: 'open', revision: 2 });
  expect(moved).toEqual(
    isDone
      ? { plan_day: 2, days_left: 19, progress: 2, facts: 3 }
      : { plan_day: 1, days_left: 20, progress: 0, facts: 2 },
  );
});

times(
  '#648 two devices complete two dates: both count, and the targets do not depend on the order',
  async (ann) => {
    expect(await Promise.all([ann.complete(2, YESTERDAY), ann.complete(3)])).toEqual([200, 200]);
    expect(await ann.stands()).toMatchObject({ plan_day: 3, days_left: 18, progress: 5, facts: 2 });
    const [row] = await db.execute(
      sql`select k, last_date::text from progressions where user_id = ${ann.id} and exercise_id = 1`,
    );
    expect(row).toEqual({ k: 2, last_date: TODAY });
  },
);

times(
  '#649 a day that is completed while its plan is removed is done, or nothing is written',
  async (ann) => {
    const [done, removed] = await Promise.all([ann.complete(2), ann.remove(`/physicalPlans/${ann.plan_id}`)]);
    expect(removed).toBe(200);
    expect([200, 404]).toContain(done);
    expect(await ann.stands()).toMatchObject(
      done === 200
        ? { day: { state: 'done' }, plan_day: null, days_left: 19, progress: 2, facts: 1 }
        : { day: null, plan_day: null, days_left: 20, progress: 0, facts: 0 },
    );
  },
);

times('#650 of an account that is removed while a day is completed nothing is left', async (ann) => {
  const { token, password } = ann;
  const remove = api.rest('DELETE', `/users/${ann.id}`, { token, body: { password } });
  const [done, removed] = await Promise.all([ann.complete(2), remove]);
  expect(removed.status).toBe(200);
  expect([200, 401, 404]).toContain(done);
  const [left] = await db.execute(sql`
    select (select count(*) from facts where user_id = ${ann.id})::int as facts,
      (select count(*) from days where user_id = ${ann.id})::int as days,
      (select count(*) from months where user_id = ${ann.id})::int as months,
      (select count(*) from progressions where user_id = ${ann.id})::int as progressions`);
  expect(left).toEqual({ facts: 0, days: 0, months: 0, progressions: 0 });
});
