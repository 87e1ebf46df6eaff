// Cuts answers that clients do not read. A timeout on every connection would cost a seventh of the requests that a server
// can answer (health, 32 connections), so it is set only on connections with unread data.
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

const CHECK_INTERVAL_MS = 1000;

/**
 * @param stalledAfterMs a connection without progress is cut after this time. Node.js measures progress by what the system
 * still has to send, and needs twice this time if there was progress before
 */
export function registerStallTimeout({ server }: FastifyInstance, stalledAfterMs: number): void {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.once('listening', () => {
    const timer = setInterval(look, Math.min(CHECK_INTERVAL_MS, stalledAfterMs / 4)).unref();
    server.once('close', () => clearInterval(timer));
  });

  function look(): void {
    for (const socket of sockets) {
      // The HTTP server destroys a connection that times out, and resets the timeout when it is idle.
      if (socket.writableLength > 0 && !socket.timeout) socket.setTimeout(stalledAfterMs);
    }
  }
}
