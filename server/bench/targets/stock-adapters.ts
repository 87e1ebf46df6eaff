// Our own router behind tRPC's Fastify adapter and trpc-to-openapi's handler. Statements are prepared and verified tokens
// are remembered as in ours, so that the comparison is of the adapters. There are no rate limits, no read models in
// memory and no group commits.
import { type FastifyTRPCPluginOptions, fastifyTRPCPlugin } from '@trpc/server/adapters/fastify';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import postgres from 'postgres';
import { fastifyTRPCOpenApiPlugin } from 'trpc-to-openapi';
import manifest from '../../package.json' with { type: 'json' };
import { createExerciseCache } from '../../src/cache/exercises.ts';
import { databaseOn } from '../../src/db/database.ts';
import { isSessionOpen } from '../../src/features/auth/sessions/queries.ts';
import { readExercises } from '../../src/features/physicalPlan/exercises/queries.ts';
import { createHealthMonitor } from '../../src/http/edge/health.ts';
import { createContext } from '../../src/http/edge/requestContext.ts';
import { type AppRouter, appRouter } from '../../src/router.ts';
import { createAccessTokens } from '../../src/security/accessTokens.ts';
import { createPasswords } from '../../src/security/passwords.ts';
import { createMemoryStore } from '../../src/security/rateLimitStore.ts';
import { createRateLimits } from '../../src/security/rateLimits.ts';
import { createRefreshTokens } from '../../src/security/refreshTokens.ts';
import { createSessionCache } from '../../src/security/sessionCache.ts';
import { createUserQueue } from '../../src/security/userQueue.ts';
import type { Context, RequestContext, Services } from '../../src/trpc/context.ts';
import { SECRET } from '../settings.ts';
import { DATABASE_URL, HOST, PORT, POSTGRES, SESSION_LIFETIME, TOKEN_LIFETIME } from './settings.ts';

const client = postgres(DATABASE_URL, POSTGRES);
const send = async (text: string, values: readonly unknown[], prepare: boolean) =>
  client.unsafe(text, values as never[], { prepare });
const db = databaseOn({
  executePrepared: ({ text }, values) => send(text, values, true),
  executeUnprepared: (text, values) => send(text, values, false),
  transaction: () => Promise.reject(new Error('nothing here needs a transaction')),
});
const services: Services = {
  db,
  exercises: createExerciseCache(readExercises),
  readModels: {
    revalidate: async (_kind, _user_id, { read }) => (await read())?.view,
    jsonOf: () => undefined,
    keepJson: () => false,
    metricDefinitions: [],
  },
  streams: {
    open: () => Promise.reject(new Error('nothing here streams')),
    publishChange: () => {},
    close: async () => {},
    metricDefinitions: [],
  },
  now: () => new Date(),
  passwords: createPasswords(1, 32),
  accessTokens: createAccessTokens([SECRET], TOKEN_LIFETIME),
  refreshTokens: createRefreshTokens([SECRET]),
  sessionCache: createSessionCache((claims) => isSessionOpen(db, claims)),
  sessionLimits: { idle: SESSION_LIFETIME, absolute: 4 * SESSION_LIFETIME, perUser: 20 },
  limits: createRateLimits(createMemoryStore(), undefined),
  changeQueue: createUserQueue(4, Number.POSITIVE_INFINITY),
  readQueue: createUserQueue(4, Number.POSITIVE_INFINITY),
  quotas: { tasks: 20_000, resources: 10_000, physical_plans: 1000, mental_plans: 1000 },
  health: createHealthMonitor(async () => void (await client`select 1`), manifest.version, 'production'),
  runLargeRead: (_user_id, _bytes, read) => read(),
  passwordMinLength: 8,
  isRegistrationOpen: true,
};

function context({ req, res }: { req: FastifyRequest; res: FastifyReply }): Context {
  const { client, markReplayed } = createContext(services, req, res).request;
  const find = async () => {
    const [scheme, token = ''] = req.headers.authorization?.split(' ') ?? [];
    const claims = scheme === 'Bearer' ? await services.accessTokens.verify(token) : undefined;
    if (!claims || !(await services.sessionCache.isOpen(claims))) return undefined;
    return { id: claims.user_id, session_id: claims.session_id, nonce: claims.nonce };
  };
  let caller: ReturnType<typeof find> | undefined;
  const request: RequestContext = {
    client,
    markReplayed,
    idempotencyKey: undefined,
    consumeRateLimit: async () => {},
    claims: () => undefined,
    knownClaims: undefined,
    isSessionCached: () => false,
    authenticate() {
      caller ??= find();
      return caller;
    },
  };
  return { db, services, request };
}

const app = Fastify({ routerOptions: { maxParamLength: 5000 } });
await app.register(fastifyTRPCPlugin, {
  prefix: '/trpc',
  trpcOptions: {
    router: appRouter,
    createContext: context,
  } satisfies FastifyTRPCPluginOptions<AppRouter>['trpcOptions'],
});
await app.register(fastifyTRPCOpenApiPlugin, { router: appRouter, createContext: context });
await app.listen({ host: HOST, port: PORT });
