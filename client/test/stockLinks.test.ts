// tRPC's own links beside our client. That for subscriptions, over two EventSource packages that can send headers: when a
// connection is cut, a server is replaced, a token expires or a stream is refused.
import { randomUUID } from 'node:crypto';
import {
  createTRPCClient,
  httpBatchLink,
  httpBatchStreamLink,
  httpSubscriptionLink,
  retryLink,
  splitLink,
  type TRPCClientError,
  type TRPCLink,
} from '@trpc/client';
import { EventSourcePolyfill } from 'event-source-polyfill';
import { EventSource } from 'eventsource';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import { createAccessTokens } from '../../server/src/security/accessTokens.ts';
import { startApp, type TestApp } from '../../server/test/harness.ts';
import { SECRET } from '../../server/test/tokens.ts';
import {
  type AppRouter,
  createClient,
  type StepwiseClient,
  type StreamedEvent,
  type TokenAnswer,
} from '../src/index.ts';
import { createTokenStore } from './support.ts';

const api = await startApp();
const url = await api.app.listen({ port: 0, host: '127.0.0.1' });

// The second package writes there whatever it comes back from.
const silenced = vi.spyOn(console, 'error').mockImplementation(() => {});
afterAll(() => silenced.mockRestore());

/** What readers hear takes its time on a busy machine, and a reader who comes back waits three seconds first. */
const eventually = <T>(read: () => T) => expect.poll(read);

type GetToken = () => string | Promise<string>;

/** The link as tRPC's documentation writes it, for each package. */
const LINKS: Record<string, (at: string, token: GetToken) => TRPCLink<AppRouter>> = {
  eventsource: (at, token) =>
    httpSubscriptionLink({
      url: `${at}/trpc`,
      EventSource,
      eventSourceOptions: async () => {
        const authorization = `Bearer ${await token()}`;
        return {
          fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, authorization } }),
        };
      },
    }),
  'event-source-polyfill': (at, token) =>
    httpSubscriptionLink({
      url: `${at}/trpc`,
      EventSource: EventSourcePolyfill,
      eventSourceOptions: async () => ({ headers: { authorization: `Bearer ${await token()}` } }),
    }),
};
const PACKAGES = Object.keys(LINKS);

/** "Updating configuration on an active connection", from tRPC's documentation. */
const retrying = (): TRPCLink<AppRouter> =>
  retryLink({
    retry: ({ error }) => {
      const code = error.data?.code;
      if (!code) return true;
      return code === 'UNAUTHORIZED' || code === 'FORBIDDEN';
    },
  });

function stockClient(at: string, links: TRPCLink<AppRouter>[]): StepwiseClient {
  return createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: ({ type }) => type === 'subscription',
        true: links,
        false: httpBatchLink({ url: `${at}/trpc` }),
      }),
    ],
  });
}

/** @returns what is heard of rows, why streams ended, and what else the subscription says */
function subscribe(client: StepwiseClient) {
  const heard: string[] = [];
  const ends: string[] = [];
  const errors: TRPCClientError<AppRouter>[] = [];
  const said: string[] = [];
  const { unsubscribe } = client.events.stream.subscribe(undefined, {
    onData: ({ id, data }: StreamedEvent) =>
      data.type === 'end' ? ends.push(data.reason) : heard.push(`${id} ${data.type}`),
    onError: (error) => errors.push(error),
    onStopped: () => said.push('stopped'),
    onComplete: () => said.push('complete'),
  });
  onTestFinished(unsubscribe);
  return { heard, ends, errors, said };
}

const signUp = async (app = api): Promise<TokenAnswer> =>
  (await app.rest('POST', '/users', { body: { login: randomUUID(), password: randomUUID() } })).body;

test('#256 over a token that expires, three cuts and a rolling restart every event is heard once, in order', async () => {
  const tokens = await signUp();
  const claims = (await createAccessTokens([SECRET], 60).verify(tokens.access_token))!;
  // With the seconds that two clocks may differ: long enough for all to begin.
  const short = await createAccessTokens([SECRET], 8).sign(claims);
  let server: TestApp = await startApp({ database: api.database });
  const at = await server.app.listen({ port: 0, host: '127.0.0.1' });

  const asked = PACKAGES.map(() => 0);
  const stock = PACKAGES.map((name, place) => {
    const token = () => (asked[place]!++ === 0 ? short : tokens.access_token);
    return subscribe(stockClient(at, [retrying(), LINKS[name]!(at, token)]));
  });
  const typed = subscribe(
    createClient({ url: at, tokens: createTokenStore({ ...tokens, access_token: short }).tokens }),
  );
  const readers = [...stock, typed];

  const expected = ['0 ready'];
  const change = async () => {
    await api.rest('POST', '/outherTasks', { token: tokens.access_token, body: { title: 't' } });
    expected.push(`${expected.length} task.created`);
  };
  const allHear = async () => {
    for (const { heard } of readers) await eventually(() => heard).toEqual(expected);
  };
  await allHear();
  await change();
  await allHear();

  for (const { ends } of stock) await eventually(() => ends).toEqual(['token_expired']);
  await change();
  await allHear();
  expect(asked).toEqual(PACKAGES.map(() => 2));

  for (let cut = 0; cut < 3; cut++) {
    server.app.server.closeAllConnections();
    await change();
    await allHear();
    await change();
    await allHear();
  }

  await server.app.close();
  await change();
  server = await startApp({ database: api.database });
  await server.app.listen({ port: Number(new URL(at).port), host: '127.0.0.1' });
  await change();
  await allHear();
  await change();
  await allHear();

  for (const { ends } of stock) expect(ends).toEqual(['token_expired', 'server_closing']);
  expect(typed.ends).toEqual([]);
  for (const { errors, said } of readers) expect([errors, said]).toEqual([[], []]);
});

test.each(PACKAGES)('#257 a refusal is read over %s, as that of any other call', async (name) => {
  const { errors, heard } = subscribe(stockClient(url, [LINKS[name]!(url, () => 'none')]));
  await eventually(() => errors.length).toBe(1);
  expect(errors[0]).toMatchObject({
    message: 'Not authenticated',
    data: {
      code: 'UNAUTHORIZED',
      httpStatus: 401,
      path: 'events.stream',
      reason: 'UNAUTHENTICATED',
      request_id: expect.any(String),
    },
  });
  expect(heard).toEqual([]);
});

test.each(PACKAGES)(
  '#257 what is refused by the limits is read over %s, whichever limit it is',
  async (name) => {
    const { access_token } = await signUp();
    const client = stockClient(url, [LINKS[name]!(url, () => access_token)]);
    const readers = Array.from({ length: 10 }, () => subscribe(client));
    for (const { heard } of readers) await eventually(() => heard).toEqual(['0 ready']);
    const { errors } = subscribe(client);
    await eventually(() => errors.map(({ data }) => data?.code)).toEqual(['TOO_MANY_REQUESTS']);

    // Refused before a procedure is called.
    const plenty = { max: 1_000_000, seconds: 60 };
    const limited = await startApp({
      database: api.database,
      rates: {
        address: { max: 1, seconds: 60 },
        user: plenty,
        signIn: plenty,
        registration: plenty,
        userHashes: plenty,
        addressHashes: plenty,
        rows: plenty,
        facts: plenty,
      },
    });
    const at = await limited.app.listen({ port: 0, host: '127.0.0.1' });
    await fetch(`${at}/health`);
    const other = subscribe(stockClient(at, [LINKS[name]!(at, () => access_token)]));
    await eventually(() => other.errors.map(({ data }) => data?.reason)).toEqual(['RATE_LIMITED']);
  },
);

test.each(PACKAGES)(
  '#258 when the session ends the subscription is complete over %s, and nobody comes back',
  async (name) => {
    const { access_token } = await signUp();
    const { heard, ends, said, errors } = subscribe(
      stockClient(url, [retrying(), LINKS[name]!(url, () => access_token)]),
    );
    await eventually(() => heard).toEqual(['0 ready']);
    await api.rest('POST', '/users/signOut', { token: access_token });
    await eventually(() => said).toEqual(['stopped', 'complete']);
    expect([ends, errors]).toEqual([['session_ended'], []]);
  },
);

test('#259 a streamed batch without a token answers its public calls, and refuses each of the others', async () => {
  const client = createTRPCClient<AppRouter>({ links: [httpBatchStreamLink({ url: `${url}/trpc` })] });
  const [health, tasks, me] = await Promise.allSettled([
    client.health.check.query(),
    client.task.list.query({}),
    client.auth.me.query(),
  ]);
  expect(health).toMatchObject({ status: 'fulfilled', value: { status: 'ok' } });
  for (const refused of [tasks, me])
    expect(refused).toMatchObject({
      status: 'rejected',
      reason: { data: { code: 'UNAUTHORIZED', reason: 'UNAUTHENTICATED' } },
    });
});
