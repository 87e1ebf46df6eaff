// What every request meets before and around a procedure: methods, media types, JSON, sizes, ids, headers, CORS,
// errors, health and the log. sockets.test.ts has what only a real connection can show.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { listEndpoints } from '../src/http/transports/endpoints.ts';
import { appRouter } from '../src/router.ts';
import { type Answer, openTestDatabase, type Request, startApp, type TestApp } from './harness.ts';
import { PLENTY } from './rates.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const api = await startApp();
// The first user of a database has id 1: a `user_id` of 1 below is somebody else's.
await api.register();
const ann = await api.register();
const production = await startApp({ environment: 'production', corsOrigins: ['https://app.example'] });

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const operations = [...listEndpoints(appRouter).values()].flatMap(({ name, type, meta }) =>
  meta.openapi
    ? [{ name, type, method: meta.openapi.method, path: meta.openapi.path.replace('{id}', '1') }]
    : [],
);
const bothForms = (paths: Iterable<string>) => [...new Set(paths)].flatMap((path) => [path, `${path}/`]);
const restPaths = bothForms(operations.map(({ path }) => path));
const openPaths = [...listEndpoints(appRouter).values()].flatMap(({ name, type, meta, public: isPublic }) =>
  isPublic && type === 'mutation' ? [`/trpc/${name}`, ...(meta.openapi ? [meta.openapi.path] : [])] : [],
);
const rpcPaths = operations.map(({ name }) => `/trpc/${name}`);
const KiB = 1024;
/** JSON with white space after it, `size` bytes in all. */
const padded = (value: unknown, size: number) => JSON.stringify(value).padEnd(size, ' ');
const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
const codeOf = ({ body }: Answer): string | undefined => body?.code ?? body?.error?.data?.reason;

/** Adds a task with a body of our own making, over one of the transports. */
const TRANSPORTS = {
  REST: (body: string | Buffer, headers: Record<string, string> = {}) =>
    api.rest('POST', '/outherTasks', { token: ann.token, body, headers }),
  tRPC: (body: string | Buffer, headers: Record<string, string> = {}) =>
    api.rest('POST', '/trpc/task.create', { token: ann.token, body, headers }),
};
const transports = Object.entries(TRANSPORTS).map(([transport, send]) => ({
  transport,
  send,
  ok: transport === 'REST' ? 201 : 200,
}));
const titleOf = ({ body }: Answer) => (body.result?.data ?? body).title;

// Methods

// #118: A method that a path does not have is 405 with Allow.
test.each(restPaths)('#118 #120 %s: 405 with Allow for what it does not do, and only then', async (path) => {
  const { headers } = await api.rest('OPTIONS', path);
  const allowed = String(headers.allow).split(', ');
  for (const method of METHODS) {
    const answer = await api.rest(method, path);
    if (allowed.includes(method)) expect(answer.status, method).not.toBe(405);
    else {
      expect(answer, method).toMatchObject({ status: 405, headers: { allow: headers.allow } });
      if (method !== 'HEAD') expect(answer.body).toMatchObject({ status: 405, code: 'METHOD_NOT_ALLOWED' });
    }
  }
});

test.each(rpcPaths)(
  '#118 #120 %s: 405 with Allow for what it does not do, the same methods that OPTIONS names',
  async (path) => {
    const type = operations.find(({ name }) => path.endsWith(name))?.type;
    const allowed = type === 'query' ? ['GET', 'HEAD'] : ['POST'];
    for (const method of METHODS.filter((name) => !allowed.includes(name))) {
      const answer = await api.rest(method, path);
      expect(answer, method).toMatchObject({ status: 405, headers: { allow: expect.any(String) } });
      expect(
        String(answer.headers.allow)
          .split(', ')
          .filter((name) => name !== 'OPTIONS'),
      ).toEqual(allowed);
      if (method !== 'HEAD')
        expect(answer.body.error.data).toMatchObject({
          code: 'METHOD_NOT_SUPPORTED',
          reason: 'METHOD_NOT_ALLOWED',
        });
    }
    const options = await api.rest('OPTIONS', path);
    expect(
      String(options.headers.allow)
        .split(', ')
        .filter((name) => name !== 'OPTIONS')
        .sort(),
    ).toEqual(allowed);
  },
);

test.each([
  '/nowhere',
  '/nowhere/',
  '/users/1/2/3',
  '/outherTasks/1/2',
  '/page',
  '/trpc',
  '/trpc/',
  '/trpc/task/list',
])('#121 %s is 404 for every method', async (path) => {
  for (const method of [...METHODS, 'OPTIONS', 'TRACE']) {
    const answer = await api.rest(method, path);
    expect(answer.status, method).toBe(404);
    if (method !== 'HEAD') expect(codeOf(answer)).toBe('NOT_FOUND');
  }
});

test.each([...restPaths, ...rpcPaths, '/', '/openapi.json', '/docs', '/redoc'])(
  '#121 #132 OPTIONS %s without preflight headers is 204 with Allow and no body',
  async (path) => {
    for (const headers of [
      {},
      { origin: 'https://app.example' },
      { 'access-control-request-method': 'POST' },
    ]) {
      const answer = await api.rest('OPTIONS', path, { headers: headers as Record<string, string> });
      expect(answer).toMatchObject({
        status: 204,
        text: '',
        headers: { allow: expect.stringMatching(/\b(GET|POST|PATCH|DELETE)\b/) },
      });
    }
  },
);

test.each(['/outherTasks', '/trpc/task.list'])('#119 TRACE %s is 405 and echoes nothing', async (path) => {
  const answer = await api.rest('TRACE', path, { headers: { cookie: 'secret=1' } });
  expect(answer).toMatchObject({ status: 405, headers: { allow: expect.stringContaining('GET') } });
  expect(answer.text).not.toContain('secret');
});

test.each(['x-http-method-override', 'x-method-override', 'x-http-method'])(
  '#120 %s overrides nothing',
  async (header) => {
    const { body } = await api.rest('POST', '/outherTasks', { token: ann.token, body: { title: 'stays' } });
    const request = { token: ann.token, headers: { [header]: 'DELETE' }, query: { _method: 'DELETE' } };
    expect((await api.rest('POST', `/outherTasks/${body.id}`, request)).status).toBe(405);
    expect((await api.rpc('task.list', { limit: 1 }, ann.token)).body.result.data).toEqual([body]);
  },
);

const readable = [
  '/health',
  '/users/me',
  '/outherTasks',
  '/outherTasks/',
  '/exercises',
  '/',
  '/openapi.json',
  '/docs',
  '/trpc/task.list?input={}',
  '/trpc/auth.me',
];
test.each(readable)('#121 HEAD %s is GET without the body', async (path) => {
  const [got, head] = [
    await api.rest('GET', path, { token: ann.token }),
    await api.rest('HEAD', path, { token: ann.token }),
  ];
  const { 'x-request-id': _, date: __, ...headers } = got.headers;
  expect(got.status).toBe(200);
  expect(head).toMatchObject({ status: 200, text: '', headers });
});

test.each([
  '/users/me',
  '/outherTasks',
  '/users/1/physical-plan',
  '/trpc/task.list',
  '/trpc/task.list,task.list?batch=1',
])('#121 HEAD %s needs a token', async (path) => {
  expect(await api.rest('HEAD', path)).toMatchObject({
    status: 401,
    text: '',
    headers: { 'www-authenticate': 'Bearer' },
  });
});

// Media types

const JSON_TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json;charset="UTF-8"',
  'APPLICATION/JSON',
  'Application/Json ; Charset=Utf-8',
];
test.each(
  transports.flatMap(({ transport, send, ok }) => JSON_TYPES.map((type) => ({ transport, type, send, ok }))),
)('$transport takes $type', async ({ send, type, ok }) => {
  expect((await send('{"title":"x"}', { 'content-type': type })).status).toBe(ok);
});

const OTHER_TYPES = [
  'text/plain',
  'text/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'application/jsonp',
  'application/json-patch+json',
  'application/json; charset=utf-16',
  'application/json; charset=latin1',
  'application/json, text/plain',
  '',
];
test.each(
  transports.flatMap(({ transport, send }) => OTHER_TYPES.map((type) => ({ transport, type, send }))),
)('#100 $transport answers 415 to "$type"', async ({ send, type }) => {
  const answer = await send('{"title":"x"}', { 'content-type': type });
  expect(answer.status).toBe(415);
  expect(codeOf(answer)).toBe('UNSUPPORTED_MEDIA_TYPE');
});

test.each(
  transports.flatMap(({ transport, send }) =>
    ['gzip', 'br', 'deflate', 'gzip, identity', 'x'].map((encoding) => ({ transport, encoding, send })),
  ),
)('#115 $transport answers 415 to Content-Encoding: $encoding', async ({ send, encoding }) => {
  expect(codeOf(await send('{"title":"x"}', { 'content-encoding': encoding }))).toBe(
    'UNSUPPORTED_MEDIA_TYPE',
  );
});

test.each(openPaths)('#117 %s, open to anybody, is as strict', async (path) => {
  for (const type of ['multipart/form-data; boundary=x', 'application/octet-stream', 'text/plain'])
    expect(
      (await api.rest('POST', path, { body: 'x'.repeat(1000), headers: { 'content-type': type } })).status,
      type,
    ).toBe(415);
});

// Bodies

test.each(['/outherTasks', '/resources', '/mentalPlans', '/physicalPlans'])(
  'DELETE %s/{id} works with a JSON content type and no body',
  async (path) => {
    const answer = await api.rest('DELETE', `${path}/2147483647`, {
      token: ann.token,
      headers: { 'content-type': 'application/json' },
    });
    expect(answer).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  },
);

test('a task is deleted with a JSON content type and no body', async () => {
  const { body } = await api.rest('POST', '/outherTasks', { token: ann.token, body: { title: 'x' } });
  const removed = await api.rest('DELETE', `/outherTasks/${body.id}`, {
    token: ann.token,
    headers: { 'content-type': 'application/json' },
  });
  expect(removed).toMatchObject({ status: 200, body: { message: expect.any(String) } });
});

test.each(transports)(
  '#101 an empty body is no input at $transport: 400 that names what is missing',
  async ({ send }) => {
    const { status, body } = await send('');
    expect(status).toBe(400);
    expect(body.code ?? body.error.data.reason).toBe('VALIDATION');
  },
);

const NOT_JSON: [string, string | Buffer][] = [
  ['malformed', '{"title":'],
  ['trailing garbage', '{"title":"x"} x'],
  ['two documents', '{"title":"x"}{"title":"y"}'],
  ['a trailing comma', '{"title":"x",}'],
  ['a comment', '{"title":"x"}// y'],
  ['single quotes', "{'title':'x'}"],
  ['undefined', 'undefined'],
  ['NaN', '{"title":"x","a":NaN}'],
  ['Infinity', '{"title":"x","a":Infinity}'],
  ['a raw control character', '{"title":"a\u0001b"}'],
  ['invalid UTF-8', Buffer.from('{"title":"\xff"}', 'latin1')],
  ['an overlong UTF-8 form', Buffer.from('{"title":"\xc0\xaf"}', 'latin1')],
  ['half a surrogate in UTF-8', Buffer.from('{"title":"\xed\xa0\x80"}', 'latin1')],
  ['UTF-16', Buffer.from('\ufeff{"title":"x"}', 'utf16le')],
  ['a form', 'title=x'],
  ['a __proto__ key', '{"title":"x","__proto__":{"polluted":true}}'],
  ['an escaped __proto__ key', '{"title":"x","\\u005f_proto__":{"polluted":true}}'],
  ['a __proto__ key further down', '{"title":"x","a":[{"__proto__":null}]}'],
  ['a constructor.prototype key', '{"title":"x","constructor":{"prototype":{"polluted":true}}}'],
  ['nesting of 33', JSON.stringify({ title: 'x', deep: nested(32) })],
  ['nesting of 30,000', '['.repeat(30_000)],
];
test.each(
  transports.flatMap(({ transport, send }) =>
    NOT_JSON.map(([what, body]) => ({ transport, what, body, send })),
  ),
)('#97 #99 #100 #101 $transport refuses $what', async ({ send, body }) => {
  const answer = await send(body);
  expect(answer.status).toBe(400);
  expect(codeOf(answer)).toBe('VALIDATION');
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test.each(['null', '[]', '"text"', '7', 'true', '[{"title":"x"}]'])(
  '#101 a body that is not an object is refused over both transports: %s',
  async (body) => {
    for (const { send, transport } of transports)
      expect(codeOf(await send(body)), transport).toBe('VALIDATION');
  },
);

const TAKEN: [string, string, string][] = [
  ['a byte order mark', '\ufeff{"title":"x"}', 'x'],
  ['white space around', ' \r\n\t{"title":"x"}\n', 'x'],
  ['the last of duplicate keys', '{"title":"a","title":"b"}', 'b'],
  ['nesting of 32', JSON.stringify({ title: 'x', deep: nested(31) }), 'x'],
  ['brackets in a text', JSON.stringify({ title: '[{'.repeat(100) }), '[{'.repeat(100)],
  ['escapes', '{"\\u0074itle":"\\ud83d\\ude00\\"\\\\"}', '\u{1f600}"\\'],
  [
    'names of every object as unknown keys',
    '{"title":"x","constructor":1,"toString":2,"hasOwnProperty":3,"prototype":4}',
    'x',
  ],
  ['names of every object as text', '{"title":"__proto__"}', '__proto__'],
];
test.each(
  transports.flatMap(({ transport, send, ok }) =>
    TAKEN.map(([what, body, title]) => ({ transport, what, body, title, send, ok })),
  ),
)('#98 #99 #100 $transport takes $what', async ({ send, body, title, ok }) => {
  const answer = await send(body);
  expect(answer.status).toBe(ok);
  expect(titleOf(answer)).toBe(title);
});

test('#98 the last of two user ids counts, over both transports', async () => {
  for (const { send, ok } of transports) {
    expect((await send(`{"title":"x","user_id":1,"user_id":${ann.id}}`)).status).toBe(ok);
    expect((await send(`{"title":"x","user_id":${ann.id},"user_id":1}`)).status).toBe(404);
  }
});

test.each(['1e400', '-1e400'])('#88 %s is no number', async (number) => {
  const plan = (weight: string) => `{"goal":"g","age":30,"gender":"male","weight":${weight},"height":180}`;
  expect(codeOf(await api.rest('POST', '/physicalPlans', { token: ann.token, body: plan(number) }))).toBe(
    'VALIDATION',
  );
  expect(
    codeOf(await api.rest('POST', '/trpc/physicalPlan.create', { token: ann.token, body: plan(number) })),
  ).toBe('VALIDATION');
  const { body } = await api.rest('POST', '/physicalPlans', { token: ann.token, body: plan('80') });
  expect(
    codeOf(
      await api.rest('PATCH', `/physicalPlans/${body.data.id}`, {
        token: ann.token,
        body: `{"progress":${number}}`,
      }),
    ),
  ).toBe('VALIDATION');
});

test.each([
  ['-0', 0],
  ['1e-400', 0],
  ['0.30000000000000004', 0.1 + 0.2],
  ['1E2', 100],
])('#88 the JSON number %s is kept as %d', async (text, number) => {
  const plan = await api.rest('POST', '/physicalPlans', {
    token: ann.token,
    body: { goal: 'g', age: 30, gender: 'male', weight: 80, height: 180 },
  });
  const { id } = plan.body.data;
  for (const [method, path] of [
    ['PATCH', `/physicalPlans/${id}`],
    ['POST', '/trpc/physicalPlan.update'],
  ] as const) {
    const { body } = await api.rest(method, path, {
      token: ann.token,
      body: `{"id":${id},"progress":${text}}`,
    });
    expect((body.result?.data ?? body).resource.progress).toBe(number);
  }
});

test.each(['{', 'x', '[1', '{"__proto__":{}}', JSON.stringify(nested(33)), '"text"', '[]', 'null'])(
  '#97 #99 #101 the input of a tRPC query is held to the same rules: %s',
  async (input) => {
    expect(codeOf(await api.rest('GET', '/trpc/task.list', { token: ann.token, query: { input } }))).toBe(
      'VALIDATION',
    );
  },
);

test.each(['[{}]', '"x"', '1', 'null', '{"0":1}', '{"__proto__":{"0":{}}}'])(
  '#99 #101 the input of a batch is an object of inputs: %s',
  async (body) => {
    const { status } = await api.rest('POST', '/trpc/task.create?batch=1', { token: ann.token, body });
    expect(status).toBe(400);
  },
);

// Sizes

const task = { title: 'x' };
const bulk = [{ type: 'book', name: 'n', description: '', volume: 1 }];
const LIMITS: [string, unknown, number][] = [
  ['/outherTasks', task, 64 * KiB],
  ['/outherTasks/', task, 64 * KiB],
  ['/trpc/task.create', task, 64 * KiB],
  ['/trpc/task.create?batch=1', { 0: task }, 64 * KiB],
  ['/trpc/task.create,task.create?batch=1', { 0: task, 1: task }, 64 * KiB],
  ['/resources/bulk', bulk, 1024 * KiB],
  ['/resources/bulk/', bulk, 1024 * KiB],
  ['/trpc/resource.createMany', { resources: bulk }, 1024 * KiB],
  ['/trpc/resource.createMany?batch=1', { 0: { resources: bulk } }, 1024 * KiB],
  ['/trpc/task.create,resource.createMany?batch=1', { 0: task, 1: { resources: bulk } }, 1024 * KiB],
];
test.each(LIMITS)(
  '#116 %s takes a body of exactly its limit and not a byte more',
  async (path, body, limit) => {
    const send = (size: number) => api.rest('POST', path, { token: ann.token, body: padded(body, size) });
    for (const size of [limit - 1, limit]) expect([200, 201]).toContain((await send(size)).status);
    const over = await send(limit + 1);
    expect(over).toMatchObject({ status: 413, headers: { connection: 'close' } });
    expect(codeOf(over)).toBe('PAYLOAD_TOO_LARGE');
  },
);

test('the name of a bulk procedure that is not called raises no limit', async () => {
  const send = (path: string) =>
    api.rest('POST', path, { token: ann.token, body: padded(task, 64 * KiB + 1) });
  for (const path of [
    '/trpc/task.create?x=resource.createMany',
    '/trpc/task.create,resource.createMany',
    '/trpc/task.create?batch=0&batch=1',
  ])
    expect((await send(path)).status, path).toBe(413);
});

// Ids and other paths

const IDS = [
  '1e3',
  '0x10',
  '0b11',
  '+1',
  '01',
  '1.0',
  '1.5',
  '-1',
  '-0',
  '0',
  '9999999999999',
  '2147483648',
  '1'.repeat(400),
  '%00',
  '..%2f1',
  '%2e%2e',
  'NaN',
  'null',
  '%201',
  '1%20',
  '%EF%BC%90',
  '1;x',
  "1'--",
  '%ff',
  '%c0%af',
  '%ZZ',
];
const withId = operations.filter(({ path }) => path.includes('/1'));
// Bob has nothing: whatever number such an id reads as, it is not his.
const bob = await api.register();
test.each(IDS)('#91 the id %s is 400 or 404 on every path that takes one', async (id) => {
  for (const { method, path } of withId) {
    const url = path.replace('/1', `/${id}`);
    // Clients resolve two dots themselves, however they are written: what they then ask for may be another operation.
    const { pathname } = new URL(url, 'http://localhost');
    if (operations.some((other) => other.method === method && bothForms([other.path]).includes(pathname)))
      continue;
    const { status, body } = await api.rest(method, url, {
      token: bob.token,
      ...(method === 'DELETE' && { body: { password: 'x' } }),
      ...(method === 'PATCH' && { body: {} }),
    });
    // `..` is resolved by who asks: then it is the page, which can only be read.
    const isPage = new URL(url, 'http://host').pathname === '/';
    expect(isPage ? [405] : [400, 404], `${method} ${url}: ${status}`).toContain(status);
    expect(body.code).toMatch(isPage ? /^METHOD_NOT_ALLOWED$/ : /^(VALIDATION|NOT_FOUND)$/);
  }
});

const ODD_PATHS = [
  '//outherTasks',
  '/./outherTasks',
  '/x/../outherTasks',
  '/outherTasks;x=1',
  '/OUTHERTASKS',
  '/%6futherTasks',
  '/outherTasks//',
  '/outherTasks/%ZZ',
  '/%',
  '/trpc/%00',
  '/trpc/%ZZ',
  '/trpc/__proto__',
  '/trpc/constructor',
  '/trpc/toString',
  '/trpc/task',
  '/trpc/task.list%2ctask.list',
  '/trpc/task.list,?batch=1',
  '/trpc/,?batch=1',
  '/trpc/ task.list',
  `/trpc/${'x'.repeat(15_000)}`,
];
test.each(ODD_PATHS)(
  '#122 %s without a token shows nothing of a user and is no error of ours',
  async (path) => {
    for (const method of ['GET', 'POST']) {
      const { status, text } = await api.rest(method, path);
      expect([207, 400, 401, 404, 405], `${method}: ${status}`).toContain(status);
      expect(text).not.toContain('"result"');
    }
  },
);

test.each([
  'limit=1&limit=2',
  'limit[]=1',
  'limit[a]=1',
  '__proto__[x]=1',
  '__proto__=1',
  'limit=1;status=true',
  '%',
  '%ZZ=%ff',
  'limit=',
  '&&&=&',
  Array.from({ length: 1000 }, (_, i) => `a${i}=1`).join('&'),
])('#105 the query ?%s has a plain answer, the same each time', async (query) => {
  const ask = () => api.rest('GET', `/outherTasks?${query}`, { token: ann.token });
  const { status } = await ask();
  expect([200, 400]).toContain(status);
  expect((await ask()).status).toBe(status);
});

// Headers of every answer

const KINDS: [string, string, string, Request][] = [
  ['health', 'GET', '/health', {}],
  ['a document', 'GET', '/openapi.json', {}],
  ['the first page', 'GET', '/', {}],
  ['a page', 'GET', '/docs', {}],
  ['a script', 'GET', '/redoc/redoc.standalone.js', {}],
  ['data', 'GET', '/outherTasks', { token: ann.token }],
  ['data over tRPC', 'GET', '/trpc/task.list?input={}', { token: ann.token }],
  ['a batch', 'GET', '/trpc/task.list,auth.me?batch=1&input={"0":{}}', { token: ann.token }],
  [
    'a stream',
    'GET',
    '/trpc/task.list?batch=1&input={"0":{}}',
    { token: ann.token, headers: { 'trpc-accept': 'application/jsonl' } },
  ],
  ['201', 'POST', '/outherTasks', { token: ann.token, body: task }],
  ['400', 'POST', '/outherTasks', { token: ann.token, body: {} }],
  ['400 for the JSON', 'POST', '/outherTasks', { token: ann.token, body: '{' }],
  ['400 for the JSON over tRPC', 'POST', '/trpc/task.create', { token: ann.token, body: '{' }],
  ['400 for the Host', 'GET', '/health', { headers: { host: '][' } }],
  ['401', 'GET', '/outherTasks', {}],
  ['401 over tRPC', 'GET', '/trpc/task.list', {}],
  ['404', 'GET', '/nowhere', {}],
  ['404 over tRPC', 'GET', '/trpc/no.where', {}],
  ['a path that cannot be decoded', 'GET', '/outherTasks/%ZZ', {}],
  ['a tRPC path that cannot be decoded', 'GET', '/trpc/%ZZ', {}],
  [
    'a path parameter of 20,000 characters',
    'GET',
    `/users/${'1'.repeat(20_000)}/physical-plan`,
    { token: ann.token },
  ],
  ['405', 'PUT', '/outherTasks', {}],
  ['405 over tRPC', 'PUT', '/trpc/task.list', {}],
  ['413', 'POST', '/outherTasks', { token: ann.token, body: padded(task, 64 * KiB + 1) }],
  ['413 over tRPC', 'POST', '/trpc/task.create', { token: ann.token, body: padded(task, 64 * KiB + 1) }],
  ['415', 'POST', '/outherTasks', { token: ann.token, body: 'x', headers: { 'content-type': 'text/plain' } }],
  ['OPTIONS', 'OPTIONS', '/outherTasks', {}],
  [
    'a preflight',
    'OPTIONS',
    '/outherTasks',
    { headers: { origin: 'https://app.example', 'access-control-request-method': 'PATCH' } },
  ],
];
const CONTENT_TYPE =
  /^(application\/(problem\+)?json; charset=utf-8|text\/(html|javascript|css); charset=utf-8|application\/jsonl?)$/;

test.each(KINDS)(
  '#135 %s has an id, what browsers need to know, its length and no name of software',
  async (_, method, url, request) => {
    const { headers, text, status } = await api.rest(method, url, request);
    expect(headers['x-request-id']).toMatch(/^[\w-]{8,64}$/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    const isPage = headers['content-type'] === 'text/html; charset=utf-8';
    if (isPage)
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/,
      );
    else expect(headers['content-security-policy']).toBe("default-src 'none'; frame-ancestors 'none'");
    if (text !== '') expect(headers['content-type']).toMatch(CONTENT_TYPE);
    for (const name of ['server', 'x-powered-by', 'via', 'strict-transport-security'])
      expect(headers).not.toHaveProperty(name);
    expect(Object.values(headers).join(' ')).not.toMatch(/fastify|node\.?js|swagger|redoc/i);
    if (
      String(headers['content-type']).includes('json') &&
      !String(headers['content-type']).includes('jsonl')
    )
      if (status !== 204 && headers['transfer-encoding'] === undefined)
        expect(Number(headers['content-length'])).toBe(Buffer.byteLength(text));
  },
);

test('#135 in production browsers are told to come by https for a year, with every kind of answer', async () => {
  for (const [what, method, url, request] of KINDS) {
    const { headers } = await production.rest(method, url, request);
    expect(headers['strict-transport-security'], what).toBe('max-age=31536000');
  }
});

test('#376 what is sent of HSTS is word for word what SECURITY.md says, with every kind of answer', async () => {
  const [, promised] =
    /`Strict-Transport-Security: ([^`]+)`/.exec(await readFile(join(ROOT, 'SECURITY.md'), 'utf8')) ?? [];
  expect(promised).toMatch(/^max-age=\d+/);
  for (const [what, method, url, request] of KINDS)
    expect((await production.rest(method, url, request)).headers['strict-transport-security'], what).toBe(
      promised,
    );
});

test.each(['/', '/openapi.json', '/docs', '/redoc'])('#137 %s is there in production too', async (path) => {
  expect(await production.rest('GET', path)).toMatchObject({
    status: 200,
    headers: { 'cache-control': 'no-cache' },
  });
});

test.each(['text/xml', 'application/xml, text/html;q=0.9', '*/*;q=0', '', 'application/json;q=0'])(
  '#127 Accept: %s changes nothing: JSON is all there is',
  async (accept) => {
    for (const path of ['/outherTasks', '/trpc/task.list?input={}'])
      expect(await api.rest('GET', path, { token: ann.token, headers: { accept } })).toMatchObject({
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8' },
      });
    expect(await api.rest('GET', '/nowhere', { headers: { accept } })).toMatchObject({
      status: 404,
      headers: { 'content-type': 'application/problem+json; charset=utf-8' },
    });
  },
);

test.each(KINDS.filter(([, , url]) => !url.startsWith('/trpc') && !/openapi|docs|redoc/.test(url)))(
  '#162 %s: an error of the REST transport is a problem document with the id of the answer',
  async (_, method, url, request) => {
    const { status, headers, body } = await api.rest(method, url, request);
    if (status < 400) return expect(String(headers['content-type'] ?? '')).not.toContain('problem');
    expect(headers['content-type']).toMatch(/^application\/problem\+json(; charset=utf-8)?$/);
    expect(body).toMatchObject({
      type: expect.any(String),
      title: expect.any(String),
      status,
      detail: expect.any(String),
      code: expect.stringMatching(/^[A-Z_]+$/),
      request_id: headers['x-request-id'],
    });
  },
);

test.each(KINDS.filter(([, , url]) => url.startsWith('/trpc/')))(
  '#162 %s: an error of the tRPC transport is tRPC’s, with reason and the id of the answer',
  async (_, method, url, request) => {
    const { status, headers, body } = await api.rest(method, url, request);
    if (status < 400) return expect(body?.error).toBeUndefined();
    expect(headers['content-type']).toMatch(/^application\/json/);
    expect(body.error).toMatchObject({
      code: expect.any(Number),
      message: expect.any(String),
      data: {
        code: expect.any(String),
        httpStatus: status,
        reason: expect.any(String),
        request_id: headers['x-request-id'],
      },
    });
    expect(body.error.data).not.toHaveProperty('stack');
  },
);

test.each(['a-harmless-id', 'x'.repeat(8), 'A_z-09'.repeat(10), randomUUID()])(
  '#165 the request id %s is kept',
  async (id) => {
    for (const url of ['/health', '/nowhere', '/trpc/health.check']) {
      const { headers } = await api.rest('GET', url, { headers: { 'x-request-id': id } });
      expect(headers['x-request-id']).toBe(id);
    }
  },
);

test.each([
  'short',
  'x'.repeat(65),
  'x'.repeat(10_000),
  'with a space',
  'with/slash',
  '{"json":1}',
  'ünïcödé-id',
  '12345678,12345678',
  '',
])('#165 the request id "%s" is replaced', async (id) => {
  const { headers } = await api.rest('GET', '/health', { headers: { 'x-request-id': id } });
  expect(headers['x-request-id']).not.toBe(id);
  expect(headers['x-request-id']).toMatch(/^[\w-]{8,64}$/);
});

test('#136 answers are not stored, and a user’s data is private', async () => {
  const { login, password, token } = await api.register();
  const cacheControl = async (method: string, url: string, request: Request) =>
    (await api.rest(method, url, request)).headers['cache-control'];
  const signIn = { username: login, password };
  expect(await cacheControl('POST', '/users', { body: { login: `x${randomUUID()}`, password } })).toBe(
    'no-store',
  );
  expect(await cacheControl('POST', '/users', { body: { login, password } })).toBe('no-store');
  expect(await cacheControl('POST', '/users/signIn', { body: signIn })).toBe('no-store');
  expect(await cacheControl('POST', '/users/signIn', { body: { ...signIn, password: 'wrong' } })).toBe(
    'no-store',
  );
  expect(await cacheControl('POST', '/users/signIn', { body: '{' })).toBe('no-store');
  expect(await cacheControl('POST', '/trpc/auth.signIn', { body: signIn })).toBe('no-store');
  expect(await cacheControl('POST', '/trpc/auth.signIn?batch=1', { body: { 0: signIn } })).toBe('no-store');
  for (const path of [
    '/users/me',
    '/users/me/export',
    '/users/me/sessions',
    '/outherTasks',
    '/resources',
    '/mentalPlans',
    '/physicalPlans',
    '/exercises',
  ])
    expect(await cacheControl('GET', path, { token }), path).toBe('private, no-store');
  expect(await cacheControl('POST', '/outherTasks', { token, body: task })).toBe('private, no-store');
  expect(await cacheControl('GET', '/trpc/task.list?input={}', { token })).toBe('private, no-store');
  expect(await cacheControl('GET', '/trpc/task.list,auth.me?batch=1&input={"0":{}}', { token })).toBe(
    'private, no-store',
  );
  expect(await cacheControl('GET', '/trpc/task.list,health.check?batch=1&input={"0":{}}', { token })).toBe(
    'private, no-store',
  );
  expect(await cacheControl('GET', '/trpc/health.check', {})).toBe('no-store');
});

test.each([
  '',
  'Bearer',
  'Bearer ',
  'bearer x.y.z',
  'Bearer  x.y.z',
  'Basic eDp5',
  'Token x.y.z',
  'x.y.z',
  'Bearer x.y',
  'Bearer x.y.z ',
  'Bearer x.y.z, Bearer x.y.z',
])('Authorization: "%s" is 401 over both transports', async (authorization) => {
  const real = authorization.replaceAll('x.y.z', ann.token);
  for (const url of ['/outherTasks', '/trpc/task.list?input={}']) {
    const answer = await api.rest('GET', url, { headers: { authorization: real } });
    expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
    expect(codeOf(answer)).toBe('UNAUTHENTICATED');
  }
});

test.each(['][', 'a b', 'u:p@x', 'a/b', 'a:99999999', '[::1', 'a\\b', 'x?y', `${'a'.repeat(10_000)} b`])(
  '#111 the Host "%s" is 400',
  async (host) => {
    for (const url of ['/health', '/nowhere'])
      expect(await api.rest('GET', url, { headers: { host } })).toMatchObject({
        status: 400,
        body: { code: 'VALIDATION' },
      });
  },
);

test.each(['localhost', '127.0.0.1:8000', '[::1]:8000', 'api.example.com', 'my_service:80'])(
  '#111 the Host %s is fine',
  async (host) => {
    expect((await api.rest('GET', '/health', { headers: { host } })).status).toBe(200);
  },
);

// CORS

const EVERY_KIND_OF_ANSWER: [string, string, string, Request][] = [
  ['200', 'GET', '/health', {}],
  ['200 over tRPC', 'GET', '/trpc/health.check', {}],
  ['400', 'POST', '/users', { body: {} }],
  ['400 for the JSON', 'POST', '/users', { body: '{' }],
  ['400 for the Host', 'GET', '/health', { headers: { host: '][' } }],
  ['401', 'GET', '/outherTasks', {}],
  ['401 over tRPC', 'GET', '/trpc/task.list', {}],
  ['404', 'GET', '/nowhere', {}],
  ['404 over tRPC', 'GET', '/trpc/no.where', {}],
  ['404 for a path that cannot be decoded', 'GET', '/outherTasks/%ZZ', {}],
  ['405', 'PUT', '/outherTasks', {}],
  ['413', 'POST', '/users', { body: padded({}, 64 * KiB + 1) }],
  ['415', 'POST', '/users', { body: 'x', headers: { 'content-type': 'text/plain' } }],
];
/** What scripts of a page may read besides the body. */
const EXPOSED = [
  'x-request-id',
  'etag',
  'retry-after',
  'idempotency-replayed',
  'content-disposition',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
];
const from = (origin: string, request: Request): Request => ({
  ...request,
  headers: { ...request.headers, origin },
});

test.each(EVERY_KIND_OF_ANSWER)(
  '#130 #133 %s: pages of a listed origin may read it',
  async (_, method, url, request) => {
    const { headers } = await production.rest(method, url, from('https://app.example', request));
    expect(headers['access-control-allow-origin']).toBe('https://app.example');
    expect(String(headers.vary).toLowerCase().split(/, */)).toContain('origin');
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    const exposed = String(headers['access-control-expose-headers']).toLowerCase().split(/, */);
    expect(exposed).toEqual(expect.arrayContaining(EXPOSED));
  },
);

test('#133 pages may read a 429, and when to come again', async () => {
  const rates = { ...PLENTY, address: { max: 1, seconds: 60 } };
  const busy = await startApp({
    environment: 'production',
    corsOrigins: ['https://app.example'],
    rates,
    database: production.database,
  });
  const ask = () => busy.rest('GET', '/health', from('https://app.example', {}));
  expect((await ask()).status).toBe(200);
  const refused = await ask();
  expect(refused).toMatchObject({
    status: 429,
    headers: {
      'access-control-allow-origin': 'https://app.example',
      'retry-after': expect.stringMatching(/^[1-9]\d*$/),
    },
    body: { code: 'RATE_LIMITED' },
  });
  expect(String(refused.headers['access-control-expose-headers']).split(/, */)).toEqual(
    expect.arrayContaining(EXPOSED),
  );
});

test('#132 a thousand preflights cost nobody a sign-in or a call', async () => {
  const few = { max: 5, seconds: 60 };
  const rates = {
    address: few,
    user: few,
    signIn: few,
    registration: few,
    userHashes: few,
    addressHashes: few,
    rows: few,
    facts: few,
  };
  const strict = await startApp({ rates, database: api.database });
  const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
  for (let i = 0; i < 1000; i++)
    expect((await strict.rest('OPTIONS', '/users/signIn', { headers })).status).toBe(204);
  const { status } = await strict.rest('POST', '/users/signIn', {
    body: { username: ann.login, password: ann.password },
  });
  expect(status).toBe(200);
});

// #129: In development pages of any origin may read, without credentials.
test.each(EVERY_KIND_OF_ANSWER)(
  '#129 #133 %s: pages of any origin may read it in development, without credentials',
  async (_, method, url, request) => {
    const { headers } = await api.rest(method, url, from('http://localhost:5173', request));
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
  },
);

const FOREIGN = [
  'https://evil.example',
  'http://app.example',
  'https://app.example:8443',
  'https://app.example.evil.com',
  'https://xapp.example',
  'https://app.examplex',
  'https://sub.app.example',
  'https://APP.EXAMPLE',
  'null',
  'https://app.example, https://evil.example',
  '',
];
test.each(FOREIGN)('#130 #132 the origin "%s" may read nothing in production', async (origin) => {
  for (const [what, method, url, request] of EVERY_KIND_OF_ANSWER) {
    const { headers } = await production.rest(method, url, from(origin, request));
    expect(headers, what).not.toHaveProperty('access-control-allow-origin');
    expect(headers, what).not.toHaveProperty('access-control-allow-credentials');
  }
  const preflight = await production.rest('OPTIONS', '/outherTasks/1', {
    headers: { origin, 'access-control-request-method': 'DELETE' },
  });
  expect(preflight.headers).not.toHaveProperty('access-control-allow-origin');
});

const REQUESTED = [
  'authorization',
  'content-type',
  'idempotency-key',
  'if-match',
  'last-event-id',
  'trpc-accept',
];
test.each(['GET', 'POST', 'PATCH', 'PUT', 'DELETE'])(
  '#131 a preflight allows %s with the headers that clients send, slash or not, over both transports',
  async (method) => {
    for (const url of [
      '/outherTasks/1',
      '/outherTasks/1/',
      '/users',
      '/trpc/task.update',
      '/trpc/task.list?batch=1',
    ]) {
      const headers = {
        origin: 'https://app.example',
        'access-control-request-method': method,
        'access-control-request-headers': REQUESTED.join(','),
      };
      for (const { app, allowed } of [
        { app: production, allowed: 'https://app.example' },
        { app: api, allowed: '*' },
      ]) {
        const answer = await app.rest('OPTIONS', url, { headers });
        expect(answer).toMatchObject({
          status: 204,
          text: '',
          headers: { 'access-control-allow-origin': allowed },
        });
        expect(String(answer.headers['access-control-allow-methods']).split(/, */)).toContain(method);
        const names = String(answer.headers['access-control-allow-headers']).toLowerCase().split(/, */);
        expect(names).toEqual(expect.arrayContaining(REQUESTED));
        expect(answer.headers['access-control-max-age']).toBe('600');
      }
    }
  },
);

/** What tools add to the requests of a page by themselves: tracing, libraries that make requests, tRPC's own links. */
const ADDED = [
  'traceparent, tracestate, baggage',
  'sentry-trace, baggage',
  'b3, x-b3-traceid, x-b3-spanid, x-b3-parentspanid, x-b3-sampled, x-b3-flags',
  'x-datadog-trace-id, x-datadog-parent-id, x-datadog-origin, x-datadog-sampling-priority, x-datadog-tags',
  'newrelic, elastic-apm-traceparent, uber-trace-id, x-amzn-trace-id, x-cloud-trace-context',
  'request-id, request-context, x-correlation-id',
  'x-requested-with, cache-control, pragma, expires, if-none-match, if-modified-since',
  'x-trpc-source, trpc-batch-mode',
];
test.each(ADDED)('#234 a preflight allows what tools add by themselves: %s', async (added) => {
  const headers = {
    origin: 'https://app.example',
    'access-control-request-method': 'POST',
    'access-control-request-headers': added,
  };
  for (const app of [production, api]) {
    const answer = await app.rest('OPTIONS', '/users', { headers });
    const names = String(answer.headers['access-control-allow-headers']).split(', ');
    expect(names).toEqual(expect.arrayContaining(added.split(', ')));
  }
});

test('#234 outside production a preflight allows every header; * alone would not mean authorization', async () => {
  const allowed = async (app: TestApp) => {
    const headers = {
      origin: 'https://app.example',
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'x-own',
    };
    return String(
      (await app.rest('OPTIONS', '/users/me', { headers })).headers['access-control-allow-headers'],
    ).split(', ');
  };
  const listed = await startApp({
    environment: 'development',
    corsOrigins: ['https://app.example'],
    database: api.database,
  });
  for (const app of [api, listed])
    expect(await allowed(app)).toEqual(expect.arrayContaining(['*', 'authorization']));
  const names = await allowed(production);
  expect(names).toContain('authorization');
  for (const name of ['*', 'x-own', 'x-forwarded-for', 'x-forwarded-prefix', 'cookie'])
    expect(names).not.toContain(name);
});

test('#130 without a list no foreign origin may read anything in production', async () => {
  const closed = await startApp({
    environment: 'production',
    corsOrigins: [],
    database: production.database,
  });
  const origin = 'https://app.example';
  const read = await closed.rest('GET', '/health', { headers: { origin } });
  const preflight = await closed.rest('OPTIONS', '/users', {
    headers: { origin, 'access-control-request-method': 'POST' },
  });
  expect([read.status, preflight.status]).toEqual([200, 204]);
  for (const { headers } of [read, preflight])
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
});

// Errors and the log

test.each(['production', 'development'] as const)(
  '#133 #161 in %s a failure of the database is a constant text over both transports and is logged without values',
  async (environment) => {
    const broken = await startApp({ environment, corsOrigins: ['https://app.example'] });
    const { token } = await broken.register();
    await broken.database.db.execute(sql`alter table outer_tasks rename to nowhere`);
    const marker = `marker-${randomUUID()}`;
    const [rest, rpc] = await Promise.all([
      broken.rest('POST', '/outherTasks', {
        token,
        body: { title: marker },
        headers: { origin: 'https://app.example', 'x-request-id': 'the-rest-one' },
      }),
      broken.rest('POST', '/trpc/task.create', {
        token,
        body: { title: marker },
        headers: { origin: 'https://app.example' },
      }),
    ]);
    expect(rest).toMatchObject({
      status: 500,
      body: { code: 'INTERNAL', detail: 'Internal server error', status: 500 },
      headers: { 'access-control-allow-origin': 'https://app.example', 'cache-control': expect.any(String) },
    });
    expect(rpc).toMatchObject({
      status: 500,
      body: { error: { message: 'Internal server error', data: { reason: 'INTERNAL' } } },
      headers: { 'access-control-allow-origin': 'https://app.example' },
    });
    for (const { text } of [rest, rpc])
      expect(text).not.toMatch(/outer_tasks|insert|relation|drizzle|postgres|42P01|marker| at |\.ts/i);
    await expect
      .poll(() => broken.log.filter(({ request_id }) => request_id === 'the-rest-one'))
      .toHaveLength(2);
    const failure = broken.log.find(
      ({ request_id, msg }) => request_id === 'the-rest-one' && msg === 'request failed',
    );
    expect(JSON.stringify(failure)).toContain('42P01');
    expect(JSON.stringify(broken.log)).not.toContain(marker);
    expect(JSON.stringify(broken.log)).not.toMatch(/insert into/i);
  },
);

const secret = 'w0rd0fTheClient';
const { token, login } = await api.register(`login-${secret}`);
const LOGGED: [string, string, Request, Record<string, unknown>][] = [
  ['GET', `/outherTasks?limit=1&${secret}=${secret}`, { token }, { procedure: 'task.list', status: 200 }],
  ['GET', `/outherTasks/?status=${secret}`, { token }, { procedure: 'task.list', status: 400 }],
  [
    'PATCH',
    `/outherTasks/${secret}`,
    { token, body: { title: secret } },
    { procedure: 'task.update', status: 400 },
  ],
  [
    'POST',
    '/users/signIn',
    { body: { username: login, password: secret } },
    { procedure: 'auth.signIn', status: 401 },
  ],
  ['POST', '/users', { body: `{"login":"${secret}` }, { procedure: 'auth.register', status: 400 }],
  [
    'GET',
    '/users/me',
    { headers: { authorization: `Bearer ${secret}`, 'user-agent': `${secret}\u001b[31m`, cookie: secret } },
    { procedure: 'auth.me', status: 401 },
  ],
  ['GET', `/${secret}`, {}, { route: 'unknown', status: 404 }],
  ['GET', `/${secret}/%ZZ`, {}, { status: expect.any(Number) }],
  ['GET', `/outherTasks/%ZZ?${secret}`, {}, { status: expect.any(Number) }],
  ['PUT', `/outherTasks?${secret}`, {}, { status: 405 }],
  ['OPTIONS', `/outherTasks?${secret}`, {}, { status: 204 }],
  [
    'OPTIONS',
    `/outherTasks?${secret}`,
    { headers: { origin: `https://${secret}`, 'access-control-request-method': 'POST' } },
    { status: 204 },
  ],
  ['HEAD', `/outherTasks?${secret}`, { token }, { procedure: 'task.list', status: 200 }],
  ['GET', `/trpc/task.list?input={"${secret}":1}`, { token }, { procedure: 'task.list', status: 200 }],
  [
    'GET',
    `/trpc/task.list,auth.me?batch=1&input={"0":{"${secret}":1}}`,
    { token },
    { procedure: 'task.list,auth.me', status: 200 },
  ],
  ['GET', `/trpc/${secret},task.list?batch=1`, { token }, { status: expect.any(Number) }],
  [
    'GET',
    `/trpc/task.list?${secret}`,
    { token, headers: { 'trpc-accept': 'application/jsonl' } },
    { procedure: 'task.list', status: expect.any(Number) },
  ],
  ['POST', '/trpc/task.create', { token, body: `{"title":"${secret}` }, { status: 400 }],
  ['GET', '/health', { headers: { host: `${secret} x` } }, { status: 400 }],
  ['GET', '/docs', { headers: { referer: secret } }, { route: '/docs', status: 200 }],
  ['GET', `/?${secret}`, {}, { route: '/', status: 200 }],
];
test.each(LOGGED)(
  '#103 #164 %s %s is one line in the log, and nothing that the client wrote is in it',
  async (method, url, request, expected) => {
    const id = randomUUID();
    const { status } = await api.rest(method, url, {
      ...request,
      headers: { ...request.headers, 'x-request-id': id },
    });
    const lines = () => api.log.filter((line) => line.request_id === id);
    await expect.poll(() => lines()).toHaveLength(1);
    expect(lines()[0]).toMatchObject({
      ...expected,
      status,
      ms: expect.any(Number),
      level: 30,
      time: expect.anything(),
    });
    expect(lines()[0]?.procedure ?? lines()[0]?.route).toEqual(expect.any(String));
    expect(JSON.stringify(lines())).not.toContain(secret);
  },
);

test('probes are a line in the log when they say no, and none when they say yes', async () => {
  const unwell = await startApp({ database: { ...api.database, ping: () => undefined } });
  for (const path of ['/health', '/trpc/health.check', '/readyz']) {
    expect((await api.rest('GET', path, { headers: { 'x-request-id': 'a-probe-all-well' } })).status).toBe(
      200,
    );
    expect(
      (await unwell.rest('GET', path, { headers: { 'x-request-id': `not-well-${path.at(-1)}` } })).status,
    ).toBe(503);
    await expect
      .poll(() => unwell.log.at(-1))
      .toMatchObject({ request_id: `not-well-${path.at(-1)}`, status: 503, level: 30 });
  }
  expect((await api.rest('GET', '/livez', { headers: { 'x-request-id': 'a-probe-all-well' } })).status).toBe(
    200,
  );
  await api.rest('GET', '/outherTasks', { headers: { 'x-request-id': 'after-the-probes' } });
  await expect.poll(() => api.log.at(-1)).toMatchObject({ request_id: 'after-the-probes' });
  expect(api.log.filter(({ request_id }) => request_id === 'a-probe-all-well')).toEqual([]);
});

test('#164 no login, token or other text of a client is anywhere in the log', () => {
  for (const text of [secret, token, login, ann.token, ann.login])
    expect(JSON.stringify(api.log)).not.toContain(text);
});

// Health

test('health says that all is well, in the form of the contract', async () => {
  const before = Date.now();
  const { status, body, headers } = await api.rest('GET', '/health');
  expect(status).toBe(200);
  expect(body).toEqual({
    status: 'ok',
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    database: 'connected',
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    environment: 'test',
  });
  expect(Date.parse(body.timestamp)).toBeGreaterThanOrEqual(before);
  expect(Date.parse(body.timestamp)).toBeLessThanOrEqual(Date.now());
  expect(headers['cache-control']).toBe('no-store');
});

const away = { status: 'unavailable', database: 'disconnected' };
const untilHealth = (app: typeof api, status: number): Promise<void> =>
  expect.poll(async () => (await app.rest('GET', '/health')).status, { interval: 20 }).toBe(status);

// `createHealthMonitor` says no after two seconds by the clock: server/src/features/health/router.test.ts.

test('health says that the database hangs, and that it is back', async () => {
  const slow = await startApp();
  await untilHealth(slow, 200);
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  // As many as the pool has connections, each waiting in a transaction.
  const holders = Array.from({ length: 5 }, () =>
    slow.database.db.transaction(async () => {
      begun.resolve();
      await gate.promise;
    }),
  );
  await begun.promise;
  await untilHealth(slow, 503);
  expect(await slow.rest('GET', '/health')).toMatchObject({
    status: 503,
    body: away,
    headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
  });
  expect(await slow.rpc('health.check')).toMatchObject({ status: 503 });
  gate.resolve();
  await Promise.all(holders);
  await untilHealth(slow, 200);
});

test('health says that the database is gone', async () => {
  const database = await openTestDatabase();
  const orphan = await startApp({ database });
  await untilHealth(orphan, 200);
  await database.close();
  await untilHealth(orphan, 503);
  expect(await orphan.rest('GET', '/health/')).toMatchObject({ status: 503, body: away });
  expect((await orphan.rest('HEAD', '/health')).status).toBe(503);
});
