// What several devices make of one task that recurs at the same time, on connections of their own: each case fifty times.
import { expect, test } from 'vitest';
import { sql } from '../../src/db/drizzle.ts';
import { startApp } from '../harness.ts';
import { expectRebuilt } from '../rebuilt.ts';

const TIMES = 50;
const TODAY = '2026-03-04';
const now = new Date(`${TODAY}T12:00:00Z`);
const api = await startApp({ now: () => now });
const { db } = api.database;

async function newPerson() {
  const { id, token } = await api.register();
  const body = { title: 'Water', due_on: TODAY, recurrence: { freq: 'daily', interval: 3 } };
  const task = (await api.rest('POST', '/outherTasks', { token, body })).body;
  const call = (method: string, path: string, sent: object = {}) =>
    api.rest(method, path, { token, body: sent });
  return {
    id,
    task: task.id as number,
    set: (status: boolean) => call('PATCH', `/outherTasks/${task.id}`, { status }),
    skip: () => call('POST', `/outherTasks/${task.id}/skip`),
    remove: () => call('DELETE', `/outherTasks/${task.id}`),
    complete: () => call('POST', `/users/me/days/${TODAY}`, { tasks: [task.id] }),
    reopen: () => call('POST', `/users/me/days/${TODAY}/reopen`),
    /** The tasks that there are, by date: + of those that are done. */
    async stands(): Promise<string[]> {
      const rows = await db.execute<{ said: string }>(sql`
        select due_on || case when status then ' +' else '' end as said
        from outer_tasks where user_id = ${id} order by due_on`);
      return rows.map(({ said }) => said);
    },
    async count(type: string): Promise<number> {
      const [row] = await db.execute<{ many: number }>(sql`
        select count(*)::int as many from events where user_id = ${id} and type = ${type}`);
      return row?.many ?? 0;
    },
  };
}
type Person = Awaited<ReturnType<typeof newPerson>>;
type Answers = Awaited<ReturnType<Person['set']>>[];

const twenty = (send: (n: number) => ReturnType<Person['set']>): Promise<Answers> =>
  Promise.all(Array.from({ length: 20 }, (_, n) => send(n)));
const countOf = (answers: Answers, status: number) => answers.filter((one) => one.status === status).length;

const times = (title: string, run: (person: Person) => Promise<void>) =>
  test(title, async () => {
    for (let time = 0; time < TIMES; time++) {
      const person = await newPerson();
      await run(person);
      await expectRebuilt(db, person.id);
    }
  });

const DONE = [`${TODAY} +`, '2026-03-07'];

times('#634 twenty PATCHes that finish a task make one that comes next', async (ann) => {
  const answers = await twenty(() => ann.set(true));
  expect(countOf(answers, 200)).toBe(20);
  expect(answers.filter(({ body }) => 'next' in body)).toHaveLength(1);
  expect(await ann.stands()).toEqual(DONE);
  expect([await ann.count('task.created'), await ann.count('task.changed')]).toEqual([2, 1]);
});

times('#634 so do twenty completes of its day, with as many PATCHes beside them', async (ann) => {
  const answers = await twenty((n) => (n % 2 === 0 ? ann.complete() : ann.set(true)));
  expect(countOf(answers, 200)).toBe(20);
  expect(await ann.stands()).toEqual(DONE);
  expect(await ann.count('task.created')).toBe(2);
});

times('#634 whoever finishes and reopens it beside each other leaves one that comes next', async (ann) => {
  const answers = await twenty((n) => {
    const acts = [() => ann.set(true), () => ann.set(false), ann.complete, ann.reopen];
    return (acts[n % 4] as () => ReturnType<Person['set']>)();
  });
  expect(countOf(answers, 200)).toBe(20);
  expect((await ann.stands()).map((one) => one.slice(0, 10))).toEqual([TODAY, '2026-03-07']);
});

times('#634 of twenty that skip it one does, and of those that remove it too', async (ann) => {
  const skipped = await twenty(ann.skip);
  expect([countOf(skipped, 200), countOf(skipped, 404)]).toEqual([1, 19]);
  expect(await ann.stands()).toEqual(['2026-03-07']);
  const bob = await newPerson();
  const removed = await twenty((n) => (n % 2 === 0 ? bob.remove() : bob.skip()));
  expect([countOf(removed, 200), countOf(removed, 404)]).toEqual([1, 19]);
  expect(await bob.count('task.removed')).toBe(1);
});
