import { expect, onTestFinished, test, vi } from 'vitest';
import { openTestDatabase, startApp } from '../../../test/harness.ts';
import { bothTransports, ofRest } from '../../../test/transports.ts';
import { createHealthMonitor } from '../../http/edge/health.ts';

const api = await startApp();

const goingAway = await openTestDatabase();
const deserted = await startApp({ database: goingAway });

let pings = 0;
const counting = await startApp({
  database: {
    ...api.database,
    ping() {
      pings++;
      return api.database.ping();
    },
  },
});

test.each(['/health', '/health/'])('%s tells anybody that all is well', async (path) => {
  const before = Date.now();
  for (const token of [undefined, 'nonsense']) {
    const answer = await api.rest('GET', path, { token });
    const { data } = ofRest(answer);
    expect(data).toEqual({
      status: 'ok',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
      database: 'connected',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      environment: 'test',
    });
    expect(Date.parse(data.timestamp)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(data.timestamp)).toBeLessThanOrEqual(Date.now());
    expect(answer.headers['cache-control']).toBe('no-store');
  }
});

test.each(bothTransports(api))(
  'over $name the answer is the same, with or without an input',
  async ({ call }) => {
    const { data: first } = await call('health.check');
    const { data: second } = await call('health.check', { extra: 1 });
    expect({ ...second, timestamp: first.timestamp }).toEqual(first);
  },
);

test('however many ask, the database is asked once a second at most', async () => {
  const [rest, rpc] = bothTransports(counting);
  const start = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => (index % 2 ? rest : rpc).call('health.check')),
  );
  const seconds = Math.ceil((performance.now() - start) / 1000);
  expect(new Set(answers.map(({ data }) => data.database))).toEqual(new Set(['connected']));
  expect(pings).toBeGreaterThan(0);
  expect(pings).toBeLessThanOrEqual(seconds);
});

test('as long as the database is not prepared nobody is asked, and as soon as it is the answer is yes', async () => {
  let isPrepared = false;
  const starting = await startApp({
    database: { ...api.database, ping: () => (isPrepared ? api.database.ping() : undefined) },
  });
  const status = async () => (await starting.rest('GET', '/health')).status;
  expect(await status()).toBe(503);
  isPrepared = true;
  expect(await status()).toBe(200);
});

test('when the database goes away the answer is 503, over both transports', async () => {
  const [rest, rpc] = bothTransports(deserted);
  expect((await rest.call('health.check')).data.status).toBe('ok');
  await goingAway.close();
  const body = { status: 'unavailable', database: 'disconnected', environment: 'test' };
  await expect
    .poll(() => deserted.rest('GET', '/health'), { interval: 100 })
    .toMatchObject({
      status: 503,
      headers: {
        'retry-after': expect.stringMatching(/^\d+$/),
        'content-type': 'application/json; charset=utf-8',
      },
      body: { ...body, timestamp: expect.any(String), version: expect.any(String) },
    });
  expect(await rpc.call('health.check')).toMatchObject({ status: 503, data: body });
  for (const path of ['health.check', 'health.check?batch=1', 'health.check,no.where?batch=1'])
    expect((await deserted.rest('GET', `/trpc/${path}`)).headers, path).toMatchObject({ 'retry-after': '1' });
});

test('/livez and /readyz answer anybody; without the database only the second says 503', async () => {
  for (const path of ['/livez', '/readyz'])
    expect(await api.rest('GET', path)).toMatchObject({
      status: 200,
      body: { status: 'ok' },
      headers: { 'cache-control': 'no-store' },
    });
  expect((await deserted.rest('GET', '/livez')).status).toBe(200);
  const refusal = { status: 503, body: { status: 'unavailable' }, headers: { 'retry-after': '1' } };
  await expect.poll(() => deserted.rest('GET', '/readyz')).toMatchObject(refusal);
});

test('by the clock a database that hangs is noticed within two seconds', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  let hangs = false;
  const ping = () => (hangs ? new Promise<void>(() => {}) : Promise.resolve());
  const health = createHealthMonitor(ping, '1.0.0', 'test');
  expect(await health.databaseAnswers()).toBe(true);
  hangs = true;
  await vi.advanceTimersByTimeAsync(1000);
  const answer = health.databaseAnswers();
  await vi.advanceTimersByTimeAsync(1000);
  expect(await answer).toBe(false);
});
