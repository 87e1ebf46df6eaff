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
import { createEventStreams } from './features/events/streams.ts';
import { readExercises } from './features/physicalPlan/exercises/queries.ts';
import { leaveUnread, registerBodies } from './http/bodies.ts';
import { brokenRequests } from './http/broken.ts';
import { registerClosing } from './http/closing.ts';
import { registerConnections } from './http/connections.ts';
import { askedOf, createContext } from './http/context.ts';
import { corsHeaders } from './http/cors.ts';
import { registerDocs } from './http/docs.ts';
import { endpointsOf } from './http/endpoints.ts';
import {
  registerExpectations,
  registerGuards,
  registerStandardHeaders,
  requestId,
  routableUrl,
} from './http/guards.ts';
import { standardHeaders } from './http/headers.ts';
import { createHealth, registerProbes } from './http/health.ts';
import { createLargeReads } from './http/largeReads.ts';
import { registerLog } from './http/log.ts';
import { observeRequests, registerMetrics } from './http/metrics.ts';
import { registerPage } from './http/page.ts';
import { pathTable } from './http/paths.ts';
import { serverUrl } from './http/prefix.ts';
import { sendProblem, sendRpcError, shown } from './http/problem.ts';
import { registerForwardedFor, trusted } from './http/proxies.ts';
import { registerRest, registerStreams } from './http/rest.ts';
import { registerRpc } from './http/rpc.ts';
import { BODY_TIMES, type BodyTimes, longestMs } from './http/slowBodies.ts';
import { registerStalled } from './http/stalled.ts';
import { createTransferMemory } from './http/transferMemory.ts';
import { appRouter } from './router.ts';
import type { LimitStore } from './security/limitStore.ts';
import { createLimits, type Rates } from './security/limits.ts';
import { createOpenSessions } from './security/openSessions.ts';
import { createPasswords, type HashCost } from './security/password.ts';
import { createRefreshTokens } from './security/refresh.ts';
import { createTokens } from './security/token.ts';
import { createUserQueue } from './security/userQueue.ts';
import type { Metrics } from './telemetry/metrics.ts';
import type { Traced } from './telemetry/traces.ts';
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
    | 'trustedProxies'
    | 'publicUrl'
    | 'corsOrigins'
  >;
  readonly database: Pick<OpenDatabase, 'db' | 'listen' | 'measures'> & Pick<StartingDatabase, 'ping'>;
  /** The key that tokens are signed with, then those that are still accepted. */
  readonly secrets: readonly [string, ...string[]];
  readonly logger: FastifyBaseLogger;
  /** Where limits are counted, and how high they are; without rates nothing is limited. */
  readonly limits: { readonly store: LimitStore; readonly rates: Rates | undefined };
  /** Hashes of passwords at a time, and what each costs: in tests little. */
  readonly hashing: { readonly concurrency: number; readonly cost?: HashCost };
  /** Whether the process is about to end. */
  readonly isDraining?: () => boolean;
  /** Where answers are counted, and the token by which that is told here; without one it is not. */
  readonly metrics?: { readonly into: Metrics; readonly token?: string | undefined };
  /** Makes spans of procedures; the database makes its own. */
  readonly traced?: Traced;
  /** Milliseconds without progress after which a client that does not take its answer is cut. */
  readonly stalledAfterMs?: number;
  /** How long bodies of requests may take: in tests less. */
  readonly bodyTimes?: BodyTimes;
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
const MAX_BODY_BYTES = Math.max(...[...endpointsOf(appRouter).values()].map(({ bodyLimit }) => bodyLimit));

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
  traced,
  stalledAfterMs = STALLED_AFTER_MS,
  bodyTimes = BODY_TIMES,
}: AppOptions): Promise<FastifyInstance> {
  const openSessions = createOpenSessions((claims) => isSessionOpen(database.db, claims));
  const memory = createTransferMemory();
  const services: Services = {
    db: database.db,
    largeReads: createLargeReads(memory),
    exercises: createExerciseCache(readExercises),
    readModels: createReadModelCache(),
    streams: createEventStreams({
      ...database,
      openSessions,
      places: limits.store.places,
      onDelivered: metrics?.into.event,
    }),
    passwords: createPasswords(hashing.concurrency, MAX_QUEUED_HASHES, hashing.cost),
    tokens: createTokens(secrets, config.tokenLifetimeSeconds),
    refreshTokens: createRefreshTokens(secrets),
    openSessions,
    sessionLimits: config.sessions,
    limits: createLimits(limits.store, limits.rates),
    quotas: config.quotas,
    changes: createUserQueue(
      CONCURRENCY_PER_USER,
      limits.rates ? MAX_WAITING_CHANGES : Number.POSITIVE_INFINITY,
    ),
    reads: createUserQueue(CONCURRENCY_PER_USER, Number.POSITIVE_INFINITY),
    health: createHealth(database.ping, manifest.version, config.environment, isDraining),
    passwordMinLength: config.passwordMinLength,
    isRegistrationOpen: config.isRegistrationOpen,
    ...(traced && { traced }),
  };

  const headers = standardHeaders(config.environment);
  const isTrusted = trusted(config.trustedProxies);
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    // A logger for each request costs as much as its line, which names the request itself (http/log.ts).
    childLoggerFactory: (parent) => parent,
    genReqId: requestId,
    trustProxy: isTrusted,
    // Slow bodies are cut by http/slowBodies.ts, before this.
    requestTimeout: HEADERS_TIMEOUT_MS + longestMs(bodyTimes, MAX_BODY_BYTES),
    // What arrives while the server closes is answered like any other: Fastify's own 503 is not in our form.
    return503OnClosing: false,
    // Above what proxies keep idle connections for (60 s mostly), so that none is closed under a request.
    keepAliveTimeout: 72_000,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: 1000, requireHostHeader: false },
    // A batch names its calls in one parameter; Node.js bounds it with all headers, at 16 KiB.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_000_000 },
    clientErrorHandler: brokenRequests(headers),
    rewriteUrl: routableUrl,
  });

  // Before any route: a route keeps the handler that stands when it is made.
  app.setErrorHandler((error, request, reply) => {
    leaveUnread(request, reply);
    const known = shown(error, request);
    return request.url.startsWith('/trpc/')
      ? sendRpcError(reply, request, appRouter, known)
      : sendProblem(reply, request, known);
  });

  const connections = registerConnections(
    app,
    limits.rates ? config.connectionsPerAddress : Number.POSITIVE_INFINITY,
    isTrusted || undefined,
  );
  registerStalled(app, stalledAfterMs);
  registerExpectations(app);
  const paths = pathTable(app);
  registerStandardHeaders(app, headers);
  if (isTrusted) registerForwardedFor(app, isTrusted);
  registerBodies(app, bodyTimes);
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
  registerLog(app);
  if (metrics) {
    const { passwords, limits, openSessions, tokens, exercises, readModels, streams } = services;
    metrics.into.add(connections);
    for (const part of [database, passwords, limits, openSessions, tokens, exercises, readModels, streams])
      metrics.into.add(part.measures);
    observeRequests(app, metrics.into);
  }
  registerGuards(
    app,
    paths.methodsOf,
    services.limits,
    (request, reply) => askedOf(services, request, reply),
    memory,
  );
  registerClosing(app, services.streams.close);

  registerProbes(app, services.health);
  if (metrics?.token !== undefined) registerMetrics(app, metrics.into, metrics.token);
  const context = (request: FastifyRequest, reply: FastifyReply) => createContext(services, request, reply);
  registerRest(app, endpointsOf(appRouter).values(), context, memory);
  registerStreams(app, endpointsOf(appRouter).values(), context);
  registerRpc(app, '/trpc', appRouter, context, memory);
  registerDocs(app, manifest.version, serverUrl(config.publicUrl, isTrusted));
  registerPage(app, manifest.version);
  return app;
}

type CorsCallback = (error: Error | null, options: object) => void;
