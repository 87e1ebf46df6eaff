// Every plugin, in order, on one screen.
import cors from '@fastify/cors';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import manifest from '../package.json' with { type: 'json' };
import { createExerciseCache } from './cache/exercises.ts';
import { createReadModelCache } from './cache/readModels.ts';
import type { Config } from './config.ts';
import type { OpenDatabase } from './db/database.ts';
import type { StartingDatabase } from './db/startup.ts';
import { isSessionOpen } from './features/auth/sessions/queries.ts';
import { readCalendarFile } from './features/calendar/file/queries.ts';
import { createEventStreams } from './features/events/streams.ts';
import { readExercises } from './features/physicalPlan/exercises/queries.ts';
import { registerDocuments } from './http/documents/apiDocuments.ts';
import { registerCalendarFiles } from './http/documents/calendarFiles.ts';
import { registerPage } from './http/documents/page.ts';
import { createServerUrl } from './http/documents/serverUrl.ts';
import { collectAllowedMethods } from './http/edge/allowedMethods.ts';
import { discardBody, registerBodies } from './http/edge/bodies.ts';
import { BODY_TIMEOUTS, type BodyTimeouts, maxBodyMs } from './http/edge/bodyTimeouts.ts';
import { createClientErrorHandler } from './http/edge/clientErrors.ts';
import { registerConnections } from './http/edge/connections.ts';
import { corsHeaders } from './http/edge/cors.ts';
import {
  registerExpectations,
  registerGuards,
  registerStandardHeaders,
  requestId,
  routableUrl,
} from './http/edge/guards.ts';
import { createHealthMonitor, registerProbes } from './http/edge/health.ts';
import { createLargeReadRunner } from './http/edge/largeReads.ts';
import { observeRequests, registerMetrics } from './http/edge/metrics.ts';
import { createProxyTrust, registerForwardedFor } from './http/edge/proxies.ts';
import { createContext, requestContextOf } from './http/edge/requestContext.ts';
import { registerRequestLog } from './http/edge/requestLog.ts';
import { registerShutdown } from './http/edge/shutdown.ts';
import { registerStallTimeout } from './http/edge/stallTimeout.ts';
import { standardHeaders } from './http/edge/standardHeaders.ts';
import { createTransferMemory } from './http/edge/transferMemory.ts';
import { listEndpoints } from './http/transports/endpoints.ts';
import { sendProblem, sendTrpcError, toClientError } from './http/transports/problem.ts';
import { registerRestRoutes, registerStreamRoutes } from './http/transports/rest.ts';
import { registerTrpc } from './http/transports/trpc.ts';
import { appRouter } from './router.ts';
import { createAccessTokens } from './security/accessTokens.ts';
import { createPasswords, type HashCost } from './security/passwords.ts';
import type { RateLimitStore } from './security/rateLimitStore.ts';
import { createRateLimits, type Rates } from './security/rateLimits.ts';
import { createRefreshTokens } from './security/refreshTokens.ts';
import { createSessionCache } from './security/sessionCache.ts';
import { createUserQueue } from './security/userQueue.ts';
import type { Metrics } from './telemetry/metrics.ts';
import type { TraceProcedure } from './telemetry/traces.ts';
import type { Services } from './trpc/context.ts';

export interface AppOptions {
  readonly config: Pick<
    Config,
    | 'environment'
    | 'tokenLifetimeSeconds'
    | 'sessions'
    | 'passwordMinLength'
    | 'isRegistrationOpen'
    | 'quotas'
    | 'connectionsPerAddress'
    | 'readCache'
    | 'trustedProxies'
    | 'publicUrl'
    | 'corsOrigins'
  >;
  readonly database: Pick<OpenDatabase, 'db' | 'listen' | 'metricDefinitions'> &
    Pick<StartingDatabase, 'ping'>;
  /** The key that tokens are signed with, then those that are still accepted. */
  readonly secrets: readonly [string, ...string[]];
  readonly logger: FastifyBaseLogger;
  /** Where limits are counted, and how high they are; without rates nothing is limited. */
  readonly limits: { readonly store: RateLimitStore; readonly rates: Rates | undefined };
  /** Hashes of passwords at a time, and what each costs: in tests little. */
  readonly hashing: { readonly concurrency: number; readonly cost?: HashCost };
  /** Whether the process is about to end. */
  readonly isDraining?: () => boolean;
  /** Where answers are counted, and the token by which that is told here; without one it is not. */
  readonly metrics?: { readonly into: Metrics; readonly token?: string | undefined };
  /** Makes spans of procedures; the database makes its own. */
  readonly traceProcedure?: TraceProcedure;
  /** Milliseconds without progress after which a client that does not take its answer is cut. */
  readonly stalledAfterMs?: number;
  /** The clock that local dates are taken from: in tests one that is set. */
  readonly now?: () => Date;
  /** How long bodies of requests may take: in tests less. */
  readonly bodyTimeouts?: BodyTimeouts;
}

/** Hashes that may wait; with one at a time of some 30 ms the last waits a second. */
const MAX_QUEUED_HASHES = 32;

/** Changes of one user that are under way at the same time, and reads: the rest of them wait. */
const CONCURRENCY_PER_USER = 4;

/** Changes of one user that may wait for each other; the next is told to come again. */
const MAX_WAITING_CHANGES = 100;

/** Milliseconds: a request whose headers are not all here by then is cut. */
const HEADERS_TIMEOUT_MS = 10_000;

/** Bytes of the largest body that any procedure takes. */
const MAX_BODY_BYTES = Math.max(...[...listEndpoints(appRouter).values()].map(({ bodyLimit }) => bodyLimit));

/** Streams say something more often than that. */
const STALLED_AFTER_MS = 30_000;

/** Builds the server; it listens when `listen` is called. */
export async function buildApp({
  config,
  database,
  secrets,
  logger,
  limits,
  hashing,
  isDraining,
  metrics,
  traceProcedure,
  stalledAfterMs = STALLED_AFTER_MS,
  bodyTimeouts = BODY_TIMEOUTS,
  now = () => new Date(),
}: AppOptions): Promise<FastifyInstance> {
  const sessionCache = createSessionCache((claims) => isSessionOpen(database.db, claims));
  const memory = createTransferMemory();
  const services: Services = {
    db: database.db,
    runLargeRead: createLargeReadRunner(memory),
    exercises: createExerciseCache(readExercises, config.readCache),
    readModels: createReadModelCache(config.readCache),
    streams: createEventStreams({
      ...database,
      sessionCache,
      leases: limits.store.leases,
      onDelivered: metrics?.into.observeEventLag,
    }),
    passwords: createPasswords(hashing.concurrency, MAX_QUEUED_HASHES, hashing.cost),
    accessTokens: createAccessTokens(secrets, config.tokenLifetimeSeconds),
    refreshTokens: createRefreshTokens(secrets),
    sessionCache,
    sessionLimits: config.sessions,
    limits: createRateLimits(limits.store, limits.rates),
    quotas: config.quotas,
    changeQueue: createUserQueue(
      CONCURRENCY_PER_USER,
      limits.rates ? MAX_WAITING_CHANGES : Number.POSITIVE_INFINITY,
    ),
    readQueue: createUserQueue(CONCURRENCY_PER_USER, Number.POSITIVE_INFINITY),
    health: createHealthMonitor(database.ping, manifest.version, config.environment, isDraining),
    now,
    passwordMinLength: config.passwordMinLength,
    isRegistrationOpen: config.isRegistrationOpen,
    ...(traceProcedure && { traceProcedure }),
  };

  const headers = standardHeaders(config.environment);
  const isTrusted = createProxyTrust(config.trustedProxies);
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    // A logger for each request costs as much as its line, which names the request itself (http/edge/requestLog.ts).
    childLoggerFactory: (parent) => parent,
    genReqId: requestId,
    trustProxy: isTrusted,
    // Slow bodies are cut by http/edge/bodyTimeouts.ts, before this.
    requestTimeout: HEADERS_TIMEOUT_MS + maxBodyMs(bodyTimeouts, MAX_BODY_BYTES),
    // What arrives while the server closes is answered like any other: Fastify's own 503 is not in our form.
    return503OnClosing: false,
    // Above what proxies keep idle connections for (60 s mostly), so that none is closed under a request.
    keepAliveTimeout: 72_000,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: 1000, requireHostHeader: false },
    // A batch names its calls in one parameter; Node.js bounds it with all headers, at 16 KiB.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_000_000 },
    clientErrorHandler: createClientErrorHandler(headers),
    rewriteUrl: routableUrl,
  });

  // Before any route: a route keeps the handler that stands when it is made.
  app.setErrorHandler((error, request, reply) => {
    discardBody(request, reply);
    const known = toClientError(error, request);
    return request.url.startsWith('/trpc/')
      ? sendTrpcError(reply, request, appRouter, known)
      : sendProblem(reply, request, known);
  });

  const connections = registerConnections(
    app,
    limits.rates ? config.connectionsPerAddress : Number.POSITIVE_INFINITY,
    isTrusted || undefined,
  );
  registerStallTimeout(app, stalledAfterMs);
  registerExpectations(app);
  const paths = collectAllowedMethods(app);
  registerStandardHeaders(app, headers);
  if (isTrusted) registerForwardedFor(app, isTrusted);
  registerBodies(app, bodyTimeouts);
  // Without a list no page of elsewhere is told anything.
  if (config.corsOrigins.length > 0) {
    const foreign = {
      ...corsHeaders(config.environment),
      origin: config.corsOrigins === '*' ? '*' : [...config.corsOrigins],
    };
    const [usual, asked] = [false, true].map((preflight) => ({ ...foreign, preflight }));
    await app.register(
      cors,
      () =>
        ({ headers }: { headers: Record<string, unknown> }, callback: CorsCallback) => {
          callback(
            null,
            (headers['access-control-request-method'] !== undefined && headers.origin !== undefined
              ? asked
              : usual) as object,
          );
        },
    );
  }
  registerRequestLog(app);
  if (metrics) {
    const { passwords, limits, sessionCache, accessTokens, exercises, readModels, streams } = services;
    metrics.into.register(connections);
    for (const part of [
      database,
      passwords,
      limits,
      sessionCache,
      accessTokens,
      exercises,
      readModels,
      streams,
    ])
      metrics.into.register(part.metricDefinitions);
    observeRequests(app, metrics.into);
  }
  registerGuards(
    app,
    paths.methodsOf,
    services.limits,
    (request, reply) => requestContextOf(services, request, reply),
    memory,
  );
  registerShutdown(app, services.streams.close);

  registerProbes(app, services.health);
  if (metrics?.token !== undefined) registerMetrics(app, metrics.into, metrics.token);
  const context = (request: FastifyRequest, reply: FastifyReply) => createContext(services, request, reply);
  registerRestRoutes(app, listEndpoints(appRouter).values(), context, memory);
  registerStreamRoutes(app, listEndpoints(appRouter).values(), context);
  registerTrpc(app, '/trpc', appRouter, context, memory);
  registerCalendarFiles(app, (token) => readCalendarFile(services, token), memory);
  registerDocuments(app, manifest.version, createServerUrl(config.publicUrl, isTrusted));
  registerPage(app, manifest.version);
  return app;
}

type CorsCallback = (error: Error | null, options: object) => void;
