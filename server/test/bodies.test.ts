// Bodies on real connections: none, of the wrong type, too large, and slow, from clients that nobody here wrote.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { closeLingering } from '../src/http/edge/lingering.ts';
import { startApp, type TestApp } from './harness.ts';
import { answersIn, chunked, exchangeWith, head, type RawAnswer, received } from './wire.ts';

async function listening(app: TestApp): Promise<number> {
  await app.app.listen({ port: 0, host: '127.0.0.1' });
  return (app.app.server.address() as AddressInfo).port;
}

const api = await startApp();
const port = await listening(api);
const ann = await api.register();
const authorization = { Authorization: `Bearer ${ann.token}` };
const JSON_TYPE = { 'Content-Type': 'application/json' };
const last = { Connection: 'close' };
const MiB = 1024 * 1024;
const exchange = (...parts: (string | Buffer)[]) => exchangeWith(port, ...parts);
const tasks = async () => (await api.rest('GET', '/outherTasks?limit=500', { token: ann.token })).text;

// No body

const { body: task } = await api.rest('POST', '/outherTasks', { token: ann.token, body: { title: 'stays' } });

const FORM = 'application/x-www-form-urlencoded';
const NO_CHUNK = '0\r\n\r\n';
const lengthOf0 = (type: string | undefined, more = {}) => ({
  'Content-Length': 0,
  ...(type !== undefined && { 'Content-Type': type }),
  ...more,
});
const noChunks = (type: string | undefined, more = {}) => ({
  'Transfer-Encoding': 'chunked',
  ...(type !== undefined && { 'Content-Type': type }),
  ...more,
});
const TYPES = [
  undefined,
  FORM,
  'application/json',
  'application/json;charset=utf8',
  'text/plain;charset=UTF-8',
  'multipart/form-data; boundary=x',
  'nonsense',
  ';',
  '',
];
const EMPTY: [string, Record<string, string | number>, string][] = [
  ...TYPES.map((type): [string, Record<string, string | number>, string] => [
    `a length of 0 and the type ${type}`,
    lengthOf0(type),
    '',
  ]),
  ...TYPES.map((type): [string, Record<string, string | number>, string] => [
    `no chunks and the type ${type}`,
    noChunks(type),
    NO_CHUNK,
  ]),
  ['a length of 00', { 'Content-Length': '00' }, ''],
  ['a type alone', { 'Content-Type': 'text/plain' }, ''],
  ['a length of 0 and a coding', lengthOf0('application/json', { 'Content-Encoding': 'gzip' }), ''],
  ['no chunks and a coding', noChunks('application/json', { 'Content-Encoding': 'gzip' }), NO_CHUNK],
  ['no chunks and trailers', noChunks(undefined), '0\r\nX-Checksum: 1\r\n\r\n'],
];
const CALLS: [string, number][] = [
  ['POST /users', 400],
  ['POST /outherTasks', 400],
  ['POST /resources/bulk', 400],
  [`PATCH /outherTasks/${task.id}`, 200],
  ['DELETE /outherTasks/2147483647', 404],
  [`DELETE /users/${ann.id}`, 400],
  ['GET /outherTasks', 200],
  ['OPTIONS /outherTasks', 204],
  ['POST /nowhere', 404],
  ['PUT /outherTasks', 405],
  ['POST /trpc/task.create', 400],
  ['POST /trpc/task.create?batch=1', 400],
  ['GET /trpc/task.list?input={}', 200],
];
const comparable = ({ status, headers: { date: _, 'x-request-id': __, ...headers }, body }: RawAnswer) => ({
  status,
  headers,
  body: body.replace(/"request_id":"[^"]*"/, ''),
});

// #263: Also from fetch, and as `curl -d ''` and `-T -` write it.
test.each(EMPTY)('#263 %s is no body, and the connection goes on', async (_, headers, bytes) => {
  for (const [line, status] of CALLS) {
    const bare = await exchange(head(line, authorization) + head('GET /livez', last));
    const empty = await exchange(
      head(line, { ...authorization, ...headers }) + bytes + head('GET /livez', last),
    );
    expect(
      bare.map((answer) => answer.status),
      line,
    ).toEqual([status, 200]);
    expect(empty.map(comparable), line).toEqual(bare.map(comparable));
  }
});

test.each(EMPTY)('#263 %s: calls that need no input succeed', async (_, headers, bytes) => {
  for (const line of [
    'POST /users/signOut',
    'POST /trpc/auth.signOut',
    'POST /trpc/auth.signOut?batch=1',
    'HEAD /outherTasks',
  ]) {
    const { token } = await api.register();
    const [answer] = await exchange(
      head(line, { Authorization: `Bearer ${token}`, ...headers, ...last }) + bytes,
    );
    expect(answer?.status, `${line} ${answer?.body}`).toBe(200);
  }
});

test.each(EMPTY)('#263 %s: the calls of a streamed batch are answered', async (_, headers, bytes) => {
  const line = 'POST /trpc/auth.exports.start,task.create?batch=1';
  const { token } = await api.register();
  const [answer] = await exchange(
    head(line, {
      Authorization: `Bearer ${token}`,
      'trpc-accept': 'application/jsonl',
      ...headers,
      ...last,
    }) + bytes,
  );
  expect(answer?.status).toBe(200);
  expect(answer?.body).toContain('BAD_REQUEST');
  expect(answer?.body).not.toMatch(/UNSUPPORTED|PARSE_ERROR/);
});

test('#263 what is missing is named, as with an empty object', async () => {
  const [answer] = await exchange(
    head('POST /outherTasks', { ...authorization, ...lengthOf0(FORM), ...last }),
  );
  expect(JSON.parse(answer?.body ?? '')).toMatchObject({
    code: 'VALIDATION',
    errors: [{ path: 'title', message: expect.any(String) }],
  });
});

const url = (path: string) => `http://127.0.0.1:${port}${path}`;

test('#263 an announced body of unknown length is asked for, and may be empty', async () => {
  // As `curl -T -` writes it.
  for (const path of ['/users/signOut', '/trpc/auth.signOut']) {
    const { token } = await api.register();
    const socket = connect(port, '127.0.0.1');
    const text = received(socket);
    socket.write(
      head(`POST ${path}`, {
        Authorization: `Bearer ${token}`,
        ...noChunks(undefined),
        Expect: '100-continue',
        ...last,
      }),
    );
    expect(String((await once(socket, 'data'))[0])).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write(NO_CHUNK);
    expect(answersIn(await text), path).toMatchObject([{ status: 200 }]);
  }
});

test.each<[string, () => RequestInit['body']]>([
  ['no body', () => null],
  ['an empty text', () => ''],
  ['an empty form', () => new URLSearchParams()],
  ['a file without content', () => new Blob([], { type: 'image/png' })],
  ['a stream without a byte', () => new Blob([]).stream()],
])('#263 fetch of %s signs out', async (_, body) => {
  for (const path of ['/users/signOut', '/trpc/auth.signOut']) {
    const { token } = await api.register();
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(url(path), { method: 'POST', headers, body: body() ?? null, duplex: 'half' });
    expect(answer.status, path).toBe(200);
    await answer.text();
  }
});

// Content of the wrong type

const refusal = {
  status: 415,
  headers: { connection: 'close' },
  body: expect.stringContaining('Only uncompressed application/json in UTF-8'),
};

test.each(TYPES.filter((type) => !type?.startsWith('application/json')))(
  '#264 content of the type %s is 415, whether its length is known or not',
  async (type) => {
    const typed: Record<string, string> = type === undefined ? {} : { 'Content-Type': type };
    for (const line of [
      'POST /outherTasks',
      `PATCH /outherTasks/${task.id}`,
      `DELETE /outherTasks/${task.id}`,
      'GET /outherTasks',
      'POST /trpc/task.create',
      'GET /trpc/task.list',
    ]) {
      const content = '{"title":"x"}';
      expect(
        await exchange(
          head(line, { ...authorization, ...typed, 'Content-Length': content.length }) + content,
        ),
        line,
      ).toMatchObject([refusal]);
      expect(
        await exchange(
          head(line, { ...authorization, ...typed, 'Transfer-Encoding': 'chunked' }) + chunked(content),
        ),
        line,
      ).toMatchObject([refusal]);
    }
    expect(JSON.parse(await tasks())).toEqual([task]);
  },
);

test.each([
  'application/json;',
  'application/json ;',
  'application/json; charset=utf8',
  'application/json;charset="utf-8"',
  'APPLICATION/JSON ; CHARSET = UTF8',
  'application/json;\tcharset=utf-8 ;',
  'application/json; odata=verbose; charset=UTF-8',
  'application/json; v="1;2"',
  'application/json; charset=',
])('#265 %s means JSON', async (type) => {
  for (const path of ['/outherTasks', '/trpc/task.create'])
    for (const framing of ['length', 'chunks']) {
      const body = '{"title":42}';
      const framed: Record<string, string | number> =
        framing === 'length' ? { 'Content-Length': body.length } : { 'Transfer-Encoding': 'chunked' };
      const [answer] = await exchange(
        head(`POST ${path}`, { ...authorization, 'Content-Type': type, ...framed, ...last }) +
          (framing === 'length' ? body : chunked(body)),
      );
      expect(answer, `${path} ${framing}`).toMatchObject({
        status: 400,
        body: expect.stringContaining('"path":"title"'),
      });
    }
});

test.each([
  'application/json; charset=utf-16',
  'application/json; charset = latin1',
  'application/json; charset="utf-16"',
  'application/json; charset=utf-8x',
])('#265 %s is 415', async (type) => {
  const [answer] = await exchange(
    `${head('POST /outherTasks', { ...authorization, 'Content-Type': type, 'Content-Length': 2 })}{}`,
  );
  expect(answer).toMatchObject(refusal);
});

// Too large

const large = (size: number) => Buffer.alloc(size, ' ');

/** Of a process of its own, as the kernel takes part: bodies with a length, and streams without. Prints what became of each. */
const FETCHES = `
  const { url, size, times, headers } = JSON.parse(process.argv[1]);
  const stream = () => new ReadableStream({
    sent: 0,
    pull(controller) {
      if (this.sent >= size) return controller.close();
      this.sent += 65_536;
      controller.enqueue(new Uint8Array(65_536).fill(32));
    },
  });
  const outcomes = {};
  for (let i = 0; i < times; i++)
    for (const body of [Buffer.alloc(size, ' '), stream()]) {
      const answer = await fetch(url, { method: 'POST', headers, body, duplex: 'half' }).catch((error) => ({ status: error.cause?.code ?? error.message }));
      const text = answer.text ? await answer.text().catch((error) => error.message) : '';
      const outcome = [answer.status, /"(?:code|reason)":"([A-Z_]+)"/.exec(text)?.[1]].join(' ');
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  console.log(JSON.stringify(outcomes));
`;

/** @returns how often each outcome was seen: a status with its code, or why there was none */
async function fetchOutcomes(
  path: string,
  size: number,
  times: number,
  headers: Record<string, string>,
): Promise<Record<string, number>> {
  const options = JSON.stringify({ url: url(path), size, times, headers });
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    FETCHES,
    options,
  ]);
  return JSON.parse(stdout);
}

// #266: fetch runs in a process of its own.
test.each([
  ['5 MB', 5_000_000],
  ['20 MB', 20_000_000],
])('#266 fetch is told that %s are too large, each time, with and without a length', async (_, size) => {
  const headers = { authorization: `Bearer ${ann.token}`, 'content-type': 'application/json' };
  for (const path of ['/outherTasks', '/trpc/resource.createMany'])
    expect(await fetchOutcomes(path, size, 8, headers), path).toEqual({ '413 PAYLOAD_TOO_LARGE': 16 });
});

test.each([
  ['of another type', '/users', { 'content-type': 'text/plain' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ['without a token', '/resources/bulk', { 'content-type': 'application/json' }, 401, 'UNAUTHENTICATED'],
  ['for an unknown path', '/nowhere', { 'content-type': 'application/json' }, 404, 'NOT_FOUND'],
  ['for another method', '/users/me', { 'content-type': 'application/json' }, 405, 'METHOD_NOT_ALLOWED'],
  [
    'with an expectation that nobody meets',
    '/outherTasks',
    { 'content-type': 'application/json', expect: 'tea' },
    417,
    undefined,
  ],
] as const)('#266 fetch is told the same of a large body %s', async (_, path, headers, status, code) => {
  const answers = await exchange(
    head(`POST ${path}`, { ...headers, 'Content-Length': 5_000_000 }),
    large(5_000_000),
  );
  expect(answers).toMatchObject([{ status, headers: { connection: 'close' } }]);
  if (code !== undefined)
    expect(await fetchOutcomes(path, 5_000_000, 8, headers)).toEqual({ [`${status} ${code}`]: 16 });
});

test('#266 a client that reads only after it has written 20 MB finds the answer', async () => {
  for (const broken of ['', 'X-A: a\0b\r\n']) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.pause();
    const start = head('POST /outherTasks', { ...authorization, ...JSON_TYPE, 'Content-Length': 20_000_000 });
    socket.write(start.replace('\r\n', `\r\n${broken}`));
    await new Promise<void>((resolve, reject) =>
      socket.write(large(20_000_000), (error) => (error ? reject(error) : resolve())),
    );
    const text = received(socket);
    socket.resume();
    expect(answersIn(await text)).toMatchObject([
      { status: broken === '' ? 413 : 400, headers: { connection: 'close' } },
    ]);
  }
});

// #266: As when the server is too busy to look at a request before its body has filled the buffer of the request.
test('#266 a client whose body the parser has paused finds its answer after it has written 20 MB', async () => {
  const server = createHttpServer((request) => {
    request.socket.once('pause', () =>
      setImmediate(() => {
        request.socket.write('answer');
        closeLingering(request.socket, { maxBytes: 32 * MiB, maxMs: 5000 });
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  socket.pause();
  socket.write(head('POST /', { 'Content-Length': 20_000_000 }));
  await new Promise<void>((resolve, reject) =>
    socket.write(large(20_000_000), (error) => (error ? reject(error) : resolve())),
  );
  const text = received(socket);
  socket.resume();
  expect(String(await text)).toBe('answer');
});

// #267: What 500 MB do to memory is measured in the fault suite.
test('#267 a request behind a refused body is not looked at', async () => {
  const before = await tasks();
  const smuggled = '{"title":"smuggled"}';
  const next =
    head('POST /outherTasks', { ...authorization, ...JSON_TYPE, 'Content-Length': smuggled.length }) +
    smuggled;
  const accepted = once(api.app.server, 'connection');
  // It goes on although the server has ended its side.
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const text = received(socket);
  socket.write(
    head('POST /outherTasks', { ...authorization, 'Content-Type': 'text/plain', 'Content-Length': 2 * MiB }),
  );
  await once(socket, 'end');
  socket.write(large(2 * MiB));
  socket.write(next);
  const [theirs] = (await accepted) as [Socket];
  await expect.poll(() => theirs.bytesRead).toBe(socket.bytesWritten);
  expect(await tasks()).toBe(before);
  socket.end();
  expect(answersIn(await text)).toMatchObject([{ status: 415 }]);
});

test('#267 a small body that nobody wants costs no connection', async () => {
  const body = '{"title":"x"}';
  for (const [line, status] of [
    ['POST /nowhere', 404],
    ['PUT /outherTasks', 405],
    ['GET /outherTasks', 200],
  ] as const) {
    const answers = await exchange(
      head(line, { ...authorization, ...JSON_TYPE, 'Content-Length': body.length }),
      body,
      head('GET /livez', last),
    );
    expect(answers.map((answer) => answer.status)).toEqual([status, 200]);
  }
});

/** A server that ends each connection at once, and what it reads. */
async function lingering(
  bounds: Parameters<typeof closeLingering>[1],
): Promise<{ at: number; taken: Promise<Socket> }> {
  const server = createServer();
  const taken = once(server, 'connection').then(([socket]) => {
    socket.on('error', () => {});
    socket.write('answer');
    closeLingering(socket, bounds);
    return socket as Socket;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { at: (server.address() as AddressInfo).port, taken };
}

test('#267 what is dropped is bounded by bytes', async () => {
  const { at, taken } = await lingering({ maxBytes: 3 * MiB, maxMs: 1_000_000 });
  const socket = connect({ port: at, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
  const text = received(socket);
  for (let sent = 0; sent < 64 && !socket.destroyed; sent++)
    if (!socket.write(large(MiB))) await Promise.race([once(socket, 'drain').catch(() => {}), text]);
  await text;
  const { bytesRead } = await taken;
  expect(bytesRead).toBeGreaterThan(3 * MiB);
  // What was read in the same moment.
  expect(bytesRead).toBeLessThan(4 * MiB);
});

test('#267 what is dropped is bounded by time, also for a client that never ends its side', async () => {
  const { at } = await lingering({ maxBytes: MiB, maxMs: 300 });
  const socket = connect({ port: at, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
  const drip = setInterval(() => socket.write(' '), 20);
  expect(String(await received(socket))).toBe('answer');
  clearInterval(drip);
});

test('#267 a client that is still sending does not hold a server that closes', async () => {
  const ending = await startApp({ database: api.database });
  const at = await listening(ending);
  const socket = connect({ port: at, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
  socket.write(head('POST /outherTasks', { 'Content-Type': 'text/plain', 'Content-Length': MiB }));
  await once(socket, 'data');
  const closed = once(socket, 'close');
  await ending.app.close();
  // The server has dropped the connection itself, and did not wait for its end.
  socket.destroy();
  await closed;
});

test('#267 a body without an end that nobody wants is cut', async () => {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  const text = received(socket);
  socket.write(head('POST /nowhere', { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' }));
  const chunk = Buffer.concat([Buffer.from('10000\r\n'), large(65_536), Buffer.from('\r\n')]);
  // By its time alone it would have more than a minute.
  while (!socket.destroyed && socket.writable)
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain').catch(() => {}), text]);
  expect(answersIn(await text)).toMatchObject([{ status: 404 }]);
  expect(socket.bytesWritten).toBeGreaterThan(32 * MiB);
});

// Slow

const TIMES = { maxIdleMs: 2500, minBytesPerSecond: 2000, checkIntervalMs: 50 };

/**
 * Writes the pieces of a request one by one, and reads until the connection ends.
 * @param hurry when this is fulfilled, the rest is written at once
 */
async function paced(
  at: number,
  everyMs: number,
  first: string,
  pieces: readonly string[] = [],
  hurry?: Promise<unknown>,
): Promise<RawAnswer[]> {
  const socket = connect(at, '127.0.0.1').on('error', () => {});
  const text = received(socket);
  socket.write(first);
  const rest = [...pieces];
  const startMs = performance.now();
  const timer = setInterval(() => {
    // A late timer catches up, so that a busy machine does not make the body a slower one.
    const dueCount = Math.floor((performance.now() - startMs) / everyMs);
    const due = rest.splice(0, dueCount - (pieces.length - rest.length)).join('');
    if (due !== '' && socket.writable) socket.write(due);
  }, everyMs);
  void hurry?.then(() => socket.writable && socket.write(rest.splice(0).join('')));
  const bytes = await text;
  clearInterval(timer);
  return answersIn(bytes);
}

// #268: With shorter times than in production.
test('#268 slow is not stalled: a steady body is taken after stalled and dripping ones, begun with it, were cut', async () => {
  const slow = await startApp({ database: api.database, bodyTimeouts: TIMES });
  const at = await listening(slow);
  const { token } = await slow.register();
  const send = (path: string, framing: object) =>
    head(`POST ${path}`, { Authorization: `Bearer ${token}`, ...JSON_TYPE, ...last, ...framing });
  const spaces = ' '.repeat(200);
  const [title, lead] = ['{"title":"steady"}', `12\r\n{"title":"steady"}\r\n`];
  let othersAreCut: () => void = () => {};
  const hurry = new Promise<void>((resolve) => {
    othersAreCut = resolve;
  });
  const bodies = {
    // 60,000 bytes may take 32 s. So many are never sent at this pace: the rest follows when all others were cut.
    steady: paced(
      at,
      100,
      send('/outherTasks', { 'Content-Length': title.length + 60_000 }) + title,
      Array(300).fill(spaces),
      hurry,
    ),
    'steady, in chunks': paced(
      at,
      100,
      send('/trpc/task.create', { 'Transfer-Encoding': 'chunked' }) + lead,
      [...Array(300).fill(`c8\r\n${spaces}\r\n`), NO_CHUNK],
      hurry,
    ),
    stalled: paced(at, 100, `${send('/outherTasks', { 'Content-Length': 60_000 })}{`),
    'stalled, in chunks': paced(
      at,
      100,
      `${send('/outherTasks', { 'Transfer-Encoding': 'chunked' })}1\r\n{\r\n`,
    ),
    'stalled before its first byte': paced(
      at,
      100,
      send('/outherTasks', { 'Transfer-Encoding': 'chunked' }).replace(/Content-Type.*\r\n/, ''),
    ),
    'stalled where none is read': paced(
      at,
      100,
      send('/livez', { 'Transfer-Encoding': 'chunked' }).replace('POST', 'GET'),
    ),
    // Never without a byte for long, but 100 bytes may take 2.6 s.
    dripping: paced(at, 100, `${send('/trpc/task.create', { 'Content-Length': 100 })}{`, Array(99).fill(' ')),
  };
  const { steady, 'steady, in chunks': inChunks, ...others } = bodies;
  await Promise.all(
    Object.entries(others).map(async ([what, answers]) => {
      const [answer] = await answers;
      expect(answer, what).toMatchObject({
        status: 408,
        headers: { connection: 'close', 'x-content-type-options': 'nosniff' },
      });
      expect(answer?.body, what).toContain('The request did not arrive in time');
    }),
  );
  othersAreCut();
  expect(await steady).toMatchObject([{ status: 201 }]);
  expect(await inChunks).toMatchObject([{ status: 200 }]);
});

test('#268 a body that stalls after its request was answered ends the connection without a second answer', async () => {
  const slow = await startApp({ database: api.database, bodyTimeouts: TIMES });
  const at = await listening(slow);
  const answers = await paced(
    at,
    100,
    `${head('POST /nowhere', { ...JSON_TYPE, 'Content-Length': 100 })}{`,
    Array(20).fill(' '),
  );
  expect(answers).toMatchObject([{ status: 404 }]);
});

test('#268 a body that is still arriving holds a closing server no longer than a stalled one', async () => {
  const slow = await startApp({ database: api.database, bodyTimeouts: TIMES });
  const at = await listening(slow);
  // It may take 31 s.
  const answers = paced(
    at,
    100,
    `${head('POST /users', { ...JSON_TYPE, 'Content-Length': 60_000 })}{`,
    Array(1000).fill(' '),
  );
  await expect.poll(async () => await connectionsOf(slow)).toBe(1);
  await slow.app.close();
  expect(await answers).toMatchObject([{ status: 408 }]);
});

const connectionsOf = ({ app }: TestApp) =>
  new Promise<number>((resolve) => app.server.getConnections((_, count) => resolve(count)));
