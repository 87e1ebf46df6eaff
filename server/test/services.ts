import type { AppOptions } from '../src/app.ts';
import { createExerciseCache } from '../src/cache/exercises.ts';
import { createReadModelCache } from '../src/cache/readModels.ts';
import { isSessionOpen } from '../src/features/auth/sessions/queries.ts';
import { createEventStreams } from '../src/features/events/streams.ts';
import { readExercises } from '../src/features/physicalPlan/exercises/queries.ts';
import { createHealthMonitor } from '../src/http/edge/health.ts';
import { createLargeReadRunner } from '../src/http/edge/largeReads.ts';
import { createTransferMemory } from '../src/http/edge/transferMemory.ts';
import { createAccessTokens } from '../src/security/accessTokens.ts';
import { createPasswords } from '../src/security/passwords.ts';
import { createMemoryStore } from '../src/security/rateLimitStore.ts';
import { createRateLimits } from '../src/security/rateLimits.ts';
import { createRefreshTokens } from '../src/security/refreshTokens.ts';
import { createSessionCache } from '../src/security/sessionCache.ts';
import { createUserQueue } from '../src/security/userQueue.ts';
import type { Services } from '../src/trpc/context.ts';
import { SECRET } from './tokens.ts';

/** The services of a server with the same key on the same database: for a second transport beside the app's own. */
export function testServices(database: AppOptions['database']): Services {
  const { db, ping } = database;
  const sessionCache = createSessionCache((claims) => isSessionOpen(db, claims));
  return {
    db,
    runLargeRead: createLargeReadRunner(createTransferMemory()),
    exercises: createExerciseCache(readExercises),
    readModels: createReadModelCache(),
    passwords: createPasswords(1, 32),
    accessTokens: createAccessTokens([SECRET], 1800),
    refreshTokens: createRefreshTokens([SECRET]),
    sessionCache,
    streams: createEventStreams({ ...database, sessionCache }),
    now: () => new Date(),
    sessionLimits: { idle: 7 * 86_400, absolute: 30 * 86_400, perUser: 20 },
    limits: createRateLimits(createMemoryStore(), undefined),
    changeQueue: createUserQueue(4, Number.POSITIVE_INFINITY),
    readQueue: createUserQueue(4, Number.POSITIVE_INFINITY),
    quotas: { tasks: 20_000, resources: 10_000, physical_plans: 1000, mental_plans: 1000 },
    health: createHealthMonitor(ping, '0.1.0', 'test'),
    passwordMinLength: 8,
    isRegistrationOpen: true,
  };
}
