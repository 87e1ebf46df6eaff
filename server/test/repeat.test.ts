// Calls that are sent twice, and changes that meet each other.
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { startApp, type User } from './harness.ts';

const api = await startApp();

const add = (user: User, key: string, title: string) =>
  api.rest('POST', '/outherTasks', {
    token: user.token,
    body: { title },
    headers: { 'idempotency-key': key },
  });
const titles = async (user: User) =>
  (await api.rest('GET', '/outherTasks', { token: user.token })).body.map(
    (task: { title: string }) => task.title,
  );

// #171: A kill in the middle: key and effect are one transaction, see #192.
// #206: What a call does within a transaction it does on the connection of that transaction. On the one
// connection of the embedded database anything else would wait for ever.
test('#171 #206 the same call under the same key happens once and is answered alike', async () => {
  const ann = await api.register();
  const key = randomUUID();
  const first = await add(ann, key, 'Run');
  const second = await add(ann, key, 'Run');
  expect(first.headers['idempotency-replayed']).toBeUndefined();
  expect(second).toMatchObject({
    status: 201,
    body: first.body,
    headers: { 'idempotency-replayed': 'true' },
  });
  expect(await titles(ann)).toEqual(['Run']);
});

test('#171 the same key with another body is refused, on either transport', async () => {
  const ann = await api.register();
  const key = randomUUID();
  await add(ann, key, 'Run');
  expect(await add(ann, key, 'Walk')).toMatchObject({
    status: 422,
    body: { code: 'IDEMPOTENCY_KEY_REUSED' },
  });
  const overRpc = await api.rest('POST', '/trpc/task.create', {
    token: ann.token,
    body: { title: 'Walk' },
    headers: { 'idempotency-key': key },
  });
  expect(overRpc).toMatchObject({
    status: 422,
    body: { error: { data: { reason: 'IDEMPOTENCY_KEY_REUSED' } } },
  });
  expect(await titles(ann)).toEqual(['Run']);
});

test('#171 a call over one transport is replayed over the other', async () => {
  const ann = await api.register();
  const key = randomUUID();
  const { body } = await add(ann, key, 'Run');
  const overRpc = await api.rest('POST', '/trpc/task.create', {
    token: ann.token,
    body: { title: 'Run' },
    headers: { 'idempotency-key': key },
  });
  expect(overRpc.body.result.data).toEqual(body);
});

test('#171 of ten at once one happens; the others are told so or get its answer', async () => {
  const ann = await api.register();
  const key = randomUUID();
  const answers = await Promise.all(Array.from({ length: 10 }, () => add(ann, key, 'Run')));
  for (const answer of answers) expect([201, 409]).toContain(answer.status);
  expect(new Set(answers.filter((answer) => answer.status === 201).map((answer) => answer.text)).size).toBe(
    1,
  );
  expect(await titles(ann)).toEqual(['Run']);
});

test('#79 the same key of another user is another key', async () => {
  const [ann, bob] = [await api.register(), await api.register()];
  const key = randomUUID();
  await add(ann, key, 'Run');
  expect((await add(bob, key, 'Walk')).status).toBe(201);
});

test('#171 a day later the key is free', async () => {
  const ann = await api.register();
  const key = randomUUID();
  await add(ann, key, 'Run');
  await api.database.db.execute(
    sql`update idempotency_keys set created_at = now() - interval '25 hours' where user_id = ${ann.id}`,
  );
  expect((await add(ann, key, 'Walk')).status).toBe(201);
  expect(await titles(ann)).toEqual(['Walk', 'Run']);
});

test('#171 a call that failed leaves nothing and may be sent again', async () => {
  const ann = await api.register();
  const key = randomUUID();
  const resource = { type: 'book', name: 'b', description: '', volume: 1 };
  const send = () =>
    api.rest('POST', '/resources', { token: ann.token, body: resource, headers: { 'idempotency-key': key } });
  expect((await send()).status).toBe(404);
  await api.rest('POST', '/mentalPlans', {
    token: ann.token,
    body: { name: 'n', goal: 'g', resource_list: [] },
  });
  const made = await send();
  expect(made.status).toBe(201);
  expect((await send()).body).toEqual(made.body);
  expect((await api.rest('GET', '/resources', { token: ann.token })).body).toHaveLength(1);
});

test('in a batch the key names each call by its place', async () => {
  const ann = await api.register();
  const headers = { 'idempotency-key': randomUUID() };
  const body = { 0: { title: 'Run' }, 1: { title: 'Run' } };
  const send = () =>
    api.rest('POST', '/trpc/task.create,task.create', {
      token: ann.token,
      query: { batch: '1' },
      body,
      headers,
    });
  const [first, second] = [await send(), await send()];
  expect(second.body).toEqual(first.body);
  expect(await titles(ann)).toEqual(['Run', 'Run']);
});

test.each(['', 'with space', 'x'.repeat(256), 'ключ'])('#171 a key that is %j is refused', async (key) => {
  const ann = await api.register();
  expect(
    (await add(ann, encodeURI(key) === key ? key : Buffer.from(key).toString('latin1'), 'Run')).status,
  ).toBe(400);
});

test('a key on a call of auth.* or on a query changes nothing', async () => {
  const ann = await api.register();
  const headers = { 'idempotency-key': 'one-and-the-same' };
  for (let i = 0; i < 2; i++)
    expect((await api.rest('GET', '/outherTasks', { token: ann.token, headers })).status).toBe(200);
  const signIn = () =>
    api.rest('POST', '/users/signIn', { body: { username: ann.login, password: ann.password }, headers });
  expect((await signIn()).body.refresh_token).not.toBe((await signIn()).body.refresh_token);
});

const PLANS = {
  '/physicalPlans': {
    body: { goal: 'g', age: 30, gender: 'male', weight: 70, height: 180 },
    view: 'physical-plan',
  },
  '/mentalPlans': { body: { name: 'n', goal: 'g', resource_list: [] }, view: 'mental-plan' },
};

test.each(Object.entries(PLANS))(
  '#170 %s: a change that was meant for an older version is refused',
  async (path, { body, view }) => {
    const ann = await api.register();
    const { token } = ann;
    await api.rest('POST', path, { token, body });
    const read = await api.rest('GET', `/users/${ann.id}/${view}`, { token });
    expect(read.headers.etag).toBe('"1"');
    expect(read.body.data.version).toBe(1);
    const url = `${path}/${read.body.data.id}`;
    const change = (etag: string | undefined, goal: string) =>
      api.rest('PATCH', url, {
        token,
        body: { goal },
        headers: etag === undefined ? {} : { 'if-match': etag },
      });

    expect(await change('"1"', 'one')).toMatchObject({
      status: 200,
      headers: { etag: '"2"' },
      body: { resource: { goal: 'one', version: 2 } },
    });
    expect(await change('"1"', 'two')).toMatchObject({ status: 412, body: { code: 'PRECONDITION_FAILED' } });
    expect(await change(undefined, 'three')).toMatchObject({ status: 200, headers: { etag: '"3"' } });
    expect((await change('*', 'four')).status).toBe(200);
    expect((await api.rest('PATCH', url, { token, body: {} })).headers.etag, 'nothing changed').toBe('"4"');

    const stranger = await api.register();
    const foreign = await api.rest('PATCH', url, {
      token: stranger.token,
      body: { goal: 'x' },
      headers: { 'if-match': '"1"' },
    });
    expect(foreign.status, 'to a stranger it does not exist in any version').toBe(404);
    expect((await api.rest('DELETE', url, { token, headers: { 'if-match': '"3"' } })).status).toBe(412);
    expect((await api.rest('DELETE', url, { token, headers: { 'if-match': '"4"' } })).status).toBe(200);
  },
);

test('#170 a client that sends back the whole row it read is not held to its version', async () => {
  const ann = await api.register();
  const { token } = ann;
  const { body } = await api.rest('POST', '/physicalPlans', { token, body: PLANS['/physicalPlans'].body });
  for (const goal of ['one', 'two'])
    expect(
      (await api.rest('PATCH', `/physicalPlans/${body.data.id}`, { token, body: { ...body.data, goal } }))
        .status,
    ).toBe(200);
});

test('over tRPC the version is part of the input', async () => {
  const ann = await api.register();
  const { body } = await api.rest('POST', '/physicalPlans', {
    token: ann.token,
    body: PLANS['/physicalPlans'].body,
  });
  const change = (if_match: number) =>
    api.rpc('physicalPlan.update', { id: body.data.id, day: 2, if_match }, ann.token);
  expect((await change(1)).body.result.data.resource.version).toBe(2);
  expect((await change(1)).body.error.data).toMatchObject({ reason: 'PRECONDITION_FAILED', httpStatus: 412 });
  for (const none of [0, -1, 1.5, 2 ** 31])
    expect((await change(none)).body.error.data.reason, String(none)).toBe('VALIDATION');
});

// #169: By the version: no call adds to a number.
test('#169 twenty changes at once are twenty versions', async () => {
  const ann = await api.register();
  const { token } = ann;
  const { body } = await api.rest('POST', '/physicalPlans', { token, body: PLANS['/physicalPlans'].body });
  await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      api.rest('PATCH', `/physicalPlans/${body.data.id}`, { token, body: { progress: n } }),
    ),
  );
  expect((await api.rest('GET', `/users/${ann.id}/physical-plan`, { token })).headers.etag).toBe('"21"');
});

// #168: With If-Match one wins; without it all succeed with one effect.
test('#168 the same step twenty times at once is taken once', async () => {
  const ann = await api.register();
  const { token } = ann;
  const { body } = await api.rest('POST', '/physicalPlans', { token, body: PLANS['/physicalPlans'].body });
  const step = () =>
    api.rest('PATCH', `/physicalPlans/${body.data.id}`, {
      token,
      body: { day: 2 },
      headers: { 'if-match': '"1"' },
    });
  const statuses = (await Promise.all(Array.from({ length: 20 }, step))).map((answer) => answer.status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  expect(statuses.filter((status) => status === 412)).toHaveLength(19);
});

test('#168 twenty identical steps at once all succeed and have one effect', async () => {
  const ann = await api.register();
  const { token } = ann;
  const { body } = await api.rest('POST', '/physicalPlans', { token, body: PLANS['/physicalPlans'].body });
  const step = () =>
    api.rest('PATCH', `/physicalPlans/${body.data.id}`, { token, body: { day: 2, progress: 1 } });
  for (const answer of await Promise.all(Array.from({ length: 20 }, step)))
    expect(answer).toMatchObject({ status: 200, body: { resource: { day: 2, progress: 1 } } });
  expect((await api.rest('GET', '/physicalPlans', { token })).body).toMatchObject([
    { day: 2, progress: 1, version: 21 },
  ]);
});
