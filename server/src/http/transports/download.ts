// Files on their way out: piece by piece, as fast as the client takes them.
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Milliseconds for which a client may take nothing of what was written. */
const STALL_TIMEOUT_MS = 30_000;

/** What a procedure says of its file. */
export interface NamedFile {
  /** Of characters that stand for themselves in a header. */
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
}

/** Answers with a file. One that breaks off, because it goes or the database does, is cut: the client misses bytes. */
export function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: NamedFile,
  pieces: AsyncIterable<string>,
): FastifyReply {
  reply
    .code(200)
    .header('content-type', `${file.type}; charset=utf-8`)
    .header('content-length', file.bytes)
    .header('content-disposition', `attachment; filename="${file.name}"`);
  reply.raw.setTimeout(STALL_TIMEOUT_MS, () => reply.raw.destroy());
  // One piece waits while another is being sent.
  return reply.send(
    Readable.from(request.method === 'HEAD' ? [] : requireAllBytes(pieces, file.bytes), { highWaterMark: 1 }),
  );
}

/** @throws when the pieces end before they are as many bytes as was said: then the connection has to end too */
async function* requireAllBytes(pieces: AsyncIterable<string>, bytes: number): AsyncGenerator<string, void> {
  let left = bytes;
  for await (const piece of pieces) {
    left -= Buffer.byteLength(piece);
    yield piece;
  }
  if (left !== 0) throw new Error('the file has gone while it was sent');
}
