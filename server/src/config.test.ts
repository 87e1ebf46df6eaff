import { expect, test } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';

const SECRET = 'f3b0c44298fc1c149afbf4c8996fb924';

function refusal(env: Record<string, string>): string {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('accepted');
}

test('with nothing set it is a development server on the embedded database', () => {
  expect(loadConfig({})).toEqual({
    environment: 'development',
    host: '0.0.0.0',
    port: 8000,
    databaseUrl: undefined,
    serverDatabaseUrl: undefined,
    importSourceUrl: undefined,
    poolSize: 10,
    prepare: true,
    groupCommit: true,
    readCache: true,
    migrateAtStart: true,
    dataDir: '.data',
    embeddedInProduction: false,
    jwtSecret: undefined,
    previousJwtSecret: undefined,
    tokenLifetimeSeconds: 1800,
    sessions: { idle: 7 * 86_400, absolute: 30 * 86_400, perUser: 20 },
    passwordMinLength: 8,
    isRegistrationOpen: true,
    quotas: { tasks: 20_000, resources: 10_000, physical_plans: 1000, mental_plans: 1000 },
    connectionsPerAddress: 500,
    isRateLimited: true,
    jobs: true,
    redisUrl: undefined,
    trustedProxies: [],
    publicUrl: undefined,
    corsOrigins: '*',
    drainMs: 0,
    logLevel: 'info',
  });
});

test('a production server answers on for 5 s after the signal to end unless told otherwise', () => {
  expect(loadConfig({ NODE_ENV: 'production', JWT_SECRET_KEY: SECRET }).drainMs).toBe(5000);
  expect(loadConfig({ NODE_ENV: 'production', JWT_SECRET_KEY: SECRET, DRAIN_MS: '0' }).drainMs).toBe(0);
});

test('an empty string counts as not set', () => {
  expect(loadConfig({ PORT: '', DATABASE_URL: '', JWT_SECRET_KEY: '' })).toEqual(loadConfig({}));
});

test('production allows no foreign origin and does not migrate unless told', () => {
  expect(loadConfig({ NODE_ENV: 'production', JWT_SECRET_KEY: SECRET })).toMatchObject({
    corsOrigins: [],
    migrateAtStart: false,
  });
  expect(
    loadConfig({ NODE_ENV: 'production', JWT_SECRET_KEY: SECRET, MIGRATE_AT_START: 'true' }).migrateAtStart,
  ).toBe(true);
});

test('a migration in production needs no signing key', () => {
  expect(loadConfig({ NODE_ENV: 'production' }, 'script').jwtSecret).toBeUndefined();
});

test('#278 the environment and DATABASE_URL make one address of the database', () => {
  const env = { DATABASE_URL: 'postgresql+asyncpg://u:p@db/lifebalance', PGSSLMODE: 'require' };
  expect(loadConfig(env).databaseUrl).toMatchObject({
    user: 'u',
    password: 'p',
    database: 'lifebalance',
    tls: { mode: 'require' },
  });
  expect(refusal({ DATABASE_URL: 'postgres://u:hunter2@db/x?sslmode=hunter3' })).toMatch(
    /^DATABASE_URL: sslmode: one of [^\n]*require[^\n]*$/,
  );
  expect(
    loadConfig({ PGHOST: 'db' }).databaseUrl,
    'without DATABASE_URL it is the embedded database',
  ).toBeUndefined();
});

test.each([
  ['redis://localhost', 'redis://localhost'],
  [' "rediss://ann:p%40w@redis.example:6380/2"\n', 'rediss://ann:p%40w@redis.example:6380/2'],
  ['redis://:100%@[::1]:6379/0', 'redis://:100%25@[::1]:6379/0'],
])('#279 REDIS_URL %j is understood', (given, url) => {
  expect(loadConfig({ REDIS_URL: given }).redisUrl).toBe(url);
});

test.each([
  ['https://host.example', 'https://host.example'],
  ['https://host.example/', 'https://host.example'],
  ['http://host:8080/api/v1/', 'http://host:8080/api/v1'],
])('the public URL %s is %s', (given, url) => {
  expect(loadConfig({ PUBLIC_URL: given }).publicUrl).toBe(url);
});

test.each([
  'host.example',
  '/api',
  'ftp://host.example',
  'https://host.example/?a',
  'https://host.example/#a',
  'https://user:password@host',
])('the public URL %s is refused', (given) => {
  expect(refusal({ PUBLIC_URL: given })).toMatch(/^PUBLIC_URL: /);
});

test('origins are a list', () => {
  expect(loadConfig({ CORS_ORIGINS: 'https://a.example, http://localhost:3000' }).corsOrigins).toEqual([
    'https://a.example',
    'http://localhost:3000',
  ]);
});

test('limits are on unless they are turned off by that very word', () => {
  expect(loadConfig({ RATE_LIMIT: 'off' }).isRateLimited).toBe(false);
  expect(
    loadConfig({ RATE_LIMIT: 'off', NODE_ENV: 'production', JWT_SECRET_KEY: SECRET }).isRateLimited,
  ).toBe(false);
});

test('background work is done unless it is turned off', () => {
  expect(loadConfig({ JOBS: 'off' }).jobs).toBe(false);
  expect(refusal({ JOBS: 'no' })).toBe('JOBS: one of on, off is expected');
});

test('trusted proxies are a list of addresses and networks', () => {
  expect(loadConfig({ TRUST_PROXY: '10.0.0.0/8, ::1' }).trustedProxies).toEqual(['10.0.0.0/8', '::1']);
});

test('lifetimes of sessions are set in days', () => {
  const env = { SESSION_IDLE_DAYS: '1', SESSION_ABSOLUTE_DAYS: '2', SESSIONS_PER_USER: '3' };
  expect(loadConfig(env).sessions).toEqual({ idle: 86_400, absolute: 2 * 86_400, perUser: 3 });
});

test('metrics are told and spans are sent only where that is set', () => {
  expect(loadConfig({})).toMatchObject({ metrics: undefined, traces: undefined });
  expect(loadConfig({ METRICS_PORT: '9464' }).metrics).toEqual({ port: 9464, token: undefined });
  expect(loadConfig({ METRICS_TOKEN: SECRET }).metrics).toEqual({ port: undefined, token: SECRET });
  const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
  expect(loadConfig(collector).traces).toEqual({ endpoint: 'http://collector:4318', share: 1 });
  expect(loadConfig({ ...collector, OTEL_TRACES_SAMPLER_ARG: '0.05' }).traces?.share).toBe(0.05);
});

// #215: Secrets are not read from files.
test('#215 all bad names are told at once, and no value', () => {
  const message = refusal({
    PORT: 'seven-seven',
    LOG_LEVEL: 'loudest',
    DATABASE_URL: 'mysql://root:hunter2@db',
    JWT_SECRET_KEY: 'too-short-value',
  });
  expect(message.split('\n').map((line) => line.split(':')[0])).toEqual(
    ['DATABASE_URL', 'LOG_LEVEL', 'PORT', 'JWT_SECRET_KEY'].sort(
      (a, b) => message.indexOf(a) - message.indexOf(b),
    ),
  );
  expect(message).not.toMatch(/seven|loudest|hunter2|too-short-value/);
});

test.each([
  [{ NODE_ENV: 'production' }, 'JWT_SECRET_KEY'],
  [{ JWT_SECRET_KEY: 'a'.repeat(31) }, 'JWT_SECRET_KEY'],
  [{ JWT_SECRET_KEY: 'a'.repeat(64) }, 'JWT_SECRET_KEY'],
  [{ JWT_SECRET_KEY: 'changeme'.repeat(4) }, 'JWT_SECRET_KEY'],
  [{ JWT_SECRET_KEY: 'your-secret-key-that-is-at-least-32-bytes' }, 'JWT_SECRET_KEY'],
  [{ JWT_SECRET_KEY: SECRET, JWT_SECRET_KEY_PREVIOUS: 'a'.repeat(31) }, 'JWT_SECRET_KEY_PREVIOUS'],
  [{ JWT_SECRET_KEY: SECRET, JWT_SECRET_KEY_PREVIOUS: 'changeme'.repeat(4) }, 'JWT_SECRET_KEY_PREVIOUS'],
  [{ SESSION_IDLE_DAYS: '0' }, 'SESSION_IDLE_DAYS'],
  [{ SESSION_ABSOLUTE_DAYS: '1.5' }, 'SESSION_ABSOLUTE_DAYS'],
  [{ SESSIONS_PER_USER: '0' }, 'SESSIONS_PER_USER'],
  [{ QUOTA_TASKS: '0' }, 'QUOTA_TASKS'],
  [{ QUOTA_PLANS: 'many' }, 'QUOTA_PLANS'],
  [{ RATE_LIMIT: 'false' }, 'RATE_LIMIT'],
  [{ REDIS_URL: 'http://localhost:6379' }, 'REDIS_URL'],
  [{ REDIS_URL: 'redis-sentinel://localhost:26379' }, 'REDIS_URL'],
  [{ REDIS_URL: 'redis://localhost/cache' }, 'REDIS_URL'],
  [{ REDIS_URL: 'redis://ann:%ff@localhost' }, 'REDIS_URL'],
  [{ TRUST_PROXY: 'loopback' }, 'TRUST_PROXY'],
  [{ TRUST_PROXY: '1' }, 'TRUST_PROXY'],
  [{ TRUST_PROXY: '10.0.0.0/33' }, 'TRUST_PROXY'],
  [{ JWT_ALGORITHM: 'HS512' }, 'JWT_ALGORITHM'],
  [{ JWT_ALGORITHM: 'none' }, 'JWT_ALGORITHM'],
  [{ NODE_ENV: 'prod' }, 'NODE_ENV'],
  [{ PORT: '65536' }, 'PORT'],
  [{ PORT: '0x50' }, 'PORT'],
  [{ ACCESS_TOKEN_EXPIRE_MINUTES: '0' }, 'ACCESS_TOKEN_EXPIRE_MINUTES'],
  [{ DATABASE_POOL_SIZE: 'many' }, 'DATABASE_POOL_SIZE'],
  [{ MIGRATE_AT_START: 'perhaps' }, 'MIGRATE_AT_START'],
  [{ METRICS_PORT: '65536' }, 'METRICS_PORT'],
  [{ METRICS_TOKEN: 'short' }, 'METRICS_TOKEN'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
  [{ OTEL_TRACES_SAMPLER_ARG: '1.5' }, 'OTEL_TRACES_SAMPLER_ARG'],
  [{ PASSWORD_MIN_LENGTH: '129' }, 'PASSWORD_MIN_LENGTH'],
  [{ CORS_ORIGINS: 'https://a.example/path' }, 'CORS_ORIGINS'],
  [{ CORS_ORIGINS: 'a.example' }, 'CORS_ORIGINS'],
  [{ NODE_ENV: 'production', JWT_SECRET_KEY: SECRET, CORS_ORIGINS: '*' }, 'CORS_ORIGINS'],
])('#44 #279 %j is refused, naming %s', (env, name) => {
  expect(refusal(env as Record<string, string>)).toMatch(new RegExp(`^${name}: `));
});
