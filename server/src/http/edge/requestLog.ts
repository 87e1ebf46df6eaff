import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** What balancers and the like ask every second or two: that all is well is worth a line to nobody. */
const PROBES: readonly (string | undefined)[] = ['health.check', '/livez', '/readyz'];

/** One line per request, but for probes that succeed. What clients write (path, query, headers, body) stays out of it. */
export function registerRequestLog(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    logRequest(request, reply);
    done();
  });
}

/** The line of a request that is answered; Fastify takes no notice of one whose client left first. */
export function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const { config, url } = request.routeOptions;
  const procedure = config.procedure ?? request.calledProcedures?.join(',');
  const status = request.refusedStatus ?? reply.statusCode;
  const level = status < 400 && PROBES.includes(procedure ?? url) ? 'debug' : 'info';
  const what = procedure === undefined ? { route: url ?? 'unknown' } : { procedure };
  const ms = Math.round(reply.elapsedTime * 10) / 10;
  request.log[level]({ request_id: request.id, method: request.method, ...what, status, ms }, 'request');
}
