// What can be set, and how each setting is read and described.
import { isIP } from 'node:net';
import { z } from 'zod';
import { unquoted } from './db/postgres/connectionString.ts';

const flag = z
  .enum(['true', 'false', '1', '0', 'on', 'off', 'yes', 'no'])
  .transform((text) => ['true', '1', 'on', 'yes'].includes(text));

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
  .refine(
    (text) => !/[?#]/.test(text) && new URL(text).username === '' && new URL(text).password === '',
    'only origin and path',
  )
  .transform((text) => new URL(text).href.replace(/\/+$/, ''));

/** `10.0.0.0/8`, `::1`. Names such as "loopback" and hop counts are not taken: who is believed is written down. */
const Network = z.string().refine((text) => {
  const [address = '', bits] = text.split('/');
  const version = isIP(address);
  return (
    version !== 0 &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)))
  );
});

/**
 * `redis://user:password@host:6379/0`. A raw % in a password is encoded, and the number of a database is one: what the
 * driver makes of anything else it does not say.
 */
const RedisUrl = z
  .string()
  .transform((text) => unquoted(text).replace(/%(?![0-9a-f]{2})/gi, '%25'))
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
    NODE_ENV: z.enum(['development', 'test', 'production']).default('development').meta({
      description: '`development`, `test` or `production`. The production image sets `production`.',
    }),
    HOST: z.string().min(1).default('0.0.0.0').meta({ description: 'The address to listen on.' }),
    PORT: integer(0, 65535)
      .default(8000)
      .meta({ description: 'The port to listen on. With docker-compose it is the port of this machine.' }),
    DRAIN_MS: integer(0, 20_000).optional().meta({
      fallback: '0, in production 5000',
      description:
        'Milliseconds that the server still answers after the signal to end, while `/readyz` says 503.',
    }),
    LOG_LEVEL: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
      .default('info')
      .meta({ description: '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.' }),
    METRICS_PORT: integer(0, 65535)
      .optional()
      .meta({ description: 'A port of its own for `/metrics`, not to be published.' }),
    METRICS_TOKEN: z.string().min(16).optional().meta({
      description:
        'Who sends it as bearer token (16 characters or more) may read `/metrics`: on `METRICS_PORT`, or without that on `PORT`.',
    }),
    OTEL_EXPORTER_OTLP_ENDPOINT: z
      .url({ protocol: /^https?$/ })
      .optional()
      .meta({
        description:
          'Where OpenTelemetry spans are sent over HTTP, as `http://collector:4318`. Without it none are made.',
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
    IMPORT_SOURCE_URL: z
      .string()
      .optional()
      .meta({ description: 'Only `db:import` reads it: the database that is copied.' }),
    DATABASE_POOL_SIZE: integer(1, 200)
      .default(10)
      .meta({ description: 'Connections of one process to PostgreSQL at most.' }),
    DATABASE_PREPARE: flag.default(true).meta({
      description:
        'Whether statements are kept prepared. Behind a pooler in transaction mode they are only if it supports that.',
    }),
    GROUP_COMMIT: z.enum(['on', 'off']).default('on').meta({
      description:
        'Whether small writes that arrive at once are [committed together](../decisions/0006-pools-and-group-commit.md) on PostgreSQL. `off` commits each by itself.',
    }),
    READ_CACHE: z.enum(['on', 'off']).default('on').meta({
      description:
        'Whether views of plans, of today, and the exercises are [kept in memory](../decisions/0007-read-models.md). `off` reads each anew.',
    }),
    MIGRATE_AT_START: flag.optional().meta({
      fallback: 'on, in production off',
      description:
        'Whether a start on PostgreSQL migrates and seeds first. The embedded database always does.',
    }),
    DATA_DIR: z.string().min(1).default('.data').meta({
      description:
        'The folder of the embedded database, its lock, and the signing key of a development server.',
    }),
    EMBEDDED_IN_PRODUCTION: flag
      .default(false)
      .meta({ description: 'Lets a production server run on the embedded database.' }),
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
    SESSION_IDLE_DAYS: integer(1, 365)
      .default(7)
      .meta({ description: 'How long a session lives without a refresh.' }),
    SESSION_ABSOLUTE_DAYS: integer(1, 3650)
      .default(30)
      .meta({ description: 'How long a session lives in any case.' }),
    SESSIONS_PER_USER: integer(1, 1000)
      .default(20)
      .meta({ description: 'Open sessions of a user. One more ends the oldest.' }),
    REGISTRATION: z.enum(['open', 'closed']).default('open').meta({
      description:
        '`closed`: nobody can register, which is answered 403 `REGISTRATION_CLOSED`. Everything else goes on.',
    }),
    PASSWORD_MIN_LENGTH: integer(1, 128)
      .default(8)
      .meta({ description: 'Characters that a new password needs.' }),
  },
  // The quotas hold ten years of daily use.
  Limits: {
    QUOTA_TASKS: integer(1, 10_000_000).default(20_000).meta({
      description: 'How many tasks a user may keep. One more is 409 `QUOTA_REACHED`, here and below.',
    }),
    QUOTA_RESOURCES: integer(1, 10_000_000)
      .default(10_000)
      .meta({ description: 'How many resources a user may keep.' }),
    QUOTA_PLANS: integer(1, 1_000_000)
      .default(1000)
      .meta({ description: 'How many plans of each kind a user may keep.' }),
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
        description:
          'Comma-separated origins whose pages may read the answers, as `https://one.example,https://two.example`.',
      }),
  },
  'Background work': {
    JOBS: z.enum(['on', 'off']).default('on').meta({
      description: 'Whether the server does the background work too. `off` leaves it to `pnpm worker`.',
    }),
  },
};

/** All of them, as the environment has them. */
export const Environment = z.object({
  ...SETTINGS.Process,
  ...SETTINGS.Database,
  ...SETTINGS['Tokens and sessions'],
  ...SETTINGS.Limits,
  ...SETTINGS.Network,
  ...SETTINGS['Background work'],
});
