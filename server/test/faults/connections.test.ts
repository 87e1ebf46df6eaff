// The database by whatever connection string names it: TLS with certificates of one's own, sockets, several hosts.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import postgres from 'postgres';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { sql } from '../../src/db/drizzle.ts';
import { parseConnection } from '../../src/db/postgres/connectionSettings.ts';
import type { DatabaseUrl } from '../../src/db/postgres/driverOptions.ts';
import { migratePostgres } from '../../src/db/postgres/migrate.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { startJobs } from '../../src/jobs/run.ts';
import { enableTls, makeAuthority } from './certificates.ts';
import { freePort, startCluster } from './cluster.ts';
import { startProxy } from './proxy.ts';
import {
  call,
  folder,
  register,
  registerSecret,
  type ServerProcess,
  spawnChild,
  spawnServer,
  startServer,
} from './servers.ts';

const [cluster, plain] = [await startCluster(), await startCluster()];
const authority = await makeAuthority(folder, 'authority');
const stranger = await makeAuthority(folder, 'stranger');
const admin = postgres(await cluster.createDatabase('app'), { max: 1, onnotice: () => {} });
const plainUrl = await plain.createDatabase('app');
afterAll(() => admin.end());
await enableTls(cluster, admin, authority);

/** Signs in with a password and only encrypted; that of its password is what dashboards make. */
const PASSWORD = 'raw% and /@:';
const WRITTEN = 'raw%%20and%20%2F@:';
registerSecret(PASSWORD);
registerSecret(WRITTEN);
await admin.unsafe(`create role anna login superuser password '${PASSWORD}'`);
await admin.unsafe(`create role certified login superuser`);
await admin.unsafe(`create database "li fe%" owner anna`);
const rules = join(cluster.data, 'pg_hba.conf');
writeFileSync(
  rules,
  `hostssl all anna 127.0.0.1/32 scram-sha-256\nhost all anna 127.0.0.1/32 reject\nhostssl all certified 127.0.0.1/32 cert\n${readFileSync(rules, 'utf8')}`,
);
await admin`select pg_reload_conf()`;

const at = `127.0.0.1:${cluster.port}`;
const named = `localhost:${cluster.port}`;
const SCRIPTS = fileURLToPath(new URL('../../scripts', import.meta.url));

/** Runs db:migrate. @returns its exit code and what it wrote */
async function migrate(
  DATABASE_URL: string,
  env: Record<string, string> = {},
): Promise<[code: number | string, output: string[]]> {
  const { exit, output } = spawnChild(process.execPath, [join(SCRIPTS, 'migrate.ts')], {
    DATABASE_URL,
    ...env,
  });
  return [await exit, output];
}

/** What the driver says of its connection. */
async function ask<Row extends object>(url: DatabaseUrl, query: ReturnType<typeof sql>): Promise<Row> {
  const { db, close } = openPostgres(url, 1);
  try {
    const [row] = await db.execute(query);
    return row as Row;
  } finally {
    await close();
  }
}

const ENCRYPTED = sql`select ssl as encrypted from pg_stat_ssl where pid = pg_backend_pid()`;
const WHERE = sql`select inet_server_addr()::text as host, current_database() as database, current_user as user, current_setting('application_name') as name`;

const end = (server: ServerProcess) =>
  onTestFinished(async () => void (server.ended() === undefined && (await server.end('SIGKILL'))));

const silent = await startProxy(cluster.port);
await silent.set('blackhole');
/** Servers whose databases are away. They report it every 30 s, while the other tests run. */
const waiting = await Promise.all(
  [
    { url: 'postgres://postgres@db.invalid/app', host: 'db.invalid:5432', reason: /ENOTFOUND|EAI_AGAIN/ },
    {
      url: `postgres://postgres@127.0.0.1:${silent.port}/app?sslmode=require`,
      host: `127.0.0.1:${silent.port}`,
      reason: /CONNECT_TIMEOUT/,
    },
    { url: `postgres://postgres@/app?host=${folder}`, host: folder, reason: /ENOENT/ },
  ].map(async ({ url: DATABASE_URL, ...expected }) => ({
    ...expected,
    server: spawnServer({ PORT: String(await freePort()), DATABASE_URL }),
  })),
);

test('#280 sslmode=require with a certificate of an own authority holds for requests and for background work', async () => {
  const DATABASE_URL = ` "postgresql://anna:${WRITTEN}@${named}/li%20fe%25?sslmode=require"\n`;
  const server = await startServer({ PORT: String(await freePort()), DATABASE_URL });
  end(server);
  await register(server.url, 'ann');
  await expect.poll(() => server.output.join('\n')).toContain('background work has begun');
  const sessions = await admin<{ name: string; encrypted: boolean }[]>`
    select distinct a.application_name as name, s.ssl as encrypted from pg_stat_activity a join pg_stat_ssl s using (pid) where usename = 'anna'`;
  expect(sessions.map(({ name }) => name).sort()).toEqual(['stepwise', 'stepwise jobs']);
  expect(sessions.map(({ encrypted }) => encrypted)).toEqual([true, true]);
  expect(await server.end('SIGTERM')).toBe(0);
});

// #281: sslnegotiation=direct needs PostgreSQL 17 and is not tried on one.
test.each<[string, string, Record<string, string>?]>([
  [
    'the host and its authority',
    `postgres://${named}/app?sslmode=verify-full&sslrootcert=${authority.certificate}`,
  ],
  ['the authority alone', `postgres://${at}/app?sslmode=verify-ca&sslrootcert=${authority.certificate}`],
  [
    'the authority, as libpq does where it is given',
    `postgres://${at}/app?sslmode=require&sslrootcert=${authority.certificate}`,
  ],
  [
    "libpq's variables",
    `postgres://${named}/app`,
    { PGSSLMODE: 'verify-full', PGSSLROOTCERT: authority.certificate },
  ],
  [
    'a name for an address',
    `postgres://localhost:${cluster.port}/app?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=${authority.certificate}`,
  ],
  ['nothing', `host=127.0.0.1 port=${cluster.port} dbname=app sslmode=no-verify`],
])('#281 db:migrate verifies %s', async (_what, url, env) => {
  const [code, output] = await migrate(url, { PGUSER: 'postgres', ...env });
  expect([code, output]).toEqual([0, ['postgres: the schema is up to date']]);
});

const TRUSTED = `sslrootcert=${authority.certificate}`;
const missing = join(folder, 'missing.pem');
const empty = join(folder, 'empty.pem');
writeFileSync(empty, '');

// At the same time: a script tries for some seconds before it gives up.
test.concurrent.each([
  [
    `@${named}/app?sslmode=verify-full&sslrootcert=${stranger.certificate}`,
    `the certificate of ${named} cannot be verified (`,
    'sslrootcert names the file',
  ],
  [
    `@${at}/app?sslmode=verify-ca&sslrootcert=${stranger.certificate}`,
    `the certificate of ${at} cannot be verified (`,
    'sslrootcert names the file',
  ],
  [
    `@${named}/app?sslmode=verify-full`,
    `the certificate of ${named} cannot be verified (`,
    'sslrootcert names the file',
  ],
  [
    `@${named}/app?sslmode=require&channel_binding=require`,
    `the certificate of ${named} cannot be verified (`,
    'channel_binding=require',
  ],
  [
    `@${at}/app?sslmode=verify-full&${TRUSTED}`,
    `the certificate of ${at} is for another host`,
    'verify-full',
  ],
  [
    `@127.0.0.1:${plain.port}/app?sslmode=require`,
    `127.0.0.1:${plain.port} does not offer TLS`,
    'sslmode=require',
  ],
  [
    `@127.0.0.1:${plain.port}/app?sslmode=verify-full&${TRUSTED}`,
    'does not offer TLS',
    'sslmode=verify-full',
  ],
  [
    `@${named}/app?sslmode=verify-full&sslrootcert=${missing}`,
    `sslrootcert: ${missing} cannot be read (ENOENT)`,
    '',
  ],
  [`@${named}/app?sslmode=verify-full&sslrootcert=${empty}`, `sslrootcert: ${empty} is not a PEM file`, ''],
])('#282 with %s a script says why not in a line', async (rest, line, word) => {
  registerSecret('hunter2');
  const [code, output] = await migrate(`postgres://postgres:hunter2${rest}`);
  expect([code, output]).toEqual([1, [expect.stringMatching(/^stepwise: /)]]);
  expect(output[0]).toContain(line);
  expect(output[0]).toContain(word);
});

test.concurrent.each([
  [
    `postgres://postgres@127.0.0.1:${plain.port}/app?sslmode=require`,
    'does not offer TLS, which sslmode=require asks for',
  ],
  [
    `postgres://postgres@${named}/app?sslmode=verify-full&sslrootcert=${stranger.certificate}`,
    'cannot be verified',
  ],
])('#282 with %s server and worker say so too, and end', async (DATABASE_URL, line) => {
  const programs = [
    spawnServer({ PORT: '0', DATABASE_URL }),
    spawnServer({ PORT: '0', DATABASE_URL, MIGRATE_AT_START: 'false' }),
    spawnChild(process.execPath, [fileURLToPath(new URL('../../src/worker.ts', import.meta.url))], {
      DATABASE_URL,
    }),
  ];
  for (const { exit, output } of programs) {
    expect(await exit).toBe(1);
    expect(output.at(-1)).toMatch(new RegExp(`^stepwise: .*${line}`));
  }
});

test('#281 a user who is known by a certificate signs in with it', async () => {
  const { certificate, key } = await authority.sign('certified');
  const url = `postgres://certified@${named}/app?sslmode=require&sslcert=${certificate}&sslkey=${key}`;
  expect(await ask(url, ENCRYPTED)).toEqual({ encrypted: true });
  expect(await ask(url, WHERE)).toMatchObject({ user: 'certified' });
});

test('#281 sslmode=prefer takes TLS where it is offered, and within this machine none is asked for unless it is', async () => {
  const encrypted = async (url: string) => (await ask<{ encrypted: boolean }>(url, ENCRYPTED)).encrypted;
  expect(await encrypted(`postgres://postgres@${at}/app?sslmode=prefer`)).toBe(true);
  expect(await encrypted(`postgres://postgres@${at}/app?sslmode=allow`)).toBe(true);
  expect(await encrypted(`postgres://postgres@${at}/app`)).toBe(false);
  expect(await encrypted(`${plainUrl}?sslmode=prefer`)).toBe(false);
  // Another name for this machine is a host like any other.
  expect(
    await encrypted(`postgres://postgres@db.example:${cluster.port}/app?hostaddr=127.0.0.1&sslmode=prefer`),
  ).toBe(true);
});

test.each([
  [
    'a folder as a parameter',
    `postgres:///app?host=${cluster.folder}&port=${cluster.port}&user=postgres`,
    null,
  ],
  [
    'a folder in the place of the host',
    `postgres://postgres@${encodeURIComponent(cluster.folder)}:${cluster.port}/app`,
    null,
  ],
  ['an address of IPv6', `postgres://postgres@[::1]:${cluster.port}/app`, '::1'],
  ['SQLAlchemy', `postgresql+asyncpg://postgres@${at}/app`, '127.0.0.1'],
  ['key=value', `host=127.0.0.1 port=${cluster.port} dbname=app user=postgres`, '127.0.0.1'],
  [
    'Prisma',
    `postgresql://postgres@${at}/app?schema=public&connection_limit=5&pool_timeout=10&pgbouncer=true`,
    '127.0.0.1',
  ],
  ['Rails', `postgres://postgres@${at}/app?pool=5&encoding=utf8`, '127.0.0.1'],
  ['several hosts, of which the first is away', `postgres://postgres@127.0.0.1:1,${at}/app`, '127.0.0.1'],
])('#283 %s: requests and background work get there', async (_form, url, host) => {
  await migratePostgres(url);
  expect(await ask(url, WHERE)).toEqual({
    host: host && expect.stringContaining(host),
    database: 'app',
    user: 'postgres',
    name: 'stepwise',
  });
  const lines: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const database = openPostgres(url, 3);
  const jobs = startJobs({ database, databaseUrl: url, logger });
  await expect.poll(() => lines.join('')).toContain('background work has begun');
  await jobs.stop();
  await database.close();
});

test('#283 what the string says of the session holds', async () => {
  const url = `postgres://postgres@${at}/app?application_name=life&options=-c%20geqo%3Doff%20-c%20search_path%3Dpg_temp%2Cpublic`;
  expect(
    await ask(url, sql`select current_setting('geqo') as geqo, current_setting('application_name') as name`),
  ).toEqual({
    geqo: 'off',
    name: 'life',
  });
});

test('#283 of several hosts the one is taken that is what it has to be, also after they have changed places', async () => {
  const other = postgres(plainUrl, { max: 1, onnotice: () => {} });
  onTestFinished(() => other.end());
  const hosts = `127.0.0.1:${plain.port},${at}`;
  const port = async (attributes: string) => {
    const found = await ask<{ port: number }>(
      parseConnection(`postgres://postgres@${hosts}/app?target_session_attrs=${attributes}`, {
        isOnlyRead: true,
      }),
      sql`select inet_server_port() as port`,
    );
    return found.port;
  };
  const isReadOnly = async (client: postgres.Sql, is: boolean) => {
    await client.unsafe(`alter system set default_transaction_read_only = ${is ? 'on' : 'off'}`);
    await client.unsafe('select pg_reload_conf()');
    await expect
      .poll(
        async () =>
          (await client.unsafe('show default_transaction_read_only'))[0]?.default_transaction_read_only,
      )
      .toBe(is ? 'on' : 'off');
  };
  expect(await port('read-write')).toBe(plain.port);
  await isReadOnly(other, true);
  expect(await port('read-write')).toBe(cluster.port);
  expect(await port('read-only')).toBe(plain.port);
  expect(await port('any')).toBe(plain.port);
  expect(await port('primary')).toBe(plain.port);
  expect(await port('prefer-standby')).toBe(plain.port);
  await expect(port('standby')).rejects.toMatchObject({ code: 'CONNECTION_UNSUITABLE' });
  await other.unsafe('set default_transaction_read_only = off');
  await isReadOnly(other, false);
  expect(await port('read-write')).toBe(plain.port);
});

test('#284 a server that waits says for what, again and again', async () => {
  for (const { server, host, reason } of waiting) {
    end(server);
    const lines = () => server.output.filter((line) => line.includes('waiting for it'));
    await expect.poll(() => lines().length).toBeGreaterThanOrEqual(2);
    for (const line of lines())
      expect(JSON.parse(line)).toMatchObject({ host, reason: expect.stringMatching(reason) });
    expect(await call(server.url, 'GET', '/livez')).toMatchObject({ status: 200 });
  }
});

test.concurrent.each([
  ['postgres://postgres:hunter2@db.invalid/app', /\((ENOTFOUND|EAI_AGAIN)\)/],
  [`postgres://postgres:hunter2@/app?host=${folder}`, /\(ENOENT\)/],
])('#284 a script whose database is away ends with a line: %s', async (url, reason) => {
  const [code, output] = await migrate(url);
  expect([code, output]).toEqual([1, [expect.stringMatching(reason)]]);
});
