// The client against the real app, without a network between them.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { startApp } from '../../server/test/harness.ts';
import { type ClientOptions, createClient, isStepwiseError, type RouterInputs } from '../src/index.ts';
import { createInjectedFetch } from './support.ts';

const { app, register } = await startApp();
const { token } = await register();

const url = 'http://localhost:8000';
const MEBIBYTE = 2 ** 20;

function connect(options: Partial<ClientOptions>) {
  const { fetch, requests } = createInjectedFetch(app);
  return { requests, client: createClient({ url, fetch, ...options } as ClientOptions) };
}

const caught = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => expect.fail('the call succeeded'),
    (error) => error,
  );

const resource = (description: string): RouterInputs['resource']['create'] => ({
  type: 'book',
  name: 'b',
  description,
  volume: 1,
});

test('calls of one tick go out in tens, and each gets its own answer', async () => {
  const { client, requests } = connect({ token });
  const titles = Array.from({ length: 25 }, (_, index) => `task ${index}`);

  const created = await Promise.all(titles.map((title) => client.task.create.mutate({ title })));
  expect(created.map(({ title }) => title)).toEqual(titles);
  expect(requests.map(({ calls }) => calls.length)).toEqual([10, 10, 5]);

  const pages = await Promise.all(titles.map((_, index) => client.task.list.query({ limit: index + 1 })));
  expect(pages.map(({ length }) => length)).toEqual(titles.map((_, index) => index + 1));
  expect(requests.map(({ calls }) => calls.length)).toEqual([10, 10, 5, 10, 10, 5]);
});

test('queries that would make a long URL are split into more requests', async () => {
  const { client, requests } = connect({ url: `http://proxy/${'a'.repeat(1500)}` });
  await Promise.allSettled(
    Array.from({ length: 20 }, () => client.task.list.query({ limit: 1, before_id: 1 })),
  );
  expect(requests.flatMap(({ calls }) => calls)).toHaveLength(20);
  expect(Math.max(...requests.map(({ calls }) => calls.length))).toBeLessThan(10);
  expect(Math.max(...requests.map((request) => request.url.length))).toBeLessThanOrEqual(2000);
});

test('calls that are too large to share a request go alone', async () => {
  const { client, requests } = connect({ token });
  await client.mentalPlan.create.mutate({ name: 'n', goal: 'g', resource_list: [] });
  requests.length = 0;

  await Promise.all(
    Array.from({ length: 10 }, () => client.resource.create.mutate(resource('ы'.repeat(5000)))),
  );
  expect(requests.map(({ calls }) => calls.length)).toEqual(Array(10).fill(1));
});

test('ten of the largest calls that share a request are within what the server takes', async () => {
  const { client, requests } = connect({ token });
  await client.mentalPlan.create.mutate({ name: 'n', goal: 'g', resource_list: [] });
  requests.length = 0;
  const overhead = JSON.stringify(resource('')).length;
  const largest = resource('é'.repeat((6 * 1024 - overhead) / 2));

  await Promise.all(Array.from({ length: 10 }, () => client.resource.create.mutate(largest)));
  expect(requests.map(({ calls }) => calls.length)).toEqual([10]);
});

test('createMany goes alone, and may be a mebibyte', async () => {
  const { client, requests } = connect({ token });
  const resources = Array<RouterInputs['resource']['createMany']['resources'][number]>(1000).fill(
    resource('x'.repeat(980)),
  );
  expect(JSON.stringify({ resources }).length).toBeGreaterThan(0.98 * MEBIBYTE);

  const [ids] = await Promise.all([
    client.resource.createMany.mutate({ resources }),
    client.resource.createMany.mutate({ resources: [] }).catch(() => {}),
    client.task.create.mutate({ title: 't' }),
  ]);
  expect(ids).toHaveLength(1000);
  expect(requests.map(({ calls }) => calls.join()).sort()).toEqual([
    'resource.createMany',
    'resource.createMany',
    'task.create',
  ]);
});

test('what went wrong is named: the reason, the fields, the id of the request', async () => {
  const { client } = connect({ token, headers: { 'x-request-id': 'a-request-of-mine' } });
  const error = await caught(client.task.create.mutate({ title: ' ' }));
  if (!isStepwiseError(error)) throw error;
  expect(error.data).toMatchObject({
    reason: 'VALIDATION',
    errors: [{ path: 'title', message: 'must not be blank' }],
    request_id: 'a-request-of-mine',
    httpStatus: 400,
  });
});

test('a call fails alone, its neighbours in the batch succeed', async () => {
  const { client, requests } = connect({ token });
  const [good, bad] = await Promise.allSettled([
    client.task.create.mutate({ title: 't' }),
    client.task.remove.mutate({ id: 2 ** 31 - 1 }),
  ]);
  expect(requests).toHaveLength(1);
  expect(good).toMatchObject({ status: 'fulfilled', value: { title: 't' } });
  expect(bad).toMatchObject({ status: 'rejected', reason: { data: { reason: 'NOT_FOUND' } } });
});

test('what the server did not say is no Stepwise error', async () => {
  const fetches: (typeof fetch)[] = [
    () => Promise.reject(new TypeError('fetch failed')),
    async () => new Response('<h1>502 Bad Gateway</h1>', { status: 502 }),
    async () => Response.json({ error: { code: -32000, message: 'not ours' } }, { status: 500 }),
  ];
  for (const fetch of fetches) {
    const error = await caught(connect({ fetch }).client.health.check.query());
    expect(error).toBeInstanceOf(Error);
    expect(isStepwiseError(error)).toBe(false);
  }
  const aborted = await caught(
    connect({}).client.health.check.query(undefined, { signal: AbortSignal.abort() }),
  );
  expect(isStepwiseError(aborted)).toBe(false);
  expect(isStepwiseError(undefined)).toBe(false);
  expect(isStepwiseError({ data: { reason: 'NOT_FOUND' } })).toBe(false);
});

test('the server may be at a path, with or without a slash at its end', async () => {
  for (const place of ['http://proxy/api', 'http://proxy/api/', new URL('http://proxy/api/')]) {
    const { client, requests } = connect({ url: place });
    await caught(client.health.check.query());
    expect(requests[0]?.url).toMatch(/^http:\/\/proxy\/api\/trpc\/health\.check\?/);
  }
});

test('headers are sent with each request, asked for each time when they are a function', async () => {
  let asked = 0;
  const { client, requests } = connect({ headers: async () => ({ 'x-request-id': `request-${++asked}` }) });
  await client.health.check.query();
  await client.auth.register.mutate({ login: randomUUID(), password: randomUUID() });
  expect(requests.map(({ headers }) => headers.get('x-request-id'))).toEqual(['request-1', 'request-2']);
  expect(requests.some(({ headers }) => headers.has('authorization'))).toBe(false);
});
