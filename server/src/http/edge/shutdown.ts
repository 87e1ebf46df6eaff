// How the server closes: streams first, which would hold it for ever, then connections as they fall idle.
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { isLingering } from './lingering.ts';

/** Milliseconds that the last words to a reader may take, and the first of a connection that has said nothing yet. */
const FLUSH_TIMEOUT_MS = 1000;

const streaming = new WeakMap<object, Set<ServerResponse>>();

/** Notes an answer that is a stream. */
export function trackStream({ server }: FastifyInstance, raw: ServerResponse): void {
  const responses = streaming.get(server) ?? new Set();
  streaming.set(server, responses.add(raw));
  raw.once('close', () => responses.delete(raw));
}

/** @param endStreams tells the readers that this is the end */
export function registerShutdown(app: FastifyInstance, endStreams: () => Promise<void>): void {
  const { server } = app;
  // Node.js does not count a connection as idle that never brought a request. Browsers make such in advance.
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
    // A connection that was busy when closing began and falls idle after would hold the server until it times out.
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
