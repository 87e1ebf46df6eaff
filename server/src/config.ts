// The only file that reads the environment.
import { isIP } from 'node:net';
import { z } from 'zod';
import { type ConnectionSettings, parseConnection, VARIABLES } from './db/connectionSettings.ts';
import { ConnectionStringError, unwrapped } from './db/connectionString.ts';
import type { Quotas } from './db/quota.ts';
import { DotenvError, readDotenv } from './dotenv.ts';

/** Secrets that stand in tutorials and examples: a server that signs with one of them signs for everybody. */
const KNOWN_SECRETS =
  /^(change[-_ ]?(me|this|it)|secret([-_ ]?key)?|jwt[-_ ]?secret([-_ ]?key)?|your[-_ ].*|password|example|test|dev(elopment)?)[-_ !.0-9]*$/i;

/** Seconds. */
const DAY = 24 * 60 * 60;

const flag = z.enum(['true', 'false', '1', '0', 'on', 'off', 'yes', 'no']).transform((text) => ['true', '1', 'on', 'yes'].includes(text));

const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max));

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);

const Origin = z
  .url({ protocol: /^https?$/, abort: true })
  .refine((text) => new URL(text).origin === text.toLowerCase(), 'an origin has no path');

/** Where clients reach the server; a path is one that a proxy cuts off. */
const PublicUrl = z
  .url({ protocol: /^https?$/, abort: true })
  .refine((text) => !/[?#]/.test(text) && new URL(text).username === '' && new URL(text).password === '', 'only origin and path')
  .transform((text) => new URL(text).href.replace(/\/+$/, ''));

/** `10.0.0.0/8`, `::1`. Names such as "loopback" and hop counts are not taken: who is believed is written down. */
const Network = z.string().refine((text) => {
  const [address = '', bits] = text.split('/');
  const version = isIP(address);
  return version !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)));
});

/**
 * `redis://user:password@host:6379/0`. A raw % in a password is encoded, and the number of a database is one: what the
 * driver makes of anything else it does not say.
 */
const RedisUrl = z
  .string()
  .transform((text) => unwrapped(text).replace(/%(?![0-9a-f]{2})/gi, '%25'))
  .pipe(z.url({ protocol: /^rediss?$/ }))
  .refine((text) => {
    const { pathname, hostname, username, password } = new URL(text);
    return hostname !== '' && /^\/?\d*$/.test(pathname) && isEncoded(username) && isEncoded(password);
  });

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Every setting, by the headings of its documentation: server/scripts/settings.ts makes docs/operations/configuration.md and
 * .env.example of it. `fallback` tells the default where it is not the same everywhere.
 */
export const SETTINGS = {
  Process: {
    NODE_ENV: z
      .enum(['development', 'test', 'production'])
      .default('development')
      .meta({ description: '`development`, `test` or `production`. The production image sets `production`.' }),
    HOST: z.string().min(1).default('0.0.0.0').meta({ description: 'The address to listen on.' }),
    PORT: integer(0, 65535)
      .default(8000)
      .meta({ description: 'The port to listen on. With docker-compose it is the port of this machine.' }),
    DRAIN_MS: integer(0, 20_000).optional().meta({
      fallback: '0, in production 5000',
      description: 'Milliseconds that the server still answers after the signal to end, while `/readyz` says 503.',
    }),
    LOG_LEVEL: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
      .default('info')
      .meta({ description: '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.' }),
    METRICS_PORT: integer(0, 65535).optional().meta({ description: 'A port of its own for `/metrics`, not to be published.' }),
    METRICS_TOKEN: z.string().min(16).optional().meta({
      description:
        'Who sends it as bearer token (16 characters or more) may read `/metrics`: on `METRICS_PORT`, or without that on `PORT`.',
    }),
    OTEL_EXPORTER_OTLP_ENDPOINT: z
      .url({ protocol: /^https?$/ })
      .optional()
      .meta({
        description: 'Where OpenTelemetry spans are sent over HTTP, as `http://collector:4318`. Without it none are made.',
      }),
    OTEL_TRACES_SAMPLER_ARG: z
      .string()
      .regex(/^(0(\.\d+)?|1(\.0+)?)$/)
      .transform(Number)
      .default(1)
      .meta({ description: 'The share of calls that are traced, 0 to 1.' }),
  },
  Database: {
    DATABASE_URL: z.string().optional().meta({
      description:
        'PostgreSQL, as `postgresql://user:password@host:5432/lifebalance?sslmode=verify-full`: see [connection strings](#connection-strings). Without it the embedded database in `DATA_DIR`. Required in production.',
    }),
    SERVER_DATABASE_URL: z.string().optional().meta({
      description:
        'Only `db:migrate` reads it, which connects as the owner of the tables: how servers connect. It makes [that role](deployment.md#a-role-for-the-servers-alone) and gives it what it needs.',
    }),
    IMPORT_SOURCE_URL: z.string().optional().meta({ description: 'Only `db:import` reads it: the database that is copied.' }),
    DATABASE_POOL_SIZE: integer(1, 200).default(10).meta({ description: 'Connections of one process to PostgreSQL at most.' }),
    DATABASE_PREPARE: flag.default(true).meta({
      description: 'Whether statements are kept prepared. Behind a pooler in transaction mode they are only if it supports that.',
    }),
    MIGRATE_AT_START: flag.optional().meta({
      fallback: 'on, in production off',
      description: 'Whether a start on PostgreSQL migrates and seeds first. The embedded database always does.',
    }),
    DATA_DIR: z.string().min(1).default('.data').meta({
      description: 'The folder of the embedded database, its lock, and the signing key of a development server.',
    }),
    EMBEDDED_IN_PRODUCTION: flag.default(false).meta({ description: 'Lets a production server run on the embedded database.' }),
  },
  'Tokens and sessions': {
    JWT_SECRET_KEY: z.string().optional().meta({
      description:
        'Signs tokens: at least 32 bytes, as from `openssl rand -hex 32`. Required in production; well-known values are refused. Elsewhere a key is made and kept in `DATA_DIR` (mode 0600).',
    }),
    JWT_SECRET_KEY_PREVIOUS: z.string().optional().meta({
      description:
        'A key that signed before: its tokens are still accepted. [SECURITY.md](../../SECURITY.md#keys) tells how to exchange keys.',
    }),
    JWT_ALGORITHM: z.literal('HS256').default('HS256').meta({ description: 'Nothing else is accepted.' }),
    ACCESS_TOKEN_EXPIRE_MINUTES: integer(1, 60 * 24 * 365)
      .default(30)
      .meta({ description: 'How long an access token lives.' }),
    SESSION_IDLE_DAYS: integer(1, 365).default(7).meta({ description: 'How long a session lives without a refresh.' }),
    SESSION_ABSOLUTE_DAYS: integer(1, 3650).default(30).meta({ description: 'How long a session lives in any case.' }),
    SESSIONS_PER_USER: integer(1, 1000).default(20).meta({ description: 'Open sessions of a user. One more ends the oldest.' }),
    REGISTRATION: z.enum(['open', 'closed']).default('open').meta({
      description: '`closed`: nobody can register, which is answered 403 `REGISTRATION_CLOSED`. Everything else goes on.',
    }),
    PASSWORD_MIN_LENGTH: integer(1, 128).default(8).meta({ description: 'Characters that a new password needs.' }),
  },
  // The quotas hold ten years of daily use.
  Limits: {
    QUOTA_TASKS: integer(1, 10_000_000)
      .default(20_000)
      .meta({ description: 'How many tasks a user may keep. One more is 409 `QUOTA_REACHED`, here and below.' }),
    QUOTA_RESOURCES: integer(1, 10_000_000).default(10_000).meta({ description: 'How many resources a user may keep.' }),
    QUOTA_PLANS: integer(1, 1_000_000).default(1000).meta({ description: 'How many plans of each kind a user may keep.' }),
    // A tenth of what all together may have.
    CONNECTIONS_PER_ADDRESS: integer(1, 5000).default(500).meta({
      description:
        'Connections that one address may hold (of IPv6 its network of 64 bits), here and at haproxy. One more is closed at once. Proxies of `TRUST_PROXY` may hold any number.',
    }),
    RATE_LIMIT: z.enum(['on', 'off']).default('on').meta({
      description: '`off` ends every limit, also on guessing passwords: for benchmarks, and the log says so.',
    }),
    REDIS_URL: RedisUrl.optional().meta({
      description:
        'Where several servers count their limits together, as `redis://user:password@host:6379/0`: see [Redis](#redis). Without it, or while it is away, each server counts by itself.',
    }),
  },
  Network: {
    TRUST_PROXY: list.pipe(z.array(Network)).default([]).meta({
      description:
        'Comma-separated networks, as `10.0.0.0/8,::1`, whose `X-Forwarded-For` and `X-Forwarded-Prefix` are believed. `Forwarded` (RFC 7239) never is.',
    }),
    PUBLIC_URL: PublicUrl.optional().meta({
      description:
        'Where clients reach the server, as `https://host/api`: what the OpenAPI document says. Without it the path prefix of a trusted proxy is used.',
    }),
    CORS_ORIGINS: list
      .pipe(z.array(z.union([z.literal('*'), Origin])))
      .optional()
      .meta({
        fallback: 'all, in production none',
        description: 'Comma-separated origins whose pages may read the answers, as `https://one.example,https://two.example`.',
      }),
  },
  'Background work': {
    JOBS: z
      .enum(['on', 'off'])
      .default('on')
      .meta({ description: 'Whether the server does the background work too. `off` leaves it to `pnpm worker`.' }),
  },
};

const Environment = z.object({
  ...SETTINGS.Process,
  ...SETTINGS.Database,
  ...SETTINGS['Tokens and sessions'],
  ...SETTINGS.Limits,
  ...SETTINGS.Network,
  ...SETTINGS['Background work'],
});

/** The settings of one server, checked and frozen. */
export interface Config {
  readonly environment: 'development' | 'test' | 'production';
  readonly host: string;
  readonly port: number;
  /** What DATABASE_URL means; undefined: the embedded database in `dataDir`. */
  readonly databaseUrl: ConnectionSettings | undefined;
  /** What SERVER_DATABASE_URL means: how servers connect, where `db:migrate` makes them a role of their own. */
  readonly serverDatabaseUrl: ConnectionSettings | undefined;
  /** What IMPORT_SOURCE_URL means: the database that `db:import` copies. */
  readonly importSourceUrl: ConnectionSettings | undefined;
  /** Connections of this process at most. */
  readonly poolSize: number;
  /** Whether statements are kept prepared on their connection, where that can be done. */
  readonly prepare: boolean;
  readonly migrateAtStart: boolean;
  readonly dataDir: string;
  readonly embeddedInProduction: boolean;
  /** Undefined only outside production: then one is made and kept in `dataDir`. */
  readonly jwtSecret: string | undefined;
  /** A key that signed before: its tokens are still accepted, none is made with it. */
  readonly previousJwtSecret: string | undefined;
  /** How long sessions live, in seconds, and how many a user may have. */
  readonly sessions: { readonly idle: number; readonly absolute: number; readonly perUser: number };
  /** Rows that one user may have. */
  readonly quotas: Quotas;
  /** Seconds that an access token lives. */
  readonly tokenLifetime: number;
  /** Characters (code points). */
  readonly passwordMinLength: number;
  /** Whether anybody may register. */
  readonly isRegistrationOpen: boolean;
  /** Connections that one address may hold. */
  readonly connectionsPerAddress: number;
  /** Whether connections of an address, calls, sign-ins, registrations and guesses are limited. */
  readonly limited: boolean;
  /** Whether the server does the background work too. */
  readonly jobs: boolean;
  /** Where several servers count together; undefined: each in its memory. */
  readonly redisUrl: string | undefined;
  /** Networks whose X-Forwarded-For and X-Forwarded-Prefix are believed. */
  readonly trustedProxies: readonly string[];
  /** Where clients reach the server, without a slash at the end. Undefined: the OpenAPI document says what the proxy says. */
  readonly publicUrl: string | undefined;
  /** `*`, or the foreign origins whose pages may read the answers. */
  readonly corsOrigins: '*' | readonly string[];
  /** Milliseconds from the signal to end until the server takes no more connections: /readyz says 503 meanwhile. */
  readonly drainTime: number;
  /** Where /metrics is told: on a port of its own, or to who has the token. Undefined: nowhere. */
  readonly metrics: { readonly port: number | undefined; readonly token: string | undefined } | undefined;
  /** Where spans are sent, without `/v1/traces`, and of which share of the calls. Undefined: none are made. */
  readonly traces: { readonly endpoint: string; readonly share: number } | undefined;
  readonly logLevel: z.infer<typeof Environment>['LOG_LEVEL'];
}

/** Thrown with one line per bad setting; the lines name variables, never values. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** The file that completes the environment. */
const DOTENV = '.env';

/**
 * Reads the environment, completed by the file `.env` in the working folder if there is one; the environment wins.
 * libpq's variables leave the environment of this process: each driver would read some of them by itself, in its own way.
 * @throws ConfigError when the file cannot be read right
 */
export function readEnvironment(): Record<string, string | undefined> {
  try {
    for (const [name, value] of Object.entries(readDotenv(DOTENV))) process.env[name] ??= value;
  } catch (error) {
    throw error instanceof DotenvError ? new ConfigError(error.message) : error;
  }
  const env = { ...process.env };
  for (const name of Object.keys(VARIABLES)) delete process.env[name];
  return env;
}

/**
 * Reads the settings.
 * @param env the environment; an empty string counts as not set
 * @param purpose a `script` that only works on the database needs no signing key
 * @throws ConfigError naming all bad variables at once
 */
export function loadConfig(env: Record<string, string | undefined>, purpose: 'server' | 'script' = 'server'): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = Environment.safeParse(given);
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => `${String(issue.path[0])}: ${reason(issue)}`);

  const production = given.NODE_ENV === 'production';
  const secret = given.JWT_SECRET_KEY;
  if (secret === undefined && production && purpose === 'server') problems.push('JWT_SECRET_KEY: required in production');
  for (const name of ['JWT_SECRET_KEY', 'JWT_SECRET_KEY_PREVIOUS']) {
    const key = given[name];
    if (key === undefined) continue;
    if (Buffer.byteLength(key) < 32) problems.push(`${name}: at least 32 bytes are needed`);
    else if (isKnownSecret(key)) problems.push(`${name}: a well-known value, anybody could sign tokens with it`);
  }
  if (production && given.CORS_ORIGINS?.split(',').some((origin) => origin.trim() === '*'))
    problems.push('CORS_ORIGINS: list the origins, * is not accepted in production');

  const databaseUrl = readUrl('DATABASE_URL', given, problems, given);
  // Each by itself: libpq's variables complete DATABASE_URL alone.
  const serverDatabaseUrl = readUrl('SERVER_DATABASE_URL', given, problems);
  const importSourceUrl = readUrl('IMPORT_SOURCE_URL', given, problems);

  if (!parsed.success || problems.length > 0) throw new ConfigError([...new Set(problems)].join('\n'));

  const values = parsed.data;
  const origins = values.CORS_ORIGINS ?? (production ? [] : ['*']);
  return Object.freeze({
    environment: values.NODE_ENV,
    host: values.HOST,
    port: values.PORT,
    databaseUrl,
    serverDatabaseUrl,
    importSourceUrl,
    poolSize: values.DATABASE_POOL_SIZE,
    prepare: values.DATABASE_PREPARE,
    migrateAtStart: values.MIGRATE_AT_START ?? !production,
    dataDir: values.DATA_DIR,
    embeddedInProduction: values.EMBEDDED_IN_PRODUCTION,
    jwtSecret: secret,
    previousJwtSecret: values.JWT_SECRET_KEY_PREVIOUS,
    sessions: Object.freeze({
      idle: values.SESSION_IDLE_DAYS * DAY,
      absolute: values.SESSION_ABSOLUTE_DAYS * DAY,
      perUser: values.SESSIONS_PER_USER,
    }),
    quotas: Object.freeze({
      tasks: values.QUOTA_TASKS,
      resources: values.QUOTA_RESOURCES,
      physical_plans: values.QUOTA_PLANS,
      mental_plans: values.QUOTA_PLANS,
    }),
    tokenLifetime: values.ACCESS_TOKEN_EXPIRE_MINUTES * 60,
    passwordMinLength: values.PASSWORD_MIN_LENGTH,
    connectionsPerAddress: values.CONNECTIONS_PER_ADDRESS,
    isRegistrationOpen: values.REGISTRATION === 'open',
    limited: values.RATE_LIMIT === 'on',
    jobs: values.JOBS === 'on',
    redisUrl: values.REDIS_URL,
    trustedProxies: Object.freeze(values.TRUST_PROXY),
    publicUrl: values.PUBLIC_URL,
    corsOrigins: origins.includes('*') ? '*' : Object.freeze(origins),
    drainTime: values.DRAIN_MS ?? (production ? 5000 : 0),
    metrics:
      values.METRICS_PORT === undefined && values.METRICS_TOKEN === undefined
        ? undefined
        : Object.freeze({ port: values.METRICS_PORT, token: values.METRICS_TOKEN }),
    traces:
      values.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? undefined
        : Object.freeze({ endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT, share: values.OTEL_TRACES_SAMPLER_ARG }),
    logLevel: values.LOG_LEVEL,
  });
}

/** @param completing variables that say what the URL leaves open */
function readUrl(
  name: 'DATABASE_URL' | 'SERVER_DATABASE_URL' | 'IMPORT_SOURCE_URL',
  given: Record<string, string | undefined>,
  problems: string[],
  completing?: Record<string, string | undefined>,
): ConnectionSettings | undefined {
  if (given[name] === undefined) return undefined;
  try {
    return Object.freeze(parseConnection(given[name], completing));
  } catch (error) {
    if (!(error instanceof ConnectionStringError)) throw error;
    problems.push(`${name}: ${error.message}`);
    return undefined;
  }
}

/** One character again and again, or a tutorial's value again and again, is as well known as the value itself. */
function isKnownSecret(secret: string): boolean {
  const period = (secret + secret).indexOf(secret, 1);
  const unit = secret.slice(0, period);
  return unit.length < 8 || KNOWN_SECRETS.test(unit) || KNOWN_SECRETS.test(secret);
}

/** What is wrong, in words that hold no value: zod's own text can quote the input. */
function reason(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_value':
      return `one of ${issue.values.join(', ')} is expected`;
    case 'invalid_type':
      return `${issue.expected} is expected`;
    case 'too_small':
      return `at least ${issue.minimum} is expected`;
    case 'too_big':
      return `at most ${issue.maximum} is expected`;
    default:
      return 'the value has not the expected form';
  }
}
