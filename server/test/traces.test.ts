// Spans, as a collector gets them: over HTTP, in OTLP's JSON.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';
import { statements } from '../src/db/statement.ts';
import { tracedDatabase } from '../src/db/traced.ts';
import { createTraces } from '../src/telemetry/traces.ts';
import { toAppError } from '../src/trpc/errors.ts';
import { openTestDatabase, startApp } from './harness.ts';
import { openStream, TRANSPORTS } from './streams.ts';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: { key: string; value: { stringValue?: string } }[];
  readonly status: { code?: number };
}

const spans: Span[] = [];
const received: string[] = [];
let arrived = () => {};
const collector = createServer(async (request, response) => {
  const body = (await json(request)) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
  received.push(`${request.method} ${request.url}`, JSON.stringify(body));
  spans.push(...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
  response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  arrived();
}).listen(0, '127.0.0.1');
await once(collector, 'listening');
const database = await openTestDatabase();
const traces = createTraces(
  `http://127.0.0.1:${(collector.address() as AddressInfo).port}/`,
  '0.1.0',
  1,
  (error) => toAppError(error).reason,
);
// Ends after the app, whose end is registered after this.
afterAll(async () => {
  await traces.close();
  collector.close();
  await database.close();
});
const api = await startApp({
  database: { ...database, db: tracedDatabase(database.db, traces.traceQuery) },
  traceProcedure: traces.traceProcedure,
});

/** @returns the spans of a call that carries the id, when its procedure's has arrived: it ends last */
async function spansOf(request_id: string): Promise<{ procedure: Span; below: Span[] }> {
  for (;;) {
    const procedure = spans.find(({ attributes }) =>
      attributes.some(({ value }) => value.stringValue === request_id),
    );
    if (procedure)
      return {
        procedure,
        below: spans.filter((span) => span !== procedure && span.traceId === procedure.traceId),
      };
    await new Promise<void>((resolve) => {
      arrived = resolve;
    });
  }
}

/** Where the app listens, once something needs a real connection. */
let base: string | undefined;

/** Nanoseconds by which clocks of spans differ: each begins with that of the machine, which has milliseconds. */
const CLOCK = 2_000_000n;

const attributesOf = ({ attributes }: Span) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));
const nanoseconds = ({ startTimeUnixNano, endTimeUnixNano }: Span) =>
  [BigInt(startTimeUnixNano), BigInt(endTimeUnixNano)] as const;

test('a call is a span, and each of its statements one inside it', async () => {
  const { token } = await api.register();
  const headers = { 'x-request-id': 'a-call-that-creates' };
  expect(
    (await api.rest('POST', '/outherTasks', { token, headers, body: { title: 'a title of mine' } })).status,
  ).toBe(201);
  const { procedure, below } = await spansOf('a-call-that-creates');
  expect(received[0]).toBe('POST /v1/traces');
  expect(received[1]).toContain('"stepwise"');
  expect(procedure.name).toBe('task.create');
  expect(procedure.parentSpanId).toBeUndefined();
  expect(attributesOf(procedure)).toEqual({ request_id: 'a-call-that-creates' });
  expect(below.map(({ name }) => name)).toContain('task.create');
  const [begin, end] = nanoseconds(procedure);
  for (const span of below) {
    expect([...statements().keys()]).toContain(span.name);
    expect(span.parentSpanId).toBe(procedure.spanId);
    expect(attributesOf(span)).toEqual({ 'db.system.name': 'postgresql' });
    const [first, last] = nanoseconds(span);
    expect(begin - CLOCK <= first && first <= last && last <= end + CLOCK).toBe(true);
  }
});

test('whether the session is open is asked inside the call, or before it where there is a body', async () => {
  const lookUps = () => spans.filter(({ name }) => name === 'session.find');
  const { token: reading } = await api.register();
  expect(
    (
      await api.rest('GET', '/outherTasks', {
        token: reading,
        headers: { 'x-request-id': 'a-call-that-reads' },
      })
    ).status,
  ).toBe(200);
  const { below } = await spansOf('a-call-that-reads');
  expect(below.map(({ name }) => name)).toContain('session.find');
  const before = lookUps().length;
  const { token } = await api.register();
  expect((await api.rest('POST', '/outherTasks', { token, body: { title: 'asked before' } })).status).toBe(
    201,
  );
  await expect.poll(() => lookUps().length).toBe(before + 1);
  expect(lookUps().at(-1)?.parentSpanId).toBeUndefined();
});

test('what tells other instances of the event is in the trace of no call: it tells of several, and later', async () => {
  const { token } = await api.register();
  const headers = { 'x-request-id': 'a-call-with-an-event' };
  expect((await api.rest('POST', '/outherTasks', { token, headers, body: { title: 'told' } })).status).toBe(
    201,
  );
  const { below } = await spansOf('a-call-with-an-event');
  await expect.poll(() => spans.some(({ name }) => name === 'events.notify')).toBe(true);
  expect(below.map(({ name }) => name)).not.toContain('events.notify');
  expect(
    spans.filter(({ name, parentSpanId }) => name === 'events.notify' && parentSpanId !== undefined),
  ).toEqual([]);
});

test('the statements of a transaction are inside it, and it is inside the call', async () => {
  const { token } = await api.register();
  const headers = { 'x-request-id': 'a-call-that-repeats', 'idempotency-key': 'a-key-of-mine' };
  expect((await api.rest('POST', '/outherTasks', { token, headers, body: { title: 'once' } })).status).toBe(
    201,
  );
  const { procedure, below } = await spansOf('a-call-that-repeats');
  const transaction = below.find(({ name }) => name === 'transaction');
  expect(transaction?.parentSpanId).toBe(procedure.spanId);
  const inside = below.filter(({ parentSpanId }) => parentSpanId === transaction?.spanId);
  expect(inside.map(({ name }) => name)).toContain('task.create');
});

test('the calls of a batch, and those of users at the same time, do not mix', async () => {
  const users = await Promise.all(Array.from({ length: 5 }, () => api.register()));
  await Promise.all(
    users.map(({ token }, i) =>
      api.rest('GET', '/trpc/task.list,resource.list?batch=1&input={"0":{},"1":{}}', {
        token,
        headers: { 'x-request-id': `batch-number-${i}` },
      }),
    ),
  );
  for (const [i] of users.entries()) {
    await expect
      .poll(() => spans.filter((span) => attributesOf(span).request_id === `batch-number-${i}`).length)
      .toBe(2);
    const calls = spans.filter((span) => attributesOf(span).request_id === `batch-number-${i}`);
    expect(calls.map(({ name }) => name).sort()).toEqual(['resource.list', 'task.list']);
    expect(new Set(calls.map(({ traceId }) => traceId)).size).toBe(2);
    for (const call of calls) {
      const below = spans.filter(({ parentSpanId }) => parentSpanId === call.spanId).map(({ name }) => name);
      const [mine, other] =
        call.name === 'task.list' ? ['task.page', 'resource.page'] : ['resource.page', 'task.page'];
      expect(below).toContain(mine);
      expect(below).not.toContain(other);
    }
  }
});

test.each(TRANSPORTS)(
  'the start of a stream is a span over $name, which lasts no longer; what it reads later belongs to no call',
  async ({ name, path }) => {
    const { token } = await api.register();
    base ??= await api.app.listen({ host: '127.0.0.1', port: 0 });
    const request_id = `a-stream-over-${name}`;
    const reader = await openStream(base, path, { token }, undefined, { 'x-request-id': request_id });
    expect(await reader.next()).toMatchObject({ event: { type: 'ready' } });
    // It has ended while the stream goes on.
    const { procedure, below } = await spansOf(request_id);
    expect(procedure.name).toBe('events.stream');
    expect(attributesOf(procedure)).toEqual({ request_id });
    expect(below.map((span) => span.name)).toContain('events.read');
    const reads = below.length;
    const before = spans.filter(
      (span) => span.name === 'events.read' && span.parentSpanId === undefined,
    ).length;
    await api.rest('POST', '/outherTasks', { token, body: { title: 'later' } });
    expect(await reader.next()).toMatchObject({ event: { type: 'task.created' } });
    await expect
      .poll(
        () => spans.filter((span) => span.name === 'events.read' && span.parentSpanId === undefined).length,
      )
      .toBeGreaterThan(before);
    expect((await spansOf(request_id)).below).toHaveLength(reads);
    reader.leave();
  },
);

test('a traceparent from outside neither becomes the parent nor decides what is traced', async () => {
  const stranger = '0af7651916cd43dd8448eb211c80319c';
  for (const flags of ['00', '01']) {
    const headers = {
      'x-request-id': `a-call-of-a-stranger-${flags}`,
      traceparent: `00-${stranger}-b7ad6b7169203331-${flags}`,
      tracestate: 'a=b',
    };
    expect((await api.rest('GET', '/livez', { headers })).status).toBe(200);
    expect((await api.rest('GET', '/users/me', { headers })).status).toBe(401);
    const { procedure } = await spansOf(`a-call-of-a-stranger-${flags}`);
    expect(procedure.parentSpanId).toBeUndefined();
    expect(procedure.traceId).not.toBe(stranger);
  }
});

test('a failure is told by its code', async () => {
  const { token } = await api.register();
  expect(
    (
      await api.rest('DELETE', '/outherTasks/999999', {
        token,
        headers: { 'x-request-id': 'a-call-that-fails' },
      })
    ).status,
  ).toBe(404);
  const { procedure } = await spansOf('a-call-that-fails');
  expect(procedure.status.code).toBe(2);
  expect(attributesOf(procedure)).toEqual({ request_id: 'a-call-that-fails', 'error.type': 'NOT_FOUND' });
});

test('no span holds what a user sent, or what stands in the database', async () => {
  const login = 'somebody-with-a-login';
  const user = await api.register(login);
  await api.rest('POST', '/users/signIn', { body: { username: login, password: 'a wrong password' } });
  await api.rest('POST', '/resources/bulk', {
    token: user.token,
    body: [{ type: 'book', name: 'a secret book', description: 'a dark one', volume: 31415.9265 }],
  });
  await api.rest('POST', '/resources/bulk', {
    token: user.token,
    body: [{ type: 'scroll', name: 'a bad one' }],
  });
  await api.rest('GET', '/resources', {
    token: user.token,
    headers: { 'x-request-id': 'the-last-of-the-calls', 'user-agent': 'a-device-of-mine' },
  });
  await spansOf('the-last-of-the-calls');
  expect(spans.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['auth.register', 'auth.signIn', 'resource.createMany']),
  );
  const text = received.join('\n');
  for (const value of [
    login,
    user.password,
    user.token,
    'wrong password',
    'secret book',
    'dark one',
    // With a point, which no id and no time of a span has.
    '31415.9265',
    'scroll',
    'a-device',
    'argon2',
    'insert into',
  ])
    expect(text, value).not.toContain(value);
});
