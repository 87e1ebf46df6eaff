// `pnpm db:backup` and `pnpm db:restore`: the embedded database in a file, and back.
import { type ChildProcess, spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../src/db/database.ts';
import { readMigrations, sql } from '../src/db/drizzle.ts';
import { MIGRATIONS_FOLDER } from '../src/db/migrations/journal.ts';
import { databaseOnEngine } from '../src/db/pglite/engine.ts';
import { migratedImage } from '../src/db/pglite/image.ts';
import { startOnImage } from '../src/db/pglite/open.ts';
import { runProgram, runUsers } from './programs.ts';

const ROOT = new URL('../', import.meta.url);
const folder = await mkdtemp(join(tmpdir(), 'stepwise-backup-'));
const running = new Set<ChildProcess>();
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

/** Starts a program of ours. */
function run(program: string, args: string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [fileURLToPath(new URL(program, ROOT)), ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
  });
  running.add(child);
  const lines: string[] = [];
  const readers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const read of readers) read();
    });
  const ended = once(child, 'exit').then(([code, signal]) => {
    running.delete(child);
    return (code ?? signal) as number | string;
  });
  /** Waits for a line with this in it. @returns the first group. @throws when it ends without one */
  async function said(pattern: RegExp): Promise<string | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
    const read = () => {
      const found = pattern.exec(lines.join('\n'));
      if (found) resolve(found[1]);
    };
    readers.add(read);
    read();
    void once(child, 'close').then(() => reject(new Error(`it ended, and said:\n${lines.join('\n')}`)));
    return promise;
  }
  return { child, ended, said };
}

async function serve(DATA_DIR: string) {
  const { child, ended, said } = run('src/main.ts', [], { PORT: '0', HOST: '127.0.0.1', DATA_DIR });
  const url = (await said(/"listening on (http:[^"]+)"/)) as string;
  return {
    url,
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
    },
  };
}

async function call(url: string, method: string, path: string, token?: string, body?: object) {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: answers of several shapes
  return { status: answer.status, body: (await answer.json()) as any };
}

const backup = (DATA_DIR: string, ...args: string[]) =>
  runProgram('backup.ts', folder, { DATA_DIR }, ...args);
const restore = (DATA_DIR: string, ...args: string[]) =>
  runProgram('restore.ts', folder, { DATA_DIR }, ...args);

/** Every file of a folder with its content; undefined when there is no folder. */
async function contentOf(path: string): Promise<Record<string, string> | undefined> {
  if (!existsSync(path)) return undefined;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const found = await Promise.all(
    files.sort().map(async (file) => [file, hash('sha256', await readFile(file))]),
  );
  return Object.fromEntries(found);
}

const titles = async (url: string, token: string) =>
  (await call(url, 'GET', '/outherTasks', token)).body.map(({ title }: { title: string }) => title);

const DATA = join(folder, 'data');
const FILE = join(folder, 'stepwise.tar.gz');
const MOVED = /the database that was there is now (\S+)\n/;
const ann = { login: 'ann', password: 'correct horse' };
let token: string;
let made: Awaited<ReturnType<typeof backup>>;
/** What both programs say while a server runs. */
let busy: Awaited<ReturnType<typeof backup>>[];
let busyPid: number | undefined;

beforeAll(async () => {
  const server = await serve(DATA);
  token = (await call(server.url, 'POST', '/users', undefined, ann)).body.access_token;
  expect((await call(server.url, 'POST', '/outherTasks', token, { title: 'before' })).status).toBe(201);
  busyPid = server.pid;
  busy = [await backup(DATA, FILE), await restore(DATA, FILE)];
  await writeFile(join(folder, 'any'), 'x');
  busy.push(await restore(DATA, join(folder, 'any')));
  await server.stop();
  made = await backup(DATA, FILE);
});

test('#731 while a server runs nothing is written, read or moved', async () => {
  const [written, missing, read] = busy;
  const refused = {
    code: 1,
    stdout: '',
    stderr: `stepwise: process ${busyPid} has this database open; stop it, or set DATA_DIR to another folder\n`,
  };
  expect(written).toEqual(refused);
  expect(read).toEqual(refused);
  expect(missing).toEqual({ code: 1, stdout: '', stderr: `stepwise: ${FILE} cannot be read (ENOENT)\n` });
});

test('#730 a backup is one file of the owner’s alone, and says how large it is and of how many users', async () => {
  expect(made).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^\S+stepwise\.tar\.gz: \d\.\d MB of \d\d\.\d MB, users: 1\n$/),
    stderr: expect.stringMatching(/^reading \S+database\nwriting \S+: \d\d\.\d MB to compress\n$/),
  });
  expect((await stat(FILE)).mode & 0o777).toBe(0o600);
  expect((await readdir(folder)).filter((name) => name.includes('half'))).toEqual([]);
});

test('#733 a backup replaces no other file, and a second one is as good', async () => {
  const before = await readFile(FILE);
  expect(await backup(DATA, FILE)).toEqual({
    code: 1,
    stdout: '',
    stderr: `stepwise: ${FILE} exists: a backup replaces no other, choose another name\n`,
  });
  expect(before.equals(await readFile(FILE))).toBe(true);
  const second = join(folder, 'second.tar.gz');
  expect((await backup(DATA, second)).code).toBe(0);
  const target = join(folder, 'from-second');
  expect(await restore(target, second)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/users: 1\n$/),
  });
});

// Two starts and two restores, one after the other.
test('#730 #733 a restore gives back the moment of the backup, and moves the database aside that was there', async () => {
  const server = await serve(DATA);
  expect((await call(server.url, 'POST', '/outherTasks', token, { title: 'after' })).status).toBe(201);
  const bob = await call(server.url, 'POST', '/users', undefined, { ...ann, login: 'bob' });
  await server.stop();

  const restored = await restore(DATA, FILE);
  expect(restored).toEqual({
    code: 0,
    stdout: expect.stringMatching(
      /^\S+: restored \d\d\.\d MB, users: 1\nthe database that was there is now .*\n$/,
    ),
    stderr: expect.stringMatching(/^reading \S+: \d\.\d MB\nopening its database: \d\d\.\d MB\n$/),
  });
  const moved = MOVED.exec(restored.stdout)?.[1] as string;
  expect(await readdir(DATA)).toEqual(expect.arrayContaining(['database', 'jwt-secret']));
  expect((await readdir(DATA)).filter((name) => /half|lock/.test(name))).toEqual([]);

  const again = await serve(DATA);
  expect(await titles(again.url, token)).toEqual(['before']);
  expect((await call(again.url, 'GET', '/users/me', bob.body.access_token)).status).toBe(401);
  expect((await call(again.url, 'POST', '/users', undefined, { ...ann, login: 'carol' })).status).toBe(201);
  expect((await call(again.url, 'POST', '/outherTasks', token, { title: 'later' })).status).toBe(201);
  await again.stop();

  const twice = MOVED.exec((await restore(DATA, FILE)).stdout)?.[1] as string;
  expect(twice).not.toBe(moved);
  for (const [aside, is] of [
    [moved, ['bob', 'ann']],
    [twice, ['carol', 'ann']],
  ] as const) {
    const other = join(folder, basename(aside));
    await mkdir(other);
    await rename(aside, join(other, 'database'));
    const { stdout } = await runUsers(folder, { DATA_DIR: other });
    expect(stdout.match(/\w+$/gm)?.slice(1)).toEqual(is);
  }
  expect((await runUsers(folder, { DATA_DIR: DATA })).stdout.match(/\w+$/gm)?.slice(1)).toEqual(['ann']);
});

describe('#734 what is no whole backup is refused, and changes nothing', () => {
  const tarOf = (name: string, content: string) => {
    const header = Buffer.alloc(512);
    header.write(name);
    header.write(content.length.toString(8).padStart(11, '0'), 124);
    header.write('ustar\x0000', 257);
    header.write('        0', 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return Buffer.concat([header, Buffer.from(content), Buffer.alloc(1536 - content.length)]);
  };
  test.each<[string, (whole: Buffer) => Buffer, RegExp]>([
    ['half of one', (whole) => whole.subarray(0, whole.length / 2), / is cut off: its end is missing$/],
    ['all of one but its last byte', (whole) => whole.subarray(0, -1), / is cut off: its end is missing$/],
    [
      'one with another byte in the middle',
      (whole) => Buffer.concat([whole.subarray(0, 9999), Buffer.from('x'), whole.subarray(10_000)]),
      / is no backup that db:backup has written$/,
    ],
    ['an empty file', () => Buffer.alloc(0), / is cut off: its end is missing$/],
    ['a text', () => Buffer.from('Dear diary'), / is no backup that db:backup has written$/],
    ['a compressed text', () => gzipSync('Dear diary'), / is no backup that db:backup has written$/],
    ['another archive', () => gzipSync(tarOf('diary', 'Dear')), / is no backup that db:backup has written$/],
    [
      'the archive of another PostgreSQL',
      () => gzipSync(tarOf('/PG_VERSION', '17\n')),
      / was written with PostgreSQL 17, this is 18; restore it with the Stepwise that wrote it$/,
    ],
    [
      'an archive with the version alone',
      () => gzipSync(tarOf('/PG_VERSION', '18\n')),
      / cannot be opened: PGlite failed to initialize properly$/,
    ],
  ])('%s', async (name, make, sentence) => {
    const file = join(folder, `${name}.gz`);
    await writeFile(file, make(await readFile(FILE)));
    const before = await contentOf(DATA);
    const ended = await restore(DATA, file);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr.trimEnd().split('\n').at(-1)).toMatch(sentence);
    expect(ended.stderr).toContain(`stepwise: ${file}`);
    expect(await contentOf(DATA)).toEqual(before);
  });

  test('a folder that was not there is not there then', async () => {
    const absent = join(folder, 'absent');
    const file = join(folder, 'a text.gz');
    expect((await restore(absent, file)).stderr).toBe(
      `reading ${file}: 0.0 MB\nstepwise: ${file} is no backup that db:backup has written\n`,
    );
    expect(existsSync(absent)).toBe(false);
  });

  test('a file that is not there, or a folder', async () => {
    expect((await restore(DATA, join(folder, 'nothing'))).stderr).toMatch(
      /nothing cannot be read \(ENOENT\)\n$/,
    );
    expect((await restore(DATA, folder)).stderr).toMatch(/cannot be read \(EISDIR\)\n$/);
  });
});

/** A new database of its own, on which the test does something. */
async function databaseOf(name: string, job: (db: Database, client: PGlite) => Promise<unknown>) {
  const dataDir = join(folder, name);
  await mkdir(dataDir);
  const client = await startOnImage(join(dataDir, 'database'), await migratedImage());
  await job(databaseOnEngine(client), client);
  await client.close();
  return dataDir;
}

test('#735 a backup is made of what an older release left, and the next start brings it up to date', async () => {
  const migrations = readMigrations()({ migrationsFolder: MIGRATIONS_FOLDER });
  const old = await databaseOf('old', async (db) => {
    for (const schema of ['public', 'drizzle']) {
      await db.execute(sql.raw(`drop schema ${schema} cascade`));
      await db.execute(sql.raw(`create schema ${schema}`));
    }
    await db.execute(
      sql`create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`,
    );
    for (const { sql: statements, folderMillis, hash } of migrations.slice(0, -2)) {
      for (const statement of statements) await db.execute(sql.raw(statement));
      await db.execute(
        sql`insert into drizzle.__drizzle_migrations (hash, created_at) values (${hash}, ${String(folderMillis)}::bigint)`,
      );
    }
    await db.execute(sql`insert into users (login, login_key, password) values ('old', 'old', 'x')`);
  });
  const file = join(folder, 'old.tar.gz');
  const target = join(folder, 'old-restored');
  expect(await backup(old, file)).toMatchObject({ code: 0, stdout: expect.stringMatching(/users: 1\n$/) });
  expect(await restore(target, file)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/users: 1\nthe next start applies \d{4}_\w+, \d{4}_\w+\n$/),
  });
  const server = await serve(target);
  expect((await call(server.url, 'POST', '/users', undefined, ann)).status).toBe(201);
  await server.stop();
  expect((await runUsers(folder, { DATA_DIR: target })).stdout).toMatch(/ann\n.* old\n$/);
});

test('#735 a backup of a newer release is refused, and changes nothing', async () => {
  const newer = await databaseOf('newer', (db) =>
    db.execute(sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('x', 9999999999999)`),
  );
  const file = join(folder, 'newer.tar.gz');
  expect((await backup(newer, file)).code).toBe(0);
  const before = await contentOf(DATA);
  expect(await restore(DATA, file)).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /\nstepwise: the database has migrations that this version does not know: .*\n$/,
    ),
  });
  expect(await contentOf(DATA)).toEqual(before);
});

test('#735 a database of somebody else is neither backed up nor restored', async () => {
  const dump = join(folder, 'dump.tar.gz');
  const foreign = await databaseOf('foreign', async (db, client) => {
    await db.execute(sql`drop schema drizzle cascade`);
    const image = await client.dumpDataDir('gzip');
    await writeFile(dump, Buffer.from(await image.arrayBuffer()));
  });
  const file = join(folder, 'foreign.tar.gz');
  expect(await backup(foreign, file)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /\nstepwise: DATA_DIR: \S+ holds another database than that of Stepwise\n$/,
    ),
  });
  expect(existsSync(file)).toBe(false);
  const before = await contentOf(DATA);
  expect(await restore(DATA, dump)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/\nstepwise: \S+ is no backup that db:backup has written\n$/),
  });
  expect(await contentOf(DATA)).toEqual(before);
});

/** Starts a program on a copy of the database, and kills it as soon as it has made something that the test looks for. */
async function killedWhen(isThere: (data: string) => Promise<boolean>, program: string, file: string) {
  const data = join(folder, `killed-${program}`);
  await cp(DATA, data, { recursive: true });
  const { child, ended } = run(`scripts/${program}.ts`, [file], { DATA_DIR: data });
  await expect.poll(() => isThere(data), { interval: 1 }).toBe(true);
  child.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
  return data;
}

test('#736 a backup that is killed leaves no file by its name, and the database is free again', async () => {
  const file = join(folder, 'killed.tar.gz');
  const isBeingWritten = async () => {
    const names = (await readdir(folder)).filter((name) => name.startsWith(basename(file)));
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
    return sizes.some((size) => size > 0);
  };
  const data = await killedWhen(isBeingWritten, 'backup', file);
  expect(existsSync(file)).toBe(false);
  expect((await backup(data, file)).code).toBe(0);
});

test('#736 a restore that is killed leaves the database that was there', async () => {
  const before = await contentOf(join(DATA, 'database'));
  const isBeingMade = async (data: string) =>
    (await readdir(data)).some(
      (name) => name.includes('.half-') && existsSync(join(data, name, 'PG_VERSION')),
    );
  const data = await killedWhen(isBeingMade, 'restore', FILE);
  const after = await contentOf(join(data, 'database'));
  expect(Object.values(after ?? {})).toEqual(Object.values(before ?? {}));
  expect((await restore(data, FILE)).code).toBe(0);
  expect((await readdir(data)).filter((name) => name.includes('half'))).toEqual([]);
});

test('#732 on PostgreSQL both say which program to use', async () => {
  const env = { DATABASE_URL: 'postgres://ann:hunter2@db/stepwise', DATA_DIR: DATA };
  for (const [script, instead] of [
    ['backup', 'pg_dump'],
    ['restore', 'pg_restore'],
  ] as const)
    expect(await runProgram(`${script}.ts`, folder, env, join(folder, 'never.tar.gz'))).toEqual({
      code: 1,
      stdout: '',
      stderr: `stepwise: db:${script} FILE is for the embedded database, and DATABASE_URL names PostgreSQL: use ${instead}, as docs/operations/backup.md says\n`,
    });
});

test('#737 with wrong arguments, without a database or where nothing can be written, one line says so', async () => {
  const never = join(folder, 'never');
  for (const [script, usage] of [
    [backup, 'db:backup FILE'],
    [restore, 'db:restore FILE'],
  ] as const)
    for (const args of [[], ['a', 'b'], ['--force', 'a']])
      expect(await script(never, ...args)).toEqual({ code: 1, stdout: '', stderr: `stepwise: ${usage}\n` });
  expect(await backup(never, join(folder, 'never.tar.gz'))).toEqual({
    code: 1,
    stdout: '',
    stderr: `stepwise: DATA_DIR: there is no database in ${join(never, 'database')}\n`,
  });
  expect(existsSync(never)).toBe(false);
  const file = join(never, 'never.tar.gz');
  const ended = await backup(DATA, file);
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr.split('\n').at(-2)).toBe(`stepwise: ${file} cannot be written (ENOENT)`);
});
