// Serves /metrics on a port of its own, or on the main port to clients that have the token.
import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Metrics } from '../../telemetry/metrics.ts';
import { unauthenticated } from '../../trpc/errors.ts';

/** Counts every answer when it has been sent. */
export function observeRequests(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onResponse', (request, reply, done) => {
    // The reader of a stream decides how long it lasts.
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

/** @returns a procedure or route; all unknown paths have one name, so that clients cannot add series */
function procedureOf({ routeOptions, calledProcedures }: FastifyRequest): string {
  const { config, url } = routeOptions;
  if (config.procedure !== undefined) return config.procedure;
  if (calledProcedures !== undefined)
    return calledProcedures.length === 1 ? (calledProcedures[0] as string) : 'batch';
  return url === undefined || url === '*' ? 'unknown' : url;
}

/** Serves metrics on the main port to clients with the token. */
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

/** Serves metrics on a port for the internal network. Clients need the token there too, if there is one. */
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

/** Compares in constant time. */
function createTokenCheck(token: string): (authorization: string | undefined) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const wanted = digest(`Bearer ${token}`);
  return (authorization = '') => timingSafeEqual(digest(authorization), wanted);
}
