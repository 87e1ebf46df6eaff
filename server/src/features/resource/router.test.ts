import { describe, expect, test } from 'vitest';
import { startApp, type User } from '../../../test/harness.ts';
import { expectMissing, expectPages, expectPatch, expectStrict } from '../../../test/rules.ts';
import { bothTransports } from '../../../test/transports.ts';
import { userRows } from '../../../test/userRows.ts';
import {
  expectRefused,
  justAbove,
  MISSING,
  NOT_NUMBERS,
  shown,
  text,
  textOrEmpty,
} from '../../../test/values.ts';

const api = await startApp();
const transports = bothTransports(api);
const [rest] = transports;

const BOOK = { type: 'book', name: 'SICP', description: 'Wizards', volume: 500, unit: 'chapter' };

async function makePlan({ token }: User, resource_list: number[] = []): Promise<number> {
  return (await rest.call('mentalPlan.create', { name: 'Spring', goal: 'Read', resource_list }, token)).data
    .mental_plan_id;
}

/** A user with a current mental plan. */
async function withPlan(): Promise<User & { plan: number }> {
  const user = await api.register();
  return { ...user, plan: await makePlan(user) };
}

const make = async ({ token }: User, input: object = {}): Promise<number> =>
  (await rest.call('resource.create', { ...BOOK, ...input }, token)).data.data;

const linked = async ({ id, token }: User) =>
  (await rest.call('mentalPlan.byUser', { id }, token)).data.resources;

const listed = async ({ token }: User) => (await rest.call('resource.list', {}, token)).data;

/** The progress of a resource in the current plan. */
const progressOf = async (user: User, id: number): Promise<number> =>
  (await linked(user)).find(({ resource }: { resource: { id: number } }) => resource.id === id).progress;

const FIELDS = {
  type: { taken: ['book', 'course', 'video'], refused: ['', 'Book', 'film', ' book', 0, null, ['book']] },
  name: text(500),
  description: textOrEmpty(5000),
  volume: {
    taken: [Number.MIN_VALUE, 0.5, 1_000_000],
    refused: [-1, -0.0001, 0, justAbove(1_000_000), ...NOT_NUMBERS],
  },
};

test.each(['', '/'])('every path answers with "%s" at its end', async (end) => {
  const ann = await withPlan();
  const { token } = ann;
  const made = await api.rest('POST', `/resources${end}`, { token, body: BOOK });
  expect([made.status, made.body]).toEqual([201, { data: expect.any(Number) }]);
  const id = made.body.data;
  const bulk = await api.rest('POST', `/resources/bulk${end}`, { token, body: [BOOK] });
  expect([bulk.status, bulk.body]).toEqual([201, [expect.any(Number)]]);
  const changed = await api.rest('PATCH', `/resources/${id}${end}`, {
    token,
    body: { progress: 3, volume: 400 },
  });
  expect([changed.status, changed.body]).toEqual([
    200,
    { message: expect.any(String), resource: { ...BOOK, id, volume: 400 } },
  ]);
  const list = await api.rest('GET', `/resources${end}?limit=10`, { token });
  expect([list.status, list.body]).toEqual([
    200,
    [
      { ...BOOK, id: bulk.body[0] },
      { ...BOOK, id, volume: 400 },
    ],
  ]);
  const removed = await api.rest('DELETE', `/resources/${id}${end}`, { token });
  expect([removed.status, removed.body]).toEqual([200, { detail: expect.any(String), id }]);
});

test('REST reads numbers from strings in a body, also inside a bulk; the path wins over the body', async () => {
  const ann = await withPlan();
  const { token } = ann;
  const { body } = await api.rest('POST', '/resources', {
    token,
    body: { ...BOOK, name: '7', user_id: String(ann.id), volume: '20.50' },
  });
  const bulk = await api.rest('POST', '/resources/bulk', { token, body: [{ ...BOOK, volume: '30' }] });
  expect(bulk.status).toBe(201);
  const whole = {
    ...BOOK,
    id: String(bulk.body[0]),
    name: '8',
    volume: '10.5',
    progress: '10.25',
    extra: [],
  };
  const changed = await api.rest('PATCH', `/resources/${body.data}`, { token, body: whole });
  expect(changed).toMatchObject({
    status: 200,
    body: { resource: { ...BOOK, id: body.data, name: '8', volume: 10.5 } },
  });
  expect(await progressOf(ann, body.data)).toBe(10.25);
  expect((await listed(ann)).map(({ volume }: { volume: number }) => volume)).toEqual([30, 10.5]);
});

test('tRPC reads nothing from strings', async () => {
  const ann = await withPlan();
  const id = await make(ann);
  await expectStrict(api, ann.token, [
    ['resource.create', { ...BOOK, volume: '5' }, 'volume'],
    ['resource.create', { ...BOOK, user_id: String(ann.id) }, 'user_id'],
    ['resource.createMany', { resources: [{ ...BOOK, volume: '5' }] }, 'resources.0.volume'],
    ['resource.update', { id: String(id), name: 'TAPL' }, 'id'],
    ['resource.update', { id, progress: '1' }, 'progress'],
    ['resource.remove', { id: String(id) }, 'id'],
  ]);
});

test('a bulk is a bare array over REST and one object over tRPC; errors name the place as it was sent', async () => {
  const { token } = await api.register();
  for (const body of [{ resources: [BOOK] }, {}, 'null', '"x"', undefined])
    expect((await api.rest('POST', '/resources/bulk', { token, body })).status, shown(body)).toBe(400);
  for (const input of [[BOOK], {}, { resources: BOOK }])
    expect((await api.rpc('resource.createMany', input, token)).status).toBe(400);
  const wrong = [BOOK, { ...BOOK, volume: 0 }];
  const overRest = await api.rest('POST', '/resources/bulk', { token, body: wrong });
  expect(overRest.body.errors.map(({ path }: { path: string }) => path)).toEqual(['1.volume']);
  await expectStrict(api, token, [['resource.createMany', { resources: wrong }, 'resources.1.volume']]);
});

describe.each(transports)('over $name', (transport) => {
  const { call } = transport;

  test('a new resource is linked to the current plan, with no progress yet', async () => {
    const ann = await withPlan();
    const current = await makePlan(ann);
    const { data } = await call('resource.create', { ...BOOK, user_id: ann.id, progress: 5 }, ann.token);
    expect(data).toEqual({ data: expect.any(Number) });
    expect(await linked(ann)).toEqual([{ resource: { id: data.data, ...BOOK }, progress: 0 }]);
    expect((await call('resource.list', {}, ann.token)).data).toEqual([{ id: data.data, ...BOOK }]);
    await rest.call('mentalPlan.remove', { id: current }, ann.token);
    expect(await linked(ann)).toEqual([]);
  });

  test('without a plan it is 404 and nothing is made', async () => {
    const ann = await api.register();
    expect(await call('resource.create', BOOK, ann.token)).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(await listed(ann)).toEqual([]);
  });

  test.each(Object.entries(FIELDS))(
    '#90 #92 #104 the borders of %s hold on each way in',
    async (field, { taken, refused }) => {
      const ann = await withPlan();
      const id = await make(ann);
      for (const value of taken) {
        const single = await call('resource.create', { ...BOOK, [field]: value }, ann.token);
        const bulk = await call(
          'resource.createMany',
          { resources: [{ ...BOOK, [field]: value }] },
          ann.token,
        );
        const changed = await call('resource.update', { id, [field]: value }, ann.token);
        expect((await listed(ann)).slice(0, 2), shown(value)).toEqual([
          { id: bulk.data?.[0], ...BOOK, [field]: value },
          { id: single.data?.data, ...BOOK, [field]: value },
        ]);
        expect(changed.data?.resource, shown(value)).toMatchObject({ id, [field]: value });
      }
      const before = await userRows(api, ann.id);
      for (const value of refused) {
        expectRefused(await call('resource.create', { ...BOOK, [field]: value }, ann.token), field, value);
        expectRefused(await call('resource.update', { id, [field]: value }, ann.token), field, value);
        const bulk = await call(
          'resource.createMany',
          { resources: [BOOK, { ...BOOK, [field]: value }] },
          ann.token,
        );
        expect([bulk.code, bulk.errors?.[0]?.path], shown(value)).toEqual([
          'VALIDATION',
          expect.stringMatching(`^(resources\\.)?1\\.${field}$`),
        ]);
      }
      expectRefused(
        await call('resource.create', { ...BOOK, [field]: undefined }, ann.token),
        field,
        undefined,
      );
      expect(await userRows(api, ann.id)).toEqual(before);
    },
  );

  test('#96 a bulk has up to 1000 resources, keeps their order and links none', async () => {
    const ann = await withPlan();
    const books = Array.from({ length: 1001 }, (_, index) => ({
      ...BOOK,
      name: `Book ${(index * 7919) % 1001}`,
    }));
    const { data } = await call('resource.createMany', { resources: books.slice(0, 1000) }, ann.token);
    const names: Record<number, string> = Object.fromEntries(
      [
        ...(await listed(ann)),
        ...(await page({ limit: 500, before_id: data[900] })),
        ...(await page({ limit: 500, before_id: data[500] })),
      ].map(({ id, name }) => [id, name]),
    );
    expect(data.map((id: number) => names[id])).toEqual(books.slice(0, 1000).map(({ name }) => name));
    expect(await linked(ann)).toEqual([]);
    expect(await call('resource.createMany', { resources: books }, ann.token)).toMatchObject({
      status: 400,
      code: 'VALIDATION',
    });
    expect((await call('resource.createMany', { resources: [] }, ann.token)).data).toEqual([]);
    expect((await page({ limit: 1 }))[0].id).toBe(data[999]);

    async function page(input: object) {
      return (await call('resource.list', input, ann.token)).data;
    }
  });

  test('#83 a change touches the keys that were sent and no others', async () => {
    const ann = await withPlan();
    const id = await make(ann);
    await call('resource.update', { id, progress: 7.25 }, ann.token);
    const changes = [{ description: '' }, { volume: 600 }, { name: 'TAPL' }, { type: 'video' }];
    const resource = await expectPatch(api, transport, 'resource.update', ann, { id, ...BOOK }, changes);
    expect(await linked(ann)).toEqual([{ resource, progress: 7.25 }]);
    expect((await call('resource.update', { id, progress: 0 }, ann.token)).data.resource).toEqual(resource);
    expectRefused(await call('resource.update', { id, progress: null }, ann.token), 'progress', null);
    expect(await linked(ann)).toEqual([{ resource, progress: 0 }]);
  });

  test('progress runs from 0 to the volume that results; above it nothing at all changes', async () => {
    const ann = await withPlan();
    const id = await make(ann, { volume: 10 });
    const accepted = [
      { progress: 10 },
      { progress: 0.1 },
      { progress: 0 },
      { progress: 15, volume: 20 },
      { volume: 12, progress: 12 },
    ];
    for (const change of accepted) {
      expect((await call('resource.update', { id, ...change }, ann.token)).status, shown(change)).toBe(200);
      expect(await progressOf(ann, id)).toBe(change.progress);
    }
    const before = await userRows(api, ann.id);
    for (const change of [
      { progress: justAbove(12) },
      { progress: 11, volume: 10 },
      { progress: 1_000_000 },
      { progress: -0.1 },
    ])
      expectRefused(
        await call('resource.update', { id, name: 'Other', ...change }, ann.token),
        'progress',
        change,
      );
    for (const progress of NOT_NUMBERS)
      expectRefused(await call('resource.update', { id, progress }, ann.token), 'progress', progress);
    expect(await userRows(api, ann.id)).toEqual(before);
  });

  test('lowering a volume lowers the progress to it, in every plan; raising it does not bring it back', async () => {
    const ann = await withPlan();
    const id = await make(ann, { volume: 100 });
    await call('resource.update', { id, progress: 80 }, ann.token);
    const current = await makePlan(ann, [id]);
    await call('resource.update', { id, progress: 50 }, ann.token);
    for (const [volume, progress] of [
      [60, 50],
      [30.5, 30.5],
      [200, 30.5],
    ] as const) {
      await call('resource.update', { id, volume }, ann.token);
      expect(await progressOf(ann, id)).toBe(progress);
    }
    await rest.call('mentalPlan.remove', { id: current }, ann.token);
    expect(await progressOf(ann, id)).toBe(30.5);
  });

  // #69: No resource belongs to two users; the links are those of one user’s plans.
  test('#69 progress is the link in the current plan: 404 when there is none', async () => {
    const ann = await withPlan();
    const old = await make(ann);
    await call('resource.update', { id: old, progress: 5 }, ann.token);
    const current = await makePlan(ann);
    const before = await userRows(api, ann.id);
    expect(
      await call('resource.update', { id: old, name: 'Other', volume: 1, progress: 1 }, ann.token),
    ).toMatchObject({ status: 404 });
    expect(await userRows(api, ann.id)).toEqual(before);
    expect((await call('resource.update', { id: old, name: 'Other' }, ann.token)).status).toBe(200);
    await rest.call('mentalPlan.remove', { id: current }, ann.token);
    expect(await progressOf(ann, old)).toBe(5);
    await rest.call('mentalPlan.remove', { id: ann.plan }, ann.token);
    expect(await call('resource.update', { id: old, progress: 1 }, ann.token)).toMatchObject({
      status: 404,
      code: 'NOT_FOUND',
    });
  });

  test('a removed resource is gone from every plan', async () => {
    const ann = await withPlan();
    const [kept, id] = [await make(ann), await make(ann)];
    await makePlan(ann, [kept, id]);
    expect(await call('resource.remove', { id }, ann.token)).toEqual({
      status: 200,
      data: { detail: expect.any(String), id },
    });
    expect((await linked(ann)).map(({ resource }: { resource: { id: number } }) => resource.id)).toEqual([
      kept,
    ]);
    expect((await userRows(api, ann.id)).mental_plan_resources).toHaveLength(2);
    for (const procedure of ['resource.remove', 'resource.update'])
      expect(await call(procedure, { id }, ann.token)).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });

  test('#150 a list is a bare array of mine, newest first, in pages', async () => {
    const [ann, bob] = [await withPlan(), await api.register()];
    const { data } = await call(
      'resource.createMany',
      { resources: Array.from({ length: 103 }, () => BOOK) },
      ann.token,
    );
    await expectPages(transport, 'resource.list', ann, bob, data.toReversed());
  });

  test('#62 to a stranger the resource does not exist, and a user_id must be the caller’s', async () => {
    const [ann, bob] = [await withPlan(), await withPlan()];
    const id = await make(ann);
    const before = await userRows(api, ann.id);
    for (const input of [{ name: 'Mine' }, { progress: 1 }, { volume: 1, progress: 2 }]) {
      const foreign = await call('resource.update', { id, ...input }, bob.token);
      expect(foreign).toMatchObject({ status: 404, code: 'NOT_FOUND' });
      expect(foreign).toEqual(await call('resource.update', { id: MISSING, ...input }, bob.token));
    }
    await expectMissing(transport, [
      ['resource.remove', { id }, bob],
      ['resource.create', { ...BOOK, user_id: bob.id }, ann],
      ['resource.update', { id, name: 'Other', user_id: MISSING }, ann],
    ]);
    expect(await userRows(api, ann.id)).toEqual(before);
  });
});

test('parallel changes of volume and progress never leave progress above volume', async () => {
  const ann = await withPlan();
  const id = await make(ann, { volume: 10 });
  for (let round = 0; round < 20; round++) {
    await rest.call('resource.update', { id, volume: 10, progress: 5 }, ann.token);
    const changes = [
      { progress: 9 },
      { volume: 4 },
      { progress: 8 },
      { volume: 6 },
      { volume: 3, progress: 3 },
      { progress: 10 },
    ];
    const outcomes = await Promise.all(
      changes.map((change, index) =>
        transports[index % 2]?.call('resource.update', { id, ...change }, ann.token),
      ),
    );
    for (const outcome of outcomes) expect([200, 400]).toContain(outcome?.status);
    const [{ resource, progress }] = await linked(ann);
    expect(progress).toBeLessThanOrEqual(resource.volume);
  }
});
