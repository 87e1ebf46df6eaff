// Writes errors: RFC 9457 problem documents over REST, tRPC's envelope under /trpc.
import { type AnyTRPCRouter, getTRPCErrorShape } from '@trpc/server';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { databaseCode, isInvalidValue } from '../../db/errors.ts';
import { causesOf } from '../../logger.ts';
import type { Context } from '../../trpc/context.ts';
import { AppError, REASONS, toAppError } from '../../trpc/errors.ts';
import { closeAfterLimit } from '../edge/connections.ts';

/** Our messages for errors that Fastify raises before a handler runs. */
function fromFastifyError(error: FastifyError): AppError | undefined {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('PAYLOAD_TOO_LARGE', 'The body is too large');
    default:
      return error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500
        ? new AppError('VALIDATION', 'The request is not valid')
        : undefined;
  }
}

/** @returns the error that a client may see. The log has the cause under the request's id */
export function toClientError(error: unknown, request: FastifyRequest): AppError {
  const known =
    error instanceof AppError ? error : (fromFastifyError(error as FastifyError) ?? toAppError(error));
  logFailure(known, request);
  return known;
}

/** Logs errors of the server. A value that only the database refused is one of them. */
export function logFailure(error: AppError, request: FastifyRequest): void {
  if (REASONS[error.reason].status < 500 && !isInvalidValue(databaseCode(error.cause) ?? '')) return;
  request.log.error(
    { request_id: request.id, reason: error.reason, causes: causesOf(error.cause) },
    'request failed',
  );
}

/** Writes the headers of an error, which are the same over both transports. */
export function setErrorHeaders(reply: FastifyReply, error: AppError): void {
  const { status } = REASONS[error.reason];
  closeAfterLimit(reply, status);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds));
  if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
}

/** The body of a problem document. */
export function problemDocument(error: AppError, request_id: string) {
  const { status, title } = REASONS[error.reason];
  const errors = error.errors && { errors: error.errors };
  const quota = error.quota && { quota: error.quota };
  return {
    type: 'about:blank',
    title,
    status,
    detail: error.message,
    code: error.reason,
    request_id,
    ...errors,
    ...quota,
  };
}

export function sendProblem(reply: FastifyReply, request: FastifyRequest, error: AppError): FastifyReply {
  setErrorHeaders(reply, error);
  return reply
    .code(REASONS[error.reason].status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(JSON.stringify(problemDocument(error, request.id)));
}

/** tRPC's shape of an error, made by the router's own formatter. */
export function errorShape(
  router: AnyTRPCRouter,
  error: AppError,
  request_id: string,
  path?: string,
  type = 'unknown',
) {
  return getTRPCErrorShape({
    config: router._def._config,
    error,
    // The formatter reads only the request's id from the context.
    ctx: { request: { client: { request_id } } } as Context,
    path,
    type: type as 'query' | 'mutation' | 'subscription' | 'unknown',
    input: undefined,
  });
}

/** Adds these headers to Vary, because tRPC's answers depend on them. */
export function varyByAccept(reply: FastifyReply): void {
  const said = reply.getHeader('vary');
  if (!String(said).includes('trpc-accept'))
    reply.header('vary', [said, 'trpc-accept, accept'].filter(Boolean).join(', '));
}

/** Answers a request that failed before any of its calls ran. */
export function sendTrpcError(
  reply: FastifyReply,
  request: FastifyRequest,
  router: AnyTRPCRouter,
  error: AppError,
): FastifyReply {
  varyByAccept(reply);
  setErrorHeaders(reply, error);
  return reply
    .code(REASONS[error.reason].status)
    .header('content-type', 'application/json; charset=utf-8')
    .send(JSON.stringify({ error: errorShape(router, error, request.id) }));
}
