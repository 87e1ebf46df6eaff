// /metrics: who is told, what is told, and that no client can make it grow.
import { randomUUID } from 'node:crypto';
import { glob, readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { serveMetrics } from '../src/http/edge/metrics.ts';
import { jobMeasures } from '../src/jobs/overview.ts';
import { JOBS } from '../src/jobs/registry.ts';
import { PRODUCTION_RATES } from '../src/security/rateLimits.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { alertQueries, dashboardQueries, missingFrom, readBy, type Sample, samplesOf } from './exposition.ts';
import { startApp } from './harness.ts';
import { openStream } from './streams.ts';

const TOKEN = 'a-token-for-scrapers';
const into = createMetrics('0.1.0');
const rates = {
  ...PRODUCTION_RATES,
  address: { max: 1e9, seconds: 60 },
  signIn: { max: 30, seconds: 600 },
};
// Hashes as in production: a queue of cheap ones is empty again before anybody has looked.
const api = await startApp({ productionHashCost: true, metrics: { into, token: TOKEN }, rates });

// The process adds them, as it does the background work.
into.register(
  jobMeasures(
    JOBS.map(({ name }) => name),
    () => undefined,
  ),
);

const scrape = async (): Promise<Sample[]> => {
  const { status, text } = await api.rest('GET', '/metrics', { token: TOKEN });
  expect(status).toBe(200);
  return samplesOf(text);
};

/** @returns the value of the series with these labels among others, summed; 0 when there is none */
const value = (samples: Sample[], name: string, labels: Record<string, string> = {}) =>
  samples
    .filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, text]) => sample.labels[key] === text),
    )
    .reduce((sum, sample) => sum + sample.value, 0);

const REQUESTS = 'stepwise_request_duration_seconds_count';

test('#218 without a port or a token of its own there is no /metrics', async () => {
  const plain = await startApp();
  expect((await plain.rest('GET', '/metrics')).status).toBe(404);
  const counting = await startApp({ metrics: { into: createMetrics('0.1.0') } });
  expect((await counting.rest('GET', '/metrics', { token: TOKEN })).status).toBe(404);
});

test('#218 on the main port it is for who has the token', async () => {
  const { token } = await api.register();
  for (const wrong of [undefined, token, `${TOKEN}x`, TOKEN.slice(1)]) {
    const { status, body } = await api.rest('GET', '/metrics', { token: wrong });
    expect({ status, code: body.code }).toEqual({ status: 401, code: 'UNAUTHENTICATED' });
  }
  const { headers } = await api.rest('GET', '/metrics', { token: TOKEN });
  expect(headers).toMatchObject({
    'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    'cache-control': 'no-store',
  });
});

test('#218 a port of its own tells nothing else, and asks for the token where there is one', async () => {
  const open = await serveMetrics(into, '127.0.0.1', 0, undefined);
  const closed = await serveMetrics(into, '127.0.0.1', 0, TOKEN);
  onTestFinished(() => {
    for (const server of [open, closed]) server.close();
  });
  const ask = (server: typeof open, path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, init);
  const told = await ask(open, '/metrics');
  expect(told.status).toBe(200);
  expect(samplesOf(await told.text()).length).toBeGreaterThan(50);
  expect((await ask(open, '/users/me')).status).toBe(404);
  expect((await ask(open, '/metrics', { method: 'POST' })).status).toBe(404);
  expect((await ask(closed, '/metrics')).status).toBe(401);
  expect((await ask(closed, '/metrics', { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200);
});

test('answers are counted by procedure, transport and status, with the time that they took', async () => {
  const { token } = await api.register();
  const before = await scrape();
  await api.rest('POST', '/outherTasks', { token, body: { title: 'x' } });
  await api.rest('POST', '/outherTasks', { token, body: { title: '' } });
  await api.rpc('task.list', {}, token);
  await api.rest('GET', '/trpc/task.list,exercise.list?batch=1&input={}', { token });
  await api.rest('GET', '/livez');
  const after = await scrape();
  const more = (labels: Record<string, string>, name = REQUESTS) =>
    value(after, name, labels) - value(before, name, labels);
  expect(more({ procedure: 'task.create', door: 'rest', status: '201' })).toBe(1);
  expect(more({ procedure: 'task.create', door: 'rest', status: '400' })).toBe(1);
  expect(more({ procedure: 'task.list', door: 'rpc', status: '200' })).toBe(1);
  expect(more({ procedure: 'batch', door: 'rpc' })).toBe(1);
  expect(more({ procedure: '/livez', door: 'rest', status: '200' })).toBe(1);
  const took = more({ procedure: 'task.list', door: 'rpc' }, 'stepwise_request_duration_seconds_sum');
  expect(took).toBeGreaterThan(0);
  // In seconds: as milliseconds it would be more.
  expect(took).toBeLessThan(60);
});

test('#260 a refused stream is counted and logged under its status, also where its reader is sent 200 to read why', async () => {
  const before = await scrape();
  for (const accept of ['text/event-stream', '*/*'])
    await api.rest('GET', '/trpc/events.stream', { headers: { accept } });
  const after = await scrape();
  const labels = { procedure: 'events.stream', door: 'rpc' };
  const more = (status: string) =>
    value(after, REQUESTS, { ...labels, status }) - value(before, REQUESTS, { ...labels, status });
  expect([more('401'), more('200')]).toEqual([2, 0]);
  const lines = api.log.filter(({ procedure }) => procedure === 'events.stream');
  expect(lines.map(({ status }) => status)).toEqual([401, 401]);
});

test('what waits, is remembered and is refused is counted where it happens', async () => {
  const user = await api.register();
  const before = await scrape();
  const storm = Array.from({ length: 60 }, (_, i) => {
    const payload = { login: randomUUID(), password: 'correct horse battery' };
    return api.app.inject({ method: 'POST', url: '/users', payload, remoteAddress: `2001:db8:0:${i}::1` });
  });
  const isQueueing = async () => {
    const during = samplesOf(await into.render());
    const hashes = (state: string) => value(during, 'stepwise_hashes', { state });
    return hashes('running') === 1 && hashes('waiting') > 10;
  };
  await expect.poll(isQueueing, { interval: 5 }).toBe(true);
  const refused = (await Promise.all(storm)).filter(({ statusCode }) => statusCode === 503).length;
  await api.rest('GET', '/users/me', { token: user.token });
  await api.rest('GET', '/users/me', { token: user.token });
  for (let failure = 0; failure < 6; failure++)
    await api.rest('POST', '/users/signIn', {
      body: { username: user.login, password: `not the password ${failure}` },
    });
  const after = await scrape();
  const more = (name: string, labels?: Record<string, string>) =>
    value(after, name, labels) - value(before, name, labels);
  expect(value(after, 'stepwise_hashes')).toBe(0);
  expect(refused).toBeGreaterThan(0);
  expect(more('stepwise_hashes_refused_total')).toBe(refused);
  expect(more('stepwise_session_checks_total', { from: 'database' })).toBe(1);
  expect(more('stepwise_session_checks_total', { from: 'memory' })).toBe(1);
  expect(more('stepwise_limits_refused_total', { kind: 'guess' })).toBe(1);
  expect(more('stepwise_database_calls_total')).toBeGreaterThan(60 - refused);
  expect(value(after, 'stepwise_database_calls')).toBe(0);
});

test('streams are counted while they are open, and how late events come to readers who waited for them', async () => {
  const { token } = await api.register();
  const base = await api.app.listen({ host: '127.0.0.1', port: 0 });
  const before = await scrape();
  const more = async (name: string) => value(await scrape(), name) - value(before, name);
  const readers = await Promise.all(Array.from({ length: 10 }, () => openStream(base, '/events', { token })));
  expect((await openStream(base, '/events', { token })).status).toBe(429);
  expect(await more('stepwise_streams_open')).toBe(10);
  expect(await more('stepwise_streams_refused_total')).toBe(1);
  for (const reader of readers) expect(await reader.next()).toMatchObject({ event: { type: 'ready' } });
  await api.rest('POST', '/outherTasks', { token, body: { title: 'told' } });
  for (const reader of readers)
    expect(await reader.next()).toMatchObject({ event: { type: 'task.created' } });
  expect(await more('stepwise_event_lag_seconds_count')).toBe(10);
  const lag = await more('stepwise_event_lag_seconds_sum');
  expect(lag).toBeGreaterThan(0);
  expect(lag).toBeLessThan(600);
  for (const reader of readers) reader.leave();
  await expect.poll(() => more('stepwise_streams_open')).toBe(0);
  // One who comes back waited for nothing.
  const late = await openStream(base, '/events', { token }, 0);
  expect(await late.next()).toMatchObject({ event: { type: 'task.created' } });
  late.leave();
  expect(await more('stepwise_event_lag_seconds_count')).toBe(10);
});

test('what is remembered is counted, and what is not', async () => {
  const { id, token } = await api.register();
  const body = { goal: 'run', age: 30, gender: 'female', weight: 60, height: 170 };
  expect((await api.rest('POST', '/physicalPlans', { token, body })).status).toBe(201);
  const before = await scrape();
  for (let n = 0; n < 2; n++) await api.rest('GET', `/users/${id}/physical-plan`, { token });
  expect((await api.rest('GET', '/users/me', { token: `${token}x` })).status).toBe(401);
  const after = await scrape();
  const more = (name: string, labels?: Record<string, string>) =>
    value(after, name, labels) - value(before, name, labels);
  expect(more('stepwise_token_checks_total', { from: 'memory' })).toBe(2);
  expect(more('stepwise_token_checks_total', { from: 'signature' })).toBe(1);
  // The first view is put together of exercises in memory, the second is in memory itself.
  expect(more('stepwise_view_reads_total', { from: 'database' })).toBe(1);
  expect(more('stepwise_view_reads_total', { from: 'memory' })).toBe(1);
  expect(more('stepwise_catalogue_reads_total', { from: 'memory' })).toBe(1);
  expect(more('stepwise_catalogue_reads_total', { from: 'database' })).toBe(0);
  expect(more('stepwise_limits_counts_total', { store: 'memory' })).toBeGreaterThanOrEqual(3);
});

test.each([...(await dashboardQueries()), ...(await alertQueries('stepwise'))])(
  '$of asks for what is told: $query',
  async ({ query }) => {
    expect(readBy(query)).not.toEqual([]);
    expect(missingFrom(await scrape(), query)).toEqual([]);
  },
);

test('the clients of Prometheus and OpenTelemetry are loaded by nothing but what is loaded when they are asked for', async () => {
  const SOURCES = fileURLToPath(new URL('../src', import.meta.url));
  const loaders: string[] = [];
  for await (const path of glob('**/*.ts', { cwd: SOURCES })) {
    const imports = [
      ...(await readFile(join(SOURCES, path), 'utf8')).matchAll(/^import (?!type)[^;]* from '([^']+)';$/gm),
    ];
    if (
      imports.some(([, from = '']) =>
        /^@(prometheus-io|opentelemetry)\/|telemetry\/(metrics|traces)\.ts$/.test(from),
      )
    )
      loaders.push(path);
  }
  expect(loaders.sort()).toEqual(['telemetry/metrics.ts', 'telemetry/traces.ts']);
});

test('a query is read for its metrics and their labels', () => {
  expect(
    readBy('sum by (le, pool) (rate(a_total{x="1", y!~"b{c"}[5m])) / ignoring(z) max(b) > 0.5 or vector(0)'),
  ).toEqual([
    { metric: 'a_total', labels: ['le', 'pool', 'z', 'x', 'y'] },
    { metric: 'b', labels: ['le', 'pool', 'z'] },
  ]);
});

test('#218 ten thousand random URLs and logins leave no trace in a label and no series of their own', async () => {
  const user = await api.register();
  const kinds: ((word: string) => Promise<unknown>)[] = [
    (word) => api.rest('GET', `/${word}`),
    (word) =>
      api.rest('POST', `/users/${word}?${word}=${word}`, { token: user.token, body: { [word]: word } }),
    (word) => api.rest('GET', `/users/${Number.parseInt(word, 36) % 1e9}/mental-plan`, { token: user.token }),
    (word) => api.rest('GET', `/outherTasks/${word}`, { token: user.token }),
    (word) =>
      api.rest('DELETE', `/resources/${word}`, { headers: { 'x-request-id': word, 'user-agent': word } }),
    (word) => api.rest('GET', `/trpc/${word}?input={"${word}":1}`, { token: user.token }),
    (word) => api.rest('GET', `/trpc/${word},task.list?batch=1`, { token: user.token }),
    (word) =>
      api.rest('OPTIONS', `/${word}`, {
        headers: { origin: `https://${word}.example`, 'access-control-request-method': 'GET' },
      }),
    (word) => api.rest('POST', '/users/signIn', { body: { username: word, password: `wrong ${word}` } }),
    (word) => api.rpc('auth.signIn', { username: word, password: `wrong ${word}` }),
  ];
  const words: string[] = [];
  const series = async () =>
    (await scrape()).map(({ name, labels }) => `${name}${JSON.stringify(labels)}`).sort();
  const send = async (times: number) => {
    for (let i = 0; i < times; i++) {
      const word = `w${randomUUID().replaceAll('-', '').slice(0, 12)}`;
      words.push(word);
      await (kinds[i % kinds.length] as (word: string) => Promise<unknown>)(word);
    }
  };
  await send(500);
  const early = await series();
  await send(9500);
  const late = await series();
  // Limits may begin to refuse in between: of a kind of request, one more status.
  expect(late.length).toBeLessThan(early.length + kinds.length * 15);
  expect(late.length).toBeLessThan(2000);
  const text = late.join('\n');
  expect(words.filter((word) => text.includes(word))).toEqual([]);
  for (const secret of [user.login, user.token, 'example']) expect(text).not.toContain(secret);
});
