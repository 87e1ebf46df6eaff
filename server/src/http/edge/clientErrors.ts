// Answers input that Node's HTTP parser refuses. There is no request then, only a socket.
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { REASONS } from '../../trpc/errors.ts';
import { closeLingering } from './lingering.ts';

interface ClientErrorAnswer {
  readonly status: number;
  readonly title: string;
  readonly code: string;
  readonly detail: string;
}

const ANSWERS: Record<string, ClientErrorAnswer> = {
  HPE_HEADER_OVERFLOW: {
    ...REASONS.HEADERS_TOO_LARGE,
    code: 'HEADERS_TOO_LARGE',
    detail: 'The headers are too large',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    title: 'Request Timeout',
    code: 'VALIDATION',
    detail: 'The request did not arrive in time',
  },
};
const MALFORMED: ClientErrorAnswer = {
  status: 400,
  title: 'Bad Request',
  code: 'VALIDATION',
  detail: 'The request is not valid HTTP',
};

/** Node's own property for the pending answer of a connection. Node's handler of such errors reads it too. */
type Connection = Socket & { readonly _httpMessage?: ServerResponse | null };

/**
 * @param standard the headers of every answer
 * @returns a handler that writes a problem document and closes the connection
 */
export function createClientErrorHandler(standard: Readonly<Record<string, string>>) {
  const waiting = new WeakSet<Socket>();
  return function answer(error: Error & { code?: string }, socket: Connection): void {
    if (error.code === 'ECONNRESET' || socket.destroyed || waiting.has(socket)) return;
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const due = socket._httpMessage;
    // Earlier requests are answered first. The broken one may already have an answer, because of its headers.
    if (due && (due.req.complete || due.headersSent)) {
      waiting.add(socket);
      due.once('close', () => {
        waiting.delete(socket);
        if (!socket.writable) return;
        if (due.req.complete) answer(error, socket);
        else socket.end();
      });
      return;
    }
    const { status, title, headers, body } = document(ANSWERS[error.code ?? ''] ?? MALFORMED);
    const lines = Object.entries({ ...standard, ...headers, connection: 'close' }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    socket.write([`HTTP/1.1 ${status} ${title}`, ...lines, '', body].join('\r\n'));
    closeLingering(socket);
  };
}

function document({ status, title, code, detail }: ClientErrorAnswer) {
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
