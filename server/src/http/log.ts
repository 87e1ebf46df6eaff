import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** One line per request. What clients write (path, query, headers, body) stays out of it. */
export function registerLog(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    logRequest(request, reply);
    done();
  });
}

/** The line of a request that is answered; Fastify takes no notice of one whose client left first. */
export function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const { config, url } = request.routeOptions;
  const procedure = config.procedure ?? request.called?.join(',');
  const what = procedure === undefined ? { route: url ?? 'unknown' } : { procedure };
  const ms = Math.round(reply.elapsedTime * 10) / 10;
  request.log.info({ method: request.method, ...what, status: reply.statusCode, ms }, 'request');
}
