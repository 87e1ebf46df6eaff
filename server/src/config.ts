// The only file that reads the environment.
import type { z } from 'zod';
import {
  type ConnectionSettings,
  LIBPQ_VARIABLES,
  type ParseOptions,
  parseConnection,
} from './db/postgres/connectionSettings.ts';
import { ConnectionStringError } from './db/postgres/connectionString.ts';
import type { Quotas } from './db/sql/quota.ts';
import { DotenvError, readDotenv } from './dotenv.ts';
import { OperatorError } from './operatorError.ts';
import { Environment } from './settings.ts';

/** Secrets that stand in tutorials and examples: a server that signs with one of them signs for everybody. */
const KNOWN_SECRETS =
  /^(change[-_ ]?(me|this|it)|secret([-_ ]?key)?|jwt[-_ ]?secret([-_ ]?key)?|your[-_ ].*|password|example|test|dev(elopment)?)[-_ !.0-9]*$/i;

/** Seconds. */
const DAY_SECONDS = 24 * 60 * 60;

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
  /** Whether small writes that arrive at once are committed together, on PostgreSQL. */
  readonly groupCommit: boolean;
  /** Whether views and exercises are kept in memory. */
  readonly readCache: boolean;
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
  readonly tokenLifetimeSeconds: number;
  /** Characters (code points). */
  readonly passwordMinLength: number;
  /** Whether anybody may register. */
  readonly isRegistrationOpen: boolean;
  /** Connections that one address may hold. */
  readonly connectionsPerAddress: number;
  /** Whether connections of an address, calls, sign-ins, registrations and guesses are limited. */
  readonly isRateLimited: boolean;
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
  readonly drainMs: number;
  /** Where /metrics is told: on a port of its own, or to who has the token. Undefined: nowhere. */
  readonly metrics: { readonly port: number | undefined; readonly token: string | undefined } | undefined;
  /** Where spans are sent, without `/v1/traces`, and of which share of the calls. Undefined: none are made. */
  readonly traces: { readonly endpoint: string; readonly share: number } | undefined;
  readonly logLevel: z.infer<typeof Environment>['LOG_LEVEL'];
}

/** Thrown with one line per bad setting; the lines name variables, never values. */
export class ConfigError extends OperatorError {
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
  for (const name of Object.keys(LIBPQ_VARIABLES)) delete process.env[name];
  return env;
}

/**
 * Reads the settings.
 * @param env the environment; an empty string counts as not set
 * @param purpose a `script` that only works on the database needs no signing key
 * @throws ConfigError naming all bad variables at once
 */
export function loadConfig(
  env: Record<string, string | undefined>,
  purpose: 'server' | 'script' = 'server',
): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = Environment.safeParse(given);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${String(issue.path[0])}: ${reason(issue)}`);

  const production = given.NODE_ENV === 'production';
  const secret = given.JWT_SECRET_KEY;
  if (secret === undefined && production && purpose === 'server')
    problems.push('JWT_SECRET_KEY: required in production');
  for (const name of ['JWT_SECRET_KEY', 'JWT_SECRET_KEY_PREVIOUS']) {
    const key = given[name];
    if (key === undefined) continue;
    if (Buffer.byteLength(key) < 32) problems.push(`${name}: at least 32 bytes are needed`);
    else if (isKnownSecret(key))
      problems.push(`${name}: a well-known value, anybody could sign tokens with it`);
  }
  if (production && given.CORS_ORIGINS?.split(',').some((origin) => origin.trim() === '*'))
    problems.push('CORS_ORIGINS: list the origins, * is not accepted in production');

  const databaseUrl = readUrl('DATABASE_URL', given, problems, { env: given });
  // Each by itself: libpq's variables complete DATABASE_URL alone.
  const serverDatabaseUrl = readUrl('SERVER_DATABASE_URL', given, problems);
  const importSourceUrl = readUrl('IMPORT_SOURCE_URL', given, problems, { isOnlyRead: true });

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
    groupCommit: values.GROUP_COMMIT === 'on',
    readCache: values.READ_CACHE === 'on',
    migrateAtStart: values.MIGRATE_AT_START ?? !production,
    dataDir: values.DATA_DIR,
    embeddedInProduction: values.EMBEDDED_IN_PRODUCTION,
    jwtSecret: secret,
    previousJwtSecret: values.JWT_SECRET_KEY_PREVIOUS,
    sessions: Object.freeze({
      idle: values.SESSION_IDLE_DAYS * DAY_SECONDS,
      absolute: values.SESSION_ABSOLUTE_DAYS * DAY_SECONDS,
      perUser: values.SESSIONS_PER_USER,
    }),
    quotas: Object.freeze({
      tasks: values.QUOTA_TASKS,
      resources: values.QUOTA_RESOURCES,
      physical_plans: values.QUOTA_PLANS,
      mental_plans: values.QUOTA_PLANS,
    }),
    tokenLifetimeSeconds: values.ACCESS_TOKEN_EXPIRE_MINUTES * 60,
    passwordMinLength: values.PASSWORD_MIN_LENGTH,
    connectionsPerAddress: values.CONNECTIONS_PER_ADDRESS,
    isRegistrationOpen: values.REGISTRATION === 'open',
    isRateLimited: values.RATE_LIMIT === 'on',
    jobs: values.JOBS === 'on',
    redisUrl: values.REDIS_URL,
    trustedProxies: Object.freeze(values.TRUST_PROXY),
    publicUrl: values.PUBLIC_URL,
    corsOrigins: origins.includes('*') ? '*' : Object.freeze(origins),
    drainMs: values.DRAIN_MS ?? (production ? 5000 : 0),
    metrics:
      values.METRICS_PORT === undefined && values.METRICS_TOKEN === undefined
        ? undefined
        : Object.freeze({ port: values.METRICS_PORT, token: values.METRICS_TOKEN }),
    traces:
      values.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? undefined
        : Object.freeze({
            endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
            share: values.OTEL_TRACES_SAMPLER_ARG,
          }),
    logLevel: values.LOG_LEVEL,
  });
}

function readUrl(
  name: 'DATABASE_URL' | 'SERVER_DATABASE_URL' | 'IMPORT_SOURCE_URL',
  given: Record<string, string | undefined>,
  problems: string[],
  options?: ParseOptions,
): ConnectionSettings | undefined {
  if (given[name] === undefined) return undefined;
  try {
    return Object.freeze(parseConnection(given[name], options));
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
