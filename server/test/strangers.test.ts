// Bodies from those who have no token: who sends one is asked before it is read. And what a large one costs its sender.
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import type { Database } from '../src/db/database.ts';
import { startApp, type TestApp } from './harness.ts';
import { PLENTY } from './rates.ts';
import { answersIn, chunked, exchangeWith, head, type RawAnswer, received } from './wire.ts';

async function listening(app: TestApp): Promise<number> {
  await app.app.listen({ port: 0, host: '127.0.0.1' });
  return (app.app.server.address() as AddressInfo).port;
}

const KiB = 1024;
const JSON_TYPE = { 'Content-Type': 'application/json' };
const CHUNKED = { 'Transfer-Encoding': 'chunked' };
const last = { Connection: 'close' };

const api = await startApp({ rates: PLENTY });
const port = await listening(api);
const { token: ended } = await api.register();
await api.rest('POST', '/users/signOut', { token: ended });
const { token: good } = await api.register();

const TOKENS: Record<string, object> = {
  'no token': {},
  'something else': { Authorization: 'Basic dXNlcjpwYXNz' },
  'a forged token': { Authorization: `Bearer ${good.slice(0, -4)}AAAA` },
  'a token of a session that has ended': { Authorization: `Bearer ${ended}` },
};
/** Where every procedure needs a token: one at each transport, of a list that is read, of a batch and of a stream. */
const LINES: [string, object][] = [
  ['POST /outherTasks', {}],
  ['POST /resources/bulk', {}],
  ['GET /outherTasks', {}],
  ['POST /trpc/task.create', {}],
  ['POST /trpc/resource.createMany,task.create?batch=1', {}],
  ['GET /trpc/task.list', {}],
  ['POST /trpc/resource.createMany?batch=1', { 'trpc-accept': 'application/jsonl' }],
  ['GET /events', {}],
];
const fitting = '{"title":"x"}';
/** What is said of the body, and what of it is sent: less than was said, where that is known to be enough. */
const BODIES: [string, object, string][] = [
  ['that fits', { ...JSON_TYPE, 'Content-Length': fitting.length }, fitting],
  ['that is no JSON', { ...JSON_TYPE, 'Content-Length': 3 }, '{"a'],
  ['of another type', { 'Content-Type': 'text/plain', 'Content-Length': fitting.length }, fitting],
  [
    'that is compressed',
    { ...JSON_TYPE, 'Content-Encoding': 'gzip', 'Content-Length': fitting.length },
    fitting,
  ],
  ['that is not there yet', { ...JSON_TYPE, 'Content-Length': 60 * KiB }, ''],
  ['that is large and not there yet', { ...JSON_TYPE, 'Content-Length': 900 * KiB }, '['],
  ['that is too large', { ...JSON_TYPE, 'Content-Length': 10_000_000 }, '['],
  ['in chunks', { ...JSON_TYPE, ...CHUNKED }, chunked(fitting)],
  ['in chunks that are no JSON', { ...JSON_TYPE, ...CHUNKED }, chunked('{"a')],
  ['in chunks, of another type', { 'Content-Type': 'text/plain', ...CHUNKED }, chunked(fitting)],
  ['in chunks, of which one is here', { ...JSON_TYPE, ...CHUNKED }, '1\r\n[\r\n'],
  ['in chunks, of which none is here', { 'Content-Type': 'text/plain', ...CHUNKED }, ''],
];

const comparable = (answers: RawAnswer[]) =>
  answers.map(
    ({
      status,
      headers: {
        date: _,
        'x-request-id': __,
        'ratelimit-remaining': ___,
        'ratelimit-reset': ____,
        ...headers
      },
      body,
    }) => ({
      status,
      headers,
      body: body.replaceAll(/"request_id":"[^"]*"/g, ''),
    }),
  );

/** Writes a request whose body may never end, and leaves when the answer is there. */
async function answered(line: string, headers: object, body = '', at = port): Promise<RawAnswer[]> {
  const socket = connect(at, '127.0.0.1');
  const text = received(socket);
  socket.write(head(line, { ...headers, ...last }) + body);
  // The server ends its side with the answer.
  await once(socket, 'end');
  return answersIn(await text);
}

// #360: At both transports, with a length, in chunks and announced.
test.each(Object.keys(TOKENS))(
  '#360 with %s it is 401 before the body is read, whatever that is',
  async (kind) => {
    for (const [line, more] of LINES) {
      const bare = comparable(await answered(line, { ...TOKENS[kind], ...more }));
      const isStream = 'trpc-accept' in more;
      expect(bare, line).toMatchObject([{ status: isStream ? 200 : 401 }]);
      expect(bare[0]?.body, line).toContain('UNAUTHENTICATED');
      await Promise.all(
        BODIES.map(async ([what, said, sent]) =>
          expect(
            comparable(await answered(line, { ...TOKENS[kind], ...more, ...said }, sent)),
            `${line} ${what}`,
          ).toEqual(bare),
        ),
      );
    }
  },
);

test('#360 it is counted and logged as without a body', async () => {
  const left = async (headers: object, body: string) => {
    const [answer] = await answered(
      'POST /resources/bulk',
      { ...headers, 'X-Request-Id': 'the-one-that-is-asked' },
      body,
    );
    return Number(answer?.headers['ratelimit-remaining']);
  };
  const first = await left({}, '');
  expect(await left({ ...JSON_TYPE, 'Content-Length': 900 * KiB }, '[')).toBe(first - 1);
  expect(await left({ ...JSON_TYPE, ...CHUNKED }, '1\r\n[\r\n')).toBe(first - 2);
  const lines = api.log.filter(({ request_id }) => request_id === 'the-one-that-is-asked');
  expect(lines).toHaveLength(3);
  for (const line of lines)
    expect(line).toMatchObject({ procedure: 'resource.createMany', status: 401, msg: 'request' });
});

test('#360 an announced body is not asked for', async () => {
  for (const [line] of LINES) {
    const bytes = await (async () => {
      const socket = connect(port, '127.0.0.1');
      const text = received(socket);
      socket.write(head(line, { ...JSON_TYPE, 'Content-Length': 10, Expect: '100-continue' }));
      return text;
    })();
    expect(bytes.toString(), line).not.toContain('100 Continue');
    expect(answersIn(bytes), line).toMatchObject([{ status: 401, headers: { connection: 'close' } }]);
  }
});

test('#360 a small one costs no connection', async () => {
  const refused = head('POST /outherTasks', { ...JSON_TYPE, 'Content-Length': fitting.length }) + fitting;
  const inChunks = head('POST /trpc/task.create', { ...JSON_TYPE, ...CHUNKED }) + chunked(fitting);
  const answers = await exchangeWith(port, refused, inChunks, head('GET /livez', last));
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 200]);
});

test('#360 while nobody can say whether a session is open it is 503, and the body is not read either', async () => {
  let isAway = false;
  const db: Database = {
    ...api.database.db,
    async executePrepared(statement, values) {
      if (isAway) throw Object.assign(new Error('away'), { code: 'ECONNREFUSED' });
      return api.database.db.executePrepared(statement, values);
    },
  };
  const blind = await startApp({ database: { ...api.database, db } });
  const at = await listening(blind);
  // Nothing is remembered of the session yet.
  const headers = { Authorization: `Bearer ${(await api.register()).token}` };
  isAway = true;
  for (const line of ['POST /outherTasks', 'POST /trpc/task.create']) {
    const bare = comparable(await answered(line, headers, '', at));
    expect(bare).toMatchObject([{ status: 503 }]);
    expect(
      comparable(await answered(line, { ...headers, ...JSON_TYPE, 'Content-Length': 60 * KiB }, '', at)),
    ).toEqual(bare);
  }
  isAway = false;
});

test('#360 with a token the body counts: 413, 415 and 400 are what they were', async () => {
  const headers = { Authorization: `Bearer ${good}` };
  const statusOf = async (said: object, sent: string) =>
    (await exchangeWith(port, head('POST /outherTasks', { ...headers, ...said, ...last }) + sent))[0]?.status;
  expect(await statusOf({ ...JSON_TYPE, 'Content-Length': 10_000_000 }, '')).toBe(413);
  expect(await statusOf({ 'Content-Type': 'text/plain', 'Content-Length': 2 }, '{}')).toBe(415);
  expect(await statusOf({ ...JSON_TYPE, ...CHUNKED }, chunked('{"a'))).toBe(400);
  expect(await statusOf({ ...JSON_TYPE, ...CHUNKED }, chunked(fitting))).toBe(201);
});

const bulk = [{ type: 'book', name: 'n', description: '', volume: 1 }];
const padded = (value: unknown, size: number) => JSON.stringify(value).padEnd(size, ' ');

test('#361 of a batch of which some need a token a stranger’s body is no larger than what the others take', async () => {
  const line = 'POST /trpc/auth.signIn,resource.createMany?batch=1';
  const input = { 0: { username: 'nobody-has-this', password: 'not it at all' }, 1: { resources: bulk } };
  const send = (size: number, framing: 'length' | 'chunks', headers: object) => {
    const body = padded(input, size);
    const framed = framing === 'length' ? { 'Content-Length': size } : CHUNKED;
    return exchangeWith(
      port,
      head(line, { ...headers, ...JSON_TYPE, ...framed, ...last }),
      framing === 'length' ? body : chunked(body),
    );
  };
  for (const framing of ['length', 'chunks'] as const) {
    const fits = await send(64 * KiB, framing, {});
    expect(fits).toMatchObject([{ status: 401, body: expect.stringContaining('WRONG_CREDENTIALS') }]);
    expect(fits[0]?.body).toContain('UNAUTHENTICATED');
    expect(await send(64 * KiB + 1, framing, {})).toMatchObject([{ status: 413 }]);
    expect(await send(64 * KiB + 1, framing, { Authorization: `Bearer ${good}` })).toMatchObject([
      { status: 207 },
    ]);
  }
});

test('#361 a name without a procedure, or with another method, takes no more than most do', async () => {
  for (const line of [
    'PUT /trpc/resource.createMany',
    'POST /trpc/nothing',
    'POST /trpc/resource.list,nothing?batch=1',
  ]) {
    const body = padded({}, 64 * KiB + 1);
    const [answer] = await exchangeWith(
      port,
      head(line, { ...JSON_TYPE, ...CHUNKED, ...last }),
      chunked(body),
    );
    expect(answer?.status, line).toBe(413);
  }
});

/** Adds a resource in a body of that size. */
const addIn = (
  size: number,
  headers: object,
  at: number,
  framing: 'length' | 'chunks',
  line = 'POST /resources/bulk',
) => {
  const body = padded(line.includes('trpc') ? { resources: bulk } : bulk, size);
  const framed = framing === 'length' ? { 'Content-Length': size } : CHUNKED;
  return exchangeWith(
    at,
    head(line, { ...headers, ...JSON_TYPE, ...framed, ...last }),
    framing === 'length' ? body : chunked(body),
  );
};
const FRAMINGS = ['length', 'chunks'] as const;

test.each(FRAMINGS)(
  '#362 a body (%s) counts as a call for each 64 KiB of it: of its user',
  async (framing) => {
    const limited = await startApp({
      database: api.database,
      rates: { ...PLENTY, user: { max: 40, seconds: 60 } },
    });
    const at = await listening(limited);
    for (const line of ['POST /resources/bulk', 'POST /trpc/resource.createMany']) {
      const headers = { Authorization: `Bearer ${(await limited.register()).token}` };
      const left = async (size: number) => {
        const [answer] = await addIn(size, headers, at, framing, line);
        return [answer?.status, answer?.headers['ratelimit-remaining']];
      };
      const made = line.includes('trpc') ? 200 : 201;
      expect(await left(64 * KiB)).toEqual([made, '39']);
      expect(await left(64 * KiB + 1)).toEqual([made, '37']);
      expect(await left(1024 * KiB)).toEqual([made, '21']);
      expect(await left(1024 * KiB)).toEqual([made, '5']);
      expect((await left(1024 * KiB))[0]).toBe(429);
    }
  },
);

test.each(FRAMINGS)(
  '#362 a body (%s) counts as a call for each 64 KiB of it: of its address, and is not looked at beyond',
  async (framing) => {
    const limited = await startApp({
      database: api.database,
      rates: { ...PLENTY, address: { max: 40, seconds: 60 } },
    });
    const at = await listening(limited);
    const { token } = await limited.register();
    const headers = { Authorization: `Bearer ${token}` };
    expect(await addIn(1024 * KiB, headers, at, framing)).toMatchObject([
      { status: 201, headers: { 'ratelimit-remaining': '23' } },
    ]);
    expect(await addIn(1024 * KiB, headers, at, framing)).toMatchObject([
      { status: 201, headers: { 'ratelimit-remaining': '7' } },
    ]);
    const refused = await addIn(1024 * KiB, headers, at, framing);
    expect(refused).toMatchObject([
      { status: 429, headers: { connection: 'close', 'retry-after': expect.any(String) } },
    ]);
  },
);

test('#362 one that is refused for its length is not waited for', async () => {
  const limited = await startApp({
    database: api.database,
    rates: { ...PLENTY, user: { max: 10, seconds: 60 } },
  });
  const at = await listening(limited);
  const headers = {
    Authorization: `Bearer ${(await limited.register()).token}`,
    ...JSON_TYPE,
    'Content-Length': 1024 * KiB,
  };
  expect(await answered('POST /resources/bulk', headers, '[', at)).toMatchObject([{ status: 429 }]);
});
