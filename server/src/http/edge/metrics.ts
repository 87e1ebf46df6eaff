// Where /metrics is told: on a port of its own, or here to who has the token; to nobody else.
import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Metrics } from '../../telemetry/metrics.ts';
import { unauthenticated } from '../../trpc/errors.ts';

/** Counts every answer, once it is sent. */
export function observeRequests(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onResponse', (request, reply, done) => {
    // A stream lasts as long as its reader likes.
    const type = reply.getHeader('content-type');
    const status = request.refusedStatus ?? reply.statusCode;
    if (
      request.refusedStatus !== undefined ||
      typeof type !== 'string' ||
      !type.startsWith('text/event-stream')
    )
      metrics.observeRequest(
        procedureOf(request),
        request.routeOptions.config.transport ?? 'none',
        status,
        reply.elapsedTime / 1000,
      );
    done();
  });
}

/** One of the names that we gave: all paths that no route has are one. */
function procedureOf({ routeOptions, calledProcedures }: FastifyRequest): string {
  const { config, url } = routeOptions;
  if (config.procedure !== undefined) return config.procedure;
  if (calledProcedures !== undefined)
    return calledProcedures.length === 1 ? (calledProcedures[0] as string) : 'batch';
  return url === undefined || url === '*' ? 'unknown' : url;
}

/** Tells on the main port who brings the token. */
export function registerMetrics(app: FastifyInstance, metrics: Metrics, token: string): void {
  const isWelcome = createTokenCheck(token);
  app.get('/metrics', { config: { transport: 'rest' } }, async (request, reply) => {
    if (!isWelcome(request.headers.authorization)) unauthenticated();
    return reply
      .header('cache-control', 'no-store')
      .header('content-type', metrics.contentType)
      .send(await metrics.render());
  });
}

/** Tells on a port of its own, which is for the network inside; who comes there needs the token too, if there is one. */
export async function serveMetrics(
  metrics: Metrics,
  host: string,
  port: number,
  token: string | undefined,
): Promise<Server> {
  const isWelcome = token === undefined ? () => true : createTokenCheck(token);
  const server = createServer(async ({ method, url, headers }, response) => {
    if (method !== 'GET' || url?.split('?', 1)[0] !== '/metrics') return response.writeHead(404).end();
    if (!isWelcome(headers.authorization))
      return response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
    const text = await metrics.render();
    return response
      .writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' })
      .end(text);
  });
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

/** Compared in a time that says nothing about the token. */
function createTokenCheck(token: string): (authorization: string | undefined) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const wanted = digest(`Bearer ${token}`);
  return (authorization = '') => timingSafeEqual(digest(authorization), wanted);
}
