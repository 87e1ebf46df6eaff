// The commands of docs/operations/backup.md, run as they stand there: a base backup under load and the archive of the log
// give back a moment, after the folder of PostgreSQL was destroyed.
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runProgram } from '../programs.ts';
import { openStream } from '../streams.ts';
import { freePort, startCluster } from './cluster.ts';
import { expectStored, newJournal, writeOne } from './journal.ts';
import { repeatUntilStopped } from './load.ts';
import {
  type Answer,
  call,
  PASSWORD,
  registerSecret,
  signIn,
  startServer,
  waitUntilReady,
} from './servers.ts';

const WRITERS = 8;
/** What docs/operations/backup.md says of a server that runs on. */
const SESSIONS_KNOWN_MS = 10_000;

const GUIDE = readFileSync(new URL('../../../docs/operations/backup.md', import.meta.url), 'utf8');
/** Blocks of the shell, also within lists. */
const BLOCKS = [...GUIDE.matchAll(/^( *)```sh\n(.*?)^\1```$/gms)].map(([, indent = '', block = '']) =>
  block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
);

const cluster = await startCluster();
const DATABASE_URL = await cluster.createDatabase('restored');

/** Runs the one block of the guide that has these words. @returns what it wrote */
function follow(words: string, env: { BASE: string; MOMENT?: string; DATABASE_URL?: string }) {
  const [block, ...others] = BLOCKS.filter((text) => text.includes(words));
  if (block === undefined || others.length > 0) throw new Error(`blocks with ${words}: not one`);
  return cluster.shell(block, { PGDATA: cluster.data, ARCHIVE: join(cluster.folder, 'archive'), ...env });
}

const stopAtOnce = () => cluster.program('pg_ctl', '--pgdata', cluster.data, '--mode', 'immediate', 'stop');

function connect() {
  const sql = postgres(DATABASE_URL, { max: 1, onnotice: () => {} });
  onTestFinished(() => sql.end({ timeout: 1 }));
  return sql;
}

/** Waits until the archive has the log up to now and a file after it, which writes make. */
async function archivedUpToNow(sql: postgres.Sql): Promise<void> {
  const [at] = await sql`select pg_walfile_name(pg_current_wal_lsn()) as file`;
  await expect
    .poll(async () => (await sql`select last_archived_wal as file from pg_stat_archiver`)[0]?.file)
    .toSatisfy((file: string | null) => file !== null && file > at?.file);
}

/** Writes until it is stopped, and notes when each write began and was answered. */
function writers(url: string, token: string, run: string) {
  const journal = newJournal();
  const begun: string[] = [];
  const stop = repeatUntilStopped(WRITERS, (writer, n) => {
    const name = `${run}-${writer}-${n}`;
    begun.push(name);
    return writeOne(url, token, name, n % 2 === 1, journal);
  });
  const more = (count: number) => {
    const enough = journal.acknowledged.length + count;
    return expect.poll(() => journal.acknowledged.length).toBeGreaterThan(enough);
  };
  return { journal, begun, stop, more };
}

const IDS = ['users', 'sessions', 'outer_tasks', 'physical_plans', 'workouts'] as const;

/** The highest id of each table. */
async function highestIds(sql: postgres.Sql): Promise<Record<string, number>> {
  const rows = await Promise.all(
    IDS.map((table) => sql`select coalesce(max(id), 0)::float8 as id from ${sql(table)}`),
  );
  return Object.fromEntries(rows.map(([row], n) => [IDS[n] as string, row?.id]));
}

const answered = ({ status, body }: Answer) => ({ status, body });

describe('the folder of PostgreSQL is destroyed', () => {
  // #720: The folder of PostgreSQL is destroyed. Restored to a moment from a base backup made under load and the archive of the
  // log, it has all that was acknowledged before the moment and nothing that began after it.
  // #721: Rows that are made after it have ids above all that are there.
  // #722: Tokens of sessions from before the moment are good; those of later ones are refused: at once by a server that was
  // started after the restore, within 10 s by one that ran on. Passwords, ended sessions and removed accounts are as they were.
  // #723: A key that was used before the moment has its answer; one that was used after it is new.
  // #724: A reader whose last event is from after the moment gets resync.
  test('#720 #721 #722 #723 #724 restored to a moment it has all that was acknowledged before and nothing that began after', async () => {
    const BASE = join(cluster.folder, 'base');
    await follow('archive_mode', { BASE });
    await cluster.restart('fast');
    const env = { DATABASE_URL, RATE_LIMIT: 'off', DRAIN_MS: '0' };
    const server = await startServer({ PORT: String(await freePort()), ...env });
    const { url } = server;

    const register = async (login: string, at = url) => {
      const { status, body } = await call(at, 'POST', '/users', undefined, { login, password: PASSWORD });
      expect(status, login).toBe(201);
      for (const token of [body.access_token, body.refresh_token]) registerSecret(token);
      return body as { user_id: number; access_token: string; refresh_token: string };
    };
    const opened = async (login: string, password = PASSWORD, at = url) => {
      const { status, body } = await signIn(at, login, password);
      expect(status, login).toBe(200);
      return body as { session_id: number; access_token: string; refresh_token: string };
    };
    const me = async (token: string, at = url) => (await call(at, 'GET', '/users/me', token)).status;
    const refresh = (refresh_token: string, at = url) =>
      call(at, 'POST', '/users/refresh', undefined, { refresh_token });
    const keyed = (key: string, title: string, at = url) =>
      call(at, 'POST', '/outherTasks', ann.access_token, { title }, { 'idempotency-key': key });

    const writer = await register('writer');
    const ann = await register('ann');
    const bob = await register('bob');
    const carol = await register('carol');
    const load = writers(url, writer.access_token, 'load');
    await load.more(200);
    const beforeBackup = load.journal.acknowledged.length;
    await follow('pg_basebackup', { BASE });
    const duringBackup = load.journal.acknowledged.length - beforeBackup;
    expect(duringBackup, 'writes during the backup').toBeGreaterThan(0);
    await load.more(200);

    const keys = { before: randomUUID(), after: randomUUID() };
    const remembered = await keyed(keys.before, 'with a key before');
    expect(remembered.status).toBe(201);
    const endedAfter = await opened('bob');
    const refreshedAfter = await opened('bob');

    // Whatever was answered by now was so before the moment; whatever begins from its end on begins after it.
    const before = { ...load.journal, acknowledged: [...load.journal.acknowledged] };
    const sql = connect();
    const [moment] = await sql`select clock_timestamp()::text as at`;
    const begunBefore = load.begun.length;

    const late = await register('late');
    const after = await opened('ann');
    expect(await call(url, 'POST', '/users/signOut', endedAfter.access_token)).toMatchObject({ status: 200 });
    const exchanged = await refresh(refreshedAfter.refresh_token);
    expect(exchanged.status).toBe(200);
    registerSecret(exchanged.body.refresh_token);
    const NEW = 'another battery staple';
    registerSecret(NEW);
    const change = { current_password: PASSWORD, new_password: NEW };
    expect(await call(url, 'POST', '/users/me/password', bob.access_token, change)).toMatchObject({
      status: 200,
    });
    const removal = { password: PASSWORD };
    expect(await call(url, 'DELETE', `/users/${carol.user_id}`, carol.access_token, removal)).toMatchObject({
      status: 200,
    });
    expect((await keyed(keys.after, 'with a key after')).status).toBe(201);
    await load.more(200);
    await archivedUpToNow(sql);
    await load.stop();
    expect(load.journal.wrong).toEqual([]);
    const [last] = await sql`select last::int from event_sequences where user_id = ${writer.user_id}`;
    // The running server has just seen them all open.
    for (const token of [ann, after, late].map(({ access_token }) => access_token))
      expect(await me(token)).toBe(200);

    await stopAtOnce();
    await rm(cluster.data, { recursive: true });
    expect(await call(url, 'POST', '/outherTasks', ann.access_token, { title: 'x' })).toMatchObject({
      status: 503,
      retryAfter: expect.any(String),
    });
    const start = performance.now();
    for (const words of ['cp -a', 'recovery.signal']) await follow(words, { BASE, MOMENT: moment?.at });
    await cluster.start();
    await follow('pg_is_in_recovery', { BASE });
    const restoredMs = performance.now() - start;

    // What is there.
    const again = connect();
    await expectStored(again, before);
    const names = new Set(
      (await again`select title as name from outer_tasks union all select goal from physical_plans`).map(
        ({ name }) => name,
      ),
    );
    const begunAfter = load.begun.slice(begunBefore);
    expect(begunAfter.filter((name) => names.has(name))).toEqual([]);
    expect(names.has('with a key after')).toBe(false);
    const highest = await highestIds(again);

    // The server that ran on: a token from after the moment may be good for ten seconds.
    await waitUntilReady(url);
    const readyAt = performance.now();
    const refusedMs = await Promise.all(
      [after.access_token, late.access_token].map(async (token) => {
        for (;;) {
          const askedMs = performance.now() - readyAt;
          const status = await me(token);
          if (status === 401) return Math.round(askedMs);
          expect([status, askedMs < SESSIONS_KNOWN_MS]).toEqual([200, true]);
        }
      }),
    );
    expect(await me(ann.access_token)).toBe(200);

    // A server that was started after it refuses them at once.
    const next = await startServer({ PORT: String(await freePort()), ...env });
    for (const token of [after.access_token, late.access_token]) expect(await me(token, next.url)).toBe(401);
    for (const at of [url, next.url]) {
      for (const { access_token } of [ann, bob, carol, writer, endedAfter, refreshedAfter])
        expect(await me(access_token, at)).toBe(200);
      for (const { refresh_token } of [after, late])
        expect((await refresh(refresh_token, at)).status).toBe(401);
      expect((await signIn(at, 'late')).status).toBe(401);
      expect((await signIn(at, 'bob', NEW)).status).toBe(401);
    }
    // The refresh token of the moment is good again, and not the one that took its place later.
    expect((await refresh(exchanged.body.refresh_token)).status).toBe(401);
    expect((await refresh(refreshedAfter.refresh_token)).status).toBe(200);

    // Ids go on.
    const made = await register('later', next.url);
    const { session_id: _, ...session } = await opened('bob', PASSWORD, next.url);
    registerSecret(session.access_token);
    const journal = newJournal();
    for (const [n, at] of [url, next.url].entries())
      for (const isPlan of [false, true])
        await writeOne(at, writer.access_token, `made later ${n} ${isPlan}`, isPlan, journal);
    expect(journal).toMatchObject({ wrong: [], statuses: { 201: 4 } });
    expect(made.user_id).toBeGreaterThan(highest.users as number);
    for (const [table, id] of Object.entries(await highestIds(again)))
      expect(id, table).toBeGreaterThan(highest[table] as number);

    // Keys.
    expect(answered(await keyed(keys.before, 'with a key before'))).toEqual(answered(remembered));
    const anew = await keyed(keys.after, 'with a key after');
    expect(anew.status).toBe(201);
    expect(answered(await keyed(keys.after, 'with a key after', next.url))).toEqual(answered(anew));
    const rows = await again`
      select title, count(*)::int from outer_tasks where title like 'with a key %' group by title order by title`;
    expect(rows).toEqual([
      { title: 'with a key after', count: 1 },
      { title: 'with a key before', count: 1 },
    ]);

    // Events.
    const stream = await openStream(url, '/events', { token: writer.access_token }, last?.last);
    const [head] = await again`select last::int from event_sequences where user_id = ${writer.user_id}`;
    expect(head?.last).toBeLessThan(last?.last);
    expect(await stream.next()).toMatchObject({ id: head?.last, event: { type: 'resync' } });
    stream.leave();

    // What the guide checks.
    const counted = await follow('count(*)', { BASE, DATABASE_URL });
    expect(counted).toMatch(/^users\s+\| 5$/m);
    const scripts = { DATABASE_URL };
    expect(await runProgram('migrate.ts', tmpdir(), scripts)).toMatchObject({
      code: 0,
      stdout: 'postgres: the schema is up to date\n',
    });
    expect(await runProgram('rebuild.ts', tmpdir(), scripts)).toMatchObject({
      code: 0,
      stdout: 'users compared: 0, differences: 0, repaired: 0\n',
    });
    for (const each of [server, next]) expect(await each.end('SIGTERM')).toBe(0);
    console.log(
      `acknowledged before the backup ${beforeBackup}, during it ${duringBackup}, before the moment ${before.acknowledged.length}, ` +
        `begun after it ${begunAfter.length}; restored in ${Math.round(restoredMs)} ms; ` +
        `tokens from after it refused by the running server after ${refusedMs.join(' and ')} ms`,
    );
  });

  test('#725 the log on its old disk gives back the rest, and a moment after the end of the log is refused', async () => {
    const BASE = join(cluster.folder, 'base-2');
    await follow('pg_basebackup', { BASE });
    const server = await startServer({
      PORT: String(await freePort()),
      DATABASE_URL,
      RATE_LIMIT: 'off',
    });
    const { body } = await signIn(server.url, 'writer');
    const load = writers(server.url, body.access_token, 'again');
    await load.more(200);
    await load.stop();
    expect(load.journal.wrong).toEqual([]);
    expect(await server.end('SIGTERM')).toBe(0);

    await stopAtOnce();
    await follow('cp -a', { BASE });
    await follow('recovery.signal', { BASE, MOMENT: '2099-01-01 00:00:00+00' });
    // It may take readers before it ends.
    await cluster.start().catch(() => {});
    await expect
      .poll(() => readFile(join(cluster.folder, 'log'), 'utf8'))
      .toContain('recovery ended before configured recovery target was reached');
    await expect.poll(() => existsSync(join(cluster.data, 'postmaster.pid'))).toBe(false);
    await cluster.shell(`sed -i /recovery_target_time/d "$PGDATA/postgresql.auto.conf"`, {
      PGDATA: cluster.data,
    });
    await cluster.start();
    await follow('pg_is_in_recovery', { BASE });
    await expectStored(connect(), load.journal);
  });
});
