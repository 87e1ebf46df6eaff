import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { startApp, type User } from '../../../test/harness.ts';
import { expectPages, expectPatch, expectStrict } from '../../../test/rules.ts';
import { bothTransports } from '../../../test/transports.ts';
import { expectRefused, MISSING, NOT_BOOLEANS, NOT_IDS, shown, text } from '../../../test/values.ts';

const api = await startApp();
const transports = bothTransports(api);

const ids = (tasks: { id: number }[]) => tasks.map(({ id }) => id);

/** What a task has that is due at any time. */
const UNDATED = { due_on: null, series_id: null, recurrence: null };

/** Adds tasks by SQL: many at once, every third one done. */
async function addTasks({ id }: User, count: number): Promise<void> {
  await api.database.db.execute(sql`
    insert into outer_tasks (user_id, title, status) select ${id}, 'Task ' || n, n % 3 = 0 from generate_series(1, ${count}::int) n order by n`);
}

test('a new task is open, belongs to its maker and is the same on both transports', async () => {
  const ann = await api.register();
  const made = await api.rest('POST', '/outherTasks', { token: ann.token, body: { title: 'Run' } });
  expect(made.status).toBe(201);
  expect(made.body).toEqual({
    id: expect.any(Number),
    user_id: ann.id,
    title: 'Run',
    status: false,
    ...UNDATED,
  });
  const overRpc = await api.rpc('task.list', {}, ann.token);
  expect(overRpc.body.result.data).toEqual([made.body]);
});

test.each(['', '/'])('every path answers with "%s" at its end', async (end) => {
  const { token, id: user_id } = await api.register();
  const made = await api.rest('POST', `/outherTasks${end}`, { token, body: { title: 'Run' } });
  const id = made.body.id;
  const changed = await api.rest('PATCH', `/outherTasks/${id}${end}`, { token, body: { status: true } });
  expect(changed).toMatchObject({ status: 200, body: { id, user_id, title: 'Run', status: true } });
  expect(await api.rest('GET', `/outherTasks${end}?limit=5`, { token })).toMatchObject({
    status: 200,
    body: [changed.body],
  });
  expect(await api.rest('GET', `/users/${user_id}/outer-tasks${end}`, { token })).toMatchObject({
    status: 200,
    body: [changed.body],
  });
  const removed = await api.rest('DELETE', `/outherTasks/${id}${end}`, { token });
  expect([removed.status, removed.body]).toEqual([200, { message: expect.any(String) }]);
});

describe('REST', () => {
  test('reads numbers and booleans from strings, in path, query and JSON body', async () => {
    const { token, id: user_id } = await api.register();
    const made = await api.rest('POST', '/outherTasks', {
      token,
      body: { user_id: String(user_id), title: '7', status: 'true' },
    });
    expect(made).toMatchObject({ status: 201, body: { title: '7', status: true } });
    const changed = await api.rest('PATCH', `/outherTasks/${made.body.id}`, {
      token,
      body: { user_id: `${user_id}.0`, status: 'false' },
    });
    expect(changed).toMatchObject({ status: 200, body: { ...made.body, status: false } });
    for (const query of ['status=false', 'limit=1&status=false', `before_id=${made.body.id + 1}`])
      expect((await api.rest('GET', `/outherTasks?${query}`, { token })).body, query).toEqual([changed.body]);
    for (const query of ['status=true', `before_id=${made.body.id}`])
      expect((await api.rest('GET', `/outherTasks?${query}`, { token })).body, query).toEqual([]);
  });

  test.each([
    'limit=',
    'limit=0x10',
    'limit=1e3',
    'limit=%201',
    'limit=1&limit=2',
    'before_id=',
    'status=',
    'status=1',
    'status=TRUE',
  ])('refuses ?%s', async (query) => {
    const { token } = await api.register();
    const answer = await api.rest('GET', `/outherTasks?${query}`, { token });
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'VALIDATION', errors: [{ path: query.split('=')[0] }] },
    });
  });

  test('takes the id from the path, whatever the body says, and ignores unknown keys', async () => {
    const { token } = await api.register();
    const make = async (title: string) =>
      (await api.rest('POST', '/outherTasks', { token, body: { title } })).body;
    const [one, two] = [await make('one'), await make('two')];
    const body = { ...two, title: 'changed', colour: 'red', created_at: null };
    const changed = await api.rest('PATCH', `/outherTasks/${one.id}`, { token, body });
    expect(changed).toMatchObject({ status: 200, body: { ...one, title: 'changed' } });
    expect((await api.rest('GET', '/outherTasks', { token })).body).toEqual([two, changed.body]);
  });

  test('a user_id that is not the caller’s is 404 in the body of a DELETE too', async () => {
    const [ann, bob] = [await api.register(), await api.register()];
    const { body: task } = await api.rest('POST', '/outherTasks', {
      token: ann.token,
      body: { title: 'Run' },
    });
    for (const user_id of [bob.id, String(bob.id)]) {
      const answer = await api.rest('DELETE', `/outherTasks/${task.id}`, {
        token: ann.token,
        body: { user_id },
      });
      expect(answer.status, shown(user_id)).toBe(404);
    }
    expect((await api.rest('GET', '/outherTasks', { token: ann.token })).body).toEqual([task]);
  });
});

test('tRPC reads nothing from strings', async () => {
  const { token, id: user_id } = await api.register();
  const { id } = (await api.rpc('task.create', { title: 'Run' }, token)).body.result.data;
  await expectStrict(api, token, [
    ['task.create', { title: 'Run', user_id: String(user_id) }, 'user_id'],
    ['task.create', { title: 'Run', status: 'true' }, 'status'],
    ['task.update', { id: String(id), status: true }, 'id'],
    ['task.update', { id, status: 'false' }, 'status'],
    ['task.list', { limit: '1' }, 'limit'],
    ['task.list', { before_id: '1' }, 'before_id'],
    ['task.list', { status: 'true' }, 'status'],
    ['task.byUser', { id: String(user_id) }, 'id'],
    ['task.remove', { id: String(id) }, 'id'],
  ]);
});

describe.each(transports)('over $name', (transport) => {
  const { call } = transport;

  const make = async (user: User, input: object = {}) =>
    (await call('task.create', { title: 'Run', ...input }, user.token)).data;

  test('#92 a title is kept byte for byte, 1 to 500 characters', async () => {
    const ann = await api.register();
    const { id } = await make(ann);
    const { taken, refused } = text(500);
    for (const title of taken) {
      expect(await make(ann, { title }), shown(title)).toMatchObject({ title });
      await call('task.update', { id, title }, ann.token);
      expect((await call('task.byUser', { id: ann.id }, ann.token)).data[0].title).toBe(title);
    }
    for (const title of refused) {
      expectRefused(await call('task.create', { title }, ann.token), 'title', title);
      expectRefused(await call('task.update', { id, title }, ann.token), 'title', title);
    }
    expectRefused(await call('task.create', { status: true }, ann.token), 'title', undefined);
  });

  test('a status is true or false', async () => {
    const ann = await api.register();
    const { id } = await make(ann);
    for (const status of [true, false]) {
      expect(await make(ann, { status })).toMatchObject({ status });
      expect((await call('task.update', { id, status }, ann.token)).data).toMatchObject({ id, status });
    }
    for (const status of NOT_BOOLEANS) {
      expectRefused(await call('task.create', { title: 'Run', status }, ann.token), 'status', status);
      expectRefused(await call('task.update', { id, status }, ann.token), 'status', status);
    }
  });

  test('#83 a change touches the keys that were sent and no others', async () => {
    const ann = await api.register();
    const task = await make(ann, { status: true });
    const changed = await expectPatch(
      api,
      transport,
      'task.update',
      ann,
      task,
      [{ status: false }, { title: 'Swim' }],
      (data) => data,
    );
    expect((await call('task.list', {}, ann.token)).data).toEqual([changed]);
  });

  test('#62 to a stranger the task does not exist', async () => {
    const [ann, bob] = [await api.register(), await api.register()];
    const { id } = await make(ann);
    for (const [procedure, input] of [
      ['task.update', { title: 'Mine' }],
      ['task.remove', {}],
    ] as const) {
      const foreign = await call(procedure, { id, ...input }, bob.token);
      expect(foreign).toMatchObject({
        status: 404,
        code: 'NOT_FOUND',
        detail: expect.not.stringMatching(/\d/),
      });
      expect(foreign).toEqual(await call(procedure, { id: MISSING, ...input }, bob.token));
    }
    expect((await call('task.list', {}, bob.token)).data).toEqual([]);
    expect((await call('task.list', {}, ann.token)).data).toMatchObject([{ id, title: 'Run' }]);
  });

  test('a user_id must be the caller’s', async () => {
    const [ann, bob] = [await api.register(), await api.register()];
    const { id, title } = await make(ann, { user_id: ann.id });
    for (const user_id of [bob.id, MISSING]) {
      expect(await call('task.create', { title, user_id }, ann.token)).toMatchObject({
        status: 404,
        code: 'NOT_FOUND',
      });
      expect(await call('task.update', { id, title: 'Theirs', user_id }, ann.token)).toMatchObject({
        status: 404,
        code: 'NOT_FOUND',
      });
      expect(await call('task.byUser', { id: user_id }, ann.token)).toMatchObject({
        status: 404,
        code: 'NOT_FOUND',
      });
    }
    expect((await call('task.list', {}, ann.token)).data).toMatchObject([{ id, title }]);
    expect((await call('task.list', {}, bob.token)).data).toEqual([]);
  });

  test('#89 an id is an integer from 1 to 2^53 - 1', async () => {
    const { token } = await api.register();
    // On REST an empty id is another path.
    for (const id of NOT_IDS.filter((value) => value !== '' || transport.name === 'tRPC')) {
      const wire = transport.name === 'REST' && typeof id === 'object' ? JSON.stringify(id) : id;
      expectRefused(await call('task.update', { id: wire, title: 'Run' }, token), 'id', id);
      expectRefused(await call('task.remove', { id: wire }, token), 'id', id);
      expectRefused(await call('task.byUser', { id: wire }, token), 'id', id);
    }
    expect(await call('task.remove', { id: MISSING }, token)).toMatchObject({ status: 404 });
  });

  test('a removed task is gone', async () => {
    const ann = await api.register();
    const [kept, { id }] = [await make(ann), await make(ann)];
    expect(await call('task.remove', { id }, ann.token)).toEqual({
      status: 200,
      data: { message: expect.any(String) },
    });
    expect((await call('task.list', {}, ann.token)).data).toEqual([kept]);
    expect(await call('task.remove', { id }, ann.token)).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(await call('task.update', { id, title: 'Again' }, ann.token)).toMatchObject({
      status: 404,
      code: 'NOT_FOUND',
    });
  });

  test('#150 a list is a bare array of mine, newest first, in pages, of one status if wanted', async () => {
    const [ann, bob] = [await api.register(), await api.register()];
    await addTasks(ann, 501);
    const newest = (await call('task.byUser', { id: ann.id }, ann.token)).data.toReversed();
    expect(newest[0].title).toBe('Task 501');
    await expectPages(transport, 'task.list', ann, bob, ids(newest));
    const list = async (page: object) => (await call('task.list', page, ann.token)).data;
    expect(await list({ limit: 2 })).toEqual(newest.slice(0, 2));
    expect(ids(await list({ status: true, limit: 3 }))).toEqual(ids([newest[0], newest[3], newest[6]]));
    expect(ids(await list({ status: false, limit: 3, before_id: newest[1].id }))).toEqual(
      ids([newest[2], newest[4], newest[5]]),
    );
  });

  test('byUser has the newest 1000, oldest first, and [] when there are none', async () => {
    const ann = await api.register();
    expect(await call('task.byUser', { id: ann.id }, ann.token)).toEqual({ status: 200, data: [] });
    await addTasks(ann, 1001);
    const { data } = await call('task.byUser', { id: ann.id }, ann.token);
    expect(data.map(({ title }: { title: string }) => title)).toEqual(
      Array.from({ length: 1000 }, (_, index) => `Task ${index + 2}`),
    );
    expect(data[0]).toEqual({
      id: expect.any(Number),
      user_id: ann.id,
      title: 'Task 2',
      status: false,
      ...UNDATED,
    });
  });
});
