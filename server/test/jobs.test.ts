// Background work, on either engine.
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { sql } from 'drizzle-orm';
import { fromPglite, PgBoss } from 'pg-boss';
import { pino } from 'pino';
import { expect, type TestContext, test } from 'vitest';
import { exportJob } from '../src/features/auth/exports/job.ts';
import { purge } from '../src/features/purge/job.ts';
import type { Job } from '../src/jobs/job.ts';
import { DEAD_LETTER_QUEUE, readOverview, resolveDeadLetter } from '../src/jobs/overview.ts';
import { startJobs } from '../src/jobs/run.ts';
import { openTestDatabase, startApp } from './harness.ts';
import { insertUsers } from './insertUsers.ts';
import { openStream } from './streams.ts';

/** Gone when the test is done: of those that run at once each knows that by its own context. */
async function openDatabase({ onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const database = await openTestDatabase();
  onTestFinished(() => database.close());
  const ids = async (table: string, column: string) =>
    (
      await database.db.execute<Record<string, unknown>>(
        sql.raw(`select ${column} as it from ${table} order by 1`),
      )
    ).map(({ it }) => it);
  return { ...database, ids, onTestFinished };
}

/** Starts jobs on it, which look for work all the time. */
function start(database: Awaited<ReturnType<typeof openDatabase>>, ...jobs: Job[]) {
  const log: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(line, _encoding, done) {
      log.push(JSON.parse(String(line)));
      done();
    },
  });
  const running = startJobs({
    database,
    databaseUrl: database.url,
    logger: pino(destination),
    jobs,
    pace: PACE,
    retries: { retryDelayMax: 1 },
  });
  database.onTestFinished(() => running.stop());
  return { log, running };
}

const PACE = {
  pollingIntervalSeconds: 0.5,
  cronMonitorIntervalSeconds: 1,
  cronWorkerIntervalSeconds: 1,
  monitorIntervalSeconds: 1,
  superviseIntervalSeconds: 1,
};

/** What `pnpm jobs` has. */
async function operator({
  client,
  url,
  onTestFinished,
}: Awaited<ReturnType<typeof openDatabase>>): Promise<PgBoss> {
  const connection = client
    ? { db: fromPglite(client), backend: 'pglite' as const }
    : { connectionString: url as string, max: 1 };
  const boss = new PgBoss({
    ...connection,
    schema: 'pgboss',
    migrate: false,
    supervise: false,
    schedule: false,
  });
  await boss.start();
  onTestFinished(() => boss.stop({ graceful: false }));
  return boss;
}

const EVERY_MINUTE = '* * * * *';

// #199: Twelve kills of purges, fifty of exports and summaries.
test('#199 purge removes exactly what is beyond its time, in as many steps as it takes, and once', async ({
  onTestFinished,
}) => {
  const { db, ids } = await openDatabase({ onTestFinished });
  const inserts = [
    sql.raw(
      insertUsers("(login, login_key, password) values ('u', 'u', 'x'), ('v', 'v', 'x'), ('w', 'w', 'x')"),
    ),
    // By the number in its name: how many seconds each is short of its time, or beyond it.
    sql`insert into sessions (user_id, device, idle_expires_at, absolute_expires_at)
      select 1, n, now() - make_interval(secs => n), now() + interval '1 day' from unnest(array[-60, 1, 60]) n`,
    sql`insert into sessions (user_id, device, idle_expires_at, absolute_expires_at)
      select 1, 'old', now() - make_interval(secs => n), now() from generate_series(1, 2500) n`,
    sql`insert into password_resets (user_id, code_hash, expires_at)
      select row_number() over (), n, now() - make_interval(secs => n) from unnest(array[-60, 1, 60]) n`,
    sql`insert into idempotency_keys (user_id, key, request, created_at)
      select 1, n, 'x', now() - interval '24 hours' - make_interval(secs => n) from unnest(array[-60, 1, 60]) n`,
    sql`insert into events (user_id, seq, type, data, at)
      select 1, n + 61, 'task.removed', '{}', now() - interval '7 days' - make_interval(secs => n) from unnest(array[-60, 1, 60]) n`,
    sql`insert into audit_trail (event, user_id, ip, request_id, at)
      select 'signed_in', n, '', '', now() - interval '1 year' - make_interval(secs => n) from unnest(array[-60, 1, 60]) n`,
    sql`insert into exports (id, user_id, state, expires_at)
      select n + 100, 1, 'done', now() - make_interval(secs => n) from unnest(array[-60, 1, 60]) n`,
    sql`insert into exports (id, user_id, state, expires_at)
      select n + 1000, 1, 'failed', now() - interval '7 days' - make_interval(secs => n) from unnest(array[-60, 1, 60]) n`,
    sql`insert into exports (id, user_id) values (2000, 1)`,
    sql`insert into export_parts (user_id, export_id, part, text) select user_id, id, n, 'x' from exports, generate_series(1, 60) n where id in (40, 101, 160, 2000)`,
  ];
  for (const insert of inserts) await db.execute(insert);
  const { signal } = new AbortController();
  expect(await purge.run(db, signal)).toEqual({
    sessions: 2502,
    password_resets: 2,
    idempotency_keys: 2,
    events: 2,
    export_parts: 120,
    exports: 2,
    audit_trail: 2,
  });
  expect(await ids('sessions', 'device')).toEqual(['-60']);
  expect(await ids('password_resets', 'code_hash')).toEqual(['-60']);
  expect(await ids('idempotency_keys', 'key')).toEqual(['-60']);
  expect((await ids('events', 'seq')).map(Number)).toEqual([1]);
  expect(await ids('audit_trail', 'user_id')).toEqual([-60]);
  expect(await ids('exports', 'id')).toEqual([40, 101, 160, 940, 2000]);
  expect(new Set(await ids('export_parts', 'export_id'))).toEqual(new Set([40, 2000]));
  expect(await purge.run(db, signal)).toEqual({
    sessions: 0,
    password_resets: 0,
    idempotency_keys: 0,
    events: 0,
    export_parts: 0,
    exports: 0,
    audit_trail: 0,
  });
});

test('a purge leaves off when the process is about to end', async ({ onTestFinished }) => {
  const { db } = await openDatabase({ onTestFinished });
  await expect(purge.run(db, AbortSignal.abort(new Error('about to end')))).rejects.toThrow('about to end');
});

test('a session that may idle longer than it lives is beyond its time when its life is over', async ({
  onTestFinished,
}) => {
  const { db } = await openDatabase({ onTestFinished });
  const { openSession } = await import('../src/features/auth/sessions/queries.ts');
  await db.execute(sql.raw(insertUsers("(login, login_key, password) values ('u', 'u', 'x')")));
  await openSession(
    db,
    { id: 1, password: 'x' },
    { device: '', ip: '', request_id: '' },
    { idle: 365 * 86_400, absolute: 86_400, perUser: 20 },
  );
  const rows = await db.execute(sql`select idle_expires_at = absolute_expires_at as same from sessions`);
  expect(rows).toEqual([{ same: true }]);
});

test('an export that is asked for over the API is written and told while a server listens', async ({
  onTestFinished,
}) => {
  const database = await openDatabase({ onTestFinished });
  const api = await startApp({ database });
  const ann = await api.register();
  const url = await api.app.listen({ port: 0, host: '127.0.0.1' });
  const reader = await openStream(url, '/events', ann);
  await reader.take(1);
  start(database, exportJob);
  const { body } = await api.rest('POST', '/users/me/exports', { token: ann.token });
  const told: { state: string; percent: number }[] = [];
  while (told.at(-1)?.state !== 'done') told.push((await reader.next())?.event.data);
  expect(told.slice(0, 2).map(({ state }) => state)).toEqual(['queued', 'running']);
  const percents = told.map(({ percent }) => percent);
  expect(percents).toEqual(percents.toSorted((one, other) => one - other));
  reader.leave();
  expect(
    (await api.rest('GET', `/users/me/exports/${body.id}/file`, { token: ann.token })).body.user,
  ).toMatchObject({ login: ann.login });
});

// What follows waits for pg-boss most of the time, each on a database of its own: so all of them wait at once.

test.concurrent('#199 a job that always fails is tried six times, and then lies with the dead letters, told once', async ({
  expect,
  onTestFinished,
}) => {
  const database = await openDatabase({ onTestFinished });
  let attempts = 0;
  const poison: Job = {
    name: 'poison',
    schedule: EVERY_MINUTE,
    async run() {
      attempts++;
      throw new Error('hunter2');
    },
  };
  const { log } = start(database, poison);
  const buried = () => log.filter(({ msg }) => msg === 'job failed for good');
  await expect.poll(buried).toHaveLength(1);
  const [{ job_id } = {}] = buried();
  expect(buried()).toMatchObject([{ level: 50, job: 'poison', job_id: expect.any(String), reason: 'Error' }]);
  expect(
    log.filter((line) => line.job_id === job_id && line.msg === 'job failed').map(({ attempt }) => attempt),
  ).toEqual([1, 2, 3, 4, 5, 6]);
  expect(attempts).toBeGreaterThanOrEqual(6);
  expect(JSON.stringify(log)).not.toContain('hunter2');
  const letters = await database.db.execute(sql`
    select source_name, source_id, source_retry_count, source_output->>'message' as message from pgboss.job where name = ${DEAD_LETTER_QUEUE}`);
  expect(letters).toEqual([
    { source_name: 'poison', source_id: job_id, source_retry_count: 5, message: 'Error' },
  ]);
});

test.concurrent('what users want is done once for each, and one that cannot be is given up and told', async ({
  expect,
  onTestFinished,
}) => {
  const database = await openDatabase({ onTestFinished });
  const orders = new Map([
    ['good', 'wanted'],
    ['bad', 'wanted'],
  ]);
  const done: string[] = [];
  const order: Job<{ key: string }> = {
    name: 'order',
    findPending: async () =>
      [...orders].filter(([, state]) => state === 'wanted').map(([key]) => ({ key, data: { key } })),
    async run(_db, _stopping, { data: { key } }) {
      if (key === 'bad') throw new Error('hunter2');
      orders.set(key, 'done');
      done.push(key);
      return {};
    },
    async onDeadLetter(_db, { data: { key } }) {
      orders.set(key, 'given up');
    },
  };
  const { log } = start(database, order);
  await expect.poll(() => orders.get('bad')).toBe('given up');
  expect(done).toEqual(['good']);
  expect(log.filter(({ msg }) => msg === 'job failed for good')).toMatchObject([{ job: 'order' }]);
  const jobs = await database.db.execute(
    sql`select singleton_key as key, state from pgboss.job where name = 'order' order by 1`,
  );
  expect(jobs).toEqual([
    { key: 'bad', state: 'failed' },
    { key: 'good', state: 'completed' },
  ]);
});

test.concurrent('what failed for good is seen and counted until somebody has it done again or forgets it', async ({
  expect,
  onTestFinished,
}) => {
  const database = await openDatabase({ onTestFinished });
  let wanted = ['mended', 'hopeless'];
  let isBroken = true;
  const done: string[] = [];
  const order: Job<{ key: string }> = {
    name: 'order',
    findPending: async () => wanted.map((key) => ({ key, data: { key } })),
    async run(_db, _stopping, { data: { key } }) {
      if (isBroken) throw Object.assign(new Error('hunter2'), { code: '57014' });
      done.push(key);
      return {};
    },
    async onDeadLetter(_db, { data: { key } }) {
      wanted = wanted.filter((one) => one !== key);
    },
  };
  const { running } = start(database, order);
  const told = () => Object.fromEntries(running.metricDefinitions.map(({ name, read }) => [name, read()]));
  expect(told()).toEqual({
    stepwise_jobs_waiting: { order: 0 },
    stepwise_jobs_active: { order: 0 },
    stepwise_jobs_dead: 0,
  });
  await expect.poll(() => wanted).toEqual([]);
  const boss = await operator(database);
  const { queues, deadLetters } = await readOverview(boss);
  expect(queues).toEqual([{ name: 'order', waiting: 0, active: 0, failed: 2 }]);
  expect(deadLetters).toHaveLength(2);
  for (const letter of deadLetters)
    expect(letter).toEqual({
      job: 'order',
      job_id: expect.any(String),
      at: expect.any(Date),
      attempts: 6,
      reason: '57014',
    });
  await expect.poll(() => told().stepwise_jobs_dead, { interval: 500 }).toBe(2);

  isBroken = false;
  const keys = await database.ids('pgboss.job', "singleton_key || ' ' || id");
  const idOf = (key: string) =>
    String(keys.find((text) => deadLetters.some(({ job_id }) => text === `${key} ${job_id}`))).split(
      ' ',
    )[1] as string;
  expect(await resolveDeadLetter(boss, idOf('mended'), 'retry')).toBe('sent');
  expect(await resolveDeadLetter(boss, idOf('hopeless'), 'forget')).toBe('forgotten');
  expect(await resolveDeadLetter(boss, idOf('mended'), 'retry')).toBe('unknown');
  await expect.poll(() => done).toEqual(['mended']);
  expect((await readOverview(boss)).deadLetters).toEqual([]);
  await expect.poll(() => told().stepwise_jobs_dead, { interval: 500 }).toBe(0);
});

test.concurrent('what is under way is told to leave off, is waited for, and is done again by the next process', async ({
  expect,
  onTestFinished,
}) => {
  const database = await openDatabase({ onTestFinished });
  const begun = new EventTarget();
  let ended = false;
  const slow: Job = {
    name: 'slow',
    schedule: EVERY_MINUTE,
    async run(_db, stopping) {
      begun.dispatchEvent(new Event('begun'));
      await once(stopping, 'abort');
      ended = true;
      stopping.throwIfAborted();
      return {};
    },
  };
  const beginning = once(begun, 'begun');
  const { running, log } = start(database, slow);
  await beginning;
  await running.stop();
  expect(ended).toBe(true);
  expect(log.filter(({ job }) => job === 'slow')).toMatchObject([
    { msg: 'job left off, to be done again', attempt: 1 },
  ]);
  const again = start(database, { ...slow, run: async () => ({ steps: 3 }) });
  await expect
    .poll(() => again.log.filter(({ job }) => job === 'slow'))
    .toMatchObject([{ msg: 'job done', attempt: 2, figures: { steps: 3 } }]);
});

test.concurrent('a schedule that is no more is forgotten', async ({ expect, onTestFinished }) => {
  const database = await openDatabase({ onTestFinished });
  const idle = (name: string): Job => ({ name, schedule: '0 0 1 1 *', run: async () => ({}) });
  const planned = () => database.ids('pgboss.schedule', 'name').catch(() => []);
  const first = start(database, idle('one'), idle('two'));
  await expect.poll(planned).toEqual(['one', 'two']);
  await first.running.stop();
  start(database, idle('two'));
  await expect.poll(planned).toEqual(['two']);
});
