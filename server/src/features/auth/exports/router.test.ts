import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { makeExport, writeExport } from '../../../../test/exports.ts';
import { startApp, type User } from '../../../../test/harness.ts';
import { bothTransports } from '../../../../test/transports.ts';
import { MISSING } from '../../../../test/values.ts';
import { exportJob } from './job.ts';

const api = await startApp();
const transports = bothTransports(api);
const [rest, rpc] = transports;
const { db } = api.database;

/** A user with some of everything, and `tasks` tasks whose titles are some `width` characters. */
async function newcomer(tasks = 3, width = 10): Promise<User> {
  const user = await api.register();
  const make = async (procedure: string, input: object) =>
    (await rest.call(procedure, input, user.token)).data;
  const { data: resource_list } = await rest.call(
    'resource.createMany',
    {
      resources: [1, 2].map((n) => ({
        type: 'book',
        name: `Book "${n}" ☕`,
        description: '\\ \n',
        volume: n,
      })),
    },
    user.token,
  );
  await make('mentalPlan.create', { name: 'Spring', goal: 'Read', resource_list });
  await make('mentalPlan.create', { name: 'Empty', goal: 'Read', resource_list: [] });
  await make('physicalPlan.create', { goal: 'Run', age: 30, gender: 'male', weight: 70, height: 175 });
  await db.execute(
    sql`insert into outer_tasks (user_id, title) select ${user.id}, repeat('x', ${width}) || n from generate_series(1, ${tasks}::int) n`,
  );
  // As autovacuum would.
  await db.execute(sql`analyze outer_tasks`);
  return user;
}

const fetchFile = (user: User, id: number) =>
  api.rest('GET', `/users/me/exports/${id}/file`, { token: user.token });

const eventsOf = async ({ id }: User) =>
  (
    await db.execute<{ type: string; data: { id: number; state: string; percent: number } }>(
      sql`select type, data from events where user_id = ${id} and type like 'export.%' order by seq`,
    )
  ).map(({ type, data }) => [type, data.state, data.percent]);

/** Lets time go by for an export. */
const age = (id: number, interval: string) =>
  db.execute(
    sql`update exports set expires_at = expires_at - ${interval}::interval, touched_at = touched_at - ${interval}::interval where id = ${id}`,
  );

describe.each(transports)('over $name', ({ call }) => {
  test('an export begins queued, is one until it has ended, and is then found with its file', async () => {
    const ann = await newcomer();
    const { data: begun } = await call('auth.exports.start', {}, ann.token);
    expect(begun).toEqual({
      id: expect.any(Number),
      state: 'queued',
      percent: 0,
      rows_done: 0,
      rows_total: 0,
      bytes: 0,
      created_at: expect.any(String),
      finished_at: null,
      expires_at: null,
    });
    expect((await call('auth.exports.start', {}, ann.token)).data).toEqual(begun);
    expect(await call('auth.exports.file', { id: begun.id }, ann.token)).toMatchObject({
      status: 404,
      detail: 'File not found',
    });
    await writeExport(api, ann, begun.id);
    const { data: done } = await call('auth.exports.byId', { id: begun.id }, ann.token);
    expect(done).toMatchObject({ id: begun.id, state: 'done', percent: 100, created_at: begun.created_at });
    expect(done.rows_done).toBeGreaterThan(10);
    expect(done.rows_total).toBe(done.rows_done);
    expect(new Date(done.expires_at).getTime() - new Date(done.finished_at).getTime()).toBe(24 * 3_600_000);
    const next = (await call('auth.exports.start', {}, ann.token)).data;
    expect(next.id).toBeGreaterThan(begun.id);
    expect((await call('auth.exports.list', {}, ann.token)).data).toEqual([next, done]);
  });

  test('of another user’s export nothing is told, and nothing is fetched', async () => {
    const [ann, bob] = [await newcomer(), await api.register()];
    const id = await makeExport(api, ann);
    for (const procedure of ['auth.exports.byId', 'auth.exports.file']) {
      const foreign = await call(procedure, { id }, bob.token);
      expect(foreign).toMatchObject({ status: 404, code: 'NOT_FOUND' });
      expect(foreign).toEqual(await call(procedure, { id: MISSING }, bob.token));
    }
    expect((await call('auth.exports.list', {}, bob.token)).data).toEqual([]);
  });
});

test('the file is what GET /users/me/export answers, whole lists of many pages', async () => {
  const ann = await newcomer(1203);
  const id = await makeExport(api, ann);
  const { text, headers, status } = await fetchFile(ann, id);
  expect(status).toBe(200);
  const { finished_at, bytes } = (await rest.call('auth.exports.byId', { id }, ann.token)).data;
  expect(headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'content-disposition': `attachment; filename="stepwise-${finished_at.slice(0, 10)}.json"`,
    'content-length': String(bytes),
    'cache-control': 'private, no-store',
  });
  const { events, audit_trail, ...file } = JSON.parse(text);
  const {
    events: allEvents,
    audit_trail: allLines,
    ...now
  } = (await rest.call('auth.export', {}, ann.token)).data;
  expect(file).toEqual(now);
  expect(file.tasks).toHaveLength(1203);
  // What was written after that list was: the rest of its own progress, and that it was fetched.
  expect(events).toEqual(allEvents.slice(0, events.length));
  expect(audit_trail).toEqual(allLines.slice(0, audit_trail.length));
  expect(allLines.slice(audit_trail.length).map((line: { event: string }) => line.event)).toEqual([
    'account_exported',
    'account_exported',
  ]);
});

test('#607 profile, schedules, days and facts are in the file and in the answer, over many pages', async () => {
  const ann = await newcomer();
  const date = new Date().toISOString().slice(0, 10);
  await rest.call('profile.update', { time_zone: 'UTC', lang: 'en' }, ann.token);
  expect((await rest.call('day.skip', { date }, ann.token)).status).toBe(200);
  await db.execute(sql`
    insert into days (user_id, date, state)
    select ${ann.id}, date '2020-01-01' + n, 'skipped' from generate_series(1, 1200) n`);
  await db.execute(sql`
    insert into schedules (user_id, from_date, training, study)
    select ${ann.id}, date '2001-01-01' + n, 127, 31 from generate_series(1, 600) n`);
  await db.execute(sql`
    insert into facts (user_id, seq, kind, date, zone, data)
    select ${ann.id}, 1000 + n, 'day.skipped', date '2020-01-01' + n, 'UTC', '{"counters": []}'
    from generate_series(1, 450) n`);
  const id = await makeExport(api, ann);
  const file = JSON.parse((await fetchFile(ann, id)).text);
  const { data: now } = await rest.call('auth.export', {}, ann.token);
  for (const list of ['profile', 'schedules', 'days', 'facts']) {
    expect(file[list], list).toEqual(now[list]);
    expect(JSON.stringify(now[list]), list).not.toContain('user_id');
  }
  expect(now.profile).toMatchObject([{ time_zone: 'UTC', lang: 'en', day_start: 0 }]);
  expect(now.schedules).toHaveLength(601);
  expect(now.schedules.at(-1)).toEqual({ from_date: date, training: 127, study: 0 });
  expect(now.days).toHaveLength(1201);
  expect(now.days.at(-1)).toMatchObject({ date, state: 'skipped', revision: 1 });
  expect(now.facts).toHaveLength(451);
  expect(now.facts[0]).toMatchObject({ kind: 'day.skipped', date, zone: 'UTC', data: { content: null } });
});

test('#608 an account that has filled each table by calls leaves no row in any of them', async () => {
  const ann = await newcomer();
  const make = async (procedure: string, input: object) => {
    const answer = await rest.call(procedure, input, ann.token);
    expect(answer.status, procedure).toBeLessThan(300);
    return answer.data;
  };
  const date = new Date().toISOString().slice(0, 10);
  await make('profile.update', { lang: 'en' });
  await make('calendar.create', {});
  const task = await make('task.create', { title: 'Shop' });
  const plan = (await make('physicalPlan.byUser', { id: ann.id })).data.id;
  const [exercise] = await make('physicalPlan.exercises', {});
  await make('day.complete', {
    date,
    workout: { plan_id: plan, exercises: [{ exercise_id: exercise.id, done: [5] }] },
    tasks: [task.id],
  });
  const headers = { 'idempotency-key': 'a-key-of-ann' };
  await api.rest('POST', '/outherTasks', { token: ann.token, headers, body: { title: 'Cook' } });
  await makeExport(api, ann);

  const tables = (
    await db.execute<{ name: string }>(sql`
      select table_name as name from information_schema.columns
      where table_schema = 'public' and column_name = 'user_id' order by 1`)
  ).map(({ name }) => name);
  const rows = async () => {
    const counts = new Map<string, number>();
    for (const name of tables) {
      const [found] = await db.execute<{ count: number }>(
        sql`select count(*)::int as count from ${sql.identifier(name)} where user_id = ${ann.id}`,
      );
      counts.set(name, found?.count ?? 0);
    }
    return counts;
  };
  const before = await rows();
  const empty = [...before].filter(([, count]) => count === 0).map(([name]) => name);
  // A code of an operator is no call of the user's, and no call fills the others yet.
  expect(empty).toEqual(['password_resets', 'task_series']);
  expect([...before.keys()]).toEqual(
    expect.arrayContaining(['days', 'facts', 'months', 'profiles', 'progressions', 'schedules']),
  );
  await make('auth.remove', { id: ann.id, password: ann.password });
  const left = [...(await rows())].filter(([, count]) => count > 0).map(([name]) => name);
  // What was done to the account outlives it, without a word of what was in it.
  expect(left).toEqual(['audit_trail']);
});

test('over tRPC the same call says where the file is, and HEAD what it would be', async () => {
  const ann = await newcomer();
  const id = await makeExport(api, ann);
  const { data } = await rpc.call('auth.exports.file', { id }, ann.token);
  const file = await api.rest('GET', data.path, { token: ann.token });
  expect(data).toEqual({
    id,
    name: expect.stringMatching(/^stepwise-[\d-]{10}\.json$/),
    type: 'application/json',
    bytes: Buffer.byteLength(file.text),
    path: expect.any(String),
  });
  const head = await api.rest('HEAD', data.path, { token: ann.token });
  expect(head).toMatchObject({ status: 200, text: '', headers: { 'content-length': String(data.bytes) } });
});

test('whoever listens is told when it begins, at each tenth and when it is done', async () => {
  const ann = await newcomer(20_000);
  const id = await makeExport(api, ann);
  const told = await eventsOf(ann);
  expect(told.slice(0, 2)).toEqual([
    ['export.created', 'queued', 0],
    ['export.changed', 'running', 0],
  ]);
  expect(told.at(-1)).toEqual(['export.changed', 'done', 100]);
  const tenths = told.slice(2, -1).map(([, , percent]) => Math.floor((percent as number) / 10));
  expect(tenths).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const [last] = await db.execute<{ data: object }>(
    sql`select data from events where user_id = ${ann.id} order by seq desc limit 1`,
  );
  expect(last?.data).toEqual((await rest.call('auth.exports.byId', { id }, ann.token)).data);
});

test('it goes on where it was left off, and two who write it at once write it once', async () => {
  const ann = await newcomer(5000);
  const { data } = await rest.call('auth.exports.start', {}, ann.token);
  const leaving = new AbortController();
  let steps = 0;
  const first = exportJob.run(db, leaving.signal, {
    data: { user_id: ann.id, id: data.id },
    now: () => new Date(),
    publishChange: () => void (++steps === 7 && leaving.abort(new Error('about to end'))),
  });
  await expect(first).rejects.toThrow('about to end');
  expect((await rest.call('auth.exports.byId', { id: data.id }, ann.token)).data).toMatchObject({
    state: 'running',
  });
  const pages = await Promise.all([writeExport(api, ann, data.id), writeExport(api, ann, data.id)]);
  const { text, status } = await fetchFile(ann, data.id);
  expect(status).toBe(200);
  const ids = JSON.parse(text).tasks.map((task: { id: number }) => task.id);
  expect(ids).toHaveLength(5000);
  expect(new Set(ids).size).toBe(5000);
  const [{ parts } = { parts: 0 }] = await db.execute<{ parts: number }>(
    sql`select parts from exports where id = ${data.id}`,
  );
  expect(parts).toBeLessThanOrEqual(6 + 1 + (pages[0] as number) + (pages[1] as number));
  expect(await writeExport(api, ann, data.id), 'nothing is left').toBe(0);
});

test('many starts at once are one', async () => {
  const ann = await newcomer();
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      (transports[n % 2] as typeof rest).call('auth.exports.start', {}, ann.token),
    ),
  );
  expect(new Set(answers.map(({ data }) => data.id)).size).toBe(1);
});

test('a start that is sent again under its key is answered as before', async () => {
  const ann = await newcomer();
  const send = () =>
    api.rest('POST', '/users/me/exports', { token: ann.token, headers: { 'idempotency-key': 'once' } });
  const first = await send();
  await writeExport(api, ann, first.body.id);
  const again = await send();
  expect(again.headers['idempotency-replayed']).toBe('true');
  expect(again.body).toEqual(first.body);
});

test('after a day the file is gone, after a week more there was none, and a fourth takes the place of the first', async () => {
  const ann = await newcomer();
  const ids = [
    await makeExport(api, ann),
    await makeExport(api, ann),
    await makeExport(api, ann),
    await makeExport(api, ann),
  ];
  const [oldest, second, ...kept] = ids as [number, number, ...number[]];
  const states = async () =>
    (await rest.call('auth.exports.list', {}, ann.token)).data.map(
      ({ id, state }: { id: number; state: string }) => [id, state],
    );
  expect(await states()).toEqual([...kept.toReversed(), second].map((id) => [id, 'done']));
  expect((await fetchFile(ann, oldest)).status).toBe(404);
  await age(second, '1 day');
  expect((await states()).at(-1)).toEqual([second, 'expired']);
  expect((await fetchFile(ann, second)).status).toBe(404);
});

test('it goes with its user, and one that is being fetched then is cut', async () => {
  const ann = await newcomer(20_000, 450);
  const id = await makeExport(api, ann);
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  const socket = connect((api.app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(
    `GET /users/me/exports/${id}/file HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ann.token}\r\n\r\n`,
  );
  await once(socket, 'readable');
  expect(String(socket.read(15))).toBe('HTTP/1.1 200 OK');
  const removal = await rest.call('auth.remove', { id: ann.id, password: ann.password }, ann.token);
  expect(removal.status).toBe(200);
  let received = '';
  for await (const chunk of socket) received += chunk;
  const [head = '', ...body] = received.split('\r\n\r\n');
  const promised = Number(/content-length: (\d+)/.exec(head)?.[1]);
  expect(promised).toBeGreaterThan(5_000_000);
  expect(Buffer.byteLength(body.join('\r\n\r\n'))).toBeLessThan(promised);
  const left = await db.execute(
    sql`select from export_parts p where not exists (select from exports x where x.id = p.export_id)`,
  );
  expect(left).toEqual([]);
});

test('one that failed for good says so, does not stand in the way of the next, and goes on when it is asked to', async () => {
  const ann = await newcomer();
  const { data } = await rest.call('auth.exports.start', {}, ann.token);
  await exportJob.onDeadLetter?.(db, {
    data: { user_id: ann.id, id: data.id },
    now: () => new Date(),
    publishChange: () => {},
  });
  expect((await rest.call('auth.exports.byId', { id: data.id }, ann.token)).data).toMatchObject({
    state: 'failed',
    percent: 0,
  });
  expect((await eventsOf(ann)).at(-1)).toEqual(['export.changed', 'failed', 0]);
  const next = (await rest.call('auth.exports.start', {}, ann.token)).data;
  expect(next.id).not.toBe(data.id);
  expect(await writeExport(api, ann, data.id), 'the other one is on its way').toBe(0);
  await writeExport(api, ann, next.id);
  expect(await writeExport(api, ann, data.id)).toBeGreaterThan(0);
  expect((await fetchFile(ann, data.id)).text).toMatch(/^\{"user":.*\]\}$/s);
});
