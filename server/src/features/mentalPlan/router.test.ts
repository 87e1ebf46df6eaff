import { describe, expect, test } from 'vitest';
import { startApp, type User } from '../../../test/harness.ts';
import {
  expectCurrentPlan,
  expectMissing,
  expectPages,
  expectPatch,
  expectStrict,
} from '../../../test/rules.ts';
import { bothTransports } from '../../../test/transports.ts';
import { userRows } from '../../../test/userRows.ts';
import { expectRefused, MISSING, NOT_IDS, NOT_INTEGERS, shown, text } from '../../../test/values.ts';

const api = await startApp();
const transports = bothTransports(api);
const [rest, rpc] = transports;

const PLAN = { name: 'Spring', goal: 'Read more', resource_list: [] as unknown[] };
const BOOK = { type: 'book', name: 'SICP', description: '', volume: 500, unit: 'chapter' };

/** Resources of the user, linked to no plan. */
const makeBooks = async ({ token }: User, count: number): Promise<number[]> =>
  (await rest.call('resource.createMany', { resources: Array.from({ length: count }, () => BOOK) }, token))
    .data;

const make = async ({ token }: User, input: object = {}): Promise<number> =>
  (await rest.call('mentalPlan.create', { ...PLAN, ...input }, token)).data.mental_plan_id;

const view = async ({ id, token }: User) => (await rest.call('mentalPlan.byUser', { id }, token)).data;

/** The resources in the current plan: id → progress. */
const links = async (user: User): Promise<Record<number, number>> =>
  Object.fromEntries(
    (await view(user)).resources.map(({ resource, progress }: Link) => [resource.id, progress]),
  );

interface Link {
  resource: { id: number };
  progress: number;
}

const FIELDS = {
  name: text(500),
  goal: text(500),
  progress: { taken: [0, 1, 3650], refused: [-1, 3651, ...NOT_INTEGERS] },
};

test.each(['', '/'])('every path answers with "%s" at its end', async (end) => {
  const ann = await api.register();
  const { token } = ann;
  const [book] = await makeBooks(ann, 1);
  const made = await api.rest('POST', `/mentalPlans${end}`, {
    token,
    body: { ...PLAN, resource_list: [book] },
  });
  expect([made.status, made.body]).toEqual([
    201,
    { message: expect.any(String), mental_plan_id: expect.any(Number) },
  ]);
  const id = made.body.mental_plan_id;
  const data = {
    id,
    user_id: ann.id,
    name: 'Spring',
    goal: 'Read more',
    progress: 30,
    deadline: null,
    version: 1,
  };
  const shownPlan = await api.rest('GET', `/users/${ann.id}/mental-plan${end}`, { token });
  const resources = [{ resource: { id: book, ...BOOK }, progress: 0 }];
  expect([shownPlan.status, shownPlan.body]).toEqual([200, { data, user_id: ann.id, resources }]);
  const changed = await api.rest('PATCH', `/mentalPlans/${id}${end}`, { token, body: { progress: 7 } });
  expect([changed.status, changed.body]).toEqual([
    200,
    { message: expect.any(String), resource: { ...data, progress: 7, version: 2 } },
  ]);
  const list = await api.rest('GET', `/mentalPlans${end}?limit=5`, { token });
  expect([list.status, list.body]).toEqual([200, [changed.body.resource]]);
  const removed = await api.rest('DELETE', `/mentalPlans/${id}${end}`, { token });
  expect([removed.status, removed.body]).toEqual([200, { message: expect.any(String) }]);
});

test('REST reads numbers from strings in a body, also inside the list; the path wins over the body', async () => {
  const ann = await api.register();
  const [book = 0, other = 0] = await makeBooks(ann, 2);
  const sent = { ...PLAN, name: '7', user_id: String(ann.id), progress: '0', resource_list: [String(book)] };
  const { body } = await api.rest('POST', '/mentalPlans', { token: ann.token, body: sent });
  expect(await view(ann)).toMatchObject({
    data: { id: body.mental_plan_id, name: '7', progress: 0 },
    resources: [{ resource: { id: book } }],
  });
  const whole = {
    id: MISSING,
    user_id: String(ann.id),
    progress: '12',
    resource_list: [String(other), book],
    extra: true,
  };
  const changed = await api.rest('PATCH', `/mentalPlans/${body.mental_plan_id}`, {
    token: ann.token,
    body: whole,
  });
  expect(changed).toMatchObject({
    status: 200,
    body: { resource: { id: body.mental_plan_id, name: '7', progress: 12 } },
  });
  expect(await links(ann)).toEqual({ [book]: 0, [other]: 0 });
});

test('tRPC reads nothing from strings', async () => {
  const ann = await api.register();
  const id = await make(ann);
  await expectStrict(api, ann.token, [
    ['mentalPlan.create', { ...PLAN, progress: '5' }, 'progress'],
    ['mentalPlan.create', { ...PLAN, resource_list: ['1'] }, 'resource_list.0'],
    ['mentalPlan.create', { ...PLAN, user_id: String(ann.id) }, 'user_id'],
    ['mentalPlan.update', { id: String(id) }, 'id'],
    ['mentalPlan.update', { id, resource_list: [id, '1'] }, 'resource_list.1'],
    ['mentalPlan.remove', { id: String(id) }, 'id'],
    ['mentalPlan.byUser', { id: String(ann.id) }, 'id'],
  ]);
});

describe.each(transports)('over $name', (transport) => {
  const { call } = transport;

  test('a plan has 30 days left unless it says otherwise', async () => {
    const ann = await api.register();
    for (const [sent, progress] of [
      [{}, 30],
      [{ progress: 0 }, 0],
      [{ progress: 90, user_id: ann.id, version: 9 }, 90],
    ] as const) {
      const { data } = await call('mentalPlan.create', { ...PLAN, ...sent }, ann.token);
      const row = {
        id: data.mental_plan_id,
        user_id: ann.id,
        name: PLAN.name,
        goal: PLAN.goal,
        progress,
        deadline: null,
        version: 1,
      };
      expect((await call('mentalPlan.byUser', { id: ann.id }, ann.token)).data).toEqual({
        data: row,
        user_id: ann.id,
        resources: [],
      });
    }
  });

  // #90: Age, weight, height, volume and progress: their borders are taken, the next number a double can
  // tell apart is refused.
  test.each(Object.entries(FIELDS))('#90 #92 the borders of %s hold', async (field, { taken, refused }) => {
    const ann = await api.register();
    const id = await make(ann);
    for (const value of taken) {
      const changed = await call('mentalPlan.update', { id, [field]: value }, ann.token);
      expect(changed.data?.resource, shown(value)).toMatchObject({ id, [field]: value });
      const made = await call('mentalPlan.create', { ...PLAN, [field]: value }, ann.token);
      expect((await view(ann)).data, shown(value)).toMatchObject({
        id: made.data?.mental_plan_id,
        [field]: value,
      });
    }
    const before = await userRows(api, ann.id);
    for (const value of refused) {
      expectRefused(await call('mentalPlan.create', { ...PLAN, [field]: value }, ann.token), field, value);
      expectRefused(await call('mentalPlan.update', { id, [field]: value }, ann.token), field, value);
    }
    expect(await userRows(api, ann.id)).toEqual(before);
  });

  test('#96 name, goal and the list of resources are required; the list holds up to 1000 ids', async () => {
    const ann = await api.register();
    const id = await make(ann);
    for (const key of Object.keys(PLAN))
      expectRefused(
        await call('mentalPlan.create', { ...PLAN, [key]: undefined }, ann.token),
        key,
        undefined,
      );
    const books = await makeBooks(ann, 1000);
    expect(
      (await call('mentalPlan.create', { ...PLAN, resource_list: books }, ann.token)).data,
    ).toBeDefined();
    expect((await view(ann)).resources.map(({ resource }: Link) => resource.id)).toEqual(books);
    for (const resource_list of [
      [...books, books[0]],
      '1',
      1,
      null,
      {},
      ...NOT_IDS.map((value) => [books[0], value]),
    ]) {
      expectRefused(
        await call('mentalPlan.create', { ...PLAN, resource_list }, ann.token),
        'resource_list',
        resource_list,
      );
      expectRefused(
        await call('mentalPlan.update', { id, resource_list }, ann.token),
        'resource_list',
        resource_list,
      );
    }
  });

  test('#66 resources stand in the order of their ids, and a repeated one counts once', async () => {
    const ann = await api.register();
    const [a, b = 0, c] = await makeBooks(ann, 3);
    const id = await make(ann, { resource_list: [c, a, c, b, a] });
    const { data } = await call('mentalPlan.byUser', { id: ann.id }, ann.token);
    expect(data.resources).toEqual(
      [a, b, c].map((book) => ({ resource: { id: book, ...BOOK }, progress: 0 })),
    );
    await call('mentalPlan.update', { id, resource_list: [b, b] }, ann.token);
    expect(await links(ann)).toEqual({ [b]: 0 });
    await call('mentalPlan.update', { id, resource_list: [b, a] }, ann.token);
    expect((await view(ann)).resources.map(({ resource }: Link) => resource.id)).toEqual([a, b]);
  });

  test('a new list keeps the progress of the resources that stay; dropped ones stay mine', async () => {
    const ann = await api.register();
    const [a = 0, b = 0, c = 0] = await makeBooks(ann, 3);
    const id = await make(ann, { resource_list: [a, b] });
    await call('resource.update', { id: a, progress: 10 }, ann.token);
    await call('resource.update', { id: b, progress: 20 }, ann.token);
    for (const [resource_list, expected] of [
      [[c, b], { [b]: 20, [c]: 0 }],
      [[a, b, c], { [a]: 0, [b]: 20, [c]: 0 }],
      [[], {}],
    ]) {
      expect((await call('mentalPlan.update', { id, resource_list }, ann.token)).status).toBe(200);
      expect(await links(ann)).toEqual(expected);
    }
    expect((await call('resource.list', {}, ann.token)).data).toHaveLength(3);
  });

  test('#83 a change touches the keys that were sent and no others', async () => {
    const ann = await api.register();
    const [book = 0] = await makeBooks(ann, 1);
    const id = await make(ann, { resource_list: [book] });
    const row = {
      id,
      user_id: ann.id,
      name: PLAN.name,
      goal: PLAN.goal,
      progress: 30,
      deadline: null,
      version: 1,
    };
    const changed = await expectPatch(api, transport, 'mentalPlan.update', ann, row, [
      { progress: 0 },
      { name: 'Autumn' },
      { goal: 'Write' },
    ]);
    expect((await view(ann)).data).toEqual(changed);
    expectRefused(
      await call('mentalPlan.update', { id, resource_list: null }, ann.token),
      'resource_list',
      null,
    );
    expect(await links(ann)).toEqual({ [book]: 0 });
  });

  test('the current plan is the one with the greatest id; removing it makes the one before current', async () => {
    const ann = await api.register();
    await expectCurrentPlan(transport, 'mentalPlan', ann, () => make(ann));
  });

  test('the resources of a removed plan stay mine', async () => {
    const ann = await api.register();
    const resource_list = await makeBooks(ann, 2);
    const id = await make(ann, { resource_list });
    await call('mentalPlan.remove', { id }, ann.token);
    expect((await call('resource.list', {}, ann.token)).data).toHaveLength(2);
    expect((await userRows(api, ann.id)).mental_plan_resources).toEqual([]);
  });

  test('#150 a list is a bare array of mine, newest first, in pages', async () => {
    const [ann, bob] = [await api.register(), await api.register()];
    const newest: number[] = [];
    for (let made = 0; made < 101; made++) newest.unshift(await make(ann));
    await expectPages(transport, 'mentalPlan.list', ann, bob, newest);
  });

  test('#65 another user’s resource is as missing as one that never was, and nothing changes', async () => {
    const [ann, bob] = [await api.register(), await api.register()];
    const [own = 0] = await makeBooks(ann, 1);
    const [foreign = 0] = await makeBooks(bob, 1);
    const id = await make(ann, { resource_list: [own] });
    const before = [await userRows(api, ann.id), await userRows(api, bob.id)];
    for (const [procedure, input] of [
      ['mentalPlan.create', PLAN],
      ['mentalPlan.update', { id, name: 'Changed' }],
    ] as const) {
      const refused = await call(procedure, { ...input, resource_list: [own, foreign] }, ann.token);
      expect(refused).toMatchObject({
        status: 404,
        code: 'NOT_FOUND',
        detail: expect.not.stringMatching(/\d/),
      });
      expect(refused).toEqual(await call(procedure, { ...input, resource_list: [own, MISSING] }, ann.token));
    }
    expect([await userRows(api, ann.id), await userRows(api, bob.id)]).toEqual(before);
  });

  test('#62 #63 to a stranger the plan does not exist, and a user_id must be the caller’s', async () => {
    const [ann, bob] = [await api.register(), await api.register()];
    const [id] = [await make(ann), await make(bob)];
    const before = await userRows(api, ann.id);
    await expectMissing(transport, [
      ['mentalPlan.update', { id, resource_list: [] }, bob],
      ['mentalPlan.remove', { id }, bob],
      ['mentalPlan.byUser', { id: ann.id }, bob],
      ['mentalPlan.create', { ...PLAN, user_id: bob.id }, ann],
      ['mentalPlan.update', { id, name: 'Other', user_id: bob.id }, ann],
    ]);
    expect(await userRows(api, ann.id)).toEqual(before);
  });
});

test('of lists sent at the same time one wins as a whole', async () => {
  const ann = await api.register();
  const [a = 0, b = 0, c = 0, d = 0] = await makeBooks(ann, 4);
  const id = await make(ann, { resource_list: [a, d] });
  for (let round = 0; round < 20; round++) {
    const lists = [[a, b], [b, c, d], [c]];
    const sent = lists.map((resource_list, at) =>
      (at % 2 ? rest : rpc).call('mentalPlan.update', { id, resource_list }, ann.token),
    );
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(lists).toContainEqual(Object.keys(await links(ann)).map(Number));
  }
});

test('#173 what is removed while it is being used is 404 or was there in time, and no link outlives it', async () => {
  const ann = await api.register();
  for (let round = 0; round < 10; round++) {
    const [kept, going] = await makeBooks(ann, 2);
    await make(ann);
    const id = await make(ann, { resource_list: [kept] });
    const outcomes = await Promise.all([
      rest.call('mentalPlan.update', { id, resource_list: [kept, going] }, ann.token),
      rpc.call('mentalPlan.create', { ...PLAN, resource_list: [going] }, ann.token),
      rest.call('resource.remove', { id: going }, ann.token),
      rpc.call('resource.create', BOOK, ann.token),
      rest.call('mentalPlan.remove', { id }, ann.token),
    ]);
    for (const { status } of outcomes) expect([200, 201, 404]).toContain(status);
    expect(Object.keys(await links(ann))).not.toContain(String(going));
  }
});

test('#173 an account that is removed while it is being used leaves nothing behind, and nobody meets an error', async () => {
  for (let round = 0; round < 10; round++) {
    const ann = await api.register();
    const books = await makeBooks(ann, 3);
    const id = await make(ann, { resource_list: books.slice(0, 2) });
    const removal = rest.call('auth.remove', { id: ann.id, password: ann.password }, ann.token);
    const outcomes: number[] = [];
    const use = async () => {
      for (let n = 0; outcomes.at(-1) !== 401; n++) {
        const calls = [
          rest.call('mentalPlan.update', { id, resource_list: books.slice(n % 2) }, ann.token),
          rest.call('mentalPlan.create', { ...PLAN, resource_list: books }, ann.token),
          rpc.call('resource.update', { id: books[n % 3], volume: 5 + n, progress: n % 5 }, ann.token),
          rpc.call('resource.create', BOOK, ann.token),
        ];
        for (const { status } of await Promise.all(calls)) outcomes.push(status);
      }
    };
    await Promise.all([use(), removal]);
    expect((await removal).status).toBe(200);
    expect(outcomes.filter((status) => ![200, 201, 401, 404].includes(status))).toEqual([]);
    for (const rows of Object.values(await userRows(api, ann.id))) expect(rows).toEqual([]);
  }
});
