// Whose token is sent, and what the keeper of it is told.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { startApp } from '../../server/test/harness.ts';
import { createClient } from '../src/index.ts';
import { fetchFrom, keep } from './support.ts';

const { app, register, rest } = await startApp();

/** A client whose token is kept here, and what `set` was told. */
function connect(kept?: string) {
  const { fetch, sent } = fetchFrom(app);
  const { tokens, told, write } = keep(kept);
  return {
    client: createClient({ url: 'http://localhost:8000', fetch, tokens }),
    fetch,
    sent,
    tokens,
    told,
    write,
  };
}

const credentials = () => ({ login: randomUUID(), password: randomUUID() });

test('registering and signing in give the tokens, which the next call is sent with', async () => {
  const { client, sent, told } = connect();
  const { login, password } = credentials();

  const registered = await client.auth.register.mutate({ login, password });
  expect(told).toEqual([registered]);
  expect(await client.auth.me.query()).toMatchObject({ id: registered.user_id, login });
  expect(sent.at(-1)?.headers.get('authorization')).toBe(`Bearer ${registered.access_token}`);

  const signedIn = await client.auth.signIn.mutate({ username: login, password });
  expect(told).toEqual([registered, signedIn]);
});

test('an access token that is kept alone is dropped when the server does not take it', async () => {
  const { client, sent, told } = connect('a.b.c');
  const calls = [
    client.auth.me.query(),
    client.task.list.query({}),
    client.task.create.mutate({ title: 't' }),
  ];
  for (const call of await Promise.allSettled(calls))
    expect(call).toMatchObject({ reason: { data: { reason: 'UNAUTHENTICATED' } } });
  expect(new Set(told)).toEqual(new Set([undefined]));
  expect(sent.flatMap((request) => request.calls)).toHaveLength(3);
});

test('a wrong password leaves the token alone', async () => {
  const { id, login, token } = await register();
  const { client, told } = connect(token);
  const wrong = { reason: 'WRONG_CREDENTIALS' };
  await expect(
    client.auth.signIn.mutate({ username: login, password: 'not this one' }),
  ).rejects.toMatchObject({ data: wrong });
  await expect(client.auth.remove.mutate({ id, password: 'not this one' })).rejects.toMatchObject({
    data: wrong,
  });
  expect(told).toEqual([]);
});

test('removing the account drops the token', async () => {
  const { client, told } = connect();
  const { login, password } = credentials();
  const { user_id } = await client.auth.register.mutate({ login, password });
  told.length = 0;
  await client.auth.remove.mutate({ id: user_id, password });
  expect(told).toEqual([undefined]);
});

test('signing out drops the token, also when it was the only one', async () => {
  const { token } = await register();
  const { client, told } = connect(token);
  await client.auth.signOut.mutate();
  expect(told).toEqual([undefined]);
  expect((await rest('GET', '/users/me', { token })).status).toBe(401);
});

test('the answer to an old token does not drop the one that came after it', async () => {
  const { token: renewed } = await register();
  const { fetch, tokens, told, write } = connect('a.b.c');
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
  expect(told).toEqual([]);
  expect(await tokens.get()).toBe(renewed);
});

test('a call without a token tells nothing when it is refused', async () => {
  const { client, told } = connect();
  await expect(client.auth.me.query()).rejects.toMatchObject({ data: { reason: 'UNAUTHENTICATED' } });
  expect(told).toEqual([]);
});

test('a token that could not be kept is not a silent success', async () => {
  const { fetch } = connect();
  const set = () => Promise.reject(new Error('the disk is full'));
  const client = createClient({ url: 'http://localhost:8000', fetch, tokens: { get: () => null, set } });
  await expect(client.auth.register.mutate(credentials())).rejects.toThrow('the disk is full');
});
