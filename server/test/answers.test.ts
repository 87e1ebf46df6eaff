// How large answers may be, and what becomes of those that nobody takes.
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { sql } from '../src/db/drizzle.ts';
import { openTestDatabase, startApp, type TestApp, type User } from './harness.ts';
import { bothTransports } from './transports.ts';

const database = await openTestDatabase();
const api = await startApp({ database });
const impatient = await startApp({ database, stalledAfterMs: 1500 });
for (const { app } of [api, impatient]) await app.listen({ port: 0, host: '127.0.0.1' });

/** Resources with descriptions of 5,000 characters, which are as many times `bytes` long, all of them in the current plan. */
async function fill({ id }: User, count: number, character = 'x'): Promise<void> {
  const { db } = database;
  await db.execute(sql`
    insert into resources (user_id, type, name, description, volume)
    select ${id}::bigint, 'book', 'Book ' || n, repeat(${character}::text, 5000), 100 from generate_series(1, ${count}::int) n`);
  await db.execute(
    sql`insert into mental_plans (user_id, name, goal) values (${id}::bigint, 'Spring', 'Read')`,
  );
  await db.execute(sql`
    insert into mental_plan_resources (user_id, mental_plan_id, resource_id)
    select p.user_id, p.id, r.id from mental_plans p join resources r using (user_id) where p.user_id = ${id}::bigint`);
}

for (const { name, call } of bothTransports(api))
  test(`#353 over ${name} a page of long texts holds fewer rows, and the empty page is the end`, async () => {
    const ann = await api.register();
    await fill(ann, 700);
    const pages: { id: number }[][] = [];
    for (let before_id: number | undefined; ; before_id = pages.at(-1)?.at(-1)?.id) {
      const { data } = await call(
        'resource.list',
        { limit: 500, ...(before_id && { before_id }) },
        ann.token,
      );
      pages.push(data);
      if (data.length === 0) break;
      expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThan(1_200_000);
    }
    const ids = pages.flat().map(({ id }) => id);
    expect(ids).toHaveLength(700);
    expect(ids).toEqual(ids.toSorted((a, b) => b - a));
    expect(pages.length).toBeLessThan(8);
    expect((await call('resource.list', { limit: 1 }, ann.token)).data).toHaveLength(1);
  });

test('#353 characters that JSON writes as six are counted as six', async () => {
  const ann = await api.register();
  await fill(ann, 100, '\u0001');
  const { text } = await api.rest('GET', '/resources?limit=100', { token: ann.token });
  expect(Buffer.byteLength(text)).toBeLessThan(1_200_000);
});

test('#354 of a batch what no longer fits into 16 MB is 413 by itself, the others are answered; a view is never cut', async () => {
  const ann = await api.register();
  await fill(ann, 1000);
  const names = [...Array.from({ length: 4 }, () => 'mentalPlan.byUser'), 'task.list'];
  const input = Object.fromEntries(
    names.map((name, place) => [place, name === 'task.list' ? {} : { id: ann.id }]),
  );
  const query = { batch: '1', input: JSON.stringify(input) };
  const { status, body, text } = await api.rest('GET', `/trpc/${names.join(',')}`, {
    token: ann.token,
    query,
  });
  expect(status).toBe(207);
  expect(text.length).toBeLessThan(16 * 2 ** 20);
  const parts: { error?: { data: { httpStatus: number } }; result?: { data: { resources: object[] } } }[] =
    body;
  const outcomes = parts
    .slice(0, 4)
    .map(({ error, result }) => error?.data.httpStatus ?? result?.data.resources.length);
  expect(outcomes.toSorted()).toEqual([1000, 1000, 1000, 413]);
  expect(parts[4]).toEqual({ result: { data: [] } });
});

test('#354 nor does it fit into a batch that is streamed', async () => {
  const ann = await api.register();
  await fill(ann, 1000);
  const names = Array.from({ length: 4 }, () => 'mentalPlan.byUser');
  const input = JSON.stringify(Object.fromEntries(names.map((_, place) => [place, { id: ann.id }])));
  const headers = { 'trpc-accept': 'application/jsonl' };
  const { text } = await api.rest('GET', `/trpc/${names.join(',')}`, {
    token: ann.token,
    query: { batch: '1', input },
    headers,
  });
  expect(text.length).toBeLessThan(16 * 2 ** 20);
  expect(text.match(/"reason":"PAYLOAD_TOO_LARGE"/g)).toHaveLength(1);
});

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** Asks for something and reads nothing of the answer but its first line. */
async function ask(
  { app }: TestApp,
  path: string,
  token: string,
): Promise<{ socket: Socket; ofServer: Socket; status: number }> {
  const connected = once(app.server, 'connection');
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  open.push(socket);
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`);
  await once(socket, 'readable');
  const status = Number(String(socket.read(12)).slice(9));
  const [ofServer] = await connected;
  return { socket, ofServer, status };
}

test('#355 who does not take large answers gets no more of them; small ones, and others, are not affected', async () => {
  const [ann, bob] = [await api.register(), await api.register()];
  await fill(ann, 1000);
  await fill(bob, 1000);
  const view = `/users/${ann.id}/mental-plan`;
  const statuses: number[] = [];
  for (let n = 0; n < 6; n++) statuses.push((await ask(api, view, ann.token)).status);
  // Some of each is on its way in the buffers of the system.
  expect(statuses).toEqual([200, 200, 200, 503, 503, 503]);
  const refused = await api.rest('GET', view, { token: ann.token });
  expect(refused).toMatchObject({
    status: 503,
    body: { code: 'UNAVAILABLE' },
    headers: { 'retry-after': '1' },
  });
  expect((await api.rest('GET', '/outherTasks', { token: ann.token })).status).toBe(200);
  expect((await api.rest('GET', `/users/${bob.id}/mental-plan`, { token: bob.token })).status).toBe(200);
  for (const socket of open.splice(0)) socket.destroy();
  await expect.poll(async () => (await api.rest('GET', view, { token: ann.token })).status).toBe(200);
});

test('#356 an answer that nobody takes is cut, one that is taken slowly is not', async () => {
  const ann = await api.register();
  await fill(ann, 1000);
  const view = `/users/${ann.id}/mental-plan`;
  const [stalled, slow] = [await ask(impatient, view, ann.token), await ask(impatient, view, ann.token)];
  let received = 0;
  const taken = (async () => {
    // A little at a time, and always before the server loses patience.
    for await (const chunk of slow.socket) {
      received += chunk.length;
      if (String(chunk.subarray(-2)) === ']}') return;
      await sleep(10);
    }
  })();
  if (!stalled.ofServer.destroyed) await once(stalled.ofServer, 'close');
  let left = 0;
  stalled.socket.on('data', (chunk) => {
    left += chunk.length;
  });
  if (!stalled.socket.destroyed) await once(stalled.socket, 'close');
  expect(left, 'what the system held of it').toBeLessThan(5_000_000);
  await taken;
  expect(received).toBeGreaterThan(5_000_000);
});

test('#357 an export above 5 MB is 413 and names the way for large ones', async () => {
  const [ann, bob] = [await api.register(), await api.register()];
  await fill(ann, 1100);
  await fill(bob, 500);
  const refused = await api.rest('GET', '/users/me/export', { token: ann.token });
  expect(refused).toMatchObject({
    status: 413,
    body: { code: 'PAYLOAD_TOO_LARGE', detail: expect.stringContaining('POST /users/me/exports') },
  });
  expect((await api.rpc('auth.export', undefined, ann.token)).body.error.data.reason).toBe(
    'PAYLOAD_TOO_LARGE',
  );
  const { status, body } = await api.rest('GET', '/users/me/export', { token: bob.token });
  expect([status, body.resources.length]).toEqual([200, 500]);
});
