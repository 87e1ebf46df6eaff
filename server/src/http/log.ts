import type { FastifyInstance } from 'fastify';

/** One line per request. What clients write (path, query, headers, body) stays out of it. */
export function registerLog(app: FastifyInstance): void {
  app.addHook('onResponse', async (request, reply) => {
    const { config, url } = request.routeOptions;
    request.log.info(
      {
        method: request.method,
        ...(config.procedure
          ? { procedure: config.procedure }
          : request.called
            ? { procedure: request.called.join(',') }
            : { route: url ?? 'unknown' }),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
      },
      'request',
    );
  });
}
