// Two versions on one database, as they are while a new one is rolled out.
import { readFileSync } from 'node:fs';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { openStream, type StreamedEvent } from '../streams.ts';
import { freePort, startCluster } from './cluster.ts';
import { expectStored, newJournal, writeOne } from './journal.ts';
import { repeatUntilStopped } from './load.ts';
import { call, folder, register, startServer } from './servers.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const cluster = await startCluster();
const DATABASE_URL = await cluster.createDatabase('versions');
const admin = postgres(DATABASE_URL, { max: 1, onnotice: () => {} });
afterAll(() => admin.end({ timeout: 1 }));

/** What the next version adds: every kind of step that leaves the version before it alone (src/db/migrations/journal.test.ts). */
const NEXT = `
  alter table outer_tasks add column colour text;
  alter table users add column greeted boolean default false not null;
  alter table physical_plans add column mood integer default 3 not null;
  create table moods (user_id integer primary key references users (id) on delete cascade, mood integer not null);
  create index moods_mood on moods (mood);`;

/** A copy of this project that has one migration more. @returns its folder */
async function nextVersion(): Promise<string> {
  const next = join(folder, 'next');
  await mkdir(join(next, 'server'), { recursive: true });
  for (const path of ['drizzle', 'server/src'])
    await cp(join(ROOT, path), join(next, path), { recursive: true });
  for (const path of ['node_modules', 'server/node_modules'])
    await symlink(join(ROOT, path), join(next, path));
  const manifest = JSON.parse(readFileSync(join(ROOT, 'server/package.json'), 'utf8'));
  await writeFile(join(next, 'server/package.json'), JSON.stringify({ ...manifest, version: '999.0.0' }));
  const file = join(next, 'drizzle/meta/_journal.json');
  const journal = JSON.parse(readFileSync(file, 'utf8'));
  const last = journal.entries.at(-1);
  journal.entries.push({ ...last, idx: last.idx + 1, when: last.when + 1000, tag: 'next' });
  await writeFile(file, JSON.stringify(journal));
  await writeFile(
    join(next, 'drizzle/next.sql'),
    NEXT.trim().split(';\n').join(';--> statement-breakpoint\n'),
  );
  return next;
}

// #198: The newer one is this one with a migration more. An old server that ends meanwhile does not start
// again (#196).
test('#198 while a newer version migrates and runs beside it, the old one goes on, and no call fails on either', async () => {
  const start = async (root?: string) =>
    startServer({ PORT: String(await freePort()), DATABASE_URL, RATE_LIMIT: 'off' }, [], [], root);
  const old = await start();
  const token = await register(old.url, 'ann');
  const journal = newJournal();
  const reads = new Set<unknown>();
  const hears = await openStream(old.url, '/events', { token });
  expect(await hears.next()).toMatchObject({ event: { type: 'ready' } });
  const servers = [old];
  const stop = repeatUntilStopped(6, async (caller, n) => {
    const server = servers[(caller + n) % servers.length] as typeof old;
    await writeOne(server.url, token, `${caller}-${n}`, n % 10 === 0, journal);
    reads.add((await call(server.url, 'GET', '/outherTasks?limit=5', token)).status);
  });
  const acknowledges = (more: number) => {
    const enough = journal.acknowledged.length + more;
    return expect.poll(() => journal.acknowledged.length).toBeGreaterThan(enough);
  };
  await acknowledges(100);
  const next = await start(await nextVersion());
  expect(await admin`select colour from outer_tasks limit 1`).toEqual([{ colour: null }]);
  const version = async ({ url }: typeof old) => (await call(url, 'GET', '/health')).body.version;
  expect([await version(old), await version(next)]).toEqual([expect.not.stringContaining('999'), '999.0.0']);
  servers.push(next);
  await acknowledges(200);
  await stop();
  // What one is told is heard at the other.
  const hearsNext = await openStream(next.url, '/events', { token });
  for (const [reader, teller, title] of [
    [hears, next, 'said to the next'],
    [hearsNext, old, 'said to the old'],
  ] as const) {
    await writeOne(teller.url, token, title, false, journal);
    for (let found: StreamedEvent | undefined; found?.event.data?.title !== title; ) {
      found = await reader.next();
      expect(found, 'the stream goes on').toBeDefined();
    }
    reader.leave();
  }
  // The old one leaves, and what it made is good at the new one.
  servers.shift();
  expect(await old.end('SIGTERM')).toBe(0);
  expect((await call(next.url, 'GET', '/outherTasks?limit=1', token)).body).toMatchObject([
    { title: 'said to the old' },
  ]);
  console.log('answers', journal.statuses);
  expect(journal.wrong).toEqual([]);
  expect(Object.keys(journal.statuses)).toEqual(['201']);
  expect([...reads]).toEqual([200]);
  await expectStored(admin, journal);
  expect(await next.end('SIGTERM')).toBe(0);
});
