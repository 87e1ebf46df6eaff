// What a call throws: the server's error, a proxy's page, something that is no Stepwise, no answer at all.
import { expect, onTestFinished, test, vi } from 'vitest';
import { startApp } from '../../server/test/harness.ts';
import {
  createClient,
  isHttpError,
  isStepwiseError,
  isTransientError,
  shouldRetry,
  type Tokens,
} from '../src/index.ts';
import { createInjectedFetch } from './support.ts';

const url = 'http://localhost:8000';
const { app, register } = await startApp();
const { token } = await register();

const caught = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => expect.fail('the call succeeded'),
    (error) => error,
  );

type Answer = () => Response | Promise<Response>;

const answering = (answer: Answer, tokens?: Tokens) =>
  createClient({ url, fetch: async () => answer(), ...(tokens && { tokens }) });

const html = (status: number, headers = {}) =>
  new Response('<h1>Hello</h1>', { status, headers: { 'content-type': 'text/html', ...headers } });

const STRANGE: [string, Answer, number, string][] = [
  [
    'a bad gateway',
    () => html(502),
    502,
    'HTTP 502 with text/html from http://localhost:8000/trpc is no answer of Stepwise',
  ],
  [
    'a web site',
    () => html(200),
    200,
    'HTTP 200 with text/html from http://localhost:8000/trpc is no answer of Stepwise: is this URL right?',
  ],
  [
    'a page that is missing',
    () => html(404),
    404,
    'HTTP 404 with text/html from http://localhost:8000/trpc is no answer of Stepwise: is this URL right?',
  ],
  [
    'a gateway that says so in JSON',
    () => Response.json({ message: 'no Route matched' }, { status: 404 }),
    404,
    'HTTP 404 with application/json',
  ],
  ['one that has a list', () => Response.json([1]), 200, 'HTTP 200 with application/json'],
  ['one that has nothing to say', () => Response.json(null), 200, 'HTTP 200 with application/json'],
  [
    'one whose error is a word',
    () => Response.json({ error: { message: 'no' } }, { status: 401 }),
    401,
    'HTTP 401 with application/json',
  ],
  [
    'JSON that is cut off',
    () => new Response('[{"result":', { headers: { 'content-type': 'application/json' } }),
    200,
    'HTTP 200 with',
  ],
  ['an empty answer', () => new Response(null, { status: 413 }), 413, 'HTTP 413 with no content'],
];

test.each(STRANGE)(
  '#315 %s is told apart, with its status and in plain words',
  async (_, answer, status, message) => {
    const client = answering(answer);
    const calls = [
      client.health.check.query(),
      client.auth.me.query(),
      client.task.create.mutate({ title: 't' }),
    ];
    for (const call of calls) {
      const error = await caught(call);
      if (!isHttpError(error)) throw error;
      expect(isStepwiseError(error)).toBe(false);
      expect([error.httpStatus, error.retryAfterSeconds]).toEqual([status, undefined]);
      expect(error.message).toContain(message);
    }
  },
);

test.each(STRANGE)(
  '#315 a subscription that meets %s waits, or ends with the same words',
  async (_, answer, status, message) => {
    const onError = vi.fn();
    const states: unknown[] = [];
    const { unsubscribe } = answering(answer).events.stream.subscribe(undefined, {
      onError,
      onConnectionStateChange: ({ error }) => error && states.push(error),
    });
    onTestFinished(unsubscribe);
    const told = () => (status >= 500 ? states[0] : onError.mock.calls[0]?.[0]);
    await expect.poll(told).toMatchObject({ httpStatus: status, message: expect.stringContaining(message) });
    expect(onError).toHaveBeenCalledTimes(status >= 500 ? 0 : 1);
  },
);

test('a subscription that was open goes on after a proxy has had nobody behind it, whatever it said meanwhile', async () => {
  const opened = new Response('id: 0\ndata: {"type":"ready"}\n\n', {
    headers: { 'content-type': 'text/event-stream; charset=utf-8' },
  });
  const answers = [opened, html(404)];
  const onError = vi.fn();
  const told: unknown[] = [];
  const client = createClient({ url, fetch: async () => answers.shift() ?? new Promise<Response>(() => {}) });
  const { unsubscribe } = client.events.stream.subscribe(undefined, {
    onError,
    onConnectionStateChange: ({ error }) => error && told.push(error),
  });
  onTestFinished(unsubscribe);
  await expect.poll(() => told).toEqual([expect.objectContaining({ httpStatus: 404 })]);
  await expect.poll(() => answers).toEqual([]);
  expect(onError).not.toHaveBeenCalled();
});

test('#315 an error of the server has its status and what Retry-After says', async () => {
  const { fetch } = createInjectedFetch(app);
  const missing = await caught(createClient({ url, fetch, token }).task.remove.mutate({ id: 2 ** 31 - 1 }));
  expect(missing).toMatchObject({
    httpStatus: 404,
    retryAfterSeconds: undefined,
    data: { reason: 'NOT_FOUND' },
  });

  const plenty = { max: 1e9, seconds: 60 };
  const rates = {
    address: plenty,
    user: plenty,
    signIn: { max: 1, seconds: 600 },
    registration: plenty,
    userHashes: plenty,
    addressHashes: plenty,
    rows: plenty,
    facts: plenty,
  };
  const limited = createClient({ url, fetch: createInjectedFetch((await startApp({ rates })).app).fetch });
  const signIn = () => caught(limited.auth.signIn.mutate({ username: 'nobody', password: 'x' }));
  expect(await signIn()).toMatchObject({
    httpStatus: 401,
    retryAfterSeconds: undefined,
    data: { reason: 'WRONG_CREDENTIALS' },
  });
  const error = await signIn();
  if (!isStepwiseError(error)) throw error;
  expect(error.data.reason).toBe('RATE_LIMITED');
  expect(error.retryAfterSeconds).toBeGreaterThan(0);
});

test.each([
  ['12', 12],
  ['0', 0],
  [new Date(Date.now() + 86_400_000).toUTCString(), expect.closeTo(86_400, -3)],
  ['Wed, 21 Oct 2015 07:28:00 GMT', 0],
  ['soon', undefined],
  ['', undefined],
])('#315 Retry-After: %s', async (value, seconds) => {
  const error = await caught(answering(() => html(503, { 'retry-after': value })).health.check.query());
  expect(error).toMatchObject({ httpStatus: 503, retryAfterSeconds: seconds });
});

test('#315 in a batch Retry-After is of those calls that are to be made again', async () => {
  const failed = (httpStatus: number, reason: string) => ({
    error: { code: -32000, message: reason, data: { httpStatus, reason } },
  });
  const client = answering(() =>
    Response.json([failed(404, 'NOT_FOUND'), failed(429, 'RATE_LIMITED')], {
      status: 207,
      headers: { 'retry-after': '7' },
    }),
  );
  const errors = await Promise.all([caught(client.task.list.query({})), caught(client.task.list.query({}))]);
  expect(errors).toMatchObject([
    { httpStatus: 404, retryAfterSeconds: undefined },
    { httpStatus: 429, retryAfterSeconds: 7 },
  ]);
});

test('what is transient: no answer, and what says that it is', async () => {
  const reset = new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated')) });
  const outcomes: [Answer, boolean][] = [
    [() => Promise.reject(new TypeError('fetch failed')), true],
    [() => new Response(reset), true],
    [() => html(502), true],
    [() => html(503), true],
    [() => html(504), true],
    [() => html(429), true],
    [() => html(409, { 'retry-after': '1' }), true],
    [() => html(500), false],
    [() => html(404), false],
    [() => html(200), false],
  ];
  for (const [answer, isTransient] of outcomes) {
    const error = await caught(answering(answer).health.check.query());
    expect([isTransientError(error), shouldRetry(0, error), shouldRetry(3, error)]).toEqual([
      isTransient,
      isTransient,
      false,
    ]);
  }
  const late = await caught(answering(() => html(503, { 'retry-after': '31' })).health.check.query());
  expect([isTransientError(late), shouldRetry(0, late)]).toEqual([true, false]);
  const aborted = await caught(
    answering(() => html(503)).health.check.query(undefined, { signal: AbortSignal.abort() }),
  );
  const broken = await caught(
    createClient({
      url,
      headers: () => Promise.reject(new TypeError('x is not a function')),
    }).health.check.query(),
  );
  for (const error of [aborted, broken, new TypeError('fetch failed'), undefined]) {
    expect(isTransientError(error)).toBe(false);
    expect(isHttpError(error)).toBe(false);
  }
});
