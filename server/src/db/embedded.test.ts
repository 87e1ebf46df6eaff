import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, expect, test } from 'vitest';
import { openDatabase } from './client.ts';
import { builder } from './orm.ts';
import { exercises, tasks, users } from './schema/index.ts';

const folder = await mkdtemp(join(tmpdir(), 'stepwise-embedded-'));
afterAll(() => rm(folder, { recursive: true }));

const open = (dataDir: string) => openDatabase({ databaseUrl: undefined, poolSize: 1, migrateAtStart: false, dataDir });

test('a new folder has the tables and the default exercises, and keeps what is written', async () => {
  const dataDir = join(folder, 'kept');
  const first = await open(dataDir);
  expect(first.engine).toBe('embedded');
  await first.ping();
  expect(await first.db.execute(builder.select().from(exercises))).toHaveLength(8);
  await first.db.execute(builder.insert(users).values({ login: 'Ann', login_key: 'ann', password: 'x' }));
  await first.close();

  const again = await open(dataDir);
  expect(await again.db.execute(sql`select login from users`)).toEqual([{ login: 'Ann' }]);
  expect(await again.db.execute(builder.select().from(exercises))).toHaveLength(8);
  await again.close();
});

test('#201 it is open once at a time, and free again when it is closed', async () => {
  const dataDir = join(folder, 'once');
  const first = await open(dataDir);
  await expect(open(dataDir)).rejects.toThrow(`process ${process.pid} has this database open`);
  await first.close();
  await (await open(dataDir)).close();
});

test('#203 what a killed first start left behind is cleared away', async () => {
  const dataDir = join(folder, 'half');
  await mkdir(join(dataDir, 'database.half-1'), { recursive: true });
  await writeFile(join(dataDir, 'database.half-1', 'PG_VERSION'), '18');
  const database = await open(dataDir);
  expect((await readdir(dataDir)).filter((name) => name.includes('half'))).toEqual([]);
  await database.close();
});

test('a folder that cannot be opened is not locked', async () => {
  const dataDir = join(folder, 'broken');
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'database'), 'not a folder');
  await expect(open(dataDir)).rejects.toThrow();
  expect(await readdir(dataDir)).toEqual(['database']);
});

test('the constraints of the contract hold below the server too', async () => {
  const database = await open(join(folder, 'checks'));
  await expect(database.db.execute(builder.insert(tasks).values({ user_id: 1, title: '' }))).rejects.toMatchObject({ code: '23514' });
  await expect(database.db.execute(builder.insert(tasks).values({ user_id: 1, title: 'x' }))).rejects.toMatchObject({ code: '23503' });
  await database.close();
});
