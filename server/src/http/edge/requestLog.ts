import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Balancers call these every second or two. A success is logged at the level debug. */
const PROBES: readonly (string | undefined)[] = ['health.check', '/livez', '/readyz'];

/** Logs one line per request, except probes that succeed. It never holds what clients write (path, query, headers, body). */
export function registerRequestLog(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    logRequest(request, reply);
    done();
  });
}

/** Logs a request that was answered. Fastify does not report one whose client disconnected first. */
export function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const { config, url } = request.routeOptions;
  const procedure = config.procedure ?? request.calledProcedures?.join(',');
  const status = request.refusedStatus ?? reply.statusCode;
  const level = status < 400 && PROBES.includes(procedure ?? url) ? 'debug' : 'info';
  const what = procedure === undefined ? { route: url ?? 'unknown' } : { procedure };
  const ms = Math.round(reply.elapsedTime * 10) / 10;
  request.log[level]({ request_id: request.id, method: request.method, ...what, status, ms }, 'request');
}
