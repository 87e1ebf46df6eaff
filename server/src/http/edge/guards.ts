// The checks that every request passes before a transport.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import type { RateLimitState, RateLimits } from '../../security/rateLimits.ts';
import type { RequestContext } from '../../trpc/context.ts';
import { AppError } from '../../trpc/errors.ts';
import { admitBody, type BodyReader, hasBody } from './bodies.ts';
import { addressKeyOf, setRateLimitHeaders } from './requestContext.ts';
import { createTransferMemory, type TransferMemory } from './transferMemory.ts';

const REQUEST_ID = /^[\w-]{8,64}$/;
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i;

/** @returns the client's request id if its form is harmless, otherwise a new one */
export function requestId(raw: IncomingMessage): string {
  const sent = raw.headers['x-request-id'];
  return typeof sent === 'string' && REQUEST_ID.test(sent) ? sent : randomUUID();
}

/** Gives every answer its id and standard headers. Register this before CORS, which answers preflights itself. */
export function registerStandardHeaders(
  app: FastifyInstance,
  headers: Readonly<Record<string, string>>,
): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers).header('x-request-id', request.id);
    done();
  });
}

/** Requests whose clients wait for `100 Continue` before they send the body. */
const awaitingContinue = new WeakSet<ServerResponse>();

/** Leaves expectations to the guards. Node.js would answer them itself, without id and CORS and before any check. */
export function registerExpectations({ server }: FastifyInstance): void {
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('checkContinue', (request, response) => {
    awaitingContinue.add(response);
    server.emit('request', request, response);
  });
}

/**
 * Treats a path that cannot be decoded as unknown, so that its transport answers it with 404.
 * @returns the URL to route by
 */
export function routableUrl({ url = '/' }: { url?: string | undefined }): string {
  // `*` means the whole server. The router would take it for `/`.
  if (url.startsWith('*')) return '/undecodable';
  const [path = '', query] = url.split('?', 2);
  if (!path.includes('%')) return url;
  try {
    decodeURIComponent(path);
    return url;
  } catch {
    return `${path.startsWith('/trpc/') ? '/trpc' : ''}/undecodable${query === undefined ? '' : `?${query}`}`;
  }
}

/**
 * Registers the checks that all routes share.
 * @param allowedMethods the methods of a path that some route has, an empty list for an unknown path
 * @param limits count every request of an address, also those that no route answers
 * @param requestContextOf authenticates the sender of a body, where that matters
 * @param memory must have room for bodies
 */
export function registerGuards(
  app: FastifyInstance,
  allowedMethods: (path: string) => readonly string[],
  limits: RateLimits,
  requestContextOf: (request: FastifyRequest, reply: FastifyReply) => RequestContext,
  memory: TransferMemory = createTransferMemory(),
): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (hasDuplicateHeader(request.raw))
      throw new AppError('VALIDATION', 'A header that may stand once stands twice');
    if (!HOST.test(request.headers.host ?? ''))
      throw new AppError('VALIDATION', 'The Host header is not valid');
    const { expect, 'transfer-encoding': coding } = request.headers;
    if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
      reply.header('connection', 'close');
      throw new AppError('VALIDATION', 'The only transfer coding that is accepted is chunked');
    }
    if (expect !== undefined && expect.toLowerCase() !== '100-continue')
      throw new AppError('EXPECTATION_FAILED', 'Only 100-continue can be expected');
    const state = limits.consume('address', addressKeyOf(request), 1);
    // Limits that are counted in memory answer without a promise, which saves a turn of the event loop.
    if (state instanceof Promise) state.then((found) => admit(request, reply, found, done)).catch(done);
    else admit(request, reply, state, done);
  });

  function admit(
    request: FastifyRequest,
    reply: FastifyReply,
    state: RateLimitState | undefined,
    done: HookHandlerDoneFunction,
  ): void {
    setRateLimitHeaders(reply, state);
    if (request.is404 || request.method === 'OPTIONS') {
      refuseUnmatched(request, reply);
      return;
    }
    if (request.headers.expect === undefined && !hasBody(request.headers)) {
      done();
      return;
    }
    const proceed = () => {
      if (request.headers.expect !== undefined && awaitingContinue.has(reply.raw)) reply.raw.writeContinue();
    };
    admitBody(request, reply, () => requestContextOf(request, reply), memory, proceed, done);
  }

  app.setNotFoundHandler((request, reply) => refuseUnmatched(request, reply));

  function refuseUnmatched(request: FastifyRequest, reply: FastifyReply) {
    const path = request.url.split('?', 1)[0] as string;
    const methods = request.routeOptions.config.methods?.(request) ?? allowedMethods(path);
    if (methods.length === 0) throw new AppError('NOT_FOUND', 'Not found');
    reply.header('allow', methods.join(', '));
    if (request.method === 'OPTIONS') return reply.code(204).send();
    throw new AppError('METHOD_NOT_ALLOWED', 'Method not allowed');
  }
}

/** Of these headers Node.js keeps the first and drops the second. A proxy in front may do otherwise. */
const SINGLE_HEADERS: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'content-type',
  'content-encoding',
]);

function hasDuplicateHeader({ rawHeaders }: IncomingMessage): boolean {
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    if (!SINGLE_HEADERS.has(name)) continue;
    if (seen.has(name)) return true;
    seen.add(name);
  }
  return false;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The transport of the route. It decides the form of errors. */
    transport?: 'rest' | 'rpc';
    /** The procedure that the route calls, for the log. */
    procedure?: string;
    /** The procedures that the request calls, without unknown ones and those of another method. */
    endpoints?: (request: FastifyRequest) => readonly BodyReader[];
    /** The methods of the path, where a route serves several procedures; none for an unknown one. */
    methods?: (request: FastifyRequest) => readonly string[];
  }
}
