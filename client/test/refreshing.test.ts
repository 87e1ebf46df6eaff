// A session goes on by itself when its access token has become too old.
import { randomUUID } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { createAccessTokens } from '../../server/src/security/accessTokens.ts';
import { startApp } from '../../server/test/harness.ts';
import { SECRET } from '../../server/test/tokens.ts';
import { createClient, type TokenAnswer } from '../src/index.ts';
import { createInjectedFetch, createTokenStore } from './support.ts';

const { app, rest } = await startApp();
const url = 'http://localhost:8000';
const refused = { data: { reason: 'UNAUTHENTICATED' } };

async function signedIn(password: string = randomUUID()): Promise<TokenAnswer> {
  const { body } = await rest('POST', '/users', { body: { login: randomUUID(), password } });
  return body;
}

/** The same session, with an access token that was good a minute ago. */
async function expired(tokens: TokenAnswer): Promise<TokenAnswer> {
  const claims = await createAccessTokens([SECRET], 60).verify(tokens.access_token);
  return { ...tokens, access_token: await createAccessTokens([SECRET], -60).sign(claims!) };
}

const refresh = ({ refresh_token }: TokenAnswer) =>
  rest('POST', '/users/refresh', { body: { refresh_token } });

const endSession = ({ refresh_token }: TokenAnswer) =>
  rest('POST', '/users/signOut', { body: { refresh_token } });

/**
 * @param stored the initial session
 * @param onRefresh answers a refresh instead of the server, or lets it when it answers nothing
 * @returns a client, the tokens that it saved, and the calls that it sent, request for request
 */
function connect(stored: TokenAnswer, onRefresh?: () => Promise<Response | undefined>) {
  const server = createInjectedFetch(app);
  const store = createTokenStore(stored);
  const fetch: typeof server.fetch = async (input, init) =>
    (String(input).includes('/auth.refresh') && (await onRefresh?.())) || server.fetch(input, init);
  return {
    ...store,
    fetch,
    client: createClient({ url, fetch, tokens: store.tokens }),
    requests: () => server.requests.map(({ calls }) => calls.join()),
    refreshes: () => server.requests.filter(({ calls }) => calls.includes('auth.refresh')).length,
  };
}

test('any number of parallel calls refresh once, and all succeed', async () => {
  const old = await expired(await signedIn());
  const { client, saved, tokens, refreshes } = connect(old);
  const titles = Array.from({ length: 25 }, (_, index) => `task ${index}`);

  const creating = Promise.all(titles.map((title) => client.task.create.mutate({ title })));
  const reading = Promise.all(titles.map(() => client.auth.me.query()));
  expect((await creating).map(({ title }) => title)).toEqual(titles);
  expect(new Set((await reading).map(({ id }) => id))).toEqual(new Set([old.user_id]));
  expect(refreshes()).toBe(1);
  expect(saved).toEqual([
    expect.objectContaining({ token_type: 'Bearer', user_id: old.user_id, expires_in: expect.any(Number) }),
  ]);
  expect(await tokens.get()).toBe(saved[0]);
  // Nothing was created twice.
  expect(await client.task.list.query({ limit: 100 })).toHaveLength(25);
});

test('a session goes on from refresh to refresh', async () => {
  const { client, saved, write, refreshes } = connect(await expired(await signedIn()));
  for (let round = 1; round <= 3; round++) {
    await client.task.create.mutate({ title: 't' });
    expect(refreshes()).toBe(round);
    write(await expired(saved.at(-1)!));
  }
});

test('a session that was ended is over, and the call fails with what it was answered', async () => {
  const tokens = await signedIn();
  await endSession(tokens);
  const { client, saved, refreshes } = connect(tokens);
  for (const call of await Promise.allSettled(Array.from({ length: 12 }, () => client.auth.me.query())))
    expect(call).toMatchObject({ reason: { ...refused, data: { path: 'auth.me' } } });
  expect(saved).toEqual([undefined]);
  expect(refreshes()).toBe(1);
});

test.each<[string, () => Promise<Response>]>([
  ['the network', () => Promise.reject(new TypeError('fetch failed'))],
  ['the server, which is busy', async () => failure(503, 'UNAVAILABLE')],
  ['a limit', async () => failure(429, 'RATE_LIMITED')],
  ['a proxy', async () => new Response('<h1>401 Unauthorized</h1>', { status: 401 })],
])(
  'a refresh that fails because of %s leaves the tokens as they are, and the next call refreshes',
  async (_, fail) => {
    const old = await expired(await signedIn());
    const onRefresh = vi.fn<() => Promise<Response | undefined>>(fail);
    const { client, saved, tokens, refreshes } = connect(old, onRefresh);
    for (const call of await Promise.allSettled([
      client.auth.me.query(),
      client.task.create.mutate({ title: 't' }),
    ]))
      expect(call).toMatchObject({ reason: refused });
    expect(saved).toEqual([]);
    expect(await tokens.get()).toBe(old);

    onRefresh.mockResolvedValue(undefined);
    expect(await client.auth.me.query()).toMatchObject({ id: old.user_id });
    expect(refreshes()).toBe(1);
  },
);

const failure = (httpStatus: number, reason: string): Response =>
  Response.json(
    { error: { code: -32603, message: 'No', data: { httpStatus, reason } } },
    { status: httpStatus },
  );

test('a refresh in another tab is taken over without a second one', async () => {
  const first = await signedIn();
  const { tokens, write, saved, fetch, requests } = connect(await expired(first));
  const client = createClient({
    url,
    tokens,
    fetch: async (...request) => {
      const answer = await fetch(...request);
      if (requests().length === 1) write((await refresh(first)).body);
      return answer;
    },
  });
  expect(await client.auth.me.query()).toMatchObject({ id: first.user_id });
  expect(requests()).toEqual(['auth.me', 'auth.me']);
  expect(saved).toEqual([]);
});

test('two tabs that refresh at once both go on', async () => {
  const old = await expired(await signedIn());
  const [one, two] = [connect(old), connect(old)];
  await Promise.all([one.client.auth.me.query(), two.client.auth.me.query()]);
  expect(one.saved[0]!.refresh_token).toBe(two.saved[0]!.refresh_token);
});

test('what one user asked for is not sent again as the next one, whose tokens stay', async () => {
  const [ann, bob] = [await expired(await signedIn()), await signedIn()];
  const { client, saved, tokens, write, requests } = connect(ann, async () => write(bob) as undefined);
  await expect(client.task.create.mutate({ title: "Ann's" })).rejects.toMatchObject(refused);
  expect(requests()).toEqual(['task.create', 'auth.refresh']);
  expect(saved).toEqual([]);
  expect(await tokens.get()).toBe(bob);
});

test('a user who signs out during a refresh stays signed out', async () => {
  const { client, saved, tokens, write } = connect(
    await expired(await signedIn()),
    async () => write(undefined) as undefined,
  );
  await expect(client.auth.me.query()).rejects.toMatchObject(refused);
  expect(saved).toEqual([]);
  expect(await tokens.get()).toBeUndefined();
});

test('a call is sent again once, no more', async () => {
  const old = await expired(await signedIn());
  const { client, tokens, requests } = connect(old, async () =>
    Response.json({ result: { data: { ...old, access_token: `${old.access_token}x` } } }),
  );
  await expect(client.auth.me.query()).rejects.toMatchObject(refused);
  expect(requests()).toEqual(['auth.me', 'auth.me']);
  expect(await tokens.get(), 'only a refresh tells that a session is over').toBeDefined();
});

test('a call that was aborted meanwhile is not sent again', async () => {
  const abort = new AbortController();
  const { client, requests } = connect(
    await expired(await signedIn()),
    async () => abort.abort() as undefined,
  );
  const [aborted, other] = await Promise.allSettled([
    client.task.create.mutate({ title: 'aborted' }, { signal: abort.signal }),
    client.task.create.mutate({ title: 'other' }),
  ]);
  expect([aborted.status, other.status]).toEqual(['rejected', 'fulfilled']);
  expect(requests()).toEqual(['task.create,task.create', 'auth.refresh', 'task.create']);
});

test.each(['token', 'get alone'])(
  'without a place for the new tokens nothing is refreshed: %s',
  async (how) => {
    const old = await expired(await signedIn());
    const { fetch, requests } = connect(old);
    const client = createClient({
      url,
      fetch,
      ...(how === 'token' ? { token: old.access_token } : { tokens: { get: () => old } }),
    });
    await expect(client.auth.me.query()).rejects.toMatchObject(refused);
    expect(requests()).toEqual(['auth.me']);
  },
);

test('new tokens that could not be kept are not a silent success', async () => {
  const old = await expired(await signedIn());
  const { fetch } = connect(old);
  const set = () => Promise.reject(new Error('the disk is full'));
  const client = createClient({ url, fetch, tokens: { get: () => old, set } });
  await expect(client.auth.me.query()).rejects.toThrow('the disk is full');
});

test('signing out ends the session and drops the tokens, also when the access token is too old', async () => {
  for (const input of [undefined, {}]) {
    const old = await expired(await signedIn());
    const { client, saved, requests } = connect(old);
    await client.auth.signOut.mutate(input);
    expect(requests()).toEqual(['auth.signOut']);
    expect(saved).toEqual([undefined]);
    expect((await refresh(old)).status).toBe(401);
  }
});

test('a refresh, a sign-in and a sign-out that fail never refresh', async () => {
  const old = await expired(await signedIn());
  const { client, saved, refreshes, requests } = connect(old);
  await expect(client.auth.refresh.mutate({ refresh_token: 'x' })).rejects.toMatchObject(refused);
  await expect(client.auth.signIn.mutate({ username: 'nobody', password: 'x' })).rejects.toMatchObject({
    data: { reason: 'WRONG_CREDENTIALS' },
  });
  expect(saved).toEqual([]);
  await expect(client.auth.signOut.mutate({ refresh_token: 'x' })).rejects.toMatchObject(refused);
  expect(requests()).toEqual(['auth.refresh', 'auth.signIn', 'auth.signOut']);
  expect(refreshes()).toBe(1);
});

test('a refresh that the app asks for itself gives the new tokens too', async () => {
  const { refresh_token } = await signedIn();
  const { client, saved } = connect(await signedIn());
  const answer = await client.auth.refresh.mutate({ refresh_token });
  expect(saved).toEqual([answer]);
});

const PASSWORDS = { current_password: 'the first pass phrase', new_password: 'another pass phrase' };

test('a session goes on after its password was changed, with the new tokens', async () => {
  const old = await signedIn(PASSWORDS.current_password);
  const { client, saved, tokens, refreshes } = connect(old);
  const answer = await client.auth.changePassword.mutate(PASSWORDS);
  expect(saved).toEqual([answer]);
  await tokens.set(await expired(answer));
  expect(await client.auth.me.query()).toMatchObject({ id: old.user_id });
  expect(refreshes()).toBe(1);
});

test('tokens of another user, kept while the password was changed, stay', async () => {
  const [old, next] = [await signedIn(PASSWORDS.current_password), await signedIn()];
  const server = createInjectedFetch(app);
  const { tokens, saved, write } = createTokenStore(old);
  const fetch: typeof server.fetch = async (input, init) => {
    const answer = await server.fetch(input, init);
    write(next);
    return answer;
  };
  const answer = await createClient({ url, fetch, tokens }).auth.changePassword.mutate(PASSWORDS);
  expect(answer.user_id).toBe(old.user_id);
  expect([saved, await tokens.get()]).toEqual([[], next]);
});

test('a server that gives no tokens with the change leaves those that are kept', async () => {
  const old = await signedIn();
  const { tokens, saved } = createTokenStore(old);
  const fetch = async () => Response.json({ result: { data: { message: 'Password changed' } } });
  await createClient({ url, fetch, tokens }).auth.changePassword.mutate(PASSWORDS);
  expect([saved, await tokens.get()]).toEqual([[], old]);
});
