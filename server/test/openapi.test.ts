// The published document: linted, held against the contract's table, and kept in a snapshot so that a change shows.
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { expect, test } from 'vitest';
import { makeResetCode } from '../src/features/auth/operators/queries.ts';
import { listEndpoints } from '../src/http/transports/endpoints.ts';
import { appRouter } from '../src/router.ts';
import { startApp, type TestApp } from './harness.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly required?: readonly string[];
  readonly properties?: Record<string, Schema>;
  readonly enum?: readonly unknown[];
}

interface Body {
  readonly schema: Schema;
  readonly example?: unknown;
  readonly examples?: Record<string, { value: unknown }>;
}

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly object[];
  readonly parameters?: readonly { name: string; in: string; required?: boolean }[];
  readonly requestBody?: { required?: boolean; content: Record<string, Body> };
  readonly responses: Record<
    string,
    { headers?: Record<string, unknown>; content?: Record<string, { schema?: Schema }> }
  >;
}

interface Document {
  readonly openapi: string;
  readonly tags: readonly { name: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, Schema>; securitySchemes: Record<string, object> };
}

const api = await startApp();
const { text, body, headers } = await api.rest('GET', '/openapi.json');
const document: Document = body;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    route: `${method.toUpperCase()} ${path}`,
    path,
    operation,
  })),
);
const withBody = operations.flatMap(({ route, operation }) => {
  const content = operation.requestBody?.content['application/json'];
  return content ? [{ route, name: operation.operationId, body: content }] : [];
});
const PUBLIC = ['auth.register', 'auth.signIn', 'auth.refresh', 'auth.resetPassword', 'health.check'];

/** The contract: procedure, route, status of success. */
const TABLE: [string, string, number][] = [
  ['auth.register', 'POST /users', 201],
  ['auth.signIn', 'POST /users/signIn', 200],
  ['auth.refresh', 'POST /users/refresh', 200],
  ['auth.signOut', 'POST /users/signOut', 200],
  ['auth.sessions.list', 'GET /users/me/sessions', 200],
  ['auth.sessions.revoke', 'DELETE /users/me/sessions/{id}', 200],
  ['auth.changePassword', 'POST /users/me/password', 200],
  ['auth.resetPassword', 'POST /users/resetPassword', 200],
  ['auth.export', 'GET /users/me/export', 200],
  ['auth.exports.start', 'POST /users/me/exports', 202],
  ['auth.exports.list', 'GET /users/me/exports', 200],
  ['auth.exports.byId', 'GET /users/me/exports/{id}', 200],
  ['auth.exports.file', 'GET /users/me/exports/{id}/file', 200],
  ['auth.me', 'GET /users/me', 200],
  ['auth.remove', 'DELETE /users/{id}', 200],
  ['physicalPlan.create', 'POST /physicalPlans', 201],
  ['physicalPlan.update', 'PATCH /physicalPlans/{id}', 200],
  ['physicalPlan.preview', 'POST /physicalPlans/preview', 200],
  ['physicalPlan.swap', 'POST /physicalPlans/{id}/swap', 200],
  ['physicalPlan.remove', 'DELETE /physicalPlans/{id}', 200],
  ['physicalPlan.byUser', 'GET /users/{id}/physical-plan', 200],
  ['physicalPlan.list', 'GET /physicalPlans', 200],
  ['physicalPlan.exercises', 'GET /exercises', 200],
  ['mentalPlan.create', 'POST /mentalPlans', 201],
  ['mentalPlan.update', 'PATCH /mentalPlans/{id}', 200],
  ['mentalPlan.remove', 'DELETE /mentalPlans/{id}', 200],
  ['mentalPlan.byUser', 'GET /users/{id}/mental-plan', 200],
  ['mentalPlan.list', 'GET /mentalPlans', 200],
  ['resource.create', 'POST /resources', 201],
  ['resource.createMany', 'POST /resources/bulk', 201],
  ['resource.update', 'PATCH /resources/{id}', 200],
  ['resource.remove', 'DELETE /resources/{id}', 200],
  ['resource.list', 'GET /resources', 200],
  ['task.list', 'GET /outherTasks', 200],
  ['task.byUser', 'GET /users/{id}/outer-tasks', 200],
  ['task.create', 'POST /outherTasks', 201],
  ['task.update', 'PATCH /outherTasks/{id}', 200],
  ['task.skip', 'POST /outherTasks/{id}/skip', 200],
  ['task.remove', 'DELETE /outherTasks/{id}', 200],
  ['history.days', 'GET /users/me/history', 200],
  ['history.months', 'GET /users/me/history/months', 200],
  ['history.summary', 'GET /users/me/history/summary', 200],
  ['day.today', 'GET /users/me/today', 200],
  ['day.byDate', 'GET /users/me/days/{date}', 200],
  ['day.complete', 'POST /users/me/days/{date}', 200],
  ['day.correct', 'PUT /users/me/days/{date}', 200],
  ['day.skip', 'POST /users/me/days/{date}/skip', 200],
  ['day.reopen', 'POST /users/me/days/{date}/reopen', 200],
  ['body.add', 'POST /users/me/body', 201],
  ['body.list', 'GET /users/me/body', 200],
  ['body.trend', 'GET /users/me/body/trend', 200],
  ['body.remove', 'DELETE /users/me/body/{date}', 200],
  ['calendar.create', 'POST /users/me/calendars', 201],
  ['calendar.list', 'GET /users/me/calendars', 200],
  ['calendar.revoke', 'DELETE /users/me/calendars/{id}', 200],
  ['profile.get', 'GET /users/me/profile', 200],
  ['profile.update', 'PATCH /users/me/profile', 200],
  ['events.stream', 'GET /events', 200],
  ['health.check', 'GET /health', 200],
];

// #241: Redocly's `recommended-strict` and Spectral's `spectral:oas`, of which not even a hint.
test('#241 it is OpenAPI 3.1, JSON, and free of whatever a linter finds', async () => {
  expect(headers['content-type']).toBe('application/json; charset=utf-8');
  expect(document.openapi).toMatch(/^3\.1\./);
  const problems = await lintFromString({
    source: text,
    absoluteRef: '/openapi.json',
    config: await createConfig({ extends: ['recommended-strict'] }),
  });
  const found = problems.map(
    ({ severity, ruleId, message, location }) =>
      `${severity} ${ruleId}: ${message} (${location[0]?.pointer})`,
  );
  expect(found).toEqual([]);
});

/** @returns the URLs of the servers that the document names, and the headers that it comes with */
async function serversFor({ rest }: TestApp, headers: Record<string, string> = {}) {
  const answer = await rest('GET', '/openapi.json', { headers });
  const { servers, ...others } = answer.body;
  expect({ ...others, servers: body.servers }).toEqual(body);
  return {
    urls: servers.map(({ url }: { url: string }) => url),
    etag: answer.headers.etag,
    vary: String(answer.headers.vary),
  };
}

const PREFIXED = { 'x-forwarded-prefix': '/api' };
const proxied = await startApp({ trustedProxies: ['127.0.0.1'], database: api.database });

test('#232 it names the path prefix that a trusted proxy cuts off, and caches keep the documents apart', async () => {
  const [without, one, other] = await Promise.all(
    [{}, PREFIXED, { 'x-forwarded-prefix': '/v2' }].map((sent) => serversFor(proxied, sent)),
  );
  expect([without, one, other].map((found) => found?.urls)).toEqual([['/'], ['/api'], ['/v2']]);
  expect(new Set([without, one, other].map((found) => found?.etag)).size).toBe(3);
  for (const found of [without, one, other]) expect(found?.vary.split(', ')).toContain('x-forwarded-prefix');
  for (const [sent, status] of [
    [PREFIXED, 304],
    [{}, 200],
  ] as const)
    expect(
      (
        await proxied.rest('GET', '/openapi.json', {
          headers: { ...sent, 'if-none-match': String(one?.etag) },
        })
      ).status,
    ).toBe(status);
});

test('#232 of anybody else it believes no prefix', async () => {
  const elsewhere = await startApp({ trustedProxies: ['10.0.0.0/8'], database: api.database });
  expect(await serversFor(elsewhere, PREFIXED)).toMatchObject({ urls: ['/'] });
  const { urls, vary } = await serversFor(api, PREFIXED);
  expect(urls).toEqual(['/']);
  expect(vary).not.toContain('prefix');
});

test.each([
  ['/api', '/api'],
  ['/api/', '/api'],
  ['/a/b.c/~d-e_1', '/a/b.c/~d-e_1'],
  ['/outer, /inner', '/outer/inner'],
  ['/outer/,/inner/', '/outer/inner'],
  ['/', '/'],
  ['', '/'],
])('#232 the prefix "%s" is %s', async (sent, url) => {
  expect((await serversFor(proxied, { 'x-forwarded-prefix': sent })).urls).toEqual([url]);
});

test.each([
  'api',
  '//evil.example',
  '/api//evil.example',
  'https://evil.example',
  '/\\evil.example',
  '/../admin',
  '/api/..',
  '/api/./x',
  '/%2e%2e/x',
  '/a?b',
  '/a#b',
  '/a b',
  '/a"},{"url":"https://evil.example',
  '/<script>',
  '/{host}',
  '/a, https://evil.example',
  `/${'a'.repeat(256)}`,
])('#232 what is no path is no prefix: %s', async (sent) => {
  expect((await serversFor(proxied, { 'x-forwarded-prefix': sent })).urls).toEqual(['/']);
});

test('#232 where a setting says where clients reach the server, it says that to everybody', async () => {
  const set = {
    publicUrl: 'https://host.example/api',
    trustedProxies: ['127.0.0.1'],
    database: api.database,
  };
  const { urls, vary } = await serversFor(await startApp(set), PREFIXED);
  expect(urls).toEqual(['https://host.example/api']);
  expect(vary).not.toContain('prefix');
});

test('#232 clients that make up prefixes do not fill the memory, and get theirs', async () => {
  for (let n = 0; n < 50; n++)
    expect((await serversFor(proxied, { 'x-forwarded-prefix': `/p${n}` })).urls).toEqual([`/p${n}`]);
});

test('#216 it is the one that was reviewed', async () => {
  await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot('__snapshots__/openapi.json');
});

test.each(TABLE)('%s is %s and succeeds with %d', (name, route, status) => {
  const operation = operations.find((candidate) => candidate.route === route)?.operation;
  expect(operation?.operationId).toBe(name);
  expect(Object.keys(operation?.responses ?? {}).filter((code) => code.startsWith('2'))).toEqual([
    String(status),
  ]);
});

test('every procedure with a REST path is in it, and nothing else', () => {
  const procedures = [...listEndpoints(appRouter).values()].filter(({ meta }) => meta.openapi ?? meta.stream);
  expect(operations.map(({ operation }) => operation.operationId).sort()).toEqual(
    procedures.map(({ name }) => name).sort(),
  );
});

test.each(operations)(
  '$route has a summary, a known tag, its security and every status with a schema',
  ({ operation, route }) => {
    expect(operation.summary).toMatch(/^\S.{3,99}$/);
    expect(operation.tags).toHaveLength(1);
    expect(document.tags.map(({ name }) => name)).toContain(operation.tags?.[0]);
    // Who signs out names the session by a token of either kind.
    const either = operation.operationId === 'auth.signOut' ? [{}] : [];
    expect(operation.security).toEqual(
      PUBLIC.includes(operation.operationId) ? [] : [{ bearer: [] }, ...either],
    );
    expect(document.components.securitySchemes.bearer).toMatchObject({ type: 'http', scheme: 'bearer' });

    const statuses = Object.keys(operation.responses).map(Number);
    const expected = [
      400,
      429,
      500,
      503,
      ...(operation.security?.length ? [401] : []),
      ...(route.includes('{id}') ? [404] : []),
      ...(operation.requestBody ? [413, 415] : []),
    ];
    expect(statuses).toEqual(expect.arrayContaining(expected));
    for (const [status, { content }] of Object.entries(operation.responses)) {
      const isProblem =
        Number(status) >= 400 && !(operation.operationId === 'health.check' && status === '503');
      const success = operation.operationId === 'events.stream' ? 'text/event-stream' : 'application/json';
      expect(content?.[isProblem ? 'application/problem+json' : success]?.schema, status).toBeTruthy();
    }
    const inPath = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(
      operation.parameters?.filter((parameter) => parameter.in === 'path').map(({ name }) => name) ?? [],
    ).toEqual(inPath);
  },
);

test('a problem can have every code of the contract', () => {
  const codes = document.components.schemas.ProblemCode?.enum;
  expect(codes).toEqual(
    expect.arrayContaining([
      'VALIDATION',
      'BATCH_TOO_LARGE',
      'UNAUTHENTICATED',
      'WRONG_CREDENTIALS',
      'NOT_FOUND',
      'METHOD_NOT_ALLOWED',
      'LOGIN_TAKEN',
      'IDEMPOTENCY_IN_PROGRESS',
      'IDEMPOTENCY_KEY_REUSED',
      'PRECONDITION_FAILED',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
      'RATE_LIMITED',
      'HEADERS_TOO_LARGE',
      'INTERNAL',
      'UNAVAILABLE',
    ]),
  );
});

test.each(operations)('$route says what it makes of Idempotency-Key and If-Match', ({ operation, route }) => {
  const { operationId: name, parameters = [], responses } = operation;
  const inHeaders = parameters
    .filter((parameter) => parameter.in === 'header')
    .map((parameter) => parameter.name);
  const isNamed =
    !route.startsWith('GET ') &&
    name !== 'physicalPlan.preview' &&
    (!/^(auth|calendar)\./.test(name) || name === 'auth.exports.start');
  const isFile = route.endsWith('/file');
  const isVersioned = /^(PATCH|DELETE) .*Plans\/|^(POST|PUT) .*\/days\/|\/swap$/.test(route);
  const isStream = name === 'events.stream';
  expect(inHeaders).toEqual([
    ...(isStream ? ['Last-Event-ID'] : []),
    ...(isVersioned ? ['If-Match'] : []),
    ...(isNamed ? ['Idempotency-Key'] : []),
  ]);
  expect(JSON.stringify(operation.requestBody ?? {})).not.toContain('if_match');
  expect(parameters.filter((parameter) => parameter.in === 'header' && parameter.required)).toEqual([]);

  const statuses = Object.keys(responses).map(Number);
  expect(statuses.filter((status) => status === 412)).toEqual(isVersioned ? [412] : []);
  expect(statuses.filter((status) => status === 422)).toEqual(isNamed ? [422] : []);
  expect(statuses.includes(409)).toBe(isNamed || ['auth.register', 'calendar.create'].includes(name));
  const success = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1];
  const isEtagged =
    /(Plan\.(byUser|update|swap)|day\.(byDate|complete|correct|reopen))$/.test(name) ||
    name === 'physicalPlan.create';
  expect(Object.keys(success?.headers ?? {})).toEqual([
    ...(isEtagged ? ['ETag'] : []),
    ...(isFile ? ['Content-Disposition'] : []),
    ...(isNamed ? ['Idempotency-Replayed'] : []),
  ]);
  for (const [status, { headers }] of Object.entries(responses))
    if (status === '429' || (status === '409' && isNamed))
      expect(headers, status).toHaveProperty('Retry-After');
});

const operationOf = (name: string) =>
  operations.find(({ operation }) => operation.operationId === name)?.operation;

test('resources in bulk are a bare array, in and out', () => {
  const operation = operationOf('resource.createMany');
  expect(operation?.requestBody?.content['application/json']?.schema).toMatchObject({
    type: 'array',
    maxItems: 1000,
    items: { $ref: '#/components/schemas/BulkResource' },
  });
  expect(operation?.responses['201']?.content?.['application/json']?.schema).toMatchObject({
    type: 'array',
    items: { type: 'integer' },
  });
});

test('removing an account takes the password in the body alone', () => {
  const operation = operationOf('auth.remove');
  expect(operation?.requestBody).toMatchObject({
    required: true,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/AccountRemoval' } } },
  });
  expect(document.components.schemas.AccountRemoval).toMatchObject({ required: ['password'] });
  expect(Object.keys(document.components.schemas.AccountRemoval?.properties ?? {})).toEqual(['password']);
  expect(operation?.parameters?.map(({ name, in: place }) => `${place} ${name}`)).toEqual(['path id']);
});

/** The names of all fields of a part of the document, those of the components that it refers to included. */
function fieldsOf(part: unknown, into = new Set<string>()): Set<string> {
  JSON.stringify(part, (key, value) => {
    if (key === 'properties') for (const name of Object.keys(value)) into.add(name);
    const name = key === '$ref' ? value.split('/').at(-1) : '';
    const component = document.components.schemas[name];
    if (component && !into.has(value)) fieldsOf(component, into.add(value));
    return value;
  });
  return into;
}

test('no secret is asked for in a URL, and no answer holds one', () => {
  expect([...fieldsOf(operationOf('auth.register')?.requestBody)]).toContain('password');
  for (const { route, operation } of operations) {
    expect(operation.parameters?.map(({ name }) => name) ?? [], route).not.toContain('password');
    expect(
      [...fieldsOf(operation.responses)].filter((name) => /password/.test(name)),
      route,
    ).toEqual([]);
  }
});

// Examples

/** The example that stands with a body: pages of documents fill it in, so it has to work as it is. */
const exampleOf = ({ example, examples }: Body) => example ?? Object.values(examples ?? {})[0]?.value;

const resetCodeOf = async (user_id: number) =>
  (await makeResetCode(api.database.db, { ip: '', request_id: '' }, user_id))?.code;

test('a reader who sends the examples, one after the other, succeeds with each', async () => {
  // A reset ends all sessions. Of the two sign-ins after it the second one is signed out.
  const order = [
    'auth.register',
    'auth.resetPassword',
    'auth.signIn',
    'auth.signIn',
    'auth.refresh',
    'auth.signOut',
    'auth.changePassword',
  ];
  order.push(
    'physicalPlan.create',
    'physicalPlan.update',
    'physicalPlan.preview',
    'physicalPlan.swap',
    'mentalPlan.create',
    'resource.create',
    'resource.createMany',
  );
  order.push(
    'resource.update',
    'mentalPlan.update',
    'task.create',
    'task.update',
    'profile.update',
    'body.add',
    'calendar.create',
    'day.skip',
    'day.complete',
    'day.correct',
    'auth.remove',
  );
  expect(withBody.map(({ name }) => name).sort()).toEqual([...new Set(order)].sort());
  // The reader is not the first user, but what they make is the first of its kind: its id is 1.
  await api.register();
  let reader: { access_token: string; user_id: number } | undefined;
  let refresh_token: string | undefined;
  const today = new Date().toISOString().slice(0, 10);
  for (const name of order) {
    const { route, body } = withBody.find(
      (candidate) => candidate.name === name,
    ) as (typeof withBody)[number];
    const [method, path] = route.split(' ') as [string, string];
    const url = path
      .replace('{id}', String(name === 'auth.remove' ? reader?.user_id : 1))
      .replace('{date}', today);
    const example = exampleOf(body) as object;
    // What has to be filled in: from an answer, the latest sign-in's, whose session ends with it; and from an operator.
    const filled =
      'refresh_token' in example
        ? { ...example, refresh_token }
        : 'code' in example
          ? { ...example, code: await resetCodeOf(reader?.user_id as number) }
          : 'until' in example
            ? { ...example, until: today }
            : example;
    const answer = await api.rest(method, url, { token: reader?.access_token, body: filled });
    expect(answer.status, `${route} ${answer.text}`).toBe(TABLE.find(([listed]) => listed === name)?.[2]);
    reader = name === 'auth.resetPassword' ? undefined : (reader ?? answer.body);
    refresh_token = answer.body.refresh_token ?? refresh_token;
  }
});
