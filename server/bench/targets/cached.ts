// Ours with something between it and the database, to see what its caches bring and what others would (CACHE).
import { Redis } from 'ioredis';
import { buildApp } from '../../src/app.ts';
import type { Database } from '../../src/db/database.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { createLogger } from '../../src/logger.ts';
import { createMemoryStore } from '../../src/security/rateLimitStore.ts';
import { PRODUCTION_RATES } from '../../src/security/rateLimits.ts';
import { POOL, SECRET } from '../settings.ts';
import { DATABASE_URL, HOST, PORT, SESSION_LIFETIME, TOKEN_LIFETIME } from './settings.ts';

/** The statements behind the two views. */
const VIEWS = ['physicalPlan.current', 'mentalPlan.current'];

type Rows = object[];

/** Asks the database for a view, unless it is the one of that state. */
type Ask = (seen: unknown) => Promise<Rows>;

/** What stands between. Memory and Redis are told of no changes, and nobody asks whether there were some: that is the most they could bring. */
const BETWEEN: Record<string, () => (key: string, ask: Ask, seen: unknown) => Promise<Rows>> = {
  nothing: () => (_, ask, seen) => ask(seen),
  // Each view is put together anew.
  'no views': () => (_, ask) => ask(null),
  memory() {
    const kept = new Map<string, Rows>();
    return async (key, ask) => {
      const known = kept.get(key);
      if (known) return known;
      const rows = await ask(null);
      kept.set(key, rows);
      return rows;
    };
  },
  Redis() {
    const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', {
      keyPrefix: `stepwise-bench-${process.pid}:`,
      enableAutoPipelining: true,
    });
    return async (key, ask) => {
      const known = await redis.get(key);
      if (known !== null) return JSON.parse(known);
      const rows = await ask(null);
      await redis.set(key, JSON.stringify(rows), 'EX', 600);
      return rows;
    };
  },
  // Each view sees another version of the catalogue than the last one, and reads it anew.
  'no catalogue'() {
    let version = -1;
    return async (_, ask) =>
      (await ask(null)).map((row) => ('catalogue' in row ? { ...row, catalogue: version-- } : row));
  },
};

const database = openPostgres(DATABASE_URL, POOL);
const through = (BETWEEN[process.env.CACHE ?? ''] as (typeof BETWEEN)[string])();
const db: Database = {
  ...database.db,
  executePrepared: (statement, values) =>
    VIEWS.includes(statement.name)
      ? through(
          `${statement.name} ${values[0]}`,
          (seen) => database.db.executePrepared(statement, [values[0], seen]),
          values[1],
        )
      : database.db.executePrepared(statement, values),
};
const app = await buildApp({
  config: {
    environment: 'production',
    tokenLifetimeSeconds: TOKEN_LIFETIME,
    sessions: { idle: SESSION_LIFETIME, absolute: 4 * SESSION_LIFETIME, perUser: 20 },
    passwordMinLength: 8,
    isRegistrationOpen: true,
    connectionsPerAddress: 500,
    quotas: { tasks: 20_000, resources: 10_000, physical_plans: 1000, mental_plans: 1000 },
    corsOrigins: [],
    trustedProxies: ['127.0.0.0/8'],
    publicUrl: undefined,
    readCache: true,
  },
  database: { ...database, db },
  secrets: [SECRET],
  logger: await createLogger('info', false),
  limits: { store: createMemoryStore(), rates: PRODUCTION_RATES },
  hashing: { concurrency: 1 },
});
await app.listen({ host: HOST, port: PORT });
