// Every plugin, in order, on one screen.
import cors from '@fastify/cors';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import manifest from '../package.json' with { type: 'json' };
import type { Config } from './config.ts';
import type { OpenDatabase } from './db/client.ts';
import { isSessionOpen } from './features/auth/sessions/queries.ts';
import { answerBrokenRequest } from './http/broken.ts';
import { createContext } from './http/context.ts';
import { registerDocs } from './http/docs.ts';
import { endpointsOf } from './http/endpoints.ts';
import { registerGuards, registerStandardHeaders, requestId, routableUrl } from './http/guards.ts';
import { createHealth, registerProbes } from './http/health.ts';
import { registerLog } from './http/log.ts';
import { pathTable } from './http/paths.ts';
import { sendProblem, sendRpcError, shown } from './http/problem.ts';
import { registerRest } from './http/rest.ts';
import { registerRpc } from './http/rpc.ts';
import { appRouter } from './router.ts';
import type { LimitStore } from './security/limitStore.ts';
import { createLimits, type Rates } from './security/limits.ts';
import { createOpenSessions } from './security/openSessions.ts';
import { createPasswords } from './security/password.ts';
import { createRefreshTokens } from './security/refresh.ts';
import { createTokens } from './security/token.ts';
import type { Services } from './trpc/context.ts';

export interface AppOptions {
  readonly config: Pick<Config, 'environment' | 'tokenLifetime' | 'sessions' | 'passwordMinLength' | 'trustedProxies' | 'corsOrigins'>;
  readonly database: Pick<OpenDatabase, 'db' | 'ping'>;
  /** The key that tokens are signed with, then those that are still accepted. */
  readonly secrets: readonly [string, ...string[]];
  readonly logger: FastifyBaseLogger;
  /** Where limits are counted, and how high they are; without rates nothing is limited. */
  readonly limits: { readonly store: LimitStore; readonly rates: Rates | undefined };
  /** Hashes of passwords at a time. */
  readonly hashConcurrency: number;
  /** Whether the process is about to end. */
  readonly isDraining?: () => boolean;
}

/** Hashes that may wait; with one at a time of some 30 ms the last waits a second. */
const HASH_QUEUE = 32;

/** Milliseconds: a request that is not all here by then is cut, headers and body alike. */
const REQUEST_TIMEOUT = 10_000;

/** Builds the server; it listens when `listen` is called. */
export async function buildApp({
  config,
  database,
  secrets,
  logger,
  limits,
  hashConcurrency,
  isDraining,
}: AppOptions): Promise<FastifyInstance> {
  const services: Services = {
    db: database.db,
    passwords: createPasswords(hashConcurrency, HASH_QUEUE),
    tokens: createTokens(secrets, config.tokenLifetime),
    refreshTokens: createRefreshTokens(secrets),
    openSessions: createOpenSessions((claims) => isSessionOpen(database.db, claims)),
    sessionLimits: config.sessions,
    limits: createLimits(limits.store, limits.rates),
    health: createHealth(database.ping, manifest.version, config.environment, isDraining),
    passwordMinLength: config.passwordMinLength,
  };

  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: requestId,
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    requestTimeout: REQUEST_TIMEOUT,
    // What arrives while the server closes is answered like any other: Fastify's own 503 is not in our form.
    return503OnClosing: false,
    // Above what proxies keep idle connections for (60 s mostly), so that none is closed under a request.
    keepAliveTimeout: 72_000,
    http: { headersTimeout: REQUEST_TIMEOUT, connectionsCheckingInterval: 1000, requireHostHeader: false },
    // A batch names its calls in one parameter; Node.js bounds it with all headers, at 16 KiB.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_000_000 },
    clientErrorHandler: answerBrokenRequest,
    rewriteUrl: routableUrl,
  });

  // Before any route: a route keeps the handler that stands when it is made.
  app.setErrorHandler((error, request, reply) => {
    const known = shown(error, request);
    return request.url.startsWith('/trpc/') ? sendRpcError(reply, request, appRouter, known) : sendProblem(reply, request, known);
  });

  // Node.js would answer by itself, without id and CORS; the guards refuse such a request.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));

  const paths = pathTable(app);
  registerStandardHeaders(app);
  await app.register(cors, () => (request: { method: string; headers: Record<string, unknown> }, callback: CorsCallback) => {
    const preflight = request.headers['access-control-request-method'] !== undefined && request.headers.origin !== undefined;
    callback(null, { ...CORS, preflight, origin: config.corsOrigins === '*' ? '*' : [...config.corsOrigins] });
  });
  registerLog(app);
  registerGuards(app, paths.methodsOf, services.limits);
  // A connection that was busy when closing began and falls idle after would hold the server until it times out.
  app.addHook('preClose', async () => {
    const idle = setInterval(() => app.server.closeIdleConnections(), 50);
    app.server.once('close', () => clearInterval(idle));
  });

  registerProbes(app, services.health);
  const context = (request: FastifyRequest, reply: FastifyReply) => createContext(services, request, reply);
  registerRest(app, endpointsOf(appRouter).values(), context);
  registerRpc(app, '/trpc', appRouter, context);
  registerDocs(app, manifest.version);
  return app;
}

type CorsCallback = (error: Error | null, options: object) => void;

const CORS = {
  methods: ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'],
  allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'if-match', 'trpc-accept', 'x-request-id'],
  exposedHeaders: [
    'x-request-id',
    'etag',
    'idempotency-replayed',
    'retry-after',
    'ratelimit-limit',
    'ratelimit-remaining',
    'ratelimit-reset',
    'allow',
    'www-authenticate',
  ],
  maxAge: 600,
};
