import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import postgres from 'postgres';
import { expect, test } from 'vitest';
import { ConfigError } from './config.ts';
import { SchemaError } from './db/migrations/version.ts';
import { LockedError } from './db/pglite/dataDirLock.ts';
import { DataFolderError } from './db/pglite/open.ts';
import { PrivilegeError } from './db/postgres/privileges.ts';
import { SettingError } from './db/postgres/session.ts';
import { UnsuitableError } from './db/postgres/sessionState.ts';
import { describeStartupError } from './startupErrors.ts';

test('what an operator set wrong is told in its own words', () => {
  expect(describeStartupError(new ConfigError('PORT: number is expected'))).toBe(
    'stepwise: PORT: number is expected',
  );
  expect(describeStartupError(new LockedError('process 7 has it'))).toBe('stepwise: process 7 has it');
});

test('a port that is taken, and an address that is not ours, are named', async () => {
  const first = createServer().listen(0, '127.0.0.1');
  await once(first, 'listening');
  const { port } = first.address() as { port: number };
  const failure = async (port: number, host: string) =>
    (await once(createServer().listen(port, host), 'error'))[0];
  expect(describeStartupError(await failure(port, '127.0.0.1'))).toContain(
    `something else listens on port ${port}`,
  );
  expect(describeStartupError(await failure(0, '192.0.2.200'))).toBe(
    'stepwise: HOST, PORT: cannot listen there (EADDRNOTAVAIL)',
  );
  first.close();
});

test('hosts of which none takes writes are told as such', () => {
  expect(describeStartupError(new UnsuitableError('read-write'))).toMatch(
    /^stepwise: only hosts that take no writes can be reached, standbys perhaps; check its URL \(DATABASE_URL\)/,
  );
});

test('a database that is away or refuses us is told without its URL', async () => {
  const client = postgres('postgres://nobody:hunter2@127.0.0.1:1/none', { max: 1, backoff: () => 0 });
  const away = await client`select 1`.catch((error: unknown) => error);
  await client.end();
  expect(describeStartupError(away)).toBe(
    'stepwise: the database cannot be reached (ECONNREFUSED); check its URL (DATABASE_URL)',
  );
  const wrong = new Error('outer', {
    cause: Object.assign(new Error('password authentication failed for "nobody"'), { code: '28P01' }),
  });
  expect(describeStartupError(wrong)).toBe(
    'stepwise: the database refuses the connection: the password is wrong; check its URL (DATABASE_URL)',
  );
});

test('a data folder that cannot be used is named', async () => {
  expect(describeStartupError(new DataFolderError('x is not a folder'))).toBe(
    'stepwise: DATA_DIR: x is not a folder',
  );
  const failure = await mkdir('/dev/null/data').catch((error: unknown) => error);
  expect(describeStartupError(failure)).toBe(
    'stepwise: /dev/null/data cannot be used (ENOTDIR); DATA_DIR names the folder that is written to',
  );
});

test('a schema of another version, and a table that others hold, are told as what they are', () => {
  expect(describeStartupError(new SchemaError('the database lacks migrations'))).toBe(
    'stepwise: the database lacks migrations',
  );
  const locked = Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' });
  expect(describeStartupError(locked)).toBe(
    'stepwise: a table that is to be changed is in use by others; try again later',
  );
});

test('settings and rights are told in their own words, and what PostgreSQL says of rights in its', () => {
  expect(describeStartupError(new SettingError('the database has x'))).toBe('stepwise: the database has x');
  expect(describeStartupError(new PrivilegeError('the role x lacks rights'))).toBe(
    'stepwise: the role x lacks rights',
  );
  const denied = Object.assign(new Error('permission denied for database "x"'), { code: '42501' });
  expect(describeStartupError(new Error('Failed query: select …', { cause: denied }))).toBe(
    'stepwise: the database refuses the user of its URL (DATABASE_URL): permission denied for database "x"',
  );
});

test('anything else keeps its stack', () => {
  const bug = new TypeError('x is not a function');
  expect(describeStartupError(bug)).toBe(bug);
  expect(describeStartupError('thrown text')).toBe('thrown text');
});
