// Files for browsers: pages, scripts, styles, documents. They stay the same while the server runs.
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';

export interface ServedFile {
  readonly url: string;
  /** The media type. */
  readonly type: string;
  /** Makes or reads it, when somebody first asks: a server that nobody reads it of pays nothing for it. */
  readonly content: () => Promise<string | Buffer>;
  /** The content security policy, where the usual one, which allows nothing, is too narrow. */
  readonly policy?: string;
}

/** Registers the file. Browsers keep it, and ask each time whether it is still the same: a new server is seen at once. */
export function serveFile(app: FastifyInstance, { url, type, content, policy }: ServedFile): void {
  const file = once(async () => {
    const bytes = await content();
    return { bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"` };
  });
  app.get(url, { config: { door: 'rest' } }, async (request, reply) => {
    const { bytes, etag } = await file();
    reply.header('cache-control', 'no-cache').header('etag', etag);
    if (names(request.headers['if-none-match'], etag)) return reply.code(304).send();
    if (policy !== undefined) reply.header('content-security-policy', policy);
    return reply.header('content-type', type).send(bytes);
  });
}

/** A proxy that compresses makes our tag a weak one; for a GET both are the same. */
function names(header: string | undefined, etag: string): boolean {
  return header?.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, ''))) ?? false;
}

/** What fails is tried again by the next one who asks. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
