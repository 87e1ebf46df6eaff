// Answers what Node's HTTP parser gave up on: there is no request then, only a socket.
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { REASONS } from '../trpc/errors.ts';
import { closeLingering } from './lingering.ts';

interface Answer {
  readonly status: number;
  readonly title: string;
  readonly code: string;
  readonly detail: string;
}

const ANSWERS: Record<string, Answer> = {
  HPE_HEADER_OVERFLOW: {
    ...REASONS.HEADERS_TOO_LARGE,
    code: 'HEADERS_TOO_LARGE',
    detail: 'The headers are too large',
  },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, title: 'Request Timeout', code: 'VALIDATION', detail: 'The request did not arrive in time' },
};
const MALFORMED: Answer = { status: 400, title: 'Bad Request', code: 'VALIDATION', detail: 'The request is not valid HTTP' };

/**
 * @param standard the headers of every answer
 * @returns what writes a problem document and closes the connection
 */
export function brokenRequests(standard: Readonly<Record<string, string>>) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return;
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const { status, title, headers, body } = document(ANSWERS[error.code ?? ''] ?? MALFORMED);
    const lines = Object.entries({ ...standard, ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}`);
    socket.write([`HTTP/1.1 ${status} ${title}`, ...lines, '', body].join('\r\n'));
    closeLingering(socket);
  };
}

function document({ status, title, code, detail }: Answer) {
  const request_id = randomUUID();
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, code, request_id });
  const headers = {
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-request-id': request_id,
    'cache-control': 'no-store',
  };
  return { status, title, headers, body };
}
