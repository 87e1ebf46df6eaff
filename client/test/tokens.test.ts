// Which token a request carries, and what `tokens.set` receives.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { startApp } from '../../server/test/harness.ts';
import { createClient } from '../src/index.ts';
import { createInjectedFetch, createTokenStore } from './support.ts';

const { app, register, rest } = await startApp();

/** A client with tokens in memory, and the values that `set` received. */
function connect(stored?: string) {
  const { fetch, requests } = createInjectedFetch(app);
  const { tokens, saved, write } = createTokenStore(stored);
  return {
    client: createClient({ url: 'http://localhost:8000', fetch, tokens }),
    fetch,
    requests,
    tokens,
    saved,
    write,
  };
}

const credentials = () => ({ login: randomUUID(), password: randomUUID() });

test('registering and signing in give the tokens, which the next call is sent with', async () => {
  const { client, requests, saved } = connect();
  const { login, password } = credentials();

  const registered = await client.auth.register.mutate({ login, password });
  expect(saved).toEqual([registered]);
  expect(await client.auth.me.query()).toMatchObject({ id: registered.user_id, login });
  expect(requests.at(-1)?.headers.get('authorization')).toBe(`Bearer ${registered.access_token}`);

  const signedIn = await client.auth.signIn.mutate({ username: login, password });
  expect(saved).toEqual([registered, signedIn]);
});

test('an access token that is kept alone is dropped when the server does not take it', async () => {
  const { client, requests, saved } = connect('a.b.c');
  const calls = [
    client.auth.me.query(),
    client.task.list.query({}),
    client.task.create.mutate({ title: 't' }),
  ];
  for (const call of await Promise.allSettled(calls))
    expect(call).toMatchObject({ reason: { data: { reason: 'UNAUTHENTICATED' } } });
  expect(new Set(saved)).toEqual(new Set([undefined]));
  expect(requests.flatMap((request) => request.calls)).toHaveLength(3);
});

test('a wrong password leaves the token alone', async () => {
  const { id, login, token } = await register();
  const { client, saved } = connect(token);
  const wrong = { reason: 'WRONG_CREDENTIALS' };
  await expect(
    client.auth.signIn.mutate({ username: login, password: 'not this one' }),
  ).rejects.toMatchObject({ data: wrong });
  await expect(client.auth.remove.mutate({ id, password: 'not this one' })).rejects.toMatchObject({
    data: wrong,
  });
  expect(saved).toEqual([]);
});

test('removing the account drops the token', async () => {
  const { client, saved } = connect();
  const { login, password } = credentials();
  const { user_id } = await client.auth.register.mutate({ login, password });
  saved.length = 0;
  await client.auth.remove.mutate({ id: user_id, password });
  expect(saved).toEqual([undefined]);
});

test('signing out drops the token, also when it was the only one', async () => {
  const { token } = await register();
  const { client, saved } = connect(token);
  await client.auth.signOut.mutate();
  expect(saved).toEqual([undefined]);
  expect((await rest('GET', '/users/me', { token })).status).toBe(401);
});

test('the answer to an old token does not drop the one that came after it', async () => {
  const { token: renewed } = await register();
  const { fetch, tokens, saved, write } = connect('a.b.c');
  const client = createClient({
    url: 'http://localhost:8000',
    tokens,
    fetch: async (...request) => {
      const answer = await fetch(...request);
      write(renewed);
      return answer;
    },
  });
  await expect(client.auth.me.query()).rejects.toMatchObject({ data: { reason: 'UNAUTHENTICATED' } });
  expect(saved).toEqual([]);
  expect(await tokens.get()).toBe(renewed);
});

test('a call without a token tells nothing when it is refused', async () => {
  const { client, saved } = connect();
  await expect(client.auth.me.query()).rejects.toMatchObject({ data: { reason: 'UNAUTHENTICATED' } });
  expect(saved).toEqual([]);
});

test('a token that could not be kept is not a silent success', async () => {
  const { fetch } = connect();
  const set = () => Promise.reject(new Error('the disk is full'));
  const client = createClient({ url: 'http://localhost:8000', fetch, tokens: { get: () => null, set } });
  await expect(client.auth.register.mutate(credentials())).rejects.toThrow('the disk is full');
});
