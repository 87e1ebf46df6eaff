// Sends files in pieces, as fast as the client reads them.
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** How long a client may read nothing. */
const STALL_TIMEOUT_MS = 30_000;

/** The description of a file by its procedure. */
export interface NamedFile {
  /** Of characters that stand for themselves in a header. */
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
}

/** Answers with a file. If the file or the database goes away, the connection is cut, and the client misses bytes. */
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
  // One piece is read while another is sent.
  return reply.send(
    Readable.from(request.method === 'HEAD' ? [] : requireAllBytes(pieces, file.bytes), { highWaterMark: 1 }),
  );
}

/** @throws if the pieces have fewer bytes than announced, which ends the connection */
async function* requireAllBytes(pieces: AsyncIterable<string>, bytes: number): AsyncGenerator<string, void> {
  let left = bytes;
  for await (const piece of pieces) {
    left -= Buffer.byteLength(piece);
    yield piece;
  }
  if (left !== 0) throw new Error('the file has gone while it was sent');
}
