// What is said about one call: headers, an Idempotency-Key; and links of the app's own.
import { randomUUID } from 'node:crypto';
import { loggerLink, type TRPCLink } from '@trpc/client';
import { observable, tap } from '@trpc/server/observable';
import { expect, test } from 'vitest';
import { startApp } from '../../server/test/harness.ts';
import { type AppRouter, type ClientOptions, createClient, type TokenAnswer } from '../src/index.ts';
import { createInjectedFetch, createTokenStore } from './support.ts';

const { app, rest, register } = await startApp();
const { token } = await register();
const url = 'http://localhost:8000';

function connect(options: Partial<ClientOptions> = { token }) {
  const { fetch, requests } = createInjectedFetch(app);
  return { fetch, requests, client: createClient({ url, fetch, ...options } as ClientOptions) };
}

const refused = { data: { reason: 'UNAUTHENTICATED' } };
const TENANT = 'x-tenant';

// #313: What does not compile stands in client/test/package/apps/script/types.ts, the options of a
// subscription are tRPC's and looser.
test('#313 calls with different headers or a key never share a request, those with the same headers do', async () => {
  const { client, requests } = connect({ token, headers: { [TENANT]: 'common', 'x-app': 'web' } });
  const titles = Array.from({ length: 6 }, (_, index) => `task ${index}`);
  const contexts = [
    {},
    { headers: { 'X-Tenant': 'a' } },
    { headers: { 'X-Tenant': 'b' } },
    { headers: { 'X-Tenant': 'a' } },
    {},
    undefined,
  ];
  const created = await Promise.all(
    titles.map((title, index) => client.task.create.mutate({ title }, { context: contexts[index] })),
  );
  expect(created.map(({ title }) => title)).toEqual(titles);
  expect(
    requests.map(({ calls, headers }) => [calls.length, headers.get(TENANT), headers.get('x-app')]),
  ).toEqual([
    [3, 'common', 'web'],
    [2, 'a', 'web'],
    [1, 'b', 'web'],
  ]);

  requests.length = 0;
  const keys = [randomUUID(), randomUUID(), undefined, undefined];
  await Promise.all(
    keys.map((idempotencyKey, n) =>
      client.task.create.mutate({ title: `keyed ${n}` }, { context: { idempotencyKey } }),
    ),
  );
  expect(requests.map(({ calls, headers }) => [calls.length, headers.get('idempotency-key')])).toEqual([
    [1, keys[0]],
    [1, keys[1]],
    [2, null],
  ]);
});

test('#313 a call with a key is done once, however often and in whatever company it is sent', async () => {
  const { client } = connect({ token: (await register()).token });
  const context = { idempotencyKey: randomUUID() };
  const first = await client.task.create.mutate({ title: 'once' }, { context });
  const [again, other] = await Promise.all([
    client.task.create.mutate({ title: 'once' }, { context }),
    client.task.create.mutate({ title: 'other' }),
  ]);
  expect(again).toEqual(first);
  expect((await client.task.list.query({})).map(({ id }) => id)).toEqual([other.id, first.id]);
  await expect(client.task.create.mutate({ title: 'not the same' }, { context })).rejects.toMatchObject({
    data: { reason: 'IDEMPOTENCY_KEY_REUSED' },
    httpStatus: 422,
  });
});

test('#313 a query and a subscription take headers of their own too', async () => {
  const { client, requests } = connect();
  await client.task.list.query({}, { context: { headers: { 'x-request-id': 'request-of-mine' } } });
  client.events.stream
    .subscribe(undefined, { context: { headers: { 'x-request-id': 'stream-of-mine' } }, onData() {} })
    .unsubscribe();
  await expect
    .poll(() => requests.map(({ headers }) => headers.get('x-request-id')))
    .toEqual(['request-of-mine', 'stream-of-mine']);
});

test('an authorization header of the call is sent instead of the token, and its refusal says nothing of the session', async () => {
  const session: TokenAnswer = (
    await rest('POST', '/users', { body: { login: randomUUID(), password: randomUUID() } })
  ).body;
  const other: TokenAnswer = (
    await rest('POST', '/users', { body: { login: randomUUID(), password: randomUUID() } })
  ).body;
  const { tokens, saved } = createTokenStore(session);
  const { client, requests } = connect({ tokens });
  const as = (value: string) => ({ context: { headers: { Authorization: value } } });
  expect(await client.auth.me.query(undefined, as(`Bearer ${other.access_token}`))).toMatchObject({
    id: other.user_id,
  });
  await expect(client.auth.me.query(undefined, as('Bearer a.b.c'))).rejects.toMatchObject(refused);
  expect(requests.map(({ calls }) => calls.join())).toEqual(['auth.me', 'auth.me']);
  expect(saved).toEqual([]);
  expect(await client.auth.me.query()).toMatchObject({ id: session.user_id });
});

test('a call that is aborted before it is sent is not sent, and one that is aborted later ends at once', async () => {
  const { requests, fetch } = connect();
  const answered = Promise.withResolvers<void>();
  const client = createClient({
    url,
    token,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      await answered.promise;
      init.signal?.throwIfAborted();
      return response;
    },
  });
  const [early, late] = [new AbortController(), new AbortController()];
  const calls = [
    client.task.create.mutate({ title: 'early' }, { signal: early.signal }),
    client.task.create.mutate({ title: 'late' }, { signal: late.signal }),
    client.task.create.mutate({ title: 'stays' }),
  ] as const;
  early.abort(new Error('too early'));
  await expect(calls[0]).rejects.toThrow('too early');
  await expect.poll(() => requests.map(({ calls }) => calls.length)).toEqual([2]);
  late.abort();
  await expect(calls[1]).rejects.toMatchObject({ cause: { name: 'AbortError' } });
  answered.resolve();
  expect(await calls[2]).toMatchObject({ title: 'stays' });
});

test('#314 links of the app see each call and its last outcome, and say what goes with it', async () => {
  const seen: string[] = [];
  const signs: TRPCLink<AppRouter> =
    () =>
    ({ op, next }) =>
      observable((observer) =>
        next({
          ...op,
          context: { ...op.context, headers: { 'x-request-id': `of-${op.path.replace('.', '-')}` } },
        })
          .pipe(
            tap({
              next: ({ result }) => seen.push(`${op.path} ${Object.keys(result)}`),
              error: (error) => seen.push(`${op.path} ${error.data?.reason}`),
            }),
          )
          .subscribe(observer),
      );
  const logged: string[] = [];
  const log = loggerLink<AppRouter>({ logger: ({ direction, path }) => logged.push(`${direction} ${path}`) });
  const { client, requests } = connect({ token, links: [log, signs] });
  await client.task.create.mutate({ title: 't' });
  await expect(client.task.remove.mutate({ id: 2 ** 31 - 1 })).rejects.toMatchObject({
    data: { reason: 'NOT_FOUND' },
  });
  expect(seen).toEqual(['task.create data', 'task.remove NOT_FOUND']);
  expect(requests.map(({ headers }) => headers.get('x-request-id'))).toEqual([
    'of-task-create',
    'of-task-remove',
  ]);
  expect(logged).toEqual(['up task.create', 'down task.create', 'up task.remove', 'down task.remove']);
});
