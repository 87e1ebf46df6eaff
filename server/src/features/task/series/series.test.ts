// Tasks that recur, over both transports. The clock stands at noon of 2 March 2026, a Monday.
import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { startApp, type User } from '../../../../test/harness.ts';
import { expectRebuilt } from '../../../../test/rebuilt.ts';
import { bothTransports } from '../../../../test/transports.ts';

const TODAY = '2026-03-02';
let now = new Date();
beforeEach(() => {
  now = new Date(`${TODAY}T12:00:00Z`);
});
const api = await startApp({ now: () => now });
const { db } = api.database;
const transports = bothTransports(api);

interface Task {
  readonly id: number;
  readonly title: string;
  readonly status: boolean;
  readonly due_on: string | null;
  readonly series_id: number | null;
  readonly recurrence: object | null;
}

const DAILY = { freq: 'daily', interval: 1 };
const EVERY_THIRD = { freq: 'daily', interval: 3 };

test('#633 a change with an Idempotency-Key that is sent again gets its answer, with the next task', async () => {
  const { token } = await api.register();
  const send = (method: string, path: string, body: object, key: string) =>
    api.rest(method, path, { token, body, headers: { 'idempotency-key': key } });
  const twice = async (method: string, path: string, body: object, key: string) => {
    const [first, second] = [await send(method, path, body, key), await send(method, path, body, key)];
    expect(second.text).toBe(first.text);
    return first.body;
  };
  const task = { title: 'Water', due_on: TODAY, recurrence: DAILY };
  const { id } = await twice('POST', '/outherTasks', task, 'make');
  const { next } = await twice('PATCH', `/outherTasks/${id}`, { status: true }, 'finish');
  const skipped = await twice('POST', `/outherTasks/${next.id}/skip`, {}, 'skip');
  const { next_tasks } = await twice(
    'POST',
    `/users/me/days/${TODAY}`,
    { tasks: [skipped.next.id] },
    'complete',
  );
  expect(next_tasks).toMatchObject([{ due_on: '2026-03-05' }]);
  const list = (await api.rest('GET', '/outherTasks', { token })).body;
  expect(list.map(({ due_on }: Task) => due_on)).toEqual(['2026-03-05', '2026-03-04', TODAY]);
});

describe.each(transports)('over $name', ({ call }) => {
  async function newPerson() {
    const user: User = await api.register();
    const ask = async (procedure: string, input: object) => {
      const answer = await call(procedure, input, user.token);
      expect(answer.status, `${procedure} ${JSON.stringify(answer)}`).toBeLessThan(300);
      return answer.data;
    };
    const refused = async (procedure: string, input: object) => {
      const { status, code, errors } = await call(procedure, input, user.token);
      return [status, status === 400 ? errors?.map(({ path }: { path: string }) => path).join() : code];
    };
    const make = (more: object = {}): Promise<Task> =>
      ask('task.create', { title: 'Water', due_on: TODAY, recurrence: EVERY_THIRD, ...more });
    const list = (input: object = {}): Promise<Task[]> => ask('task.list', input);
    const events = async () =>
      (
        await db.execute<{ type: string; data: Task }>(
          sql`select type, data from events where user_id = ${user.id} order by seq`,
        )
      ).map(({ type, data }) => ({ type, data }));
    return { ...user, ask, refused, make, list, events };
  }

  test('#625 a task may have a date, which is listed by, and may recur', async () => {
    const { id: user_id, make, list, ask } = await newPerson();
    const undated: Task = await ask('task.create', { title: 'Shop', due_on: null, recurrence: null });
    expect(undated).toEqual({
      ...{ id: expect.any(Number), user_id, title: 'Shop', status: false },
      ...{ due_on: null, series_id: null, recurrence: null },
    });
    const dated = await make({ recurrence: undefined, due_on: '2026-03-01' });
    expect(dated).toMatchObject({ due_on: '2026-03-01', series_id: null, recurrence: null });
    const weekly = await make({
      due_on: '2026-03-05',
      recurrence: { freq: 'weekly', interval: 2, weekdays: [4, 1] },
    });
    expect(weekly).toMatchObject({
      due_on: '2026-03-05',
      series_id: expect.any(Number),
      recurrence: { freq: 'weekly', interval: 2, weekdays: [1, 4] },
    });
    const monthly = await make({ recurrence: { freq: 'monthly', month_day: 31 } });
    expect(monthly.recurrence).toEqual({ freq: 'monthly', interval: 1, month_day: 31 });
    expect(await list()).toEqual([monthly, weekly, dated, undated]);
    expect(await list({ due: '2026-03-02' })).toEqual([monthly, dated]);
    expect(await list({ due: '2026-03-05', limit: 2 })).toEqual([monthly, weekly]);
    expect(await list({ due: '2026-03-05', status: false, before_id: weekly.id })).toEqual([dated]);
    await ask('task.update', { id: dated.id, status: true });
    expect(await list({ due: '2026-03-02' })).toEqual([monthly]);
    expect(await ask('task.byUser', { id: user_id })).toHaveLength(4);
  });

  test.each([
    [{ due_on: undefined, recurrence: DAILY }, 'due_on'],
    [{ due_on: null, recurrence: DAILY }, 'due_on'],
    [{ due_on: '2026-02-30' }, 'due_on'],
    [{ due_on: '' }, 'due_on'],
    [{ status: true, recurrence: DAILY }, 'recurrence'],
    [{ recurrence: {} }, 'recurrence.freq'],
    [{ recurrence: { freq: 'yearly' } }, 'recurrence.freq'],
    [{ recurrence: { freq: 'daily', interval: 0 } }, 'recurrence.interval'],
    [{ recurrence: { freq: 'daily', interval: 366 } }, 'recurrence.interval'],
    [{ recurrence: { freq: 'weekly', interval: 53 } }, 'recurrence.interval'],
    [{ recurrence: { freq: 'monthly', interval: 13 } }, 'recurrence.interval'],
    [{ recurrence: { freq: 'weekly', weekdays: [] } }, 'recurrence.weekdays'],
    [{ recurrence: { freq: 'weekly', weekdays: [1, 1] } }, 'recurrence.weekdays'],
    [{ recurrence: { freq: 'weekly', weekdays: [8] } }, 'recurrence.weekdays.0'],
    [{ recurrence: { freq: 'daily', weekdays: [1] } }, 'recurrence.weekdays'],
    [{ recurrence: { freq: 'monthly', month_day: 32 } }, 'recurrence.month_day'],
    [{ recurrence: { freq: 'weekly', month_day: 1 } }, 'recurrence.month_day'],
  ])('#625 %j is refused on its path', async (more, path) => {
    const { refused, make } = await newPerson();
    const input = { title: 'Water', due_on: TODAY, ...more };
    expect(await refused('task.create', input)).toEqual([400, path]);
    if ('status' in more) return;
    const { id } = await make({ recurrence: undefined, due_on: undefined });
    const { due_on, ...change } = { due_on: undefined, ...more };
    const sent = { id, ...change, ...(due_on !== undefined && { due_on }) };
    expect(await refused('task.update', sent)).toEqual([400, path]);
  });

  test('#626 one that is done makes the next, after its own date and today', async () => {
    const { ask, make, list, events, id: user_id } = await newPerson();
    const first = await make();
    const { next, ...done } = await ask('task.update', { id: first.id, status: true });
    expect(done).toEqual({ ...first, status: true });
    expect(next).toEqual({ ...first, id: expect.any(Number), due_on: '2026-03-05' });
    expect(await list()).toEqual([next, done]);
    // It is the same again, and no change of something else makes another.
    expect(await ask('task.update', { id: first.id, status: true })).toEqual(done);
    expect(await ask('task.update', { id: first.id, title: 'Watered' })).toEqual({
      ...done,
      title: 'Watered',
    });
    // Early, and three weeks late: 8 to 20 March are missed.
    const second = (await ask('task.update', { id: next.id, status: true })).next;
    expect(second.due_on).toBe('2026-03-08');
    now = new Date('2026-03-20T12:00:00Z');
    const third = (await ask('task.update', { id: second.id, status: true })).next;
    expect(third.due_on).toBe('2026-03-23');
    expect((await list()).map(({ due_on }) => due_on)).toEqual([
      '2026-03-23',
      '2026-03-08',
      '2026-03-05',
      '2026-03-02',
    ]);
    expect((await events()).map(({ type, data }) => [type, data.due_on, data.status])).toEqual([
      ['task.created', '2026-03-02', false],
      ['task.changed', '2026-03-02', true],
      ['task.created', '2026-03-05', false],
      ['task.changed', '2026-03-02', true],
      ['task.changed', '2026-03-05', true],
      ['task.created', '2026-03-08', false],
      ['task.changed', '2026-03-08', true],
      ['task.created', '2026-03-23', false],
    ]);
    expect((await events())[2]?.data).toEqual(next);
    await expectRebuilt(db, user_id);
  });

  test('#626 one that is opened again keeps what came after it, and makes no other', async () => {
    const { ask, make, list, id: user_id } = await newPerson();
    const first = await make();
    const { next } = await ask('task.update', { id: first.id, status: true });
    expect(await ask('task.update', { id: first.id, status: false })).toEqual(first);
    now = new Date('2026-03-04T12:00:00Z');
    expect(await ask('task.update', { id: first.id, status: true })).toEqual({ ...first, status: true });
    expect(await list()).toEqual([next, { ...first, status: true }]);
    await ask('task.update', { id: first.id, status: false });
    // The one after it goes on, whatever became of the first.
    expect((await ask('task.update', { id: next.id, status: true })).next.due_on).toBe('2026-03-08');
    expect(await ask('task.update', { id: first.id, status: true })).not.toHaveProperty('next');
    await expectRebuilt(db, user_id);
  });

  test('#627 a date of its own moves one task, and what comes next is counted as before', async () => {
    const { ask, make, refused } = await newPerson();
    const first = await make();
    const { next } = await ask('task.update', { id: first.id, status: true });
    expect(await ask('task.update', { id: next.id, due_on: '2026-03-06' })).toEqual({
      ...next,
      due_on: '2026-03-06',
    });
    expect(await refused('task.update', { id: next.id, due_on: TODAY })).toEqual([400, 'due_on']);
    expect(await refused('task.update', { id: next.id, due_on: null })).toEqual([400, 'due_on']);
    expect((await ask('task.update', { id: next.id, status: true })).next.due_on).toBe('2026-03-08');
    // Of no series any date goes, and none; without a date it is of no series any more.
    const ended = await ask('task.update', { id: first.id, recurrence: null });
    expect(ended.series_id).toEqual(expect.any(Number));
    expect(await ask('task.update', { id: first.id, due_on: null })).toMatchObject({ series_id: null });
    const { id } = await make({ recurrence: undefined });
    for (const due_on of [TODAY, '2026-03-06', null])
      expect(await ask('task.update', { id, due_on })).toMatchObject({ due_on, recurrence: null });
  });

  test('#627 what is sent back as it was answered changes nothing', async () => {
    const { ask, make, events } = await newPerson();
    const tasks = [
      await make({ recurrence: { freq: 'weekly', interval: 1, weekdays: [5, 2] } }),
      await make({ recurrence: undefined }),
      await make({ recurrence: undefined, due_on: undefined }),
    ];
    const { next: _, ...done } = await ask('task.update', { id: tasks[0]?.id, status: true });
    const before = await events();
    for (const task of [done, tasks[1], tasks[2]])
      expect(await ask('task.update', task as Task)).toEqual(task);
    expect(await events()).toEqual(before);
  });

  test('#628 a task begins to recur, recurs otherwise, and no more; others of its series hear of it', async () => {
    const { ask, make, list, refused, events } = await newPerson();
    const plain = await make({ recurrence: undefined, due_on: undefined });
    expect(await refused('task.update', { id: plain.id, recurrence: DAILY })).toEqual([400, 'due_on']);
    const begun = await ask('task.update', { id: plain.id, due_on: TODAY, recurrence: DAILY });
    expect(begun).toMatchObject({ due_on: TODAY, recurrence: DAILY, series_id: expect.any(Number) });
    // The title of the last one is that of those to come.
    const { next } = await ask('task.update', { id: plain.id, status: true, title: 'Fern' });
    expect(next).toMatchObject({ title: 'Fern', due_on: '2026-03-03' });
    await ask('task.update', { id: plain.id, status: false });
    const weekly = { freq: 'weekly', interval: 1 };
    const changed = await ask('task.update', { id: next.id, recurrence: { freq: 'weekly' } });
    expect(changed).toEqual({ ...next, recurrence: weekly });
    expect((await events()).slice(-2)).toEqual([
      { type: 'task.changed', data: changed },
      { type: 'task.changed', data: { ...begun, title: 'Fern', recurrence: weekly } },
    ]);
    const tuesday = (await ask('task.update', { id: next.id, status: true })).next;
    expect(tuesday.due_on).toBe('2026-03-10');
    const ended = await ask('task.update', { id: tuesday.id, recurrence: null });
    expect(ended).toEqual({ ...tuesday, recurrence: null });
    expect((await events()).at(-1)?.data).toMatchObject({ id: plain.id, recurrence: null });
    expect((await list()).map(({ recurrence }) => recurrence)).toEqual([null, null, null]);
    expect(await ask('task.update', { id: tuesday.id, status: true })).not.toHaveProperty('next');
    expect(await refused('task.update', { id: tuesday.id, recurrence: DAILY })).toEqual([400, 'recurrence']);
    // Opened again it may recur again.
    const again = { id: tuesday.id, status: false, recurrence: DAILY };
    expect(await ask('task.update', again)).toMatchObject({
      recurrence: DAILY,
      series_id: tuesday.series_id,
    });
    const done = await ask('task.update', { id: tuesday.id, status: true });
    expect(done.next.due_on).toBe('2026-03-11');
  });

  test('#628 a series that has ended and goes on again has no date twice', async () => {
    const { ask, make } = await newPerson();
    const first = await make({ recurrence: DAILY });
    const { next } = await ask('task.update', { id: first.id, status: true });
    await ask('task.update', { id: next.id, status: true, recurrence: null });
    await ask('task.update', { id: first.id, status: false });
    const again = await ask('task.update', { id: first.id, status: true, recurrence: DAILY });
    expect(again.next).toMatchObject({ due_on: '2026-03-04', series_id: first.series_id });
  });

  test('#629 a skipped one gives its place to the next, and only one that is open and recurs is skipped', async () => {
    const { ask, make, list, refused, events } = await newPerson();
    const first = await make({ due_on: '2026-02-20' });
    const skipped = await ask('task.skip', { id: first.id });
    expect(skipped).toEqual({
      message: 'Task skipped',
      next: { ...first, id: expect.any(Number), due_on: '2026-03-04' },
    });
    expect(await list()).toEqual([skipped.next]);
    expect((await events()).slice(1)).toEqual([
      { type: 'task.removed', data: { id: first.id } },
      { type: 'task.created', data: skipped.next },
    ]);
    const gone = [404, 'NOT_FOUND'];
    expect(await refused('task.skip', { id: first.id })).toEqual(gone);
    const { next } = await ask('task.update', { id: skipped.next.id, status: true });
    expect(await refused('task.skip', { id: skipped.next.id })).toEqual(gone);
    // Of one that was opened again the next is there.
    await ask('task.update', { id: skipped.next.id, status: false });
    expect((await ask('task.skip', { id: skipped.next.id })).next).toEqual(next);
    const plain = await make({ recurrence: undefined });
    expect(await refused('task.skip', { id: plain.id })).toEqual(gone);
    await ask('task.update', { id: next.id, recurrence: null });
    expect(await refused('task.skip', { id: next.id })).toEqual(gone);
  });

  test('#629 with an open one that is removed the series ends, with a done one it goes on', async () => {
    const { ask, make, list, events } = await newPerson();
    const first = await make();
    const { next } = await ask('task.update', { id: first.id, status: true });
    await ask('task.remove', { id: first.id });
    const after = (await ask('task.update', { id: next.id, status: true })).next;
    expect(after.due_on).toBe('2026-03-08');
    const reopened = await ask('task.update', { id: next.id, status: false });
    await ask('task.remove', { id: after.id });
    expect((await events()).slice(-2)).toEqual([
      { type: 'task.removed', data: { id: after.id } },
      { type: 'task.changed', data: { ...reopened, recurrence: null } },
    ]);
    expect(await list()).toEqual([{ ...reopened, recurrence: null }]);
    expect(await ask('task.update', { id: next.id, status: true })).not.toHaveProperty('next');
  });

  test('#629 a series goes with the last of its tasks', async () => {
    const { ask, make, id: user_id } = await newPerson();
    const seriesOf = async () =>
      (
        await db.execute<{ id: number; ended: boolean }>(
          sql`select id, ended from task_series where user_id = ${user_id} order by id`,
        )
      ).map(({ ended }) => ended);
    const [first, second, third] = [await make(), await make(), await make()];
    await ask('task.remove', { id: first.id });
    expect(await seriesOf()).toEqual([false, false]);
    const { next } = await ask('task.update', { id: second.id, status: true });
    await ask('task.remove', { id: next.id });
    expect(await seriesOf()).toEqual([true, false]);
    await ask('task.remove', { id: second.id });
    expect(await ask('task.update', { id: third.id, due_on: null, recurrence: null })).toMatchObject({
      series_id: null,
    });
    expect(await seriesOf()).toEqual([]);
    // A skipped one has a next one of the same series.
    const { id } = await make();
    await ask('task.skip', { id });
    expect(await seriesOf()).toEqual([false]);
  });

  test('#629 after the last date of the calendar none comes', async () => {
    const { ask, make, refused } = await newPerson();
    const { id } = await make({ due_on: '9999-12-31' });
    expect(await refused('task.skip', { id })).toEqual([404, 'NOT_FOUND']);
    expect(await ask('task.update', { id, status: true })).not.toHaveProperty('next');
  });

  test('#630 today is what is due and what is due at any time, in order, and tells what is overdue', async () => {
    const { ask, make } = await newPerson();
    const [anytime, future, late, today] = [
      await make({ due_on: undefined, recurrence: undefined }),
      await make({ due_on: '2026-03-03' }),
      await make({ due_on: '2026-02-01', recurrence: undefined }),
      await make(),
    ];
    const shown = async (input: object) =>
      (await ask('day.today', input)).tasks.map(({ overdue, ...task }: Task & { overdue: boolean }) => [
        task,
        overdue,
      ]);
    const DUE = [
      [late, true],
      [today, false],
      [anytime, false],
    ];
    expect(await shown({})).toEqual(DUE);
    expect(await shown({ date: '2026-03-01' })).toEqual([DUE[0], DUE[2]]);
    now = new Date('2026-03-03T12:00:00Z');
    expect(await shown({})).toEqual([[late, true], [today, true], [future, false], DUE[2]]);
    const { next } = await ask('task.update', { id: today.id, status: true });
    expect(next.due_on).toBe('2026-03-05');
    expect(await shown({})).toEqual([[late, true], [future, false], DUE[2]]);
  });

  test('#631 a day that is completed makes the next tasks, and one that is opened again keeps them', async () => {
    const { ask, make, list, events, id: user_id } = await newPerson();
    const [water, plain, daily] = [
      await make(),
      await make({ recurrence: undefined }),
      await make({ due_on: '2026-02-25', recurrence: DAILY }),
    ];
    const tasks = [water.id, plain.id, daily.id];
    const { next_tasks } = await ask('day.complete', { date: TODAY, tasks });
    const [nextDaily, nextWater] = [
      { ...daily, id: expect.any(Number), due_on: '2026-03-03' },
      { ...water, id: expect.any(Number), due_on: '2026-03-05' },
    ];
    expect(next_tasks).toEqual([nextDaily, nextWater]);
    const told = (await events()).slice(3);
    expect(told.map(({ type }) => type)).toEqual([
      ...['task.changed', 'task.changed', 'task.changed'],
      ...['task.created', 'task.created', 'day.changed'],
    ]);
    expect(told.slice(3, 5).map(({ data }) => data)).toEqual(next_tasks);
    expect(told[0]?.data).toEqual({ ...water, status: true });
    // The same again is no change, and makes none.
    expect((await ask('day.complete', { date: TODAY, tasks })).next_tasks).toEqual([]);
    expect((await ask('day.reopen', { date: TODAY })).next_tasks).toEqual([]);
    const all = [nextWater, nextDaily, daily, plain, water];
    expect((await list()).toSorted((a, b) => b.id - a.id)).toHaveLength(5);
    expect(await list()).toEqual(expect.arrayContaining(all));
    expect((await ask('day.complete', { date: TODAY, tasks: [water.id] })).next_tasks).toEqual([]);
    // A correction that names more finishes more.
    const more = await ask('day.correct', { date: TODAY, tasks: [water.id, next_tasks[1].id] });
    expect(more.next_tasks).toMatchObject([{ due_on: '2026-03-08' }]);
    expect((await ask('day.correct', { date: TODAY, tasks: [plain.id] })).next_tasks).toEqual([]);
    expect((await list({ status: true })).map(({ id }) => id)).toEqual([plain.id]);
    await expectRebuilt(db, user_id);
  });

  test('#631 a late day is counted from today, and several of a series make one', async () => {
    const { ask, make, id: user_id } = await newPerson();
    const first = await make({ due_on: '2026-02-25', recurrence: DAILY });
    const { next } = await ask('task.update', { id: first.id, status: true });
    await ask('task.update', { id: first.id, status: false });
    const { next_tasks } = await ask('day.complete', { date: '2026-02-26', tasks: [next.id, first.id] });
    expect(next_tasks).toMatchObject([{ due_on: '2026-03-04' }]);
    await expectRebuilt(db, user_id);
  });
});
