// Slow is not stalled: how long the body of a request may take to arrive.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { LINGERING_BOUNDS } from './lingering.ts';

export interface BodyTimeouts {
  /** Without a byte. */
  readonly maxIdleMs: number;
  /** What a sender needs at least, over the whole of a body and after the time above. */
  readonly minBytesPerSecond: number;
  /** From one look at all bodies under way to the next. */
  readonly checkIntervalMs: number;
}

export const BODY_TIMEOUTS: BodyTimeouts = {
  maxIdleMs: 10_000,
  minBytesPerSecond: 16_000,
  checkIntervalMs: 500,
};

/** @returns milliseconds that a body of so many bytes may take */
export const maxBodyMs = ({ maxIdleMs, minBytesPerSecond }: BodyTimeouts, bytes: number): number =>
  maxIdleMs + (bytes / minBytesPerSecond) * 1000;

/** A body that has not arrived as a whole. */
interface Arriving {
  readonly raw: IncomingMessage;
  readonly response: ServerResponse;
  readonly until: number;
  /** Bytes of the connection after which a body that nobody reads any more is cut. */
  readonly maxBytesRead: number;
  /** How many bytes the connection had brought when somebody last looked, and since when. */
  bytesRead: number;
  idleSince: number;
}

/**
 * Cuts bodies that stall. All of them are looked at together from time to time, so that a body that arrives at once,
 * as nearly all do, costs an entry of a map and no timer.
 * @returns what follows a body; `bytes`: its length, or the most it may have
 */
export function registerBodyTimeouts(app: FastifyInstance, times: BodyTimeouts) {
  const { maxIdleMs, checkIntervalMs } = times;
  // A connection brings one request after the other.
  const bodies = new Map<Socket, Arriving>();
  // Time in which the process could read: while it stood still, whatever arrived was not looked at.
  let clock = 0;
  let lastCheck = 0;
  // Who is still sending when the server closes holds it no longer than a stalled client would.
  let closedAt = Number.POSITIVE_INFINITY;
  app.addHook('preClose', async () => {
    closedAt = clock + maxIdleMs;
  });

  app.server.once('listening', () => {
    lastCheck = performance.now();
    const timer = setInterval(check, checkIntervalMs).unref();
    app.server.once('close', () => clearInterval(timer));
  });

  function check(): void {
    const now = performance.now();
    clock += Math.min(now - lastCheck, 2 * checkIntervalMs);
    lastCheck = now;
    for (const [socket, body] of bodies) {
      if (!body.raw.complete && !socket.destroyed && !isOverdue(socket, body)) continue;
      bodies.delete(socket);
      if (!body.raw.complete && !socket.destroyed) cut(socket, body);
    }
  }

  function isOverdue(socket: Socket, body: Arriving): boolean {
    if (socket.bytesRead !== body.bytesRead) {
      body.bytesRead = socket.bytesRead;
      body.idleSince = clock;
    }
    const isFlood = body.response.headersSent && body.bytesRead > body.maxBytesRead;
    return isFlood || clock > Math.min(body.until, closedAt) || clock - body.idleSince > maxIdleMs;
  }

  function cut(socket: Socket, { response }: Arriving): void {
    // What is answered already has no second answer.
    if (response.headersSent) socket.destroy();
    else
      app.server.emit(
        'clientError',
        Object.assign(new Error('a body stalled'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }),
        socket,
      );
  }

  return function trackBody(raw: IncomingMessage, response: ServerResponse, bytes: number): void {
    const { socket } = raw;
    if (!(socket instanceof Socket)) return;
    // The clock is behind by up to one look: nobody is cut too early for that.
    const since = clock + checkIntervalMs;
    const { bytesRead } = socket;
    const until = since + maxBodyMs(times, bytes);
    bodies.set(socket, {
      raw,
      response,
      until,
      maxBytesRead: bytesRead + LINGERING_BOUNDS.maxBytes,
      bytesRead,
      idleSince: since,
    });
  };
}
