import type { FastifyInstance, FastifyReply } from 'fastify';
import type { HealthMonitor } from '../../trpc/context.ts';

/** How long an answer of the database is reused, and how long one may take. */
const PING_TTL_MS = 1000;
const PING_TIMEOUT_MS = 500;

/**
 * @param ping queries the database, unless it is not prepared yet. It may hang, so it has a timeout here
 * @param isDraining whether the server is about to end
 * @returns the state for `health.check`. It queries the database at most once a second, however often it is called
 */
export function createHealthMonitor(
  ping: () => Promise<void> | undefined,
  version: string,
  environment: HealthMonitor['environment'],
  isDraining: () => boolean = () => false,
): HealthMonitor {
  let askedAt = Number.NEGATIVE_INFINITY;
  let answer: Promise<boolean> = Promise.resolve(false);
  return {
    version,
    environment,
    isDraining,
    databaseAnswers() {
      const now = performance.now();
      if (now - askedAt >= PING_TTL_MS) {
        const asking = ping();
        if (!asking) return Promise.resolve(false);
        askedAt = now;
        answer = answersInTime(asking);
      }
      return answer;
    },
  };
}

async function answersInTime(asking: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, PING_TIMEOUT_MS, false);
  });
  const answered = asking.then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Registers the probes: `/livez` (the process answers; no I/O) and `/readyz` (requests may be sent here: the database
 * answers and the server is not about to end). While it drains, every answer asks for a new connection, which a
 * balancer then makes elsewhere.
 */
export function registerProbes(app: FastifyInstance, health: HealthMonitor): void {
  app.addHook('onRequest', (_request, reply, done) => {
    if (health.isDraining()) reply.header('connection', 'close');
    done();
  });
  const config = { transport: 'rest' } as const;
  app.get('/livez', { config }, (_request, reply) => sendState(reply, true));
  app.get('/readyz', { config }, async (_request, reply) =>
    sendState(reply, !health.isDraining() && (await health.databaseAnswers())),
  );
}

function sendState(reply: FastifyReply, isWell: boolean): FastifyReply {
  if (!isWell) reply.header('retry-after', '1');
  return reply
    .code(isWell ? 200 : 503)
    .header('cache-control', 'no-store')
    .send({ status: isWell ? 'ok' : 'unavailable' });
}
