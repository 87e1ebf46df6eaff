// Background work whose processes are killed, and that of several at once.
import { fileURLToPath } from 'node:url';
import { PgBoss } from 'pg-boss';
import { pino } from 'pino';
import postgres from 'postgres';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { BIGINTS } from '../../src/db/postgres/connection.ts';
import { migratePostgres } from '../../src/db/postgres/migrate.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import type { Job } from '../../src/jobs/job.ts';
import { startJobs } from '../../src/jobs/run.ts';
import { insertUsers } from '../insertUsers.ts';
import { freePort, startCluster } from './cluster.ts';
import { spawnChild, startServer } from './servers.ts';

const cluster = await startCluster();
const WORKER = fileURLToPath(new URL('../../src/worker.ts', import.meta.url));
const BEGUN = 'background work has begun';
const PACE = { pollingIntervalSeconds: 0.5, cronMonitorIntervalSeconds: 1, cronWorkerIntervalSeconds: 1 };
const OFTEN = { interval: 10 };

async function createDatabase(name: string, onFinished: (end: () => Promise<void>) => void = onTestFinished) {
  const url = await cluster.createDatabase(name);
  await migratePostgres(url);
  const admin = postgres(url, { max: 1, types: BIGINTS, onnotice: () => {} });
  onFinished(() => admin.end({ timeout: 1 }));
  return { url, admin };
}

/** Instances with a job that is due every minute. They run from now on until the test file is done. */
async function startScheduledInstances() {
  const { url, admin } = await createDatabase('turns', afterAll);
  await admin`create table turns (instance int, minute timestamptz default date_trunc('minute', now()))`;
  for (const instance of [1, 2, 3]) {
    const database = openPostgres(url, 2);
    const tick: Job = {
      name: 'tick',
      schedule: '* * * * *',
      run: async () => {
        await admin`insert into turns (instance) values (${instance})`;
        return {};
      },
    };
    const running = startJobs({
      database,
      databaseUrl: url,
      logger: pino({ level: 'silent' }),
      jobs: [tick],
      pace: PACE,
    });
    afterAll(() => running.stop().then(() => database.close()));
  }
  return admin;
}

// Two turns take more than a minute, in which the other tests run.
const scheduled = await startScheduledInstances();

const startWorker = (url: string) =>
  spawnChild(process.execPath, [WORKER], { DATABASE_URL: url, MIGRATE_AT_START: 'false' });

test('#199 killed in the middle of purges six times, workers remove what is beyond its time once, and nothing else', async () => {
  const { url, admin } = await createDatabase('purged');
  // Slow enough to be met in the middle.
  await admin.unsafe(`
    create table removed (device text);
    create function note() returns trigger language plpgsql as
      $$ begin perform pg_sleep(0.03); insert into removed select device from gone; return null; end $$;
    create trigger note after delete on sessions referencing old table as gone for each statement execute function note();
    ${insertUsers("(login, login_key, password) values ('u', 'u', 'x')")}`);
  const sender = new PgBoss({ connectionString: url, max: 1, schedule: false, supervise: false });
  await sender.start();
  onTestFinished(() => sender.stop());
  const removed = async () => Number((await admin`select count(*) as n from removed`)[0]?.n);
  const [JOBS, OVER] = [2, 40_000];

  let worker = startWorker(url);
  await expect.poll(() => worker.output.join('\n'), OFTEN).toContain(BEGUN);
  for (let job = 0; job < JOBS; job++) {
    const before = await removed();
    await admin`insert into sessions (user_id, device, idle_expires_at, absolute_expires_at)
      select 1, ${job}::int || '-' || n, now() - interval '1 hour', now() + interval '1 day' from generate_series(1, ${OVER}::int) n`;
    await admin`insert into sessions (user_id, device, idle_expires_at, absolute_expires_at)
      select 1, 'open', now() + interval '1 hour', now() + interval '1 day' from generate_series(1, 100)`;
    let id: string | null = null;
    await expect.poll(async () => (id ??= await sender.send('purge')), OFTEN).not.toBeNull();
    for (let kill = 1; kill <= 3; kill++) {
      const begin = await removed();
      await expect.poll(removed, OFTEN).toBeGreaterThan(begin + 1000);
      worker.child.kill('SIGKILL');
      await worker.exit;
      expect(await removed(), 'in the middle').toBeLessThan(before + OVER);
      expect(await admin`select state from pgboss.job where id = ${id}`).toMatchObject([{ state: 'active' }]);
      // An hour goes by.
      await admin`update pgboss.job set heartbeat_on = heartbeat_on - interval '1 hour', retry_backoff = false, retry_delay = 0 where id = ${id}`;
      await admin`update pgboss.queue set monitor_on = null, monitor_claim_on = null`;
      worker = startWorker(url);
    }
    await expect
      .poll(async () => (await sender.findJobs('purge', { id: id as unknown as string }))[0]?.state, OFTEN)
      .toBe('completed');
    const [done] = await sender.findJobs('purge', { id: id as unknown as string });
    expect(done).toMatchObject({ retryCount: 3 });
  }
  const [found] =
    await admin`select count(*)::int as times, count(distinct device)::int as rows, count(*) filter (where device = 'open')::int as open from removed`;
  expect(found).toEqual({ times: JOBS * OVER, rows: JOBS * OVER, open: 0 });
  expect([...(await admin`select device, count(*)::int as n from sessions group by device`)]).toEqual([
    { device: 'open', n: JOBS * 100 },
  ]);
  expect(worker.output.join('\n')).not.toContain('failed for good');
  worker.child.kill('SIGTERM');
  expect(await worker.exit).toBe(0);
});

test('#199 killed fifty times in the middle of exports and summaries, workers write each file and tell each user once', async () => {
  const { url, admin } = await createDatabase('killed');
  const [WORKERS, ROUNDS, KILLS] = [5, 2, 5];
  const [USERS, TASKS] = [4000, 30_000];
  // Whoever is as far as it should be at the next kill hardly goes on, so that all are met in the middle: which worker
  // begins with what, and when, is theirs to say. A pause ends well before those who wait for its locks give up, after 2 s.
  await admin.unsafe(`
    create table due (parts int, waiting int);
    insert into due values (null, null);
    create function pause_export() returns trigger language plpgsql as
      $$ begin perform pg_sleep(case when new.parts >= parts then 0.8 else 0.02 end) from due where parts is not null; return null; end $$;
    create function pause_summaries() returns trigger language plpgsql as
      $$ declare n int := (select count(*) from users where summary_due_at < now()); begin
        perform pg_sleep(case when n <= waiting then 0.8 else 0.02 end) from due where waiting is not null; return null; end $$;
    create trigger pause after update on exports for each row execute function pause_export();
    create trigger pause after update of summary_due_at on users for each statement execute function pause_summaries()`);
  const sender = new PgBoss({ connectionString: url, max: 1, schedule: false, supervise: false });
  await sender.start();
  onTestFinished(() => sender.stop());
  const begin = async () => {
    const workers = Array.from({ length: WORKERS }, () => startWorker(url));
    for (const { output } of workers) await expect.poll(() => output.join('\n'), OFTEN).toContain(BEGUN);
    return workers;
  };
  /** Of the exports of the round, one for each worker, and of those who have not been told. */
  const progress = async () => {
    const exports = await admin<
      { parts: number; state: string }[]
    >`select parts, state from exports order by id desc limit ${WORKERS}`;
    const [waiting] = await admin<
      { n: number }[]
    >`select count(*)::int as n from users where summary_due_at < now()`;
    return { exports, waiting: waiting?.n as number };
  };

  const connections = async () =>
    Number(
      (
        await admin`select count(*) as n from pg_stat_activity where datname = current_database() and application_name like 'stepwise%'`
      )[0]?.n,
    );

  let kills = 0;
  /** Exports that had written nothing at the first kill of their round: it waits for some, not for all. */
  let late = 0;
  let workers = await begin();
  for (let round = 0; round < ROUNDS; round++) {
    const made = await admin.unsafe<{ id: number }[]>(
      insertUsers(`(login, login_key, password, summary_due_at)
        select '${round}-' || n, '${round}-' || n, 'x', now() - interval '1 minute' from generate_series(1, ${USERS}) n`),
    );
    const owners = made.slice(0, WORKERS).map(({ id }) => id);
    await admin`insert into outer_tasks (user_id, title) select id, 'x' || n from unnest(${owners}::bigint[]) id, generate_series(1, ${TASKS}::int) n`;
    await admin`analyze outer_tasks`;
    await admin`update due set parts = 1, waiting = ${USERS - 1}`;
    const turn = await sender.send('summaries');
    await admin`insert into exports (user_id) select unnest(${owners}::bigint[])`;
    for (let kill = 0; kill < KILLS; kill++) {
      const before = await progress();
      const parts = 1 + Math.max(0, ...before.exports.map((each) => each.parts));
      await admin`update due set parts = ${parts}, waiting = ${before.waiting - 1}`;
      // Workers that have just begun find all at once; those that wait look for more every ten seconds.
      const moved = async () => {
        const { exports, waiting } = await progress();
        const hasMoved = ({ parts }: { parts: number }, n: number) => parts > (before.exports[n]?.parts ?? 0);
        return kill === 0 ? exports.some(hasMoved) : exports.every(hasMoved) && waiting < before.waiting;
      };
      await expect.poll(moved, OFTEN).toBe(true);
      for (const { child } of workers) child.kill('SIGKILL');
      for (const { exit } of workers) await exit;
      // What they had sent is still done.
      await expect.poll(connections, OFTEN).toBe(0);
      kills += WORKERS;
      const { exports, waiting } = await progress();
      expect(
        exports.map(({ state }) => state),
        'in the middle of exports',
      ).not.toContain('done');
      expect(waiting, 'in the middle of the summaries').toBeGreaterThan(0);
      if (kill === 0) late += exports.filter(({ parts }) => parts === 0).length;
      // An hour goes by.
      await admin`update pgboss.job set heartbeat_on = heartbeat_on - interval '1 hour', retry_backoff = false, retry_delay = 0 where state = 'active'`;
      await admin`update pgboss.queue set monitor_on = null, monitor_claim_on = null`;
      workers = await begin();
    }
    await admin`update due set parts = null, waiting = null`;
    const states = async () =>
      (await admin`select distinct state from pgboss.job where name = 'export'`).map(({ state }) => state);
    await expect.poll(states, OFTEN).toEqual(['completed']);
    await expect
      .poll(async () => (await sender.findJobs('summaries', { id: turn as string }))[0]?.state, OFTEN)
      .toBe('completed');
    expect((await progress()).waiting).toBe(0);
  }
  expect(kills).toBe(50);

  const owners = await admin`select id, user_id, bytes::int as bytes from exports order by id`;
  expect(owners).toHaveLength(ROUNDS * WORKERS);
  for (const { id, user_id, bytes } of owners) {
    const parts =
      await admin`select part, text from export_parts where user_id = ${user_id} and export_id = ${id} order by part`;
    expect(parts.map(({ part }) => part)).toEqual(parts.map((_, index) => index));
    const text = parts.map((part) => part.text).join('');
    expect(Buffer.byteLength(text)).toBe(bytes);
    const written = JSON.parse(text).tasks.map((task: { id: number }) => task.id);
    const tasks = await admin`select id from outer_tasks where user_id = ${user_id} order by id`;
    expect(written).toEqual(tasks.map((task) => task.id));
  }
  const [told] = await admin`
    select count(*) filter (where type = 'summary.created')::int as summaries, count(distinct user_id) filter (where type = 'summary.created')::int as users,
      count(*) filter (where type = 'export.changed' and data->>'state' = 'done')::int as done,
      count(*) filter (where type = 'export.changed' and data->>'percent' = '0')::int as begun
    from events`;
  expect(told).toEqual({
    summaries: ROUNDS * USERS,
    users: ROUNDS * USERS,
    done: ROUNDS * WORKERS,
    begun: ROUNDS * WORKERS,
  });
  const [gaps] = await admin`
    select count(*)::int as n from event_sequences s where s.last <> (select count(*) from events e where e.user_id = s.user_id)`;
  expect(gaps).toEqual({ n: 0 });
  const retries = await admin`
    select name, state, min(retry_count) as least, sum(retry_count)::int as tries from pgboss.job
    where name in ('export', 'summaries') group by 1, 2 order by 1`;
  const atLeast = (least: number) => expect.toSatisfy((count) => count >= least);
  expect([...retries]).toEqual([
    {
      name: 'export',
      state: 'completed',
      least: atLeast(KILLS - 1),
      tries: atLeast(ROUNDS * WORKERS * KILLS - late),
    },
    { name: 'summaries', state: 'completed', least: atLeast(KILLS - 1), tries: expect.any(Number) },
  ]);
  expect([...(await admin`select from pgboss.job where name = 'dead-letters'`)]).toEqual([]);
  for (const { child } of workers) child.kill('SIGTERM');
  for (const { exit } of workers) expect(await exit).toBe(0);
});

test('#199 of three instances on one database one runs each turn of a schedule', async () => {
  const turns = async () => {
    const [row] = await scheduled<{ n: number; minutes: number }[]>`
      select count(*)::int as n, count(distinct minute)::int as minutes from turns`;
    return row as NonNullable<typeof row>;
  };
  await expect.poll(async () => (await turns()).minutes, { interval: 500 }).toBeGreaterThanOrEqual(2);
  const [jobs] = await scheduled`
    select count(*)::int as n, count(distinct singleton_on)::int as slots
    from pgboss.job
    where name = '__pgboss__send-it'`;
  expect(jobs?.n).toBe(jobs?.slots);
  const { n, minutes } = await turns();
  expect(n).toBe(minutes);
});

test('a server begins with background work after it listens, unless told not to, and ends with it cleanly', async () => {
  const { url, admin } = await createDatabase('served');
  const env = { PORT: String(await freePort()), DATABASE_URL: url };
  const silent = await startServer({ ...env, JOBS: 'off', PORT: String(await freePort()) });
  const server = await startServer(env);
  expect(server.output.join('\n')).not.toContain(BEGUN);
  await expect.poll(() => server.output.join('\n'), OFTEN).toContain(BEGUN);
  expect(silent.output.join('\n')).not.toContain(BEGUN);
  const [queue] =
    await admin`select retry_limit, retry_delay, retry_backoff, dead_letter from pgboss.queue where name = 'purge'`;
  expect(queue).toEqual({
    retry_limit: 5,
    retry_delay: 30,
    retry_backoff: true,
    dead_letter: 'dead-letters',
  });
  expect(await Promise.all([server.end('SIGTERM'), silent.end('SIGTERM')])).toEqual([0, 0]);
});

test('a worker without PostgreSQL says what it needs', async () => {
  const worker = spawnChild(process.execPath, [WORKER]);
  expect(await worker.exit).toBe(1);
  expect(worker.output).toEqual([expect.stringContaining('DATABASE_URL: required')]);
});
