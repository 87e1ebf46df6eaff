// How much one user may keep, and write at a time.
import { describe, expect, test } from 'vitest';
import { listEndpoints } from '../src/http/transports/endpoints.ts';
import { appRouter } from '../src/router.ts';
import { openTestDatabase, startApp, type User } from './harness.ts';
import { PLENTY } from './rates.ts';
import { bothTransports } from './transports.ts';

const database = await openTestDatabase();
const small = await startApp({
  database,
  quotas: { tasks: 3, resources: 4, physical_plans: 2, mental_plans: 2 },
});
const BOOK = { type: 'book', name: 'Book', description: '', volume: 100 };
const PLAN = { goal: 'Run', age: 30, gender: 'female', weight: 60, height: 170 };

const CASES = [
  {
    name: 'tasks',
    limit: 3,
    create: ['task.create', { title: 'Run' }],
    remove: 'task.remove',
    list: 'task.list',
  },
  {
    name: 'resources',
    limit: 4,
    create: ['resource.create', BOOK],
    remove: 'resource.remove',
    list: 'resource.list',
  },
  {
    name: 'physical_plans',
    limit: 2,
    create: ['physicalPlan.create', PLAN],
    remove: 'physicalPlan.remove',
    list: 'physicalPlan.list',
  },
  {
    name: 'mental_plans',
    limit: 2,
    create: ['mentalPlan.create', { name: 'Spring', goal: 'Read', resource_list: [] }],
    remove: 'mentalPlan.remove',
    list: 'mentalPlan.list',
  },
] as const;

for (const { call, name: transport } of bothTransports(small))
  test.each(CASES)(
    `#350 over ${transport} a user keeps so many $name; one more is 409, until one is removed`,
    async (quota) => {
      const ann = await small.register();
      if (quota.name === 'resources')
        await call('mentalPlan.create', { name: 'Spring', goal: 'Read', resource_list: [] }, ann.token);
      const [procedure, input] = quota.create;
      const create = () => call(procedure, { ...input }, ann.token);
      for (let n = 0; n < quota.limit; n++) expect((await create()).data).toBeDefined();
      const refused = await create();
      expect(refused).toMatchObject({
        status: 409,
        code: 'QUOTA_REACHED',
        detail: expect.stringContaining(String(quota.limit)),
      });
      expect(JSON.stringify(refused.body)).toContain(
        JSON.stringify({ name: quota.name, limit: quota.limit }),
      );
      const rows = (await call(quota.list, {}, ann.token)).data;
      expect(rows).toHaveLength(quota.limit);
      await call(quota.remove, { id: rows[0].id }, ann.token);
      expect((await create()).data).toBeDefined();
      expect((await create()).code).toBe('QUOTA_REACHED');
    },
  );

test('#350 many resources are added whole or not at all', async () => {
  const ann = await small.register();
  const bulk = (count: number) =>
    small.rest('POST', '/resources/bulk', {
      token: ann.token,
      body: Array.from({ length: count }, () => BOOK),
    });
  expect((await bulk(5)).body).toMatchObject({
    code: 'QUOTA_REACHED',
    quota: { name: 'resources', limit: 4 },
  });
  expect((await bulk(3)).status).toBe(201);
  expect((await bulk(2)).status).toBe(409);
  expect((await bulk(0)).body).toEqual([]);
  expect((await bulk(1)).status).toBe(201);
  expect((await small.rest('GET', '/resources', { token: ann.token })).body).toHaveLength(4);
});

test('#350 what is refused takes no number of an event, and the reason of another refusal stays', async () => {
  const ann = await small.register();
  for (let n = 0; n < 5; n++) await small.rpc('task.create', { title: 'Run' }, ann.token);
  const { events } = (await small.rest('GET', '/users/me/export', { token: ann.token })).body;
  expect(events.map(({ seq }: { seq: number }) => seq)).toEqual([1, 2, 3]);
  expect((await small.rpc('resource.create', BOOK, ann.token)).body.error.data.reason, 'no plan').toBe(
    'NOT_FOUND',
  );
  const other = { name: 'Spring', goal: 'Read', resource_list: [2_000_000_000] };
  expect((await small.rpc('mentalPlan.create', other, ann.token)).body.error.data.reason).toBe('NOT_FOUND');
});

for (const { call, name: transport } of bothTransports(small))
  test(`#632 over ${transport} who has no room for a next task does what is to be done, and none is made`, async () => {
    const ann = await small.register();
    const date = new Date().toISOString().slice(0, 10);
    const ask = async (procedure: string, input: object) => (await call(procedure, input, ann.token)).data;
    const recurring = { title: 'Water', due_on: date, recurrence: { freq: 'daily' } };
    const { id } = await ask('task.create', recurring);
    await ask('task.create', { title: 'Run' });
    const other = await ask('task.create', recurring);
    // Of two that come next there is room for neither; a skipped one gives its own place.
    expect(await call('task.create', recurring, ann.token)).toMatchObject({ status: 409 });
    const { next } = await ask('task.skip', { id: other.id });
    expect(await ask('task.update', { id, status: true })).not.toHaveProperty('next');
    expect(await ask('day.complete', { date, tasks: [next.id] })).toMatchObject({
      day: { state: 'done', tasks: [{ task_id: next.id }] },
      next_tasks: [],
    });
    expect(await ask('task.list', {})).toHaveLength(3);
    // It recurs still: with room it is followed when it is finished again.
    await ask('task.remove', { id });
    await ask('day.reopen', { date });
    expect((await ask('day.complete', { date, tasks: [next.id] })).next_tasks).toHaveLength(1);
    expect(await ask('task.list', {})).toHaveLength(3);
  });

test('#351 the rows of large calls are counted for the user who writes them', async () => {
  const api = await startApp({ database, rates: { ...PLENTY, rows: { max: 25, seconds: 60 } } });
  const [ann, bob] = [await api.register(), await api.register()];
  const bulk = ({ token }: User) =>
    api.rest('POST', '/resources/bulk', { token, body: Array.from({ length: 10 }, () => BOOK) });
  const { body: ids } = await bulk(ann);
  expect((await bulk(ann)).status).toBe(201);
  const refused = await bulk(ann);
  expect(refused).toMatchObject({
    status: 429,
    body: { code: 'RATE_LIMITED' },
    headers: { 'retry-after': expect.any(String) },
  });
  expect((await bulk(bob)).status, 'of another user').toBe(201);
  const plan = { name: 'Spring', goal: 'Read', resource_list: ids };
  expect((await api.rest('POST', '/mentalPlans', { token: ann.token, body: plan })).status).toBe(429);
  expect((await api.rest('POST', '/physicalPlans', { token: ann.token, body: PLAN })).status).toBe(429);
  expect(
    (await api.rest('POST', '/outherTasks', { token: ann.token, body: { title: 'one row' } })).status,
  ).toBe(201);
});

describe('#620 changes whose facts are kept for good are counted for the user', async () => {
  const api = await startApp({ database, rates: { ...PLENTY, facts: { max: 1, seconds: 3600 } } });
  const date = new Date().toISOString().slice(0, 10);
  type Ids = Record<'task' | 'plan' | 'mental_plan' | 'resource', number>;
  const CHANGES: Record<string, (ids: Ids, turn: number) => object> = {
    'day.complete': (ids) => ({ date, tasks: [ids.task] }),
    'day.correct': (ids) => ({ date, tasks: [ids.task] }),
    'day.skip': () => ({ date }),
    'day.reopen': () => ({ date }),
    'physicalPlan.update': ({ plan }, turn) => ({ id: plan, day: 2 + turn }),
    'physicalPlan.swap': ({ plan }) => ({ id: plan, exercise_id: 1, to: 2 }),
    'mentalPlan.update': ({ mental_plan }, turn) => ({ id: mental_plan, progress: 20 + turn }),
    'resource.update': ({ resource }, turn) => ({ id: resource, progress: 2 + turn }),
    'task.update': ({ task }, turn) => ({ id: task, status: turn === 0 }),
  };

  test.each(Object.entries(CHANGES))('%s', async (procedure, input) => {
    const [rest, trpc] = bothTransports(api);
    const ann = await api.register();
    const create = async (name: string, of: object) => (await trpc.call(name, of, ann.token)).data;
    const ids: Ids = {
      task: (await create('task.create', { title: 'Run' })).id,
      plan: (await create('physicalPlan.create', PLAN)).data.id,
      mental_plan: (await create('mentalPlan.create', { name: 'x', goal: 'x', resource_list: [] }))
        .mental_plan_id,
      resource: (await create('resource.create', BOOK)).data,
    };
    await rest.call(procedure, input(ids, 0), ann.token);
    for (const transport of [rest, trpc])
      expect((await transport.call(procedure, input(ids, 1), ann.token)).status, transport.name).toBe(429);
    const { facts } = (await api.rest('GET', '/users/me/export', { token: ann.token })).body;
    expect(facts.length).toBeLessThanOrEqual(1);
    expect((await trpc.call('task.create', { title: 'no fact' }, ann.token)).status).toBeLessThan(300);
  });

  test('these are all that say so', () => {
    const recorded = [...listEndpoints(appRouter).values()]
      .filter(({ meta }) => meta.rest?.recordsFacts)
      .map(({ name }) => name);
    expect(recorded.sort()).toEqual(Object.keys(CHANGES).toSorted());
  });
});
