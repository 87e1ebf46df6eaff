// Where a secret must not be: the database, the counters of the limits, the settings of a server that starts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { sql } from '../src/db/drizzle.ts';
import { tracedDatabase } from '../src/db/traced.ts';
import { makeResetCode } from '../src/features/auth/operators/queries.ts';
import { createMemoryStore, type RateLimitStore } from '../src/security/rateLimitStore.ts';
import { PRODUCTION_RATES } from '../src/security/rateLimits.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { startApp } from './harness.ts';
import { SECRET } from './tokens.ts';

const counters: string[] = [];
const counting = createMemoryStore();
const store: RateLimitStore = {
  counts: counting.counts,
  increment: (kind, key, cost, seconds) => counting.increment(kind, recorded(key), cost, seconds),
  beginAttempt: (key) => counting.beginAttempt(recorded(key)),
  undoAttempt: (key, failures) => counting.undoAttempt(recorded(key), failures),
  clearFailures: (key) => counting.clearFailures(recorded(key)),
  mark: (key, seconds) => counting.mark(recorded(key), seconds),
  isMarked: (key) => counting.isMarked(recorded(key)),
};
const api = await startApp({ store, rates: PRODUCTION_RATES });

function recorded(key: string): string {
  counters.push(key);
  return key;
}

/** The text of every row of every table, of whatever schema. */
async function dump(): Promise<string> {
  const tables = await api.database.db.execute<{
    schema: string;
    name: string;
  }>(sql`select table_schema as schema, table_name as name from information_schema.tables
      where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`);
  const texts: string[] = [];
  for (const { schema, name } of tables)
    for (const { row } of await api.database.db.execute<{ row: string }>(
      sql`select t::text as row from ${sql.identifier(schema)}.${sql.identifier(name)} t`,
    ))
      texts.push(row);
  return texts.join('\n');
}

// #61: No password and no token is in a dump of the database or in the counters. The counters are looked at
// where they are handed over, not in a dump of Redis.
test('#61 #385 no password, no token and no code is in a dump of the database, nor a login in the counters', async () => {
  const { id, login, password, token } = await api.register();
  const change = 'another pass phrase of hers';
  const signIn = async (given: string) =>
    (await api.rest('POST', '/users/signIn', { body: { username: login, password: given } })).body;
  const first = await signIn(password);
  await signIn('a wrong pass phrase of hers');
  const second = (await api.rest('POST', '/users/refresh', { body: { refresh_token: first.refresh_token } }))
    .body;
  await api.rest('POST', '/users/me/password', {
    token,
    body: { current_password: password, new_password: change },
  });
  const third = await signIn(change);
  const headers = { 'idempotency-key': 'a-key-for-a-task' };
  await api.rest('POST', '/outherTasks', { token, body: { title: 'Run' }, headers });

  const code = (await makeResetCode(api.database.db, { ip: '', request_id: '' }, id))?.code as string;
  await api.rest('POST', '/users/resetPassword', {
    body: { login, code: 'a wrong code of hers', new_password: change },
  });

  const dumped = await dump();
  for (const there of [login, 'a-key-for-a-task', 'password_changed', 'password_reset_failed', '$argon2id$'])
    expect(dumped).toContain(there);
  const tokens = [{ access_token: token }, first, second, third].flatMap((answer) => [
    answer.access_token,
    answer.refresh_token ?? '-none-',
  ]);
  const secrets = [
    password,
    change,
    'a wrong pass phrase of hers',
    'a wrong code of hers',
    ...[code, code.replaceAll('-', '')],
    SECRET,
    ...tokens,
    ...tokens.flatMap((one) => one.split('.').slice(-1)),
  ];
  expect(secrets.filter((secret) => dumped.includes(secret))).toEqual([]);

  const counted = counters.join('\n');
  expect(counted).toContain(`user:${id}`);
  expect([login, ...secrets].filter((secret) => counted.includes(secret))).toEqual([]);
});

test('#672 no token of a calendar is in a log, a metric, a span, an export or a dump of the database', async () => {
  const spans: string[] = [];
  let isBroken = false;
  const into = createMetrics('0.1.0');
  const { database } = api;
  const traced = tracedDatabase(database.db, (name, run) => {
    spans.push(name);
    if (isBroken && name === 'calendar.file') throw new Error('the database has gone');
    return run();
  });
  const watched = await startApp({
    database: { ...database, db: traced },
    metrics: { into },
    traceProcedure: (procedure, request_id, run) => {
      spans.push(procedure, request_id);
      return run();
    },
  });
  const { token } = await watched.register();
  const { body: made } = await watched.rest('POST', '/users/me/calendars', { token });
  const secret = made.path.slice('/calendars/'.length, -'.ics'.length);
  expect(secret).toHaveLength(22);
  const statuses = [];
  for (const path of [made.path, `${made.path}/`, `${made.path}?x=${secret}`, `/calendars/${secret}`])
    statuses.push((await watched.rest('GET', path)).status);
  statuses.push((await watched.rest('POST', made.path)).status);
  isBroken = true;
  statuses.push((await watched.rest('GET', made.path)).status);
  expect(statuses).toEqual([200, 200, 200, 404, 405, 500]);
  const exported = (await watched.rest('GET', '/users/me/export', { token })).body;
  expect(exported.calendars).toEqual([
    { id: made.id, name: 'Stepwise', created_at: expect.any(String), last_read_at: expect.any(String) },
  ]);
  expect(exported.audit_trail.map(({ event }: { event: string }) => event)).toEqual([
    'registered',
    'calendar_created',
    'account_exported',
  ]);
  const kept = await dump();
  await watched.rest('DELETE', `/users/me/calendars/${made.id}`, { token });

  const lines = watched.log.map((line) => JSON.stringify(line));
  expect(lines.filter((line) => line.includes('/calendars/:token.ics'))).toHaveLength(4);
  const metrics = await into.render();
  expect(metrics).toContain('/calendars/:token.ics');
  expect(spans).toEqual(expect.arrayContaining(['calendar.create', 'calendar.find', 'calendar.file']));
  const afterwards = await dump();
  expect(afterwards).toContain('calendar_revoked');
  const said = { lines, metrics, spans, exported, kept, afterwards, counters };
  for (const [where, text] of Object.entries(said))
    expect(JSON.stringify(text).includes(secret), where).toBe(false);
});

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

test.each([
  undefined,
  'hunter2-hunter2-hunter2-hunter2',
  'SECRET_KEY',
  'changeme',
  'changemechangemechangemechangeme',
])(
  '#44 production does not start with the key %s, and says which setting is wrong but not its value',
  async (secret) => {
    const env = {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    };
    // In no folder of ours: a developer's .env must not reach a test.
    const server = spawn(process.execPath, [MAIN], {
      cwd: tmpdir(),
      env: { ...env, ...(secret !== undefined && { JWT_SECRET_KEY: secret }) },
    });
    const output = Promise.all([text(server.stdout), text(server.stderr)]);
    const [code] = await once(server, 'exit');
    const said = (await output).join('');
    expect(code).toBe(1);
    expect(said).toContain('JWT_SECRET_KEY: ');
    if (secret !== undefined && secret !== 'SECRET_KEY') expect(said).not.toContain(secret);
  },
);
