// Connections that end while a client is still sending. To close one at once has the kernel send a reset, and a client
// that has not read its answer by then sees an error instead. So the answer goes out first, and what still arrives is
// read and dropped for a bounded while (nginx: lingering_close).
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

export interface LingeringBounds {
  readonly maxBytes: number;
  readonly maxMs: number;
}

/** Some thirty times what any body may have, and as long as headers may take. */
export const LINGERING_BOUNDS: LingeringBounds = { maxBytes: 32 * 1024 * 1024, maxMs: 10_000 };

const lingering = new WeakSet<Socket>();

/** Whether all is said on a connection, and only what its client still sends is waited for. */
export const isLingering = (socket: Socket): boolean => lingering.has(socket);

/** Ends a connection after what was written to it. Nothing that arrives from now on is looked at, a further request neither. */
export function closeLingering(
  socket: Socket,
  { maxBytes, maxMs }: LingeringBounds = LINGERING_BOUNDS,
): void {
  if (socket.destroyed || lingering.has(socket)) return;
  lingering.add(socket);
  const timer = setTimeout(() => socket.destroy(), maxMs).unref();
  let dropped = 0;
  // Until here the HTTP parser had what arrived.
  socket.removeAllListeners('data');
  socket.on('data', (chunk) => {
    dropped += chunk.length;
    if (dropped > maxBytes) socket.destroy();
  });
  // The parser may be in the middle of a piece of the body that nobody reads: it pauses the connection then.
  socket.on('pause', () => process.nextTick(() => socket.resume()));
  // A client that has read its answer ends its side, or resets the connection: both are its last word.
  socket.once('close', () => clearTimeout(timer));
  socket.end();
  socket.resume();
}

/** Has the connection of a request, should it end before the whole body is here, end as above. */
export function lingerUntilComplete(raw: IncomingMessage): void {
  const { socket } = raw;
  const closeAtOnce = socket.destroySoon;
  // What Node.js calls after the last answer of a connection.
  socket.destroySoon = () => {
    socket.destroySoon = closeAtOnce;
    if (raw.complete) socket.destroySoon();
    else closeLingering(socket);
  };
}
