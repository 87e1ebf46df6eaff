// Closes the server: first the streams, which would hold it for ever, then each connection when it is idle.
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { isLingering } from './lingering.ts';

/** How long the last data of a stream may take, and the first request of a new connection. */
const FLUSH_TIMEOUT_MS = 1000;

const streaming = new WeakMap<object, Set<ServerResponse>>();

/** Records an answer that is a stream. */
export function trackStream({ server }: FastifyInstance, raw: ServerResponse): void {
  const responses = streaming.get(server) ?? new Set();
  streaming.set(server, responses.add(raw));
  raw.once('close', () => responses.delete(raw));
}

/** @param endStreams sends the readers the end of their streams */
export function registerShutdown(app: FastifyInstance, endStreams: () => Promise<void>): void {
  const { server } = app;
  // Browsers open connections in advance. Node.js does not count one as idle that never had a request.
  const silent = new Set<Socket>();
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    open.add(socket);
    socket.once('close', () => {
      silent.delete(socket);
      open.delete(socket);
    });
  });
  server.on('request', ({ socket }) => silent.delete(socket));

  app.addHook('preClose', async () => {
    await endStreams();
    // A connection that was busy when closing began, and is idle later, would hold the server until it times out.
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    const late = setInterval(() => {
      for (const held of [...silent, ...[...open].filter(isLingering), ...(streaming.get(server) ?? [])])
        held.destroy();
    }, FLUSH_TIMEOUT_MS);
    server.once('close', () => {
      clearInterval(idle);
      clearInterval(late);
    });
  });
}
