// Serves files for browsers: pages, scripts, styles, documents. They do not change while the server runs.
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export interface ServedFile {
  readonly url: string;
  /** The media type. */
  readonly type: string;
  /** Makes or reads the file at its first request, so that an unused file costs nothing. */
  readonly content: (variant: string) => Promise<string | Buffer>;
  /** Which variant of the file a request gets, where there are several. */
  readonly variant?: (request: FastifyRequest) => string;
  /** The request header, besides the URL, that the variant depends on. */
  readonly vary?: string | undefined;
  /** The content security policy, where the usual one, which allows nothing, is too narrow. */
  readonly policy?: string;
}

/** So many variants are cached. Clients can choose them, so they must not fill the memory. */
const MAX_VARIANTS = 16;

/** Registers the file. Browsers store it and revalidate it each time, so that they see a new version at once. */
export function serveFile(
  app: FastifyInstance,
  { url, type, content, variant = () => '', vary, policy }: ServedFile,
): void {
  const file = memoized(async (name) => {
    const bytes = await content(name);
    return { bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"` };
  });
  app.get(url, { config: { transport: 'rest' } }, async (request, reply) => {
    const { bytes, etag } = await file(variant(request));
    // A 304 has these headers too, because they replace the stored ones. The usual policy would disable the page.
    reply.header('cache-control', 'no-cache').header('etag', etag);
    if (policy !== undefined) reply.header('content-security-policy', policy);
    if (vary !== undefined) appendVary(reply, vary);
    if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
    return reply.header('content-type', type).send(bytes);
  });
}

function appendVary(reply: FastifyReply, name: string): void {
  reply.header('vary', [reply.getHeader('vary'), name].filter(Boolean).join(', '));
}

/** A compressing proxy weakens our tag. For a GET a weak tag is as good. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  return header?.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, ''))) ?? false;
}

/** Caches a success. The next request tries again after a failure. */
function memoized<T>(make: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (key) => {
    const found = made.get(key);
    if (found) return found;
    if (made.size >= MAX_VARIANTS) made.clear();
    const making = make(key).catch((error) => {
      made.delete(key);
      throw error;
    });
    made.set(key, making);
    return making;
  };
}
