// What only a real connection can show: broken and slow requests, sizes as they arrive, pipelining. Bytes are written
// as they are, answers are read until the server closes.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { listEndpoints } from '../src/http/transports/endpoints.ts';
import { appRouter } from '../src/router.ts';
import { startApp } from './harness.ts';
import { answersIn, chunked, exchangeWith, head, type RawAnswer, received } from './wire.ts';

const api = await startApp();
await api.app.listen({ port: 0, host: '127.0.0.1' });
const { port } = api.app.server.address() as AddressInfo;
const ann = await api.register();
const KiB = 1024;

const exchange = (...parts: (string | Buffer)[]) => exchangeWith(port, ...parts);
const authorization = { Authorization: `Bearer ${ann.token}` };
const JSON_TYPE = { 'Content-Type': 'application/json' };
const last = { Connection: 'close' };
function expectProblem(answer: RawAnswer | undefined, status: number, code: string): void {
  expect(answer?.status).toBe(status);
  expect(answer?.headers).toMatchObject({
    'content-type': expect.stringMatching(/^application\/problem\+json/),
    'x-content-type-options': 'nosniff',
    'x-request-id': expect.stringMatching(/^[\w-]{8,64}$/),
    connection: 'close',
  });
  const body = JSON.parse(answer?.body ?? '');
  expect(body).toMatchObject({
    status,
    code,
    request_id: answer?.headers['x-request-id'],
    type: 'about:blank',
    title: expect.any(String),
    detail: expect.any(String),
  });
}

// Requests that are not HTTP, or not quite

const BROKEN: [string, string][] = [
  ['a request line of one word', 'hello\r\n\r\n'],
  ['a request line without a version', 'GET /health\r\n\r\n'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
  ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ['a preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['an unknown version', 'GET /health HTTP/9.9\r\nHost: x\r\n\r\n'],
  ['an unknown method', head('FOO /health')],
  ['a method in small letters', head('get /health')],
  ['a space before the colon', 'GET /health HTTP/1.1\r\nHost : x\r\n\r\n'],
  ['a folded header', 'GET /health HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n'],
  ['a NUL in a header', head('GET /health', { 'X-A': 'a\0b' })],
  ['a bare CR in a header', head('GET /health', { 'X-A': 'a\rb' })],
  ['a request id with a line break', head('GET /health', { 'X-Request-Id': 'harmless-id\rX: y' })],
  [
    'Content-Length beside Transfer-Encoding',
    head('POST /users', { ...JSON_TYPE, 'Content-Length': 5, 'Transfer-Encoding': 'chunked' }) +
      chunked('{}'),
  ],
  [
    'two Content-Lengths',
    'POST /users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ',
  ],
  ['a negative Content-Length', head('POST /users', { ...JSON_TYPE, 'Content-Length': -1 })],
  ['a Content-Length that is no number', head('POST /users', { ...JSON_TYPE, 'Content-Length': '0x2' })],
  ['a bare line feed', 'GET /health HTTP/1.1\nHost: x\n\n'],
  ['a bare line feed between headers', 'GET /health HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n'],
  [
    'a bad chunk size',
    `${head('POST /users', { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' })}zz\r\n{}\r\n0\r\n\r\n`,
  ],
  [
    'chunked that is not the last encoding',
    head('POST /users', { ...JSON_TYPE, 'Transfer-Encoding': 'chunked, gzip' }),
  ],
];
// #112: HTTP/0.9 and a preface of HTTP/2 are 400.
test.each(BROKEN)('#110 #112 %s is 400', async (_, bytes) => {
  const answers = await exchange(Buffer.from(bytes, 'latin1'));
  expect(answers).toHaveLength(1);
  expectProblem(answers[0], 400, 'VALIDATION');
});

test.each([
  'gzip, chunked',
  'identity, chunked',
  'x, chunked',
  'chunked, chunked',
  'gzip\r\nTransfer-Encoding: chunked',
])('#114 a transfer coding besides chunked is refused: %j', async (coding) => {
  for (const path of ['/outherTasks', '/trpc/task.create', '/nowhere']) {
    const body = chunked('{"title":"coded"}');
    const answers = await exchange(
      head(`POST ${path}`, { ...authorization, ...JSON_TYPE, 'Transfer-Encoding': coding }) + body,
    );
    expect(answers).toMatchObject([{ status: 400, headers: { connection: 'close' } }]);
    expect(answers[0]?.body).toContain('VALIDATION');
  }
  expect((await api.rpc('task.list', {}, ann.token)).text).not.toContain('coded');
});

const CODINGS = ['identity', 'gzip', 'gzip, identity', 'x', 'identity\r\nHost: y', 'identity\r\nExpect: tea'];
const LINES = [
  'POST /users',
  'GET /health',
  'GET /nowhere',
  'OPTIONS /users',
  'PUT /users',
  'POST /trpc/auth.signIn',
];
test.each(CODINGS)('#336 a request with the transfer coding %j is answered once', async (coding) => {
  for (const line of LINES)
    for (const body of ['', '{}', chunked('{}')]) {
      const answers = await exchange(head(line, { ...JSON_TYPE, 'Transfer-Encoding': coding }) + body);
      expect(answers, `${line} ${body}`).toMatchObject([{ status: 400 }]);
      expect(answers[0]?.body).toContain('"VALIDATION"');
    }
});

test('#336 one that is refused for its headers and broken after them is answered once', async () => {
  const broken = 'zz\r\n{}\r\n0\r\n\r\n';
  const refused = { 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' };
  expect(await exchange(head('POST /users', { ...refused, Expect: 'tea' }) + broken)).toMatchObject([
    { status: 417 },
  ]);
  // Whether a chunked body has content, and with it the wrong type, its headers do not say.
  expect(await exchange(head('POST /users', refused) + broken)).toMatchObject([{ status: 400 }]);
  expect(await exchange(head('POST /nowhere', { ...refused, ...JSON_TYPE }) + broken)).toMatchObject([
    { status: 404 },
  ]);
  expect(await exchange(head('POST /users', { ...refused, ...JSON_TYPE }) + broken)).toMatchObject([
    { status: 400 },
  ]);
});

test('#336 requests before a broken one are answered, each with its own answer, and then the broken one', async () => {
  const coded = head('POST /users', { ...JSON_TYPE, 'Transfer-Encoding': 'identity' });
  for (const broken of ['hello\r\n\r\n', `${coded}{}`, head('FOO /health')])
    for (const before of [
      ['GET /health'],
      ['GET /nowhere'],
      ['GET /nowhere', 'GET /health', 'GET /health'],
    ]) {
      const answers = await exchange(before.map((line) => head(line)).join('') + broken);
      const statuses = before.map((line) => (line.endsWith('health') ? 200 : 404));
      expect(
        answers.map(({ status }) => status),
        `${before} ${broken}`,
      ).toEqual([...statuses, 400]);
    }
});

test('#110 what is smuggled behind a broken request is not looked at', async () => {
  const answers = await exchange(
    `${head('POST /users', { ...JSON_TYPE, 'Content-Length': 5, 'Transfer-Encoding': 'chunked' })}0\r\n\r\n${head('GET /health', last)}`,
  );
  expect(answers).toHaveLength(1);
  expect(answers[0]?.status).toBe(400);
});

test.each(['][', 'a b', 'u:p@x', '', 'a,b', 'ä', `${'a'.repeat(10_000)}/`])(
  '#111 the Host "%s" is 400',
  async (host) => {
    const [answer] = await exchange(Buffer.from(head('GET /health', { Host: host, ...last }), 'latin1'));
    expectProblem(answer, 400, 'VALIDATION');
  },
);

test.each([
  ['no Host', `GET /health HTTP/1.1\r\nConnection: close\r\n\r\n`, 400],
  ['two Hosts', `GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n`, 400],
  ['an expectation that nobody can meet', head('GET /health', { Expect: 'tea', ...last }), 417],
] as const)('#111 #124 %s: the answer has an id and nosniff like every other', async (_, bytes, status) => {
  const [answer] = await exchange(bytes);
  expect(answer).toMatchObject({
    status,
    headers: { 'x-content-type-options': 'nosniff', 'x-request-id': expect.any(String) },
  });
});

test.each([
  ['one header of 20 KB', head('GET /health', { 'X-A': 'x'.repeat(20_000) })],
  ['an Authorization of 20 KB', head('GET /users/me', { Authorization: `Bearer ${'x'.repeat(20_000)}` })],
  [
    'many headers',
    head('GET /health', Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`X-${i}`, 'y']))),
  ],
  ['a URL of 20 KB', head(`GET /${'x'.repeat(20_000)}`)],
])('#109 %s is 431', async (_, bytes) => {
  expectProblem((await exchange(bytes))[0], 431, 'HEADERS_TOO_LARGE');
});

test.each([
  'CONNECT example.com:443',
  'PROPFIND /outherTasks',
  'PROPFIND /trpc/task.list',
  'TRACE /outherTasks',
  'QUERY /outherTasks',
  'OPTIONS *',
  'GET *',
])('#119 #123 %s does no harm', async (line) => {
  const answers = await exchange(head(line, last));
  for (const { status } of answers) expect([204, 400, 404, 405]).toContain(status);
});

/** A request to add a task in which one header stands twice. */
function twice(name: string, first: string, second: string): string {
  const { [name]: _, ...headers }: Record<string, string | number> = {
    ...authorization,
    ...JSON_TYPE,
    'Content-Length': 13,
    ...last,
  };
  return head('POST /outherTasks', headers).replace(
    '\r\n\r\n',
    `\r\n${name}: ${first}\r\n${name}: ${second}\r\n\r\n{"title":"x"}`,
  );
}

test.each([
  ['Authorization', authorization.Authorization, 'Bearer x.y.z'],
  ['Authorization', 'Bearer x.y.z', authorization.Authorization],
  ['Content-Type', 'application/json', 'text/plain'],
  ['Content-Type', 'text/plain', 'application/json'],
  ['Content-Encoding', 'identity', 'gzip'],
])('#110 two headers %s of which a proxy may read the other one are refused', async (...header) => {
  const [answer] = await exchange(twice(...header));
  expect([400, 401, 415]).toContain(answer?.status);
});

test('#123 an absolute-form target is served or refused, and its host is used for nothing', async () => {
  const [answer] = await exchange(head('GET http://evil.example/health', last));
  expect([200, 400, 404]).toContain(answer?.status);
  expect(JSON.stringify(answer)).not.toContain('evil.example');
});

test.each(['GET http://evil.example/outherTasks', 'GET http://evil.example/trpc/task.list'])(
  '#123 %s opens nothing without a token',
  async (line) => {
    const [answer] = await exchange(head(line, last));
    expect([400, 401, 404]).toContain(answer?.status);
  },
);

test('#124 an upgrade that nobody offers is a request like any other', async () => {
  const [answer] = await exchange(
    head('GET /health', {
      Connection: 'Upgrade, HTTP2-Settings, close',
      Upgrade: 'h2c',
      'HTTP2-Settings': 'AAMAAABkAAQAAP__',
    }),
  );
  expect(answer).toMatchObject({ status: 200, headers: { 'content-type': expect.stringContaining('json') } });
});

// Connections

test('#125 100 pipelined requests are answered in order', async () => {
  const ids = Array.from({ length: 100 }, (_, i) => `pipelined-${i}`);
  const requests = ids.map((id, i) =>
    head(i % 3 === 0 ? 'GET /health' : i % 3 === 1 ? 'GET /outherTasks' : 'GET /trpc/task.list?input={}', {
      ...authorization,
      'X-Request-Id': id,
      ...(i === 99 && last),
    }),
  );
  const answers = await exchange(requests.join(''));
  expect(answers.map(({ headers }) => headers['x-request-id'])).toEqual(ids);
  expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 200));
});

const connections = () =>
  new Promise<number>((resolve) => api.app.server.getConnections((_, count) => resolve(count)));

/** Runs a job. @returns the warnings of the process meanwhile: of too many listeners, for one */
async function warningsOf(job: () => Promise<void>): Promise<Error[]> {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  await job();
  await expect.poll(async () => await connections()).toBe(0);
  process.off('warning', note);
  return warnings;
}

test('#125 ten thousand requests on one connection are answered, and leave nothing behind', async () => {
  const warnings = await warningsOf(async () => {
    const answers = await exchange(head('GET /livez').repeat(9999), head('GET /livez', last));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10_000);
  });
  expect(warnings).toEqual([]);
});

test.each(['/health', '/outherTasks', '/outherTasks/', '/trpc/task.list?input={}'])(
  '#121 HEAD %s sends no body: the next answer follows at once, with the same length',
  async (path) => {
    const text = await (async () => {
      const socket = connect(port, '127.0.0.1');
      const all = received(socket);
      socket.write(head(`HEAD ${path}`, authorization) + head(`GET ${path}`, { ...authorization, ...last }));
      return (await all).toString();
    })();
    const [first, second, body] = text.split('\r\n\r\n') as [string, string, string];
    expect(first).toMatch(/^HTTP\/1\.1 200 /);
    expect(second).toMatch(/^HTTP\/1\.1 200 /);
    const length = (answer: string) => /^content-length: (\d+)/im.exec(answer)?.[1];
    expect(length(first)).toBe(length(second));
    expect(Number(length(second))).toBe(Buffer.byteLength(body));
  },
);

test('#135 no answer names the software', async () => {
  for (const bytes of [head('GET /health', last), head('GET /nowhere', last), 'nonsense\r\n\r\n']) {
    const [answer] = await exchange(bytes);
    expect(answer?.headers).not.toHaveProperty('server');
    expect(answer?.headers).not.toHaveProperty('x-powered-by');
    expect(JSON.stringify(answer)).not.toMatch(/fastify|node\.?js|llhttp/i);
  }
});

// Bodies as they arrive

const task = (size: number) => '{"title":"x"}'.padEnd(size, ' ');
const bulk = (open: string, close: string) => (size: number) =>
  `${open}[{"type":"book","name":"n","description":"","volume":1}]${close}`.padEnd(size, ' ');
const LIMITS: [string, (size: number) => string, number][] = [
  ['/outherTasks', task, 64 * KiB],
  ['/trpc/task.create', task, 64 * KiB],
  ['/resources/bulk', bulk('', ''), 1024 * KiB],
  ['/trpc/resource.createMany', bulk('{"resources":', '}'), 1024 * KiB],
  ['/trpc/resource.createMany?batch=1', bulk('{"0":{"resources":', '}}'), 1024 * KiB],
];
const ENCODINGS: [string, (path: string, body: string) => [string, string]][] = [
  [
    'with a Content-Length',
    (path, body) => [
      head(`POST ${path}`, { ...authorization, ...JSON_TYPE, 'Content-Length': body.length, ...last }),
      body,
    ],
  ],
  [
    'chunked',
    (path, body) => [
      head(`POST ${path}`, { ...authorization, ...JSON_TYPE, 'Transfer-Encoding': 'chunked', ...last }),
      chunked(body),
    ],
  ],
];
const sizes = LIMITS.flatMap(([path, body, limit]) =>
  ENCODINGS.map(([encoding, send]) => ({ path, encoding, body, limit, send })),
);
test.each(sizes)(
  '#114 #116 $path takes $limit bytes $encoding, and not one more',
  async ({ path, body, limit, send }) => {
    const [fits] = await exchange(...send(path, body(limit)));
    expect([200, 201]).toContain(fits?.status);
    const [over] = await exchange(...send(path, body(limit + 1)));
    expect(over).toMatchObject({
      status: 413,
      headers: { connection: 'close', 'x-request-id': expect.any(String) },
    });
    expect(over?.body).toContain('"PAYLOAD_TOO_LARGE"');
  },
);

/** Where anybody may send a body. */
const OPEN_PATHS = [...listEndpoints(appRouter).values()].flatMap(({ name, meta, type, public: isPublic }) =>
  isPublic && type === 'mutation'
    ? [`/trpc/${name}`, `/trpc/${name}?batch=1`, ...(meta.openapi ? [meta.openapi.path] : [])]
    : [],
);

test.each([
  ['too large', { ...JSON_TYPE, 'Content-Length': 1024 ** 4 }, 413],
  [
    'of another type',
    { 'Content-Type': 'multipart/form-data; boundary=x', 'Content-Length': 1024 ** 3 },
    415,
  ],
  ['compressed', { ...JSON_TYPE, 'Content-Encoding': 'gzip', 'Content-Length': 100 }, 415],
  [
    'of another type and of unknown length',
    { 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' },
    415,
  ],
] as const)(
  '#115 #117 a body that is %s is refused before it arrives, and the connection ends',
  async (_, headers, status) => {
    const answers = await Promise.all(OPEN_PATHS.map((path) => exchange(head(`POST ${path}`, headers))));
    expect(answers).toMatchObject(OPEN_PATHS.map(() => [{ status, headers: { connection: 'close' } }]));
  },
);

test.each([
  ['too large', 'POST /users', { ...JSON_TYPE, 'Content-Length': 10_000_000 }, 413],
  ['too large, over tRPC', 'POST /trpc/auth.register', { ...JSON_TYPE, 'Content-Length': 10_000_000 }, 413],
  ['of another type', 'POST /users', { 'Content-Type': 'text/plain', 'Content-Length': 10 }, 415],
  ['for an unknown path', 'POST /nowhere', { ...JSON_TYPE, 'Content-Length': 10 }, 404],
  ['for a method that the path does not have', 'PUT /users', { ...JSON_TYPE, 'Content-Length': 10 }, 405],
])(
  '#124 an announced body that is %s is refused at once, and not asked for before',
  async (_, line, headers, status) => {
    const socket = connect(port, '127.0.0.1');
    const text = received(socket);
    socket.write(head(line, { ...headers, Expect: '100-continue' }));
    const bytes = await text;
    expect(bytes.toString()).not.toContain('100 Continue');
    expect(answersIn(bytes)).toMatchObject([{ status, headers: { connection: 'close' } }]);
  },
);

test('#124 an announced body is asked for and taken', async () => {
  const body = '{"title":"continued"}';
  const socket = connect(port, '127.0.0.1');
  const text = received(socket);
  socket.write(
    head('POST /outherTasks', {
      ...authorization,
      ...JSON_TYPE,
      'Content-Length': body.length,
      Expect: '100-continue',
      ...last,
    }),
  );
  const [first] = await once(socket, 'data');
  expect(String(first)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  socket.write(body);
  expect((await text).toString()).toContain('HTTP/1.1 201 ');
});

test('DELETE by id works with a JSON content type and a Content-Length of 0', async () => {
  const { body } = await api.rest('POST', '/outherTasks', { token: ann.token, body: { title: 'x' } });
  const [answer] = await exchange(
    head(`DELETE /outherTasks/${body.id}`, { ...authorization, ...JSON_TYPE, 'Content-Length': 0, ...last }),
  );
  expect(answer?.status).toBe(200);
});

test('#113 a body that is longer than its length is cut there, and what follows is no request', async () => {
  const body = '{"title":"cut short"}';
  const answers = await exchange(
    head('POST /outherTasks', { ...authorization, ...JSON_TYPE, 'Content-Length': body.length - 2 }) + body,
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 400));
  expectProblem(answers.at(-1), 400, 'VALIDATION');
  expect((await api.rpc('task.list', {}, ann.token)).text).not.toContain('cut short');
});

test('#113 a body that ends before its length leaves no row, and the server goes on', async () => {
  const before = await api.rpc('task.list', {}, ann.token);
  const body = '{"title":"half a request"}';
  for (let i = 0; i < 20; i++) {
    const socket = connect(port, '127.0.0.1');
    const closed = received(socket);
    socket.end(
      head('POST /outherTasks', { ...authorization, ...JSON_TYPE, 'Content-Length': body.length + 1 }) + body,
    );
    await closed;
  }
  for (let i = 0; i < 20; i++) {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      head('POST /trpc/task.create', { ...authorization, ...JSON_TYPE, 'Content-Length': 100 }),
      () => socket.resetAndDestroy(),
    );
    await once(socket, 'close');
  }
  const [answer] = await exchange(head('GET /health', last));
  expect(answer?.status).toBe(200);
  expect((await api.rpc('task.list', {}, ann.token)).body).toEqual(before.body);
  expect(api.log.filter(({ level }) => Number(level) > 30)).toEqual([]);
});

test('#126 clients that go away, in a request or in an answer, leave no row, no error and no connection behind', async () => {
  const books = Array.from({ length: 100 }, () => ({
    type: 'book',
    name: 'n',
    description: 'x'.repeat(3000),
    volume: 1,
  }));
  await api.rpc('resource.createMany', { resources: books }, ann.token);
  const before = (await api.rpc('task.list', {}, ann.token)).body;
  const half = head('POST /outherTasks', { ...authorization, ...JSON_TYPE, 'Content-Length': 100 });
  /** Goes away as soon as the request is written, or when the answer begins to arrive. */
  const leave = async (bytes: string, when: 'written' | 'data') => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.write(bytes);
    await once(socket, when === 'data' ? 'data' : 'connect');
    socket.resetAndDestroy();
    await once(socket, 'close');
  };
  const warnings = await warningsOf(async () => {
    for (let wave = 0; wave < 6; wave++)
      await Promise.all(
        Array.from({ length: 30 }, (_, index) =>
          index % 3 === 0
            ? leave(`${half}{"title":"half`, 'written')
            : leave(head('GET /resources', authorization), index % 3 === 1 ? 'data' : 'written'),
        ),
      );
  });
  expect(warnings).toEqual([]);
  expect((await api.rpc('task.list', {}, ann.token)).body).toEqual(before);
  // More than the database has connections.
  const all = await Promise.all(
    Array.from({ length: 20 }, () => api.rest('GET', '/resources?limit=1', { token: ann.token })),
  );
  expect(all.map(({ status }) => status)).toEqual(all.map(() => 200));
  expect(api.log.filter(({ level }) => Number(level) > 30)).toEqual([]);
});

// Slow requests

// #106: A silent connection, and headers that stop half way, are cut with 408 after ten seconds.
// #107: A body that stalls is cut with 408 after ten seconds, one that drips after some more (#268).
test('#106 #107 whatever stalls is cut with 408 after ten seconds', async () => {
  const stalls = {
    'nothing at all': '',
    'half a request line': 'GET /hea',
    'half the headers': 'GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: ',
    'half a body': `${head('POST /users', { ...JSON_TYPE, 'Content-Length': 100 })}{"login":`,
    'half a body over tRPC': `${head('POST /trpc/auth.register', { ...JSON_TYPE, 'Content-Length': 100 })}{"login":`,
    'half a chunked body': `${head('POST /users', { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' })}9\r\n{"login":\r\n`,
  };
  const outcomes = await Promise.all(
    Object.entries({ ...stalls, 'a body that drips': stalls['half a body'] }).map(async ([what, bytes]) => {
      const socket = connect(port, '127.0.0.1');
      const text = received(socket);
      const start = performance.now();
      socket.write(bytes);
      const drip = what === 'a body that drips' ? setInterval(() => socket.write(' '), 700) : undefined;
      const answers = answersIn(await text);
      clearInterval(drip);
      return { what, answers, seconds: (performance.now() - start) / 1000 };
    }),
  );
  for (const { what, answers, seconds } of outcomes) {
    expect(seconds, what).toBeGreaterThan(9);
    expect(answers, what).toMatchObject([
      { status: 408, headers: { connection: 'close', 'x-content-type-options': 'nosniff' } },
    ]);
  }
  const [answer] = await exchange(head('GET /health', last));
  expect(answer?.status).toBe(200);
  await expect.poll(() => api.log.filter(({ level }) => Number(level) > 30)).toEqual([]);
});
