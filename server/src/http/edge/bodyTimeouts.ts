// How long the body of a request may take to arrive. A slow body is not a stalled one.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { LINGERING_BOUNDS } from './lingering.ts';

export interface BodyTimeouts {
  /** Without a byte. */
  readonly maxIdleMs: number;
  /** The lowest rate over the whole body, after the time above. */
  readonly minBytesPerSecond: number;
  /** The time between two checks of all bodies. */
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
  /** A dropped body is cut when the connection has brought so many bytes. */
  readonly maxBytesRead: number;
  /** The bytes of the connection at the last check that found new ones, and its time. */
  bytesRead: number;
  idleSince: number;
}

/**
 * Cuts bodies that stall. One timer checks all of them, so a body that arrives at once, as nearly all do, costs an entry
 * of a map and no timer.
 * @returns a function that follows a body; `bytes`: its length, or its limit
 */
export function registerBodyTimeouts(app: FastifyInstance, times: BodyTimeouts) {
  const { maxIdleMs, checkIntervalMs } = times;
  // A connection has one request at a time.
  const bodies = new Map<Socket, Arriving>();
  // Counts only the time in which the process could read. While it was blocked, it did not see what arrived.
  let clock = 0;
  let lastCheck = 0;
  // A client that still sends when the server closes delays it no longer than a stalled client would.
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
    // An answered request gets no second answer.
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
    // The clock lags by up to one interval, so it never cuts a body too early.
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
