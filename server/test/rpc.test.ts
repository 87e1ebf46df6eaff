// The tRPC transport beside tRPC's own Fastify adapter, over the same router and the same database: status, body and the
// headers that mean something. Where they differ on purpose, the table below says why.
import { tracked } from '@trpc/server';
import { type FastifyTRPCPluginOptions, fastifyTRPCPlugin } from '@trpc/server/adapters/fastify';
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { registerGuards, requestId } from '../src/http/edge/guards.ts';
import { createContext, requestContextOf } from '../src/http/edge/requestContext.ts';
import { MAX_BATCH_CALLS, registerTrpc } from '../src/http/transports/trpc.ts';
import { appRouter } from '../src/router.ts';
import { endpoint } from '../src/trpc/endpoint.ts';
import { AppError } from '../src/trpc/errors.ts';
import { protectedProcedure, publicProcedure, router } from '../src/trpc/procedures.ts';
import { startApp } from './harness.ts';
import { testServices } from './services.ts';

const api = await startApp();
const ann = await api.register();
const task = (await api.rpc('task.create', { title: 'Run' }, ann.token)).body.result.data;

const stock: FastifyInstance = Fastify({ genReqId: requestId, routerOptions: { maxParamLength: 16_384 } });
const services = testServices(api.database);
await stock.register(fastifyTRPCPlugin, {
  prefix: '/trpc',
  trpcOptions: {
    router: appRouter,
    createContext: ({ req, res }) => createContext(services, req, res),
    maxBatchSize: MAX_BATCH_CALLS,
  } satisfies FastifyTRPCPluginOptions<typeof appRouter>['trpcOptions'],
});
afterAll(() => stock.close());

/** What both adapters are sent. */
interface Case {
  readonly name: string;
  readonly method?: 'GET' | 'POST' | 'HEAD' | 'PUT' | 'DELETE' | 'PATCH';
  readonly path: string;
  readonly query?: Record<string, string>;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Why the adapters differ, and in which of status, body and headers. */
  readonly differs?: { readonly in: readonly ('status' | 'body' | 'headers')[]; readonly because: string };
}

const json = (value: unknown) => JSON.stringify(value);
const batch = (...inputs: unknown[]) => ({ batch: '1', input: json({ ...inputs }) });
const ten = Array.from({ length: 10 }, () => 'task.list').join(',');

const CASES: readonly Case[] = [
  { name: 'a query', path: 'task.list', query: { input: json({}) } },
  { name: 'a query with a filter', path: 'task.list', query: { input: json({ status: true, limit: 3 }) } },
  { name: 'a query without input', path: 'auth.me' },
  { name: 'a mutation', method: 'POST', path: 'task.update', body: { id: task.id, title: 'Walk' } },
  { name: 'a mutation that changes nothing', method: 'POST', path: 'task.update', body: { id: task.id } },
  {
    name: 'an input with unknown keys',
    method: 'POST',
    path: 'task.update',
    body: { id: task.id, nonsense: 1 },
  },
  { name: 'bad input', method: 'POST', path: 'task.create', body: { title: 1 } },
  {
    name: 'several things wrong',
    method: 'POST',
    path: 'physicalPlan.create',
    body: { age: 'x', gender: 'other' },
  },
  { name: 'missing input', path: 'task.list' },
  {
    name: 'missing input of a mutation',
    method: 'POST',
    path: 'task.create',
    headers: { 'content-type': 'application/json' },
  },
  { name: 'input null', method: 'POST', path: 'task.create', body: null },
  { name: 'an array as input', method: 'POST', path: 'task.create', body: [1] },
  { name: 'what is not there', method: 'POST', path: 'task.remove', body: { id: 2_000_000_000 } },
  {
    name: 'no token',
    path: 'task.list',
    query: { input: json({}) },
    headers: { authorization: '' },
    differs: { in: ['headers'], because: 'ours says WWW-Authenticate' },
  },
  { name: 'an unknown procedure', path: 'task.nothing', query: { input: json({}) } },
  { name: 'a router instead of a procedure', path: 'task' },
  { name: 'a name from the prototype', path: 'constructor' },
  { name: 'a mutation by GET', path: 'task.create', query: { input: json({ title: 'x' }) } },
  {
    name: 'a query by POST',
    method: 'POST',
    path: 'task.list',
    body: {},
    differs: { in: ['headers'], because: 'ours answers HEAD too and says so in Allow' },
  },
  { name: 'PUT', method: 'PUT', path: 'task.create', body: { title: 'x' } },
  {
    name: 'PATCH',
    method: 'PATCH',
    path: 'task.list',
    body: {},
    differs: { in: ['headers'], because: 'ours answers HEAD too and says so in Allow' },
  },
  { name: 'DELETE', method: 'DELETE', path: 'task.remove', body: { id: 1 } },
  { name: 'an encoded path', path: '%74ask.list', query: { input: json({}) } },
  {
    name: 'a path encoded twice',
    path: '%2574ask.list',
    query: { input: json({}) },
    differs: {
      in: ['status', 'body'],
      because: 'the adapter decodes what Fastify has decoded: one name would have many spellings',
    },
  },
  {
    name: 'a path that cannot be decoded twice',
    path: '%25zz',
    differs: { in: ['status', 'body', 'headers'], because: 'as above: to us it is an unknown name' },
  },
  { name: 'a batch of one', path: 'auth.me', query: batch() },
  {
    name: 'a batch of different queries',
    path: 'task.list,auth.me,physicalPlan.list',
    query: batch({}, undefined, { limit: 1 }),
  },
  {
    name: 'a batch with errors among answers',
    path: 'task.list,task.list,nope',
    query: batch({}, { limit: 0 }, {}),
  },
  {
    name: 'a batch in which every call fails alike',
    path: 'task.list,task.list',
    query: batch({ limit: 0 }, { limit: 0 }),
  },
  {
    name: 'a batch of mutations',
    method: 'POST',
    path: 'task.update,task.update',
    query: { batch: '1' },
    body: { 0: { id: task.id }, 1: { id: 2_000_000_000 } },
  },
  {
    name: 'a batch whose mutations get no body',
    method: 'POST',
    path: 'task.update,task.update',
    query: { batch: '1' },
    headers: { 'content-type': 'application/json' },
  },
  {
    name: 'a batch of queries and mutations',
    path: 'task.list,task.create',
    query: batch({}, { title: 'x' }),
    differs: {
      in: ['body', 'headers'],
      because: 'the adapter forgets request id and content type of what fails before its calls',
    },
  },
  { name: 'a batch of ten', path: ten, query: batch(...Array.from({ length: 10 }, () => ({}))) },
  {
    name: 'a batch of eleven',
    path: `${ten},auth.me`,
    query: batch({}),
    differs: {
      in: ['body', 'headers'],
      because:
        'ours has a reason of its own, BATCH_TOO_LARGE; the adapter forgets request id and content type',
    },
  },
  { name: 'a batch of nothing but commas', path: ',,,,', query: batch() },
  {
    name: 'a batch whose input is an array',
    path: 'task.list',
    query: { batch: '1', input: '[{}]' },
    differs: { in: ['body'], because: 'ours says what is wrong' },
  },
  {
    name: 'a batch whose input is a number',
    path: 'task.list',
    query: { batch: '1', input: '1' },
    differs: { in: ['body'], because: 'ours says what is wrong' },
  },
  { name: 'commas without batch=1', path: 'task.list,auth.me', query: { input: json({}) } },
  { name: 'batch=0', path: 'auth.me', query: { batch: '0' } },
  {
    name: 'input that is not JSON',
    path: 'task.list',
    query: { input: '{' },
    differs: { in: ['body'], because: 'ours says what is wrong' },
  },
  { name: 'an empty input', path: 'task.list', query: { input: '' } },
  {
    name: 'a body that is not JSON',
    method: 'POST',
    path: 'task.create',
    body: '{',
    differs: {
      in: ['body'],
      because: 'ours is refused before a procedure is chosen: the answer has no path',
    },
  },
  {
    name: 'a body that is not JSON, for a batch',
    method: 'POST',
    path: 'task.create,task.create',
    query: { batch: '1' },
    body: '{',
    differs: { in: ['body'], because: 'the adapter fails each call, ours the request' },
  },
  {
    name: '__proto__ in a body',
    method: 'POST',
    path: 'task.create',
    body: '{"title":"x","__proto__":{"a":1}}',
    differs: { in: ['status', 'body'], because: 'ours refuses it' },
  },
  {
    name: 'input nested too deeply',
    path: 'task.list',
    query: { input: `${'['.repeat(40)}${']'.repeat(40)}` },
    differs: { in: ['body'], because: 'ours refuses it before the contract does' },
  },
  {
    name: 'a text body',
    method: 'POST',
    path: 'task.create',
    body: 'x',
    headers: { 'content-type': 'text/plain' },
    differs: {
      in: ['body', 'headers'],
      because: 'the adapter forgets request id and content type of what fails before its calls',
    },
  },
  {
    name: 'a form',
    method: 'POST',
    path: 'task.create',
    body: 'a=1',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    differs: { in: ['body', 'headers'], because: "Fastify's own error document there, tRPC's here" },
  },
  {
    name: 'multipart',
    method: 'POST',
    path: 'task.create',
    body: 'x',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    differs: {
      in: ['status', 'body', 'headers'],
      because:
        'the adapter buffers it without limit (and fails on it in this test); no procedure of ours takes it',
    },
  },
  {
    name: 'POST without a body or a content type',
    method: 'POST',
    path: 'task.create',
    differs: {
      in: ['status', 'body', 'headers'],
      because: 'nothing was sent, so nothing has a wrong type: the contract refuses the missing input',
    },
  },
  {
    name: 'HEAD',
    method: 'HEAD',
    path: 'task.list',
    query: { input: json({}) },
    differs: {
      in: ['status', 'headers'],
      because: 'the adapter answers 204 to everybody; ours is GET without the body, signed in',
    },
  },
  { name: 'health', path: 'health.check' },
  {
    name: 'a streamed batch',
    path: 'task.list',
    query: batch({}),
    headers: { 'trpc-accept': 'application/jsonl' },
  },
  {
    name: 'a streamed batch with an error',
    path: 'task.list,nope',
    query: batch({ limit: 0 }),
    headers: { accept: 'application/jsonl' },
  },
  {
    name: 'a streamed batch of eleven',
    path: `${ten},auth.me`,
    query: batch({}),
    headers: { 'trpc-accept': 'application/jsonl' },
    differs: { in: ['body', 'headers'], because: 'as without streaming' },
  },
  {
    name: 'a streamed batch without a token',
    path: 'task.list',
    query: batch({}),
    headers: { 'trpc-accept': 'application/jsonl', authorization: '' },
  },
  {
    name: 'a streamed batch without a token, of a public call and one that needs one',
    path: 'health.check,task.list',
    query: batch(undefined, {}),
    headers: { 'trpc-accept': 'application/jsonl', authorization: '' },
  },
  {
    name: 'a streamed batch of a public mutation and one that needs a token, without one',
    method: 'POST',
    path: 'auth.signIn,task.create',
    query: { batch: '1' },
    body: { 0: { username: 'nobody', password: 'wrong password' }, 1: { title: 'x' } },
    headers: { 'trpc-accept': 'application/jsonl', authorization: '' },
  },
  {
    name: 'a subscription without a token',
    path: 'events.stream',
    headers: { authorization: '' },
    differs: {
      in: ['status', 'body', 'headers'],
      because: 'who does not ask as an EventSource does is refused by the status',
    },
  },
  {
    name: 'a subscription by POST, to an EventSource',
    method: 'POST',
    path: 'events.stream',
    headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
    differs: {
      in: ['status', 'body', 'headers'],
      because: 'an EventSource asks by GET: 405, as of any other procedure',
    },
  },
];

const HEADERS = ['allow', 'www-authenticate', 'vary'] as const;

/** CORS is not the adapter's matter. */
const withoutOrigin = (value: unknown) => (typeof value === 'string' ? value.replace('Origin, ', '') : value);

async function ask(adapter: FastifyInstance, { method = 'GET', path, query, body, headers }: Case) {
  const options: InjectOptions = {
    method,
    url: `/trpc/${path}`,
    headers: { authorization: `Bearer ${ann.token}`, 'x-request-id': 'the-same-id', ...headers },
  };
  if (query) options.query = query;
  if (body !== undefined) {
    options.payload = typeof body === 'string' ? body : JSON.stringify(body);
    options.headers = { 'content-type': 'application/json', ...options.headers };
  }
  const answer = await adapter.inject(options);
  const type = String(answer.headers['content-type'] ?? '').split(';', 1)[0];
  return {
    status: answer.statusCode,
    // The calls of a streamed batch end in any order.
    body: answer.payload
      .split('\n')
      .sort()
      .join('\n')
      .replaceAll(/"timestamp":"[^"]*"/g, '"timestamp":""'),
    headers: Object.fromEntries([
      ['content-type', type],
      ...HEADERS.map((name) => [name, withoutOrigin(answer.headers[name])]),
    ]),
  };
}

test.each(CASES)('the adapters agree, or differ as said, on $name', async (sent) => {
  const theirs = await ask(stock, sent);
  const ours = await ask(api.app, sent);
  const parts = ['status', 'body', 'headers'] as const;
  const different = parts.filter((part) => JSON.stringify(ours[part]) !== JSON.stringify(theirs[part]));
  if (!sent.differs) expect(ours).toEqual(theirs);
  else expect(different, JSON.stringify({ ours, theirs }, null, 1)).toEqual(sent.differs.in);
  expect(ours.status).toBeLessThan(500);
});

test('#257 a subscription is streamed as the adapter streams it, signed in or not at all', async () => {
  const streams = router({
    open: publicProcedure
      .meta(endpoint('GET /unused', '', { tag: '', public: true }))
      .subscription(async function* () {
        yield tracked('1', { n: 1 });
        yield tracked('2', { n: 2 });
      }),
    fails: publicProcedure
      .meta(endpoint('GET /unused', '', { tag: '', public: true }))
      .subscription(async function* () {
        yield { n: 1 };
        throw new Error('secret');
      }),
    mine: protectedProcedure.subscription(async function* ({ ctx }) {
      yield { user_id: ctx.user.id };
    }),
    resumed: publicProcedure.subscription(async function* () {
      yield tracked('1', { n: 1 });
      throw new DOMException('later', 'AbortError');
    }),
    after: publicProcedure
      .input(z.object({ lastEventId: z.string().max(3).optional() }).optional())
      .subscription(async function* ({ input }) {
        yield tracked('9', { after: input?.lastEventId });
      }),
    refused: publicProcedure.subscription(async (): Promise<AsyncIterable<number>> => {
      throw new AppError('UNAVAILABLE', 'Service unavailable');
    }),
  });
  const ourApp = Fastify({ genReqId: requestId });
  registerGuards(
    ourApp,
    () => [],
    services.limits,
    (request, reply) => requestContextOf(services, request, reply),
  );
  registerTrpc(ourApp, '/trpc', streams, (request, reply) => createContext(services, request, reply));
  const theirApp = Fastify({ genReqId: requestId });
  await theirApp.register(fastifyTRPCPlugin, {
    prefix: '/trpc',
    trpcOptions: {
      router: streams,
      createContext: ({ req, res }) => createContext(services, req, res),
    } satisfies FastifyTRPCPluginOptions<typeof streams>['trpcOptions'],
  });
  /** The fields of each event, in order: how many lines stand between them means nothing. */
  const fieldsOf = (payload: string) => payload.split(/\n\n+/).filter(Boolean);
  const ends: Record<string, string> = {
    open: 'data: {"n":2}\nid: 2\n\nevent: return\ndata: \n\n',
    fails: '"reason":"INTERNAL","request_id":"the-same-id"}}\n\n',
    resumed: 'data: {"n":1}\nid: 1\n\n',
    mine: '"reason":"UNAUTHENTICATED","request_id":"the-same-id"}}\n\n',
    'after?lastEventId=abc': 'data: {"after":"abc"}\nid: 9\n\nevent: return\ndata: \n\n',
    'after?lastEventId=abcd':
      '"errors":[{"path":"lastEventId","message":"Too big: expected string to have <=3 characters"}]}}\n\n',
    refused: '"reason":"UNAVAILABLE","request_id":"the-same-id"}}\n\n',
  };
  try {
    for (const [path, end] of Object.entries(ends)) {
      const asked = {
        url: `/trpc/${path}`,
        headers: { accept: 'text/event-stream', 'x-request-id': 'the-same-id' },
      };
      const [ours, theirs] = [await ourApp.inject(asked), await theirApp.inject(asked)];
      expect(ours, path).toMatchObject({ statusCode: 200, headers: { 'content-type': 'text/event-stream' } });
      // Ours says when to come back.
      const told = theirs.payload.replace('data: {}', 'data: {"reconnectAfterInactivityMs":50000}');
      expect(fieldsOf(ours.payload), path).toEqual(fieldsOf(told));
      expect(ours.payload.slice(-end.length), path).toBe(end);
      expect(ours.payload).not.toContain('secret');
    }

    for (const accept of [undefined, '*/*', 'application/json']) {
      const anonymous = await ourApp.inject({
        url: '/trpc/mine',
        headers: accept === undefined ? {} : { accept },
      });
      expect(anonymous).toMatchObject({ statusCode: 401, headers: { 'www-authenticate': 'Bearer' } });
      expect(anonymous.json().error.data.reason).toBe('UNAUTHENTICATED');
    }
    const mine = await ourApp.inject({
      url: '/trpc/mine',
      headers: { authorization: `Bearer ${ann.token}` },
    });
    expect(mine.payload).toContain(`data: {"user_id":${ann.id}}`);

    const two = await ourApp.inject('/trpc/open,open?batch=1');
    expect(two).toMatchObject({ statusCode: 400 });
    const posted = await ourApp.inject({ method: 'POST', url: '/trpc/open' });
    expect(posted).toMatchObject({ statusCode: 405, headers: { allow: 'GET, HEAD' } });
  } finally {
    await Promise.all([ourApp.close(), theirApp.close()]);
  }
});
