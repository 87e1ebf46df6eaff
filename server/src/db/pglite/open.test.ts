import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, expect, test } from 'vitest';
import { openTestDatabase } from '../../../test/harness.ts';
import { builder } from '../drizzle.ts';
import { CATALOGUE } from '../migrations/catalogue.ts';
import { openDatabase } from '../open.ts';
import { exercises, tasks, users } from '../schema/index.ts';

const folder = await mkdtemp(join(tmpdir(), 'stepwise-embedded-'));
afterAll(() => rm(folder, { recursive: true }));

const open = (dataDir: string) =>
  openDatabase({ databaseUrl: undefined, poolSize: 1, migrateAtStart: false, dataDir });

const dataDir = join(folder, 'data');

test('#203 what a killed first start left behind is cleared away, and an empty folder is used', async () => {
  await mkdir(join(dataDir, 'database'), { recursive: true });
  await mkdir(join(dataDir, 'database.half-1'));
  await writeFile(join(dataDir, 'database.half-1', 'PG_VERSION'), '18');
  const database = await open(dataDir);
  expect((await readdir(dataDir)).filter((name) => name.includes('half'))).toEqual([]);
  await database.close();
});

test('a new folder has the tables and the exercises, and keeps what is written', async () => {
  const first = await open(dataDir);
  expect(first.engine).toBe('embedded');
  await first.ping();
  expect(await first.db.execute(builder.select().from(exercises))).toHaveLength(CATALOGUE.length);
  await first.db.execute(builder.insert(users).values({ login: 'Ann', login_key: 'ann', password: 'x' }));
  await first.close();

  const again = await open(dataDir);
  expect(await again.db.execute(sql`select login from users`)).toEqual([{ login: 'Ann' }]);
  expect(await again.db.execute(builder.select().from(exercises))).toHaveLength(CATALOGUE.length);
  await again.close();
});

/** @returns what of a folder others than its owner may do something with */
async function openToOthers(of: string): Promise<string[]> {
  const entries = await readdir(of, { recursive: true, withFileTypes: true });
  const paths = [of, ...entries.map(({ parentPath, name }) => join(parentPath, name))];
  const modes = await Promise.all(
    paths.map(async (path) => ({ path, mode: (await stat(path)).mode & 0o077 })),
  );
  return modes.filter(({ mode }) => mode !== 0).map(({ path }) => path);
}

test('#352 its files are the owner’s alone: of a new folder, and of one that an older version made', async () => {
  const parent = join(folder, 'private');
  const database = join(parent, 'database');
  const first = await open(parent);
  expect(await openToOthers(database)).toEqual([]);
  await first.close();
  expect((await stat(parent)).mode & 0o777).toBe(0o700);

  for (const { parentPath, name } of await readdir(database, { recursive: true, withFileTypes: true }))
    await chmod(join(parentPath, name), 0o777);
  await chmod(database, 0o755);
  await (await open(parent)).close();
  expect(await openToOthers(database)).toEqual([]);
});

test('#201 it is open once at a time, and free again when it is closed', async () => {
  const first = await open(dataDir);
  await expect(open(dataDir)).rejects.toThrow(`process ${process.pid} has this database open`);
  await first.close();
  await (await open(dataDir)).close();
});

test.each([
  ['a file', (path: string) => writeFile(path, 'not a folder'), 'is not a folder'],
  [
    'a folder of something else',
    async (path: string) => {
      await mkdir(path);
      await writeFile(join(path, 'diary.txt'), 'Dear diary');
    },
    'holds something else',
  ],
  [
    'a database of another PostgreSQL',
    async (path: string) => {
      await mkdir(path);
      await writeFile(join(path, 'PG_VERSION'), '16\n');
    },
    'was written by PostgreSQL 16',
  ],
])('%s is not touched and not locked, and the error says what it is', async (_name, make, said) => {
  const dataDir = await mkdtemp(join(folder, 'foreign-'));
  const path = join(dataDir, 'database');
  await make(path);
  const before = await contentOf(path);
  await expect(open(dataDir)).rejects.toThrow(said);
  expect(await contentOf(path)).toEqual(before);
  expect(await readdir(dataDir)).toEqual(['database']);
});

async function contentOf(path: string): Promise<string | string[]> {
  return (await stat(path)).isDirectory() ? readdir(path) : readFile(path, 'utf8');
}

test('the constraints of the contract hold below the server too', async () => {
  const database = await openTestDatabase();
  await expect(
    database.db.execute(builder.insert(tasks).values({ user_id: 1, title: '' })),
  ).rejects.toMatchObject({ code: '23514' });
  await expect(
    database.db.execute(builder.insert(tasks).values({ user_id: 1, title: 'x' })),
  ).rejects.toMatchObject({ code: '23503' });
  await database.close();
});
