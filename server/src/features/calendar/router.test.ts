// The addresses of calendar files, and how a file is answered. What is in one: file/file.test.ts.
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Answer, openTestDatabase, startApp, type TestApp, type User } from '../../../test/harness.ts';
import { PLENTY } from '../../../test/rates.ts';
import { bothTransports } from '../../../test/transports.ts';
import { MISSING } from '../../../test/values.ts';
import { blockAccount, unblockAccount } from '../auth/operators/queries.ts';

const database = await openTestDatabase();
const api = await startApp({ database });
const [rest] = bothTransports(api);
const { db } = database;
const OPERATOR = { ip: '', request_id: '' };
const PATH = /^\/calendars\/([\w-]{22})\.ics$/;

async function newCalendar({ token }: User): Promise<{ id: number; name: string; path: string }> {
  return (await rest.call('calendar.create', {}, token)).data;
}
const get = (path: string, headers: Record<string, string> = {}, from: TestApp = api): Promise<Answer> =>
  from.rest('GET', path, { headers });

describe.each(bothTransports(api))('$name', ({ call }) => {
  test('#668 an address is told once; its calendar is listed without it, until it is revoked', async () => {
    const { token } = await api.register();
    const made = (await call('calendar.create', { name: 'Phone, and watch' }, token)).data;
    expect(made).toEqual({
      id: expect.any(Number),
      name: 'Phone, and watch',
      path: expect.stringMatching(PATH),
    });
    const second = (await call('calendar.create', {}, token)).data;
    expect(second).toMatchObject({ name: 'Stepwise' });
    expect(second.path).not.toBe(made.path);
    const { data: listed } = await call('calendar.list', {}, token);
    const entry = { created_at: expect.stringMatching(/^\d{4}-.*Z$/), last_read_at: null };
    expect(listed).toEqual([
      { id: second.id, name: 'Stepwise', ...entry },
      { id: made.id, name: 'Phone, and watch', ...entry },
    ]);
    expect((await get(made.path)).status).toBe(200);
    const [, read] = (await call('calendar.list', {}, token)).data;
    expect(Math.abs(Date.parse(read.last_read_at) - Date.now())).toBeLessThan(60_000);

    expect((await call('calendar.revoke', { id: made.id }, token)).data).toEqual({
      message: 'Calendar revoked',
    });
    expect((await get(made.path)).status).toBe(404);
    expect((await get(second.path)).status).toBe(200);
    expect((await call('calendar.list', {}, token)).data).toMatchObject([{ id: second.id }]);
    for (const id of [made.id, MISSING])
      expect(await call('calendar.revoke', { id }, token)).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });

  test('#669 a user has ten calendars; one more is 409, until one is revoked', async () => {
    const ann = await api.register();
    // At once: none gets in between the count and the row.
    const answers = await Promise.all(
      Array.from({ length: 14 }, () => call('calendar.create', {}, ann.token)),
    );
    expect(answers.filter(({ data }) => data !== undefined)).toHaveLength(10);
    for (const refused of answers.filter(({ data }) => data === undefined)) {
      expect(refused).toMatchObject({
        status: 409,
        code: 'QUOTA_REACHED',
        detail: 'At most 10 calendars are kept for a user',
      });
      expect(JSON.stringify(refused.body)).toContain('"quota":{"name":"calendars","limit":10}');
    }
    const { data: listed } = await call('calendar.list', {}, ann.token);
    expect(listed).toHaveLength(10);
    await call('calendar.revoke', { id: listed[0].id }, ann.token);
    expect((await call('calendar.create', {}, ann.token)).data).toBeDefined();
  });

  test('#669 a name has 1 to 500 characters', async () => {
    const { token } = await api.register();
    for (const name of ['', ' ', 'x'.repeat(501), 7, null])
      expect(await call('calendar.create', { name }, token)).toMatchObject({
        status: 400,
        errors: [{ path: 'name' }],
      });
  });
});

test('#670 a file that did not change is the same text, and is not sent again', async () => {
  const ann = await api.register();
  await rest.call(
    'physicalPlan.create',
    { goal: 'Run', age: 30, gender: 'male', weight: 80, height: 180 },
    ann.token,
  );
  const { path } = await newCalendar(ann);
  const first = await get(path);
  expect(first).toMatchObject({
    status: 200,
    headers: {
      'content-type': 'text/calendar; charset=utf-8',
      'cache-control': 'private, no-cache',
      'content-length': String(Buffer.byteLength(first.text)),
    },
  });
  const second = await get(path);
  expect(second.text).toBe(first.text);
  const { etag } = first.headers as { etag: string };
  expect(second.headers.etag).toBe(etag);
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const unchanged = await get(path, { 'if-none-match': known });
    expect(unchanged, known).toMatchObject({
      status: 304,
      text: '',
      headers: { etag, 'cache-control': 'private, no-cache' },
    });
  }
  const head = await api.rest('HEAD', path);
  expect(head).toMatchObject({
    status: 200,
    text: '',
    headers: { etag, 'content-length': first.headers['content-length'] },
  });
  expect((await api.rest('HEAD', path, { headers: { 'if-none-match': etag } })).status).toBe(304);
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  await rest.call('day.skip', { date: tomorrow }, ann.token);
  const changed = await get(path, { 'if-none-match': etag });
  expect(changed.status).toBe(200);
  expect(changed.headers.etag).not.toBe(etag);
  for (const method of ['POST', 'PUT', 'DELETE'])
    expect(await api.rest(method, path), method).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD, OPTIONS' },
    });
});

test('#671 an unknown address, one of a blocked and one of a removed user are 404, in the same words', async () => {
  const ann = await api.register();
  const { path } = await newCalendar(ann);
  const { body } = await get('/calendars/AAAAAAAAAAAAAAAAAAAAAA.ics');
  const { request_id: _, ...missing } = body;
  expect(missing).toMatchObject({ status: 404, code: 'NOT_FOUND', detail: 'Calendar not found' });
  const expectMissing = async (of: string) =>
    expect(await get(of), of).toMatchObject({ status: 404, body: missing, headers: {} });
  for (const wrong of ['x', `${path.slice(11, 33)}x`, "'; select 1; --", '%00', 'é', 'A'.repeat(4000)])
    await expectMissing(`/calendars/${encodeURIComponent(wrong)}.ics`);
  // Another letter in the last place of the token, whose bits are not all used.
  const token = PATH.exec(path)?.[1] as string;
  for (const letter of 'ABCDQgw_')
    if (!token.endsWith(letter)) await expectMissing(`/calendars/${token.slice(0, -1)}${letter}.ics`);
  for (const of of [path.replace('.ics', ''), path.replace('.ics', '.txt'), '/calendars', '/calendars/'])
    expect((await get(of)).status, of).toBe(404);

  await blockAccount(db, OPERATOR, ann.id);
  await expectMissing(path);
  await unblockAccount(db, OPERATOR, ann.id);
  expect((await get(path)).status).toBe(200);
  const bob = await api.register();
  const other = await newCalendar(bob);
  await rest.call('auth.remove', { id: bob.id, password: bob.password }, bob.token);
  await expectMissing(other.path);
});

test('#673 reads are counted for the address that makes them', async () => {
  const limited = await startApp({
    database,
    trustedProxies: ['127.0.0.1'],
    rates: { ...PLENTY, address: { max: 5, seconds: 60 } },
  });
  const { path } = await newCalendar(await api.register());
  const from = async (address: string, of: string) =>
    (await get(of, { 'x-forwarded-for': address }, limited)).status;
  const seen = [];
  for (const of of [path, '/calendars/AAAAAAAAAAAAAAAAAAAAAA.ics', path, path, path, path])
    seen.push(await from('203.0.113.1', of));
  expect(seen).toEqual([200, 404, 200, 200, 200, 429]);
  expect(await from('203.0.113.2', path)).toBe(200);
});

test('#674 behind a proxy that cuts a prefix off and compresses, the path below the prefix is the file', async () => {
  const behind = await startApp({ database, trustedProxies: ['127.0.0.1'] });
  const target = await behind.app.listen({ port: 0, host: '127.0.0.1' });
  const { createGzip } = await import('node:zlib');
  const proxy = createServer((asked, answer) => {
    const { pathname, search } = new URL(asked.url as string, 'http://x');
    const headers = { ...asked.headers, 'x-forwarded-prefix': '/api' };
    request(`${target}${pathname.replace(/^\/api/, '')}${search}`, { headers }, (received) => {
      const { 'content-length': _, etag, ...rest } = received.headers;
      answer.writeHead(received.statusCode as number, {
        ...rest,
        ...(etag && { etag: `W/${etag}` }),
        ...(received.statusCode === 200 && { 'content-encoding': 'gzip' }),
      });
      if (received.statusCode === 200) received.pipe(createGzip()).pipe(answer);
      else received.pipe(answer);
    }).end();
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/api`;
  const { path } = await newCalendar(await api.register());
  const fetched = (headers: Record<string, string>) =>
    new Promise<{ status: number; etag: string; body: Buffer }>((resolve, reject) => {
      request(`${base}${path}`, { headers }, async (received) => {
        const parts: Buffer[] = [];
        for await (const part of received) parts.push(part);
        const { etag = '' } = received.headers;
        resolve({ status: received.statusCode as number, etag, body: Buffer.concat(parts) });
      })
        .on('error', reject)
        .end();
    });
  const { status, etag, body } = await fetched({});
  expect(status).toBe(200);
  expect(gunzipSync(body).toString()).toBe((await get(path)).text);
  expect(await fetched({ 'if-none-match': etag })).toMatchObject({ status: 304, etag });
  proxy.closeAllConnections();
  proxy.close();
});
