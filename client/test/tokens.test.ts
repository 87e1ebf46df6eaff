// Whose token is sent, and what the keeper of it is told.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { startApp } from '../../server/test/harness.ts';
import { createClient, type Tokens } from '../src/index.ts';
import { fetchFrom } from './support.ts';

const { app, register } = await startApp();

/** A client whose token is kept here, and what `set` was told. */
function connect(token?: string) {
  const { fetch, sent } = fetchFrom(app);
  const told: (string | undefined)[] = [];
  const tokens = {
    get: async () => token,
    set: async (next: string | undefined) => {
      told.push(next);
      token = next;
    },
  } satisfies Tokens;
  return { client: createClient({ url: 'http://localhost:8000', fetch, tokens }), fetch, sent, tokens, told };
}

const credentials = () => ({ login: randomUUID(), password: randomUUID() });

test('registering and signing in give the token, which the next call is sent with', async () => {
  const { client, sent, told } = connect();
  const { login, password } = credentials();

  const registered = await client.auth.register.mutate({ login, password });
  expect(told).toEqual([registered.access_token]);
  expect(await client.auth.me.query()).toMatchObject({ id: registered.user_id, login });
  expect(sent.at(-1)?.headers.get('authorization')).toBe(`Bearer ${registered.access_token}`);

  const signedIn = await client.auth.signIn.mutate({ username: login, password });
  expect(told).toEqual([registered.access_token, signedIn.access_token]);
});

test('a token that the server does not take is dropped', async () => {
  const { client, told } = connect('a.b.c');
  const calls = [client.auth.me.query(), client.task.list.query({}), client.task.create.mutate({ title: 't' })];
  for (const call of await Promise.allSettled(calls)) expect(call).toMatchObject({ reason: { data: { reason: 'UNAUTHENTICATED' } } });
  expect(new Set(told)).toEqual(new Set([undefined]));
});

test('a wrong password leaves the token alone', async () => {
  const { id, login, token } = await register();
  const { client, told } = connect(token);
  const wrong = { reason: 'WRONG_CREDENTIALS' };
  await expect(client.auth.signIn.mutate({ username: login, password: 'not this one' })).rejects.toMatchObject({ data: wrong });
  await expect(client.auth.remove.mutate({ id, password: 'not this one' })).rejects.toMatchObject({ data: wrong });
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

test('the answer to an old token does not drop the one that came after it', async () => {
  const { token: renewed } = await register();
  const { fetch, tokens, told } = connect('a.b.c');
  const client = createClient({
    url: 'http://localhost:8000',
    tokens,
    fetch: async (...request) => {
      const answer = await fetch(...request);
      await tokens.set(renewed);
      return answer;
    },
  });
  await expect(client.auth.me.query()).rejects.toMatchObject({ data: { reason: 'UNAUTHENTICATED' } });
  expect(told).toEqual([renewed]);
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
