// Answers that nobody takes are cut. A timeout on every connection would do that too, and takes a seventh of the requests
// that a server can answer (health, 32 connections): so it is set on those alone that have something left to be taken.
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Milliseconds from one look at all connections to the next. */
const CHECK_INTERVAL_MS = 1000;

/**
 * @param stalledAfterMs milliseconds without progress after which a connection is cut; Node.js tells progress by what the
 * system still has to send, and needs twice that time when there was some before
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
      // The HTTP server destroys a connection that times out, and sets the time anew when it is idle.
      if (socket.writableLength > 0 && !socket.timeout) socket.setTimeout(stalledAfterMs);
    }
  }
}
