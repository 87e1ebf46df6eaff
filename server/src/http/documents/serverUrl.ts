// Where the REST transport is for who calls it: behind a proxy that cuts a path prefix off, the server itself cannot see that.
import type { FastifyRequest } from 'fastify';

/** `/api/v1`: only characters that mean themselves in a URL and in a document, and no segment that leads elsewhere. */
const PREFIX = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/;
const MAX_PREFIX_LENGTH = 256;

export const PREFIX_HEADER = 'x-forwarded-prefix';

/**
 * @param header `X-Forwarded-Prefix`; of proxies in a row the outermost has written first
 * @returns the path prefix, `/` without one or where the header is no path
 */
export function parseForwardedPrefix(header: string | string[] | undefined): string {
  const prefix = String(header ?? '')
    .split(',')
    .map((part) => part.trim().replace(/\/$/, ''))
    .join('');
  return prefix.length <= MAX_PREFIX_LENGTH && PREFIX.test(prefix) ? prefix : '/';
}

/**
 * @param publicUrl where the server is reached, if a setting says that
 * @param isTrusted which addresses are proxies whose headers are believed
 * @returns what finds the URL of the API for the document that a request asks for, and the header that it depends on
 */
export function createServerUrl(
  publicUrl: string | undefined,
  isTrusted: false | ((address: string) => boolean),
) {
  if (publicUrl !== undefined || isTrusted === false) return { of: () => publicUrl ?? '/', vary: undefined };
  const of = ({ headers, socket }: FastifyRequest) =>
    isTrusted(socket.remoteAddress ?? '') ? parseForwardedPrefix(headers[PREFIX_HEADER]) : '/';
  return { of, vary: PREFIX_HEADER };
}
