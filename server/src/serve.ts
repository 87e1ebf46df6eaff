// The server from its settings to its end: app → listen → database → close with grace.
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import manifest from '../package.json' with { type: 'json' };
import { buildApp } from './app.ts';
import type { Config } from './config.ts';
import { describeHosts } from './db/postgres/socket.ts';
import { openForServer, type StartingDatabase } from './db/startup.ts';
import { tracedDatabase } from './db/traced.ts';
import { type RunningJobs, startJobs } from './jobs/run.ts';
import { exitWhenUnusable, onShutdown } from './lifecycle.ts';
import { createLogger, flushLogs } from './logger.ts';
import { loadBlocklist } from './security/blocklist.ts';
import { createMemoryStore, type RateLimitStore } from './security/rateLimitStore.ts';
import { DEVELOPMENT_RATES, PRODUCTION_RATES } from './security/rateLimits.ts';
import { loadOrCreateSecret } from './security/secret.ts';
import { toAppError } from './trpc/errors.ts';

/** Milliseconds from listening until what the first probes need not wait for is loaded. */
const WARM_UP_DELAY_MS = 5000;

/** Runs the server until a signal ends the process. @throws what prevents its start */
export async function serve(config: Config): Promise<void> {
  const logger = await createLogger(config.logLevel, process.stdout.isTTY);
  if (config.databaseUrl === undefined)
    logger.warn(
      { data_dir: config.dataDir },
      'embedded database: for development and demos, set DATABASE_URL for PostgreSQL',
    );
  const database = await openForServer(config);
  try {
    await serveOn(database, config, logger);
  } catch (error) {
    await database.close();
    await flushLogs(logger);
    throw error;
  }
}

async function serveOn(database: StartingDatabase, config: Config, logger: Logger): Promise<void> {
  const secret = config.jwtSecret ?? (await loadOrCreateSecret(config.dataDir));
  const secrets: [string, ...string[]] = config.previousJwtSecret
    ? [secret, config.previousJwtSecret]
    : [secret];
  // One core is left to everything that is not a hash.
  const hashing = { concurrency: Math.max(1, availableParallelism() - 1) };
  const store = await openStore(config.redisUrl, logger);
  if (!config.isRateLimited) logger.warn('RATE_LIMIT=off: nothing is limited, also not guessing passwords');
  const rates = config.isRateLimited
    ? config.environment === 'production'
      ? PRODUCTION_RATES
      : DEVELOPMENT_RATES
    : undefined;
  let draining = false;
  const metrics = config.metrics && (await openMetrics(config.host, config.metrics, logger));
  const traces = config.traces && (await openTraces(config.traces));
  const app = await buildApp({
    config,
    database: traces ? { ...database, db: tracedDatabase(database.db, traces.traceQuery) } : database,
    secrets,
    logger,
    limits: { store, rates },
    hashing,
    isDraining: () => draining,
    ...(metrics && { metrics }),
    ...(traces && { traceProcedure: traces.traceProcedure }),
  });

  let jobs: RunningJobs | undefined;

  onShutdown(logger, async (isCrash) => {
    draining = true;
    const jobsEnd = jobs?.stop();
    // Until balancers have seen it at /readyz they go on sending, and are served. After a crash nothing is promised.
    if (!isCrash) await sleep(config.drainMs);
    await app.close();
    await jobsEnd;
    metrics?.close();
    await traces?.close();
    await store.close?.();
    await database.close();
  });

  await app.listen({
    host: config.host,
    port: config.port,
    listenTextResolver: (address) => `listening on ${address}`,
  });
  try {
    const host = config.databaseUrl && describeHosts(config.databaseUrl);
    await database.prepare((line, facts) => logger.warn({ ...facts, host }, line));
  } catch (error) {
    // Told to end while it waited.
    if (draining) return;
    throw error;
  }
  exitWhenUnusable(database);
  // Before the first registration needs it: it takes some hundred milliseconds.
  setTimeout(loadBlocklist, WARM_UP_DELAY_MS).unref();
  if (config.jobs && !draining) {
    jobs = startJobs({ database, databaseUrl: config.databaseUrl, logger, delayMs: WARM_UP_DELAY_MS });
    metrics?.into.register(jobs.metricDefinitions);
  }
  const at = `http://localhost:${(app.server.address() as AddressInfo).port}`;
  const urls = ['', 'health', 'docs', 'redoc', 'openapi.json'].map((path) => `${at}/${path}`);
  logger.info(`Stepwise is running:\n  ${urls.join('\n  ')}`);
}

/** Loaded only where it is used. With a port of their own metrics are told nowhere else. */
async function openMetrics(host: string, { port, token }: NonNullable<Config['metrics']>, logger: Logger) {
  const { createMetrics } = await import('./telemetry/metrics.ts');
  const into = createMetrics(manifest.version);
  if (port === undefined) return { into, token, close: () => {} };
  const { serveMetrics } = await import('./http/edge/metrics.ts');
  const server = await serveMetrics(into, host, port, token);
  logger.info(`metrics at http://localhost:${(server.address() as AddressInfo).port}/metrics`);
  return {
    into,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Loaded only where spans are sent somewhere. */
async function openTraces({ endpoint, share }: NonNullable<Config['traces']>) {
  const { createTraces } = await import('./telemetry/traces.ts');
  return createTraces(endpoint, manifest.version, share, (error) => toAppError(error).reason);
}

/** Redis is loaded only where it is used. */
async function openStore(
  redisUrl: string | undefined,
  logger: Logger,
): Promise<RateLimitStore & { close?(): Promise<void> }> {
  if (redisUrl === undefined) return createMemoryStore();
  const { createRedisStore } = await import('./security/redisRateLimitStore.ts');
  return createRedisStore(redisUrl, (message) => logger.warn(message));
}
