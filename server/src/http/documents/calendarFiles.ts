// Serves calendar files: plain text for programs that subscribe to an address and know nothing of the API.
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { notFound } from '../../trpc/errors.ts';
import { addressKeyOf } from '../edge/requestContext.ts';
import type { TransferMemory } from '../edge/transferMemory.ts';
import { matchesEtag } from './staticFiles.ts';

/**
 * Registers their route. The token in an address is a secret: logs and metrics name the route, never the path.
 * @param read returns the file of a token, undefined where there is none
 */
export function registerCalendarFiles(
  app: FastifyInstance,
  read: (token: string) => Promise<string | undefined>,
  memory: TransferMemory,
): void {
  app.get<{ Params: { token: string } }>(
    '/calendars/:token.ics',
    { config: { transport: 'rest' } },
    async (request, reply) => {
      const bytes = Buffer.from((await read(request.params.token)) ?? notFound('Calendar'));
      const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
      // Its reader keeps it, and nobody in between does.
      reply.header('cache-control', 'private, no-cache').header('etag', etag);
      if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
      memory.reserve(() => addressKeyOf(request), bytes.length, reply.raw);
      return reply.header('content-type', 'text/calendar; charset=utf-8').send(bytes);
    },
  );
}
