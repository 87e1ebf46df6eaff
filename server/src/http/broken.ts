// Answers what Node's HTTP parser gave up on: there is no request then, only a socket.
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';

const ANSWERS: Record<string, { status: number; title: string; code: string; detail: string }> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    title: 'Request Header Fields Too Large',
    code: 'HEADERS_TOO_LARGE',
    detail: 'The headers are too large',
  },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, title: 'Request Timeout', code: 'VALIDATION', detail: 'The request did not arrive in time' },
};
const MALFORMED = { status: 400, title: 'Bad Request', code: 'VALIDATION', detail: 'The request is not valid HTTP' };

/** Writes a problem document and closes the connection. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, title, code, detail } = ANSWERS[error.code ?? ''] ?? MALFORMED;
  const request_id = randomUUID();
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, code, request_id });
  socket.end(
    [
      `HTTP/1.1 ${status} ${title}`,
      'Content-Type: application/problem+json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${request_id}`,
      'X-Content-Type-Options: nosniff',
      'Cache-Control: no-store',
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
