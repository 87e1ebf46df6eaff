// Answers do not depend on what a role or a database has set, however PostgreSQL is reached.
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import type { OpenDatabase } from '../../src/db/database.ts';
import { migratePostgres } from '../../src/db/postgres/migrate.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { startApp, type TestApp } from '../harness.ts';
import { startBouncer } from './bouncer.ts';
import { freePort, startCluster } from './cluster.ts';
import { call, startServer } from './servers.ts';

/** Each would change an answer, or refuse one, if we left it as it is. */
const ODD = {
  search_path: 'odd, public',
  TimeZone: 'Asia/Kathmandu',
  DateStyle: 'German',
  IntervalStyle: 'sql_standard',
  extra_float_digits: '-15',
  bytea_output: 'escape',
  array_nulls: 'off',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  row_security: 'off',
  client_encoding: 'LATIN1',
  exit_on_error: 'on',
  default_transaction_isolation: 'serializable',
  statement_timeout: '1ms',
  lock_timeout: '1ms',
  idle_in_transaction_session_timeout: '2s',
  idle_session_timeout: '2s',
  plan_cache_mode: 'force_custom_plan',
  default_text_search_config: 'russian',
  jit: 'on',
  lc_monetary: 'C',
  lc_numeric: 'C',
  lc_time: 'C',
} as const;

const cluster = await startCluster();
const plain = await cluster.createDatabase('plain');
const admin = postgres(plain, { max: 1, onnotice: () => {} });
afterAll(() => admin.end({ timeout: 1 }));
await admin.unsafe('create role settled login superuser');
await admin.unsafe('create role usual login superuser');
for (const [name, value] of Object.entries(ODD))
  await admin.unsafe(`alter role settled set ${name} = ${name === 'search_path' ? value : `'${value}'`}`);

const NAMES = ['direct', 'in_sessions', 'in_transactions'] as const;
for (const name of NAMES) {
  const url = await cluster.createDatabase(name);
  const client = postgres(url, { max: 1 });
  // Behind a pooler it holds for the statement that sets another one, and with `exit_on_error` that may not fail even once.
  if (name !== 'direct')
    await client.unsafe(`alter role settled in database ${name} set statement_timeout = '100ms'`);
  await client.unsafe('create schema odd');
  await client.end();
}
const bouncer = await startBouncer(cluster, {
  in_sessions: 'dbname=in_sessions user=settled pool_mode=session',
  in_transactions: 'dbname=in_transactions user=settled pool_mode=transaction',
});
const urlOf = {
  direct: `postgres://settled@127.0.0.1:${cluster.port}/direct`,
  in_sessions: `postgres://settled@127.0.0.1:${bouncer.port}/in_sessions`,
  in_transactions: `postgres://settled@127.0.0.1:${bouncer.port}/in_transactions`,
};

const open = (url: string): OpenDatabase => {
  const database = openPostgres(url, 5);
  onTestFinished(() => database.close());
  return database;
};

/** Calls of every kind. @returns what they answered, as text, without what is another one each time */
async function session({ rest, register }: TestApp): Promise<string> {
  const { token } = await register('settings');
  const answers: string[] = [];
  const say = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
    const { status, text } = await rest(method, path, {
      token,
      ...(body !== undefined && { body }),
      ...(headers && { headers }),
    });
    answers.push(`${method} ${path} ${status}\n${text}`);
  };
  await say('GET', '/users/me');
  await say('GET', '/exercises');
  await say('POST', '/physicalPlans', {
    goal: 'Бег \\ "10 км" \u00e9 🏃',
    age: 30,
    gender: 'female',
    weight: 64.123456789012,
    height: 172.7,
  });
  await say('PATCH', '/physicalPlans/1', { weight: 63.3, day: 2 });
  await say('GET', '/users/1/physical-plan');
  await say('POST', '/resources/bulk', [
    { type: 'book', name: "O'Reilly \\n", description: 'x'.repeat(300), volume: 304.1 },
    { type: 'course', name: 'Курс', description: '', volume: 1e-7 },
  ]);
  await say('POST', '/mentalPlans', { name: 'Spring', goal: 'Read', resource_list: [1, 2] });
  await say('PATCH', '/resources/1', { progress: 100.00000000000001 / 3 });
  await say('GET', '/users/1/mental-plan');
  for (const [n, title] of ['Туфли', '\\x41', 'a\\\\b'].entries())
    await say('POST', '/outherTasks', { title }, { 'idempotency-key': `key-${n}` });
  await say('POST', '/outherTasks', { title: 'Туфли' }, { 'idempotency-key': 'key-0' });
  await Promise.all(
    Array.from({ length: 12 }, () => rest('POST', '/outherTasks', { token, body: { title: 'together' } })),
  );
  await say('GET', '/outherTasks?limit=20');
  await say('GET', '/users/me/sessions');
  await say('POST', '/users/me/exports');
  await say('GET', '/users/me/export');
  await say('GET', '/events', undefined, { 'last-event-id': '0' });
  return answers
    .join('\n')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?/g, 'TIME')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UUID');
}

const expected = (async () => {
  const url = plain.replace('postgres@', 'usual@');
  await migratePostgres(url);
  const database = openPostgres(url, 5);
  try {
    return await session(await startApp({ database }));
  } finally {
    await database.close();
  }
})();

test.each(NAMES)('#294 with every setting odd the answers are the same, byte for byte (%s)', async (name) => {
  const wanted = await expected;
  expect(wanted).toContain('TIME+00:00');
  expect(wanted).toContain('33.333333333333336');
  await migratePostgres(urlOf[name]);
  expect(await session(await startApp({ database: open(urlOf[name]) }))).toBe(wanted);
});

test('#295 a server whose database becomes one of another encoding, or one without triggers, ends with a line that says so', async () => {
  const becomes = {
    "create database other encoding 'SQL_ASCII' locale 'C' template template0":
      'server_encoding SQL_ASCII, and must have UTF8',
    'create database other; alter database other set session_replication_role = replica':
      'session_replication_role replica, and must have origin',
  };
  for (const [change, says] of Object.entries(becomes)) {
    const DATABASE_URL = await cluster.createDatabase('one');
    const server = await startServer({ PORT: String(await freePort()), DATABASE_URL, JOBS: 'off' });
    for (const statement of change.split('; ')) await admin.unsafe(statement);
    // As after a failover to what was not a copy: another database stands where the one was.
    await admin.unsafe('alter database one allow_connections false');
    await admin`select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = 'one'`;
    await admin.unsafe('alter database one rename to former');
    await admin.unsafe('alter database other rename to one');
    expect(await Promise.race([server.exit, keepAsking(server.url)])).toBe(1);
    const last = server.output.filter((line) => line.includes('"level":60'));
    expect(last).toEqual([expect.stringContaining(`"msg":"stepwise: the database has ${says}`)]);
    await admin.unsafe('drop database one with (force)');
    await admin.unsafe('drop database former with (force)');
  }
});

/** Makes it connect. Never comes back. */
async function keepAsking(url: string): Promise<never> {
  for (;;) {
    await call(url, 'GET', '/health');
    await sleep(100);
  }
}
