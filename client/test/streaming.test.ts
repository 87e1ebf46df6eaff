// A subscription goes on by itself: over new tokens, lost connections and restarts, with nothing missed or told twice.
import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createAccessTokens } from '../../server/src/security/accessTokens.ts';
import { startApp, type TestApp } from '../../server/test/harness.ts';
import { SECRET } from '../../server/test/tokens.ts';
import {
  createClient,
  type RouterOutputs,
  type StepwiseClient,
  type StreamedEvent,
  type TokenAnswer,
} from '../src/index.ts';
import { createTokenStore } from './support.ts';

const api = await startApp();
const url = await api.app.listen({ port: 0, host: '127.0.0.1' });

async function signedIn(): Promise<TokenAnswer> {
  return (await api.rest('POST', '/users', { body: { login: randomUUID(), password: randomUUID() } })).body;
}

/** @returns what is heard, and what else the subscription says */
function subscribe(client: StepwiseClient, lastEventId?: string) {
  const events: StreamedEvent[] = [];
  const errors: unknown[] = [];
  const states: string[] = [];
  const stopped = vi.fn();
  const { unsubscribe } = client.events.stream.subscribe(
    lastEventId === undefined ? undefined : { lastEventId },
    {
      onData: (event) => events.push(event),
      onError: (error) => errors.push(error),
      onConnectionStateChange: ({ state }) => states.push(state),
      onComplete: stopped,
    },
  );
  onTestFinished(unsubscribe);
  const types = () => events.map(({ id, data }) => `${id} ${data.type}`);
  return { events, errors, states, stopped, unsubscribe, types };
}

test('events are typed, and signed for by a header', async () => {
  const tokens = await signedIn();
  const urls: string[] = [];
  const client = createClient({
    url,
    token: tokens.access_token,
    fetch: (input, init) => {
      urls.push(String(input));
      return fetch(input, init);
    },
  });
  const { events, types, unsubscribe } = subscribe(client);
  await expect.poll(types).toEqual(['0 ready']);
  const task: RouterOutputs['task']['list'][number] = await client.task.create.mutate({ title: 'Run' });
  await expect.poll(types).toEqual(['0 ready', '1 task.created']);
  const told = events[1]!.data;
  expect(told.type === 'task.created' && told.data.title).toBe('Run');
  expect(told).toEqual({ type: 'task.created', data: task });
  unsubscribe();
  expect(urls.join()).not.toContain(tokens.access_token);
});

test('with a token that is too old it refreshes first, and when one becomes too old on the way it goes on with the next', async () => {
  const first = await signedIn();
  const claims = (await createAccessTokens([SECRET], 60).verify(first.access_token))!;
  const old = { ...first, access_token: await createAccessTokens([SECRET], -60).sign(claims) };
  const { tokens, saved, write } = createTokenStore(old);
  const client = createClient({ url, tokens });
  const { types, errors } = subscribe(client);
  await expect.poll(types).toEqual(['0 ready']);
  expect(saved).toHaveLength(1);

  // Good for some seconds: those that two clocks may differ.
  const other = createTokenStore({
    ...saved[0]!,
    access_token: await createAccessTokens([SECRET], -3).sign(claims),
  });
  write(undefined);
  const short = subscribe(createClient({ url, tokens: other.tokens }));
  await expect.poll(short.types).toEqual(['0 ready']);
  await expect.poll(() => other.saved.length).toBe(1);
  await api.rest('POST', '/outherTasks', { token: other.saved[0]!.access_token, body: { title: 't' } });
  await expect.poll(short.types).toEqual(['0 ready', '1 task.created']);
  expect([...errors, ...short.errors]).toEqual([]);
});

test('#153 over a restart of the server nothing is missed and nothing comes twice', async () => {
  const tokens = await signedIn();
  let server: TestApp = await startApp({ database: api.database });
  const at = await server.app.listen({ port: 0, host: '127.0.0.1' });
  const { types, states, errors } = subscribe(
    createClient({ url: at, tokens: createTokenStore(tokens).tokens }),
  );
  await expect.poll(types).toEqual(['0 ready']);
  const expected = ['0 ready'];
  for (let round = 0; round < 3; round++) {
    const add = async () => {
      await api.rest('POST', '/outherTasks', { token: tokens.access_token, body: { title: 't' } });
      expected.push(`${expected.length} task.created`);
    };
    await add();
    await expect.poll(types).toEqual(expected);
    await server.app.close();
    await add();
    server = await startApp({ database: api.database });
    await server.app.listen({ port: Number(new URL(at).port), host: '127.0.0.1' });
    await add();
    await expect.poll(types).toEqual(expected);
  }
  expect(errors).toEqual([]);
  expect(states.filter((state) => state === 'pending').length).toBeGreaterThanOrEqual(4);
});

test('a session that is over ends it, with the reason and the error', async () => {
  const { tokens, saved } = createTokenStore(await signedIn());
  const client = createClient({ url, tokens });
  const { events, types, errors } = subscribe(client);
  await expect.poll(types).toEqual(['0 ready']);
  const { access_token } = (await tokens.get()) as TokenAnswer;
  await api.rest('POST', '/users/signOut', { token: access_token });
  await expect
    .poll(() => errors)
    .toEqual([expect.objectContaining({ data: expect.objectContaining({ reason: 'UNAUTHENTICATED' }) })]);
  expect(events.at(-1)?.data).toEqual({ type: 'end', reason: 'session_ended' });
  expect(saved).toEqual([undefined]);
});

test('an input that is none is an error at once; a network that is away is waited for', async () => {
  const { access_token: token } = await signedIn();
  const bad = subscribe(createClient({ url, token }), 'abc');
  await expect
    .poll(() => bad.errors)
    .toEqual([expect.objectContaining({ data: expect.objectContaining({ reason: 'VALIDATION' }) })]);

  let tries = 0;
  const client = createClient({
    url,
    token,
    fetch: (...request) => (++tries < 3 ? Promise.reject(new TypeError('fetch failed')) : fetch(...request)),
  });
  const { types, errors } = subscribe(client);
  await expect.poll(types).toEqual(['0 ready']);
  expect([tries, errors]).toEqual([3, []]);
});

test('whoever unsubscribes hears no more and leaves no stream behind', async () => {
  const tokens = await signedIn();
  const client = createClient({ url, token: tokens.access_token });
  for (let n = 0; n < 25; n++) {
    const { types, unsubscribe, stopped } = subscribe(client);
    await expect.poll(types).toEqual(['0 ready']);
    unsubscribe();
    await expect.poll(() => stopped.mock.calls.length).toBe(1);
  }
});

test.each<[string, string]>([
  ['CRLF', '\r\n'],
  ['CR', '\r'],
  ['LF', '\n'],
])(
  '#490 a stream with lines that end in %s is read by the standard: data of several lines, comments, any cut',
  async (_, newline) => {
    const lines = [
      '\ufeff: a comment',
      'retry: 5',
      'id: 4',
      'event: message',
      'data: {"type":"task.removed",',
      'data:"data":{"id":7}}',
      '',
      'data: {"type":"end","reason":"about the connection"}',
      '',
      'id: 5',
      'data: {"type":"ready","data":"ы"}',
      '',
      '',
    ];
    const bytes = new TextEncoder().encode(lines.join(newline));
    const bodies = [
      new ReadableStream({
        start(controller) {
          for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
          controller.close();
        },
      }),
    ];
    const client = createClient({
      url,
      fetch: async () => {
        const body = bodies.shift();
        return body
          ? new Response(body, { headers: { 'content-type': 'text/event-stream' } })
          : new Promise<Response>(() => {});
      },
    });
    const { events } = subscribe(client);
    await expect
      .poll(() => events)
      .toEqual([
        { id: '4', data: { type: 'task.removed', data: { id: 7 } } },
        { id: '5', data: { type: 'ready', data: 'ы' } },
      ]);
  },
);
