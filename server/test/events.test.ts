// What a stream of events brings, and to whom: both transports, on real connections.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sql } from 'drizzle-orm';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../src/db/database.ts';
import { databaseCode } from '../src/db/errors.ts';
import { claimKey } from '../src/db/idempotency.ts';
import { findAccount, removeUser } from '../src/features/auth/queries.ts';
import {
  createPlan as createMentalPlan,
  removePlan as removeMentalPlan,
} from '../src/features/mentalPlan/changeQueries.ts';
import { createResources, removeResource, updateResource } from '../src/features/resource/queries.ts';
import { createTask } from '../src/features/task/queries.ts';
import { startApp, type User } from './harness.ts';
import { openStream, type Reader, TRANSPORTS } from './streams.ts';
import { badTokens, sessionNameOf, sessionOf, signed } from './tokens.ts';
import { bothTransports } from './transports.ts';

const api = await startApp();
const [rest, rpc] = bothTransports(api);
let base: string;
beforeAll(async () => {
  base = await api.app.listen({ port: 0, host: '127.0.0.1' });
});

const call = async (user: User, procedure: string, input: object = {}) =>
  (await rest.call(procedure, input, user.token)).data;
const stored = async ({ id }: User) =>
  api.database.db.execute<{ seq: number; type: string; data: object }>(
    sql`select seq::int as seq, type, data from events where user_id = ${id} order by seq`,
  );
const addTasks = async (user: User, count: number) => {
  for (let n = 0; n < count; n++) await call(user, 'task.create', { title: `task ${n}` });
};

const BOOK = { type: 'book', name: 'SICP', description: '', volume: 500, unit: 'chapter' };
const BODY = { goal: 'Run', age: 30, gender: 'male', weight: 70, height: 175 };

/** Opens a stream that stands before everything. */
async function listening(user: User, path = '/events'): Promise<Reader> {
  const reader = await openStream(base, path, user);
  expect(await reader.next()).toEqual({ id: expect.any(Number), event: { type: 'ready' } });
  return reader;
}

describe.each(TRANSPORTS)('over $name', ({ path }) => {
  test('every change is heard once, in order, with the row as the API answers it', async () => {
    const ann = await api.register();
    const reader = await listening(ann, path);
    const expected: object[] = [];
    const happens = (type: string, data: object) => expected.push({ type, data });

    const task = await call(ann, 'task.create', { title: 'Run' });
    happens('task.created', task);
    happens('task.changed', await call(ann, 'task.update', { id: task.id, status: true }));
    await call(ann, 'task.remove', { id: task.id });
    happens('task.removed', { id: task.id });

    const physical = (await call(ann, 'physicalPlan.create', BODY)).data;
    happens('physicalPlan.created', physical);
    const weighed = { date: new Date().toISOString().slice(0, 10), removed: false };
    happens('body.changed', weighed);
    happens(
      'physicalPlan.changed',
      (await call(ann, 'physicalPlan.update', { id: physical.id, weight: 71 })).resource,
    );
    happens('body.changed', weighed);
    await call(ann, 'physicalPlan.remove', { id: physical.id });
    happens('physicalPlan.removed', { id: physical.id });

    const [one, two] = await call(ann, 'resource.createMany', {
      resources: [BOOK, { ...BOOK, name: 'TAPL' }],
    });
    happens('resource.created', { ...BOOK, id: one, links: [] });
    happens('resource.created', { ...BOOK, id: two, name: 'TAPL', links: [] });
    const { mental_plan_id: id } = await call(ann, 'mentalPlan.create', {
      name: 'Spring',
      goal: 'Read',
      resource_list: [one],
    });
    const mental = {
      id,
      user_id: ann.id,
      name: 'Spring',
      goal: 'Read',
      progress: 30,
      deadline: null,
      version: 1,
    };
    happens('mentalPlan.created', { ...mental, resource_list: [one] });
    await call(ann, 'mentalPlan.update', { id, progress: 7 });
    happens('mentalPlan.changed', { ...mental, progress: 7, version: 2, resource_list: null });
    await call(ann, 'mentalPlan.update', { id, resource_list: [two, one] });
    happens('mentalPlan.changed', { ...mental, progress: 7, version: 3, resource_list: [two, one] });
    const { data: three } = await call(ann, 'resource.create', BOOK);
    happens('resource.created', { ...BOOK, id: three, links: [{ mental_plan_id: id, progress: 0 }] });
    await call(ann, 'resource.update', { id: three, progress: 400 });
    happens('resource.changed', { ...BOOK, id: three, links: [{ mental_plan_id: id, progress: 400 }] });
    await call(ann, 'resource.update', { id: three, volume: 100 });
    happens('resource.changed', {
      ...BOOK,
      id: three,
      volume: 100,
      links: [{ mental_plan_id: id, progress: 100 }],
    });
    await call(ann, 'resource.remove', { id: one });
    happens('resource.removed', { id: one });
    await call(ann, 'mentalPlan.remove', { id });
    happens('mentalPlan.removed', { id });

    const heard = await reader.take(expected.length);
    expect(heard.map(({ event }) => event)).toEqual(expected);
    expect(heard.map(({ id: at }) => at)).toEqual(expected.map((_, index) => index + 1));
    reader.leave();
  });

  test('#153 whoever comes back gets what was missed, all of it once, and then what happens', async () => {
    const ann = await api.register();
    await addTasks(ann, 150);
    for (const after of [0, 1, 100, 149, 150]) {
      const reader = await openStream(base, path, ann, after);
      const missed = await reader.take(150 - after);
      expect(missed.map(({ id }) => id)).toEqual(
        Array.from({ length: 150 - after }, (_, index) => after + 1 + index),
      );
      reader.leave();
    }
    const reader = await openStream(base, path, ann, 148);
    await addTasks(ann, 2);
    expect((await reader.take(4)).map(({ id, event }) => [id, event.data.title])).toEqual([
      [149, 'task 148'],
      [150, 'task 149'],
      [151, 'task 0'],
      [152, 'task 1'],
    ]);
    reader.leave();
  });

  test('#153 after an event that is not kept any more, or that never was, one is told to read everything anew', async () => {
    const ann = await api.register();
    await addTasks(ann, 5);
    await api.database.db.execute(sql`delete from events where user_id = ${ann.id} and seq <= 3`);
    for (const after of [0, 1, 2, 6, 999_999_999_999_999]) {
      const reader = await openStream(base, path, ann, after);
      expect(await reader.next(), String(after)).toEqual({ id: 5, event: { type: 'resync' } });
      reader.leave();
    }
    const reader = await openStream(base, path, ann, 3);
    expect((await reader.take(2)).map(({ id }) => id)).toEqual([4, 5]);
    reader.leave();
    await api.database.db.execute(sql`delete from events where user_id = ${ann.id}`);
    const late = await openStream(base, path, ann, 4);
    expect(await late.next()).toEqual({ id: 5, event: { type: 'resync' } });
    await addTasks(ann, 1);
    expect(await late.next()).toMatchObject({ id: 6, event: { type: 'task.created' } });
    late.leave();
  });

  test.each(['abc', '-1', '1.5', '01', '1e3', '1'.repeat(16), '9'.repeat(10_000), '1 2'])(
    '#153 %.20s is the id of no event',
    async (after) => {
      const ann = await api.register();
      expect(await openStream(base, path, ann, after)).toMatchObject({ status: 400 });
    },
  );

  test('#151 without a valid token there is an answer and no stream', async () => {
    const ann = await api.register();
    const tokens = { none: undefined, ...badTokens(ann.id, ann.token) };
    for (const [name, token] of Object.entries(tokens)) {
      const { status, headers, body } = await openStream(
        base,
        path,
        token === undefined ? undefined : { token },
      );
      expect([name, status, headers.get('www-authenticate')]).toEqual([name, 401, 'Bearer']);
      expect(body.code ?? body.error.data.reason).toBe('UNAUTHENTICATED');
      expect(headers.get('content-type')).toMatch(/^application\/(problem\+)?json/);
    }
  });

  test('#160 a token in the URL is none', async () => {
    const ann = await api.register();
    const params = encodeURIComponent(
      JSON.stringify({ token: ann.token, authorization: `Bearer ${ann.token}` }),
    );
    for (const query of [`connectionParams=${params}`, `access_token=${ann.token}`, `token=${ann.token}`])
      expect((await openStream(base, `${path}?${query}`, undefined)).status).toBe(401);
    expect(JSON.stringify(api.log)).not.toContain(ann.token);
  });

  // #157: On all instances together where they have Redis.
  test('#157 the eleventh stream of a user is one too many, until another ends', async () => {
    const [ann, bob] = [await api.register(), await api.register()];
    const readers = await Promise.all(Array.from({ length: 10 }, () => listening(ann, path)));
    const refused = await openStream(base, path, ann);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '10']);
    expect(refused.body.code ?? refused.body.error.data.reason).toBe('RATE_LIMITED');
    (await listening(bob, path)).leave();
    readers[0]?.leave();
    await expect.poll(async () => (await openStream(base, path, ann)).status).toBe(200);
    for (const reader of readers) reader.leave();
  });

  // #75: Events of another user's objects are not heard. By two users who write while both listen.
  // #76: A position in another user's stream gives one's own events.
  test('#75 #76 nobody hears of another user’s rows, whatever position is named', async () => {
    const [ann, bob] = [await api.register(), await api.register()];
    await addTasks(bob, 3);
    await addTasks(ann, 1);
    const readers = [
      await listening(ann, path),
      await openStream(base, path, ann, 0),
      await openStream(base, `${path}?user_id=${bob.id}`, ann, 3),
    ];
    await addTasks(bob, 3);
    await addTasks(ann, 1);
    const heard = await Promise.all([readers[0]?.take(1), readers[1]?.take(2), readers[2]?.take(2)]);
    expect(
      heard.map((events) => events?.map(({ id, event }) => [id, event.data?.user_id ?? event.type])),
    ).toEqual([
      [[2, ann.id]],
      [
        [1, ann.id],
        [2, ann.id],
      ],
      [
        [1, 'resync'],
        [2, ann.id],
      ],
    ]);
    for (const reader of readers) reader.leave();
  });

  // Each waits, for users of its own.
  // #152: On the instance where a session ends at once, elsewhere within 5 s; a token within 8 s of its
  // end, clocks' tolerance included.
  describe.concurrent('#152 it ends, and says why', () => {
    test('when its session ends', async () => {
      const ann = await api.register();
      const reader = await listening(ann, path);
      await call(ann, 'auth.signOut');
      expect((await reader.rest()).map(({ event }) => event)).toEqual([
        { type: 'end', reason: 'session_ended' },
      ]);
    });

    test('when its session ends elsewhere', async () => {
      const ann = await api.register();
      const reader = await listening(ann, path);
      await api.database.db.execute(sql`delete from sessions where id = ${sessionOf(ann.token)}`);
      expect((await reader.rest()).map(({ event }) => event)).toEqual([
        { type: 'end', reason: 'session_ended' },
      ]);
    });

    test('when the user is removed, here or elsewhere', async () => {
      const [ann, bob] = [await api.register(), await api.register()];
      const readers = [await listening(ann, path), await listening(bob, path)];
      await call(ann, 'auth.remove', { id: ann.id, password: ann.password });
      await api.database.db.execute(sql`delete from users where id = ${bob.id}`);
      for (const reader of readers)
        expect((await reader.rest()).map(({ event }) => event)).toEqual([
          { type: 'end', reason: 'user_removed' },
        ]);
    });

    test('when its token is too old, with nothing after that', async () => {
      const ann = await api.register();
      const iat = Math.floor(Date.now() / 1000);
      const token = signed({ sub: String(ann.id), ...sessionNameOf(ann.token), iat, exp: iat + 1 });
      const reader = await listening({ ...ann, token }, path);
      expect((await reader.rest()).map(({ event }) => event)).toEqual([
        { type: 'end', reason: 'token_expired' },
      ]);
      await addTasks(ann, 1);
    });
  });

  test('#152 #191 when the server ends it says so, and the server does not wait for readers', async () => {
    const other = await startApp({ database: api.database });
    const url = await other.app.listen({ port: 0, host: '127.0.0.1' });
    const reader = await openStream(url, path, await other.register());
    await reader.next();
    const closing = other.app.close();
    expect((await reader.rest()).map(({ event }) => event)).toEqual([
      { type: 'end', reason: 'server_closing' },
    ]);
    await closing;
  });

  test('who leaves before it has begun takes no place', async () => {
    const user = await api.register();
    expect((await api.rest('GET', '/users/me', { token: user.token })).status).toBe(200);
    const { port, hostname } = new URL(base);
    // On the embedded database none can begin before this is over.
    await api.database.db.transaction(async () => {
      const sockets = Array.from({ length: 10 }, () => connect(Number(port), hostname));
      for (const socket of sockets)
        socket.write(
          `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${user.token}\r\n\r\n`,
        );
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
      // An answer says that the server has had a turn.
      await fetch(`${base}/livez`);
      for (const socket of sockets) socket.destroy();
      await fetch(`${base}/livez`);
    });
    const readers: Reader[] = [];
    await expect
      .poll(
        async () => {
          const reader = await openStream(base, path, user);
          if (reader.status === 200) readers.push(reader);
          return readers.length;
        },
        { interval: 10 },
      )
      .toBe(10);
    for (const reader of readers) reader.leave();
  });

  test('HEAD is answered without a stream, and takes no place', async () => {
    const ann = await api.register();
    for (let n = 0; n < 12; n++) {
      const answer = await fetch(`${base}${path}`, {
        method: 'HEAD',
        headers: { authorization: `Bearer ${ann.token}` },
      });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    }
    expect((await fetch(`${base}${path}`, { method: 'HEAD' })).status).toBe(401);
  });

  test('it may be read from another origin, is not stored, not buffered, and begins at once', async () => {
    const ann = await api.register();
    const reader = await openStream(base, path, ann, undefined, { origin: 'https://app.example' });
    expect(Object.fromEntries(reader.headers)).toMatchObject({
      'cache-control': 'private, no-store, no-transform',
      'x-accel-buffering': 'no',
      'access-control-allow-origin': '*',
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.any(String),
    });
    reader.leave();
  });
});

test('what changes nothing is not heard of', async () => {
  const ann = await api.register();
  const task = await call(ann, 'task.create', { title: 'Run' });
  const physical = (await call(ann, 'physicalPlan.create', BODY)).data;
  const { mental_plan_id } = await call(ann, 'mentalPlan.create', {
    name: 'a',
    goal: 'b',
    resource_list: [],
  });
  const { data: resource } = await call(ann, 'resource.create', BOOK);
  await call(ann, 'resource.update', { id: resource, progress: 10 });
  const before = await stored(ann);
  expect(before).toHaveLength(6);

  for (const change of [{}, { title: 'Run' }, { status: false }])
    await call(ann, 'task.update', { id: task.id, ...change });
  await call(ann, 'physicalPlan.update', { id: physical.id });
  await call(ann, 'mentalPlan.update', { id: mental_plan_id });
  for (const change of [{}, BOOK, { progress: 10 }, { volume: 500, progress: 10 }])
    await call(ann, 'resource.update', { id: resource, ...change });
  expect(await call(ann, 'resource.createMany', { resources: [] })).toEqual([]);
  // Refused, or of what is not there.
  for (const [procedure, input] of [
    ['resource.update', { id: resource, progress: 501 }],
    ['mentalPlan.create', { name: 'a', goal: 'b', resource_list: [resource + 1000] }],
    ['task.update', { id: task.id + 1000, title: 'x' }],
    ['task.remove', { id: task.id + 1000 }],
    ['physicalPlan.update', { id: physical.id, if_match: 7, goal: 'x' }],
    ['mentalPlan.remove', { id: mental_plan_id, if_match: 7 }],
  ] as const)
    expect((await rpc.call(procedure, input, ann.token)).status, procedure).toBeGreaterThanOrEqual(400);
  expect((await stored(ann)).slice(6)).toEqual([]);
});

test('#171 a call that is answered from its first time is heard once; one that was rolled back is not', async () => {
  const ann = await api.register();
  const headers = { 'idempotency-key': randomUUID() };
  for (let n = 0; n < 3; n++)
    await api.rest('POST', '/outherTasks', { token: ann.token, body: { title: 'once' }, headers });
  expect(await stored(ann)).toHaveLength(1);

  const { db } = api.database;
  const failing = db.transaction(async (tx) => {
    await createTask(tx, { quota: 20_000, user_id: ann.id, title: 'never', status: false });
    throw new Error('rolled back');
  });
  await expect(failing).rejects.toThrow('rolled back');
  await addTasks(ann, 1);
  expect((await stored(ann)).map(({ seq }) => seq)).toEqual([1, 2]);
});

test('#154 with writers at once and a reader who comes back again and again nothing is missed and nothing comes twice', async () => {
  const ann = await api.register();
  const COUNT = 300;
  const writing = Promise.all(
    Array.from({ length: 10 }, async (_, writer) => {
      for (let n = 0; n < COUNT / 10; n++) {
        const headers: Record<string, string> = n % 2 ? { 'idempotency-key': randomUUID() } : {};
        const answer = await api.rest('POST', '/outherTasks', {
          token: ann.token,
          body: { title: `${writer} ${n}` },
          headers,
        });
        expect(answer.status).toBe(201);
      }
    }),
  );
  const titles: string[] = [];
  let at = 0;
  while (at < COUNT) {
    const reader = await openStream(base, '/events', ann, at);
    for (const { id, event } of await reader.take(Math.min(COUNT - at, 7))) {
      expect(id).toBe(at + 1);
      at = id;
      titles.push(event.data.title);
    }
    reader.leave();
  }
  await writing;
  expect(new Set(titles).size).toBe(COUNT);
  expect((await stored(ann)).map(({ seq }) => seq)).toEqual(
    Array.from({ length: COUNT }, (_, index) => index + 1),
  );
});

test('changes at once wait for each other, never in a circle', async () => {
  const ann = await api.register();
  const { db } = api.database;
  // In a transaction: a statement by itself is run again when it was the victim of a circle.
  const each = <T>(change: (tx: Database) => Promise<T>) =>
    db.transaction(change).then(
      () => 'done',
      (error) => databaseCode(error) ?? error,
    );
  const plan = { name: 'a', goal: 'b', progress: 30 };
  for (let round = 0; round < 40; round++) {
    const [id] = (await createResources(db, ann.id, 10_000, [
      { ...BOOK, type: 'book', unit: 'chapter' },
    ])) as [number];
    const kept = await createMentalPlan(db, ann.id, new Date(), 1000, { ...plan, resource_list: [id] });
    if (kept.outcome !== 'created') throw new Error(kept.outcome);
    const key = randomUUID();
    const outcomes = await Promise.all([
      each((tx) => removeMentalPlan(tx, ann.id, { id: kept.id }, new Date())),
      each((tx) => updateResource(tx, ann.id, new Date(), { id, progress: 3, volume: 7 })),
      each((tx) => createMentalPlan(tx, ann.id, new Date(), 1000, { ...plan, resource_list: [id] })),
      each((tx) => removeResource(tx, ann.id, new Date(), id)),
      each(async (tx) => {
        await claimKey(tx, ann.id, key, 'request');
        await createTask(tx, { quota: 20_000, user_id: ann.id, title: 't', status: false });
      }),
      ...(round === 39
        ? [
            each(async (tx) =>
              removeUser(tx, ann.id, (await findAccount(tx, { user_id: ann.id }))?.password ?? '', {
                ip: '192.0.2.1',
                device: '',
                request_id: 'removal',
              }),
            ),
          ]
        : []),
    ]);
    // 23503: what it refers to was removed meanwhile.
    expect(outcomes.filter((outcome) => outcome !== 'done' && outcome !== '23503')).toEqual([]);
    const seqs = (await stored(ann)).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  }
  expect(await stored(ann)).toEqual([]);
});

test('a connection that never said anything does not hold the server when it ends', async () => {
  const other = await startApp({ database: api.database });
  await other.app.listen({ port: 0, host: '127.0.0.1' });
  const socket = connect((other.app.server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  await Promise.all([other.app.close(), once(socket, 'close')]);
});

// #155: Some 30 kB each, 150 after twelve rounds, as V8 lets its heap grow.
test('#155 what streams took of the heap is free again when their readers have left', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const users = await Promise.all(Array.from({ length: 10 }, () => api.register()));
  // A stream that has ended is a line in the log.
  const ended = () => api.log.filter(({ procedure }) => procedure === 'events.stream').length;
  const heap: number[] = [];
  for (let round = 0; round < 8; round++) {
    const before = ended();
    const readers = await Promise.all(
      users.flatMap((user) => Array.from({ length: 10 }, () => listening(user))),
    );
    for (const reader of readers) reader.leave();
    await expect.poll(ended).toBe(before + readers.length);
    collect();
    heap.push(process.memoryUsage().heapUsed);
  }
  // The first rounds compile and fill pools.
  expect(heap.at(-1)).toBeLessThan((heap[3] as number) * 1.1);
});
