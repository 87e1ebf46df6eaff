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
import { createContext } from '../../src/http/context.ts';
import { createHealth } from '../../src/http/health.ts';
import { type AppRouter, appRouter } from '../../src/router.ts';
import { memoryStore } from '../../src/security/limitStore.ts';
import { createLimits } from '../../src/security/limits.ts';
import { createOpenSessions } from '../../src/security/openSessions.ts';
import { createPasswords } from '../../src/security/password.ts';
import { createRefreshTokens } from '../../src/security/refresh.ts';
import { createTokens } from '../../src/security/token.ts';
import { createUserQueue } from '../../src/security/userQueue.ts';
import type { Asked, Context, Services } from '../../src/trpc/context.ts';
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
  readModels: { revalidate: async (_kind, _user_id, read) => (await read(undefined))?.view, measures: [] },
  streams: {
    open: () => Promise.reject(new Error('nothing here streams')),
    changed: () => {},
    close: async () => {},
    measures: [],
  },
  passwords: createPasswords(1, 32),
  tokens: createTokens([SECRET], TOKEN_LIFETIME),
  refreshTokens: createRefreshTokens([SECRET]),
  openSessions: createOpenSessions((claims) => isSessionOpen(db, claims)),
  sessionLimits: { idle: SESSION_LIFETIME, absolute: 4 * SESSION_LIFETIME, perUser: 20 },
  limits: createLimits(memoryStore(), undefined),
  changes: createUserQueue(4, Number.POSITIVE_INFINITY),
  reads: createUserQueue(4, Number.POSITIVE_INFINITY),
  quotas: { tasks: 20_000, resources: 10_000, physical_plans: 1000, mental_plans: 1000 },
  health: createHealth(async () => void (await client`select 1`), manifest.version, 'production'),
  largeReads: (_user_id, _bytes, read) => read(),
  passwordMinLength: 8,
  isRegistrationOpen: true,
};

function context({ req, res }: { req: FastifyRequest; res: FastifyReply }): Context {
  const { client, replayed } = createContext(services, req, res).request;
  const find = async () => {
    const [scheme, token = ''] = req.headers.authorization?.split(' ') ?? [];
    const claims = scheme === 'Bearer' ? await services.tokens.verify(token) : undefined;
    if (!claims || !(await services.openSessions.isOpen(claims))) return undefined;
    return { id: claims.user_id, session_id: claims.session_id, nonce: claims.nonce };
  };
  let caller: ReturnType<typeof find> | undefined;
  const request: Asked = {
    client,
    replayed,
    idempotencyKey: undefined,
    spend: async () => {},
    claims: () => undefined,
    isRemembered: () => false,
    caller() {
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
