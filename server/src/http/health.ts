import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Health } from '../trpc/context.ts';

/** Milliseconds for which an answer of the database counts, and that an answer may take. */
const FRESH = 1000;
const PATIENCE = 500;

/**
 * @param ping asks the database, unless it is not prepared yet; it may hang, so it is raced against a timer of our own
 * @param isDraining whether the server is about to end
 * @returns the state for `health.check`: the database is asked at most once a second, whoever asks
 */
export function createHealth(
  ping: () => Promise<void> | undefined,
  version: string,
  environment: Health['environment'],
  isDraining: () => boolean = () => false,
): Health {
  let asked = Number.NEGATIVE_INFINITY;
  let answer: Promise<boolean> = Promise.resolve(false);
  return {
    version,
    environment,
    isDraining,
    databaseAnswers() {
      const now = performance.now();
      if (now - asked >= FRESH) {
        const asking = ping();
        if (!asking) return Promise.resolve(false);
        asked = now;
        answer = inTime(asking);
      }
      return answer;
    },
  };
}

async function inTime(asking: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, PATIENCE, false);
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
export function registerProbes(app: FastifyInstance, health: Health): void {
  app.addHook('onRequest', (_request, reply, done) => {
    if (health.isDraining()) reply.header('connection', 'close');
    done();
  });
  const config = { door: 'rest' } as const;
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
