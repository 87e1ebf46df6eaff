// Background work whose processes are killed, and that of several at once.
import { fileURLToPath } from 'node:url';
import { PgBoss } from 'pg-boss';
import { pino } from 'pino';
import postgres from 'postgres';
import { expect, onTestFinished, test } from 'vitest';
import { migratePostgres } from '../../src/db/migrate.ts';
import { openPostgres } from '../../src/db/postgres.ts';
import type { Job } from '../../src/jobs/registry.ts';
import { startJobs } from '../../src/jobs/run.ts';
import { freePort, startCluster } from './cluster.ts';
import { spawnChild, startServer } from './servers.ts';

const cluster = await startCluster();
const WORKER = fileURLToPath(new URL('../../src/worker.ts', import.meta.url));
const BEGUN = 'background work has begun';
const PACE = { pollingIntervalSeconds: 0.5, cronMonitorIntervalSeconds: 1, cronWorkerIntervalSeconds: 1 };
const SOON = { timeout: 30_000, interval: 10 };

async function createDatabase(name: string) {
  const url = await cluster.createDatabase(name);
  await migratePostgres(url);
  const admin = postgres(url, { max: 1, onnotice: () => {} });
  onTestFinished(() => admin.end({ timeout: 1 }));
  return { url, admin };
}

const startWorker = (url: string) => spawnChild(process.execPath, [WORKER], { DATABASE_URL: url, MIGRATE_AT_START: 'false' });

test('#199 killed in the middle of purges twelve times, workers remove what is beyond its time once, and nothing else', {
  timeout: 240_000,
}, async () => {
  const { url, admin } = await createDatabase('purged');
  // Slow enough to be met in the middle.
  await admin.unsafe(`
    create table removed (device text);
    create function note() returns trigger language plpgsql as
      $$ begin perform pg_sleep(0.03); insert into removed select device from gone; return null; end $$;
    create trigger note after delete on sessions referencing old table as gone for each statement execute function note();
    insert into users (login, login_key, password) values ('u', 'u', 'x')`);
  const sender = new PgBoss({ connectionString: url, max: 1, schedule: false, supervise: false });
  await sender.start();
  onTestFinished(() => sender.stop());
  const removed = async () => Number((await admin`select count(*) as n from removed`)[0]?.n);
  const OVER = 40_000;

  let worker = startWorker(url);
  await expect.poll(() => worker.output.join('\n'), SOON).toContain(BEGUN);
  for (let job = 0; job < 4; job++) {
    const before = await removed();
    await admin`insert into sessions (user_id, device, idle_expires_at, absolute_expires_at)
      select 1, ${job}::int || '-' || n, now() - interval '1 hour', now() + interval '1 day' from generate_series(1, ${OVER}::int) n`;
    await admin`insert into sessions (user_id, device, idle_expires_at, absolute_expires_at)
      select 1, 'open', now() + interval '1 hour', now() + interval '1 day' from generate_series(1, 100)`;
    let id: string | null = null;
    await expect.poll(async () => (id ??= await sender.send('purge')), SOON).not.toBeNull();
    for (let kill = 1; kill <= 3; kill++) {
      const begin = await removed();
      await expect.poll(removed, SOON).toBeGreaterThan(begin + 1000);
      worker.child.kill('SIGKILL');
      await worker.exit;
      expect(await removed(), 'in the middle').toBeLessThan(before + OVER);
      expect(await admin`select state from pgboss.job where id = ${id}`).toMatchObject([{ state: 'active' }]);
      // An hour goes by.
      await admin`update pgboss.job set heartbeat_on = heartbeat_on - interval '1 hour', retry_backoff = false, retry_delay = 0 where id = ${id}`;
      await admin`update pgboss.queue set monitor_on = null, monitor_claim_on = null`;
      worker = startWorker(url);
    }
    await expect.poll(async () => (await sender.findJobs('purge', { id: id as unknown as string }))[0]?.state, SOON).toBe('completed');
    const [done] = await sender.findJobs('purge', { id: id as unknown as string });
    expect(done).toMatchObject({ retryCount: 3 });
  }
  const [found] =
    await admin`select count(*)::int as times, count(distinct device)::int as rows, count(*) filter (where device = 'open')::int as open from removed`;
  expect(found).toEqual({ times: 4 * OVER, rows: 4 * OVER, open: 0 });
  expect([...(await admin`select device, count(*)::int as n from sessions group by device`)]).toEqual([{ device: 'open', n: 400 }]);
  expect(worker.output.join('\n')).not.toContain('failed for good');
  worker.child.kill('SIGTERM');
  expect(await worker.exit).toBe(0);
});

test('#199 of three instances on one database one runs each turn of a schedule', async () => {
  const { url, admin } = await createDatabase('turns');
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
    const running = startJobs({ database, databaseUrl: url, logger: pino({ level: 'silent' }), jobs: [tick], pace: PACE });
    onTestFinished(() => running.stop().then(() => database.close()));
  }
  const turns = async () => Number((await admin`select count(distinct minute) as n from turns`)[0]?.n);
  await expect.poll(turns, { timeout: 110_000, interval: 500 }).toBe(2);
  const jobs =
    await admin`select count(*)::int as n, count(distinct singleton_on)::int as slots from pgboss.job where name = '__pgboss__send-it'`;
  expect(jobs[0]?.n).toBe(jobs[0]?.slots);
  expect(await admin`select count(*)::int as n from turns`).toMatchObject([{ n: await turns() }]);
});

test('a server begins with background work after it listens, unless told not to, and ends with it cleanly', async () => {
  const { url, admin } = await createDatabase('served');
  const env = { PORT: String(await freePort()), DATABASE_URL: url };
  const silent = await startServer({ ...env, JOBS: 'off', PORT: String(await freePort()) });
  const server = await startServer(env);
  expect(server.output.join('\n')).not.toContain(BEGUN);
  await expect.poll(() => server.output.join('\n'), SOON).toContain(BEGUN);
  expect(silent.output.join('\n')).not.toContain(BEGUN);
  const [queue] = await admin`select retry_limit, retry_delay, retry_backoff, dead_letter from pgboss.queue where name = 'purge'`;
  expect(queue).toEqual({ retry_limit: 5, retry_delay: 30, retry_backoff: true, dead_letter: 'dead-letters' });
  expect(await Promise.all([server.end('SIGTERM'), silent.end('SIGTERM')])).toEqual([0, 0]);
});

test('a worker without PostgreSQL says what it needs', async () => {
  const worker = spawnChild(process.execPath, [WORKER]);
  expect(await worker.exit).toBe(1);
  expect(worker.output).toEqual([expect.stringContaining('DATABASE_URL: required')]);
});
