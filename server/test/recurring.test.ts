// Tasks that recur in the hands of several clients: whatever they do, each series goes on, and history stays what the facts say.
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { rebuildUser } from '../src/dayRecord/rebuild.ts';
import { addDays } from '../src/domain/index.ts';
import { startApp } from './harness.ts';
import { randomOf } from './random.ts';
import { expectRebuilt } from './rebuilt.ts';

let today = '2026-03-02';
const api = await startApp({ now: () => new Date(`${today}T12:00:00Z`) });
const { db } = api.database;

interface Task {
  readonly id: number;
  readonly status: boolean;
  readonly due_on: string | null;
  readonly series_id: number | null;
  readonly recurrence: object | null;
}

test.each([1, 2, 3])('#635 200 random acts on tasks that recur, seed %i', async (seed) => {
  const random = randomOf(635 * seed);
  const { id: user_id, token } = await api.register();
  const send = async (method: string, path: string, body: object = {}) => {
    const { status, text, body: answer } = await api.rest(method, path, { token, body });
    expect([200, 201, 400, 404, 409], `${method} ${path} ${text}`).toContain(status);
    return { status, answer };
  };
  const rule = () =>
    random.pick([
      { freq: 'daily', interval: random.int(1, 4) },
      { freq: 'weekly', weekdays: random.shuffled([1, 2, 3, 4, 5, 6, 7]).slice(0, random.int(1, 3)) },
      { freq: 'monthly', month_day: random.int(1, 31) },
    ]);
  const create = () =>
    send('POST', '/outherTasks', {
      title: `Task ${random.int(1, 9)}`,
      due_on: addDays(today, random.int(-3, 3)),
      ...(!random.oneIn(4) && { recurrence: rule() }),
    });
  const list = async (): Promise<Task[]> => (await send('GET', '/outherTasks?limit=500')).answer;
  let tasks: Task[] = [];
  const some = () => random.pick(tasks.slice(0, 12)).id;
  const day = () => `/users/me/days/${addDays(today, -random.int(0, 3))}`;
  const content = () => ({ tasks: Array.from({ length: random.int(0, 3) }, some) });
  const change = (body: () => object) => () => send('PATCH', `/outherTasks/${some()}`, body());
  const finish = change(() => ({ status: true }));
  const acts = [
    ...[finish, finish, finish, change(() => ({ status: false }))],
    change(() => ({ title: `Title ${random.int(1, 9)}` })),
    change(() => ({ due_on: random.oneIn(6) ? null : addDays(today, random.int(-5, 9)) })),
    change(() => ({ recurrence: random.oneIn(3) ? null : rule() })),
    change(() => ({
      status: random.oneIn(2),
      due_on: addDays(today, random.int(-5, 9)),
      recurrence: rule(),
    })),
    () => send('POST', `/outherTasks/${some()}/skip`),
    () => send('POST', day(), content()),
    () => send('POST', day(), content()),
    () => send('PUT', day(), content()),
    () => send('POST', `${day()}/reopen`),
    () => (random.oneIn(3) ? send('DELETE', `/outherTasks/${some()}`) : finish()),
    create,
  ];
  for (let n = 0; n < 4; n++) await create();
  let made = 0;
  for (let n = 0; n < 200; n++) {
    if (random.oneIn(5)) today = addDays(today, random.int(1, 3));
    tasks = await list();
    const before = tasks.length;
    await random.pick(acts)();
    const after = await list();
    made += Math.max(0, after.length - before);
    const bySeries = Map.groupBy(
      after.filter(({ recurrence }) => recurrence),
      ({ series_id }) => series_id,
    );
    for (const [series_id, own] of bySeries) {
      expect(
        own.some(({ status }) => !status),
        `series ${series_id} has an open task`,
      ).toBe(true);
      expect(new Set(own.map(({ recurrence }) => JSON.stringify(recurrence))).size).toBe(1);
      const dates = own.flatMap(({ due_on }) => due_on ?? []);
      expect(new Set(dates).size).toBe(dates.length);
    }
    if (n % 20 === 0) await expectRebuilt(db, user_id);
  }
  expect(made).toBeGreaterThan(30);
  await expectRebuilt(db, user_id);
  expect(await rebuildUser(db, user_id, { now: new Date(`${today}T12:00:00Z`), repair: false })).toEqual([]);
  // Streams have told the same as the list: who has followed them knows each task as it stands.
  const known = new Map<number, unknown>();
  const told = await db.execute<{ type: string; data: Task }>(
    sql`select type, data from events where user_id = ${user_id} and type like 'task.%' order by seq`,
  );
  for (const { type, data } of told) {
    if (type === 'task.removed') known.delete(data.id);
    else known.set(data.id, data);
  }
  const open = (await list()).filter(({ status }) => !status);
  expect(open.map(({ id }) => known.get(id))).toEqual(open);
});
