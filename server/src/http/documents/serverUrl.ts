// Finds the URL of the API as its caller sees it. Behind a proxy that removes a path prefix the server cannot see it itself.
import type { FastifyRequest } from 'fastify';

/** `/api/v1`: only characters without a special meaning in URLs and documents, and no `.` or `..`. */
const PREFIX = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/;
const MAX_PREFIX_LENGTH = 256;

export const PREFIX_HEADER = 'x-forwarded-prefix';

/**
 * @param header `X-Forwarded-Prefix`; the first value is that of the outermost proxy
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
 * @param publicUrl the URL of the server, if a setting has it
 * @param isTrusted whether an address is that of a trusted proxy
 * @returns a function that finds the URL of the API for a request, and the header that the URL depends on
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
