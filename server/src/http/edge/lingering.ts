// Ends connections whose clients are still sending. If the server closed one at once, the kernel would send a reset, and a
// client that has not read its answer would see an error. So the answer is sent first, and what still arrives is read and
// dropped for a limited time (nginx: lingering_close).
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

export interface LingeringBounds {
  readonly maxBytes: number;
  readonly maxMs: number;
}

/** Some thirty times the largest body, and the time limit of headers. */
export const LINGERING_BOUNDS: LingeringBounds = { maxBytes: 32 * 1024 * 1024, maxMs: 10_000 };

const lingering = new WeakSet<Socket>();

/** Whether everything was sent on a connection, and the server only waits for the client to stop sending. */
export const isLingering = (socket: Socket): boolean => lingering.has(socket);

/** Ends a connection after what was written to it. The server ignores everything that arrives from now on. */
export function closeLingering(
  socket: Socket,
  { maxBytes, maxMs }: LingeringBounds = LINGERING_BOUNDS,
): void {
  if (socket.destroyed || lingering.has(socket)) return;
  lingering.add(socket);
  const timer = setTimeout(() => socket.destroy(), maxMs).unref();
  let dropped = 0;
  // From now on the HTTP parser gets no more data.
  socket.removeAllListeners('data');
  socket.on('data', (chunk) => {
    dropped += chunk.length;
    if (dropped > maxBytes) socket.destroy();
  });
  // If the parser is in the middle of a body that nobody reads, it has paused the connection.
  socket.on('pause', () => process.nextTick(() => socket.resume()));
  // If it was paused before this, the parser has stopped the handle, and the stream still believes that it is reading: to
  // resume would start nothing. An empty chunk ends that read (Node.js documents this of `push('')`).
  socket.push('');
  // A client that has read its answer ends or resets the connection.
  socket.once('close', () => clearTimeout(timer));
  socket.end();
  socket.resume();
}

/** Makes the connection of a request end as above if it ends before the whole body has arrived. */
export function lingerUntilComplete(raw: IncomingMessage): void {
  const { socket } = raw;
  const closeAtOnce = socket.destroySoon;
  // Node.js calls this after the last answer of a connection.
  socket.destroySoon = () => {
    socket.destroySoon = closeAtOnce;
    if (raw.complete) socket.destroySoon();
    else closeLingering(socket);
  };
}
