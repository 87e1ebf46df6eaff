// Bodies of requests: whether there is one, whether it is one that is read, and what becomes of one that is not.
import type { IncomingHttpHeaders } from 'node:http';
import { MIMEType } from 'node:util';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RequestContext } from '../../trpc/context.ts';
import { DEFAULT_BODY_LIMIT_BYTES } from '../../trpc/endpoint.ts';
import { AppError } from '../../trpc/errors.ts';
import { type BodyTimeouts, registerBodyTimeouts } from './bodyTimeouts.ts';
import { parseBody } from './json.ts';
import { lingerUntilComplete } from './lingering.ts';
import { memoryOwnerOf } from './requestContext.ts';
import type { TransferMemory } from './transferMemory.ts';

/** What is looked at of a procedure that a request calls, to decide what becomes of the body. */
export interface BodyReader {
  /** Whether it needs no token. */
  readonly public: boolean;
  /** Bytes of the largest body that it takes. */
  readonly bodyLimit: number;
}

/** How nearly everybody writes it. */
const USUAL_JSON_TYPE = /^application\/json(; ?charset=utf-8)?$/i;

/** A request that is answered before its body is here keeps its connection if no more than this is to come. */
const SMALL_BYTES = 64 * 1024;

/** Milliseconds in which a body of another type turns out to be empty: nobody waits before ending one. */
const EMPTY_BODY_MS = 1000;

/** Their bodies mean nothing, and are not read. */
const BODYLESS: readonly string[] = ['GET', 'HEAD', 'TRACE'];

/** Before CORS, whose preflight answers end there. */
export function registerBodies(app: FastifyInstance, times: BodyTimeouts): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const parse = () => {
      try {
        done(null, parseBody(body as Buffer));
      } catch (error) {
        done(error as Error);
      }
    };
    if (body.length > bodyLimitOf(request)) done(tooLarge());
    else if (request.requestContext === undefined || isCounted(request) || callsBeyondOne(body.length) === 0)
      parse();
    else countBody(request.requestContext, body.length).then(parse, done);
  });

  const follow = registerBodyTimeouts(app, times);
  app.addHook('onRequest', (request, reply, done) => {
    const { headers } = request;
    if (hasBody(headers)) {
      follow(request.raw, reply.raw, Number(headers['content-length'] ?? bodyLimitOf(request)));
      if (request.method === 'OPTIONS') discardBody(request, reply);
    } else if (!BODYLESS.includes(request.method)) dropBodyHeaders(headers);
    done();
  });
}

/** Whether the headers announce a body; a chunked one may still turn out to be empty. */
export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

/** Tools describe also bodies that they do not send: of an empty one neither type nor coding counts. */
function dropBodyHeaders(headers: IncomingHttpHeaders): void {
  for (const name of ['content-type', 'content-encoding', 'content-length', 'transfer-encoding'])
    if (headers[name] !== undefined) delete headers[name];
}

/**
 * Decides what becomes of the body of a request. Who sends it is asked before it is read: where all procedures need a
 * token and there is none, nothing of it is, whatever it is.
 * @param requestContext finds out who sends it
 * @param memory where the body has to find room
 * @param onWanted called before it is read
 * @param done goes on with the request, or refuses it
 */
export function admitBody(
  request: FastifyRequest,
  reply: FastifyReply,
  requestContext: () => RequestContext,
  memory: TransferMemory,
  onWanted: () => void,
  done: (error?: Error) => void,
): void {
  const calls = hasBody(request.headers) ? request.routeOptions.config.endpoints?.(request) : undefined;
  if (calls === undefined || calls.every(isPublic)) {
    take();
    return;
  }
  const context = requestContext();
  // Why it cannot be said now, if so, the procedure tells, which asks again.
  if (context.claims() === undefined) readFor(calls.filter(isPublic));
  else if (context.isSessionCached()) readFor(calls);
  else
    context.authenticate().then(
      (caller) => readFor(caller ? calls : calls.filter(isPublic)),
      () => readFor(calls.filter(isPublic)),
    );

  /** @param readers the procedures that would look at the body from whoever sends it */
  function readFor(readers: readonly BodyReader[]): void {
    request.bodyReaders = readers;
    if (readers.length > 0) {
      take();
      return;
    }
    discardBody(request, reply);
    dropBodyHeaders(request.headers);
    done();
  }

  function take(): void {
    let isUndecided: boolean;
    try {
      isUndecided = checkBody(request, reply);
    } catch (error) {
      done(error as Error);
      return;
    }
    const goOn = () => {
      try {
        makeRoom();
      } catch (error) {
        done(refused(reply, error as AppError));
        return;
      }
      onWanted();
      if (isUndecided) checkFirstByte(request, reply, done);
      else done();
    };
    const bytes = Number(request.headers['content-length'] ?? 0);
    if (
      request.requestContext === undefined ||
      BODYLESS.includes(request.method) ||
      callsBeyondOne(bytes) === 0
    )
      goOn();
    else countBody(request.requestContext, bytes).then(goOn, done);
  }

  /** Of a body whose length is not known there may come as much as is taken. */
  function makeRoom(): void {
    const { headers, method } = request;
    if (!hasBody(headers) || BODYLESS.includes(method)) return;
    const bytes = Number(headers['content-length'] ?? bodyLimitOf(request));
    memory.reserve(() => memoryOwnerOf(request, { request: requestContext() }), bytes, reply.raw);
  }
}

const isPublic = (reader: BodyReader): boolean => reader.public;

/** Bytes of a body for each of which, begun, one call is counted: most procedures take no more. */
const BYTES_PER_CALL = DEFAULT_BODY_LIMIT_BYTES;

const callsBeyondOne = (bytes: number): number => Math.max(0, Math.ceil(bytes / BYTES_PER_CALL) - 1);

/** Whether the length was known before the body was here: then it was counted then. */
const isCounted = ({ headers }: FastifyRequest): boolean => headers['transfer-encoding'] === undefined;

/** Counts what a large body costs more than another call, for its address and its user. @throws RateLimitError */
async function countBody(context: RequestContext, bytes: number): Promise<void> {
  await context.consumeRateLimit(undefined, callsBeyondOne(bytes));
  const caller = await context.authenticate();
  if (caller) await context.consumeRateLimit(caller.id, callsBeyondOne(bytes));
}

/**
 * Refuses by the headers alone what must not be read at all.
 * @returns whether that cannot be said before the first byte of the body, as an empty one would be no body
 * @throws AppError
 */
function checkBody(request: FastifyRequest, reply: FastifyReply): boolean {
  const { headers } = request;
  if (!hasBody(headers)) return false;
  const isAccepted = isJson(headers['content-type'] ?? '') && isPlain(headers['content-encoding']);
  if (headers['transfer-encoding'] !== undefined && (!isAccepted || BODYLESS.includes(request.method)))
    return true;
  if (!isAccepted) throw refused(reply, unsupported());
  if (Number(headers['content-length']) > bodyLimitOf(request)) throw refused(reply, tooLarge());
  if (BODYLESS.includes(request.method)) discardBody(request, reply);
  // Fastify looks for a parser by the text of the type.
  headers['content-type'] = 'application/json';
  return false;
}

/**
 * Waits for the first byte of a body that is only taken if it is empty, or for its end. One whose client goes away
 * meanwhile has no more to be decided.
 * @param done goes on with the request, or refuses it
 */
function checkFirstByte(
  request: FastifyRequest,
  reply: FastifyReply,
  done: (error?: AppError) => void,
): void {
  const { raw, headers } = request;
  const isAccepted = isJson(headers['content-type'] ?? '') && isPlain(headers['content-encoding']);
  const onContent = () => {
    forget();
    if (!isAccepted) return done(refused(reply, unsupported()));
    discardBody(request, reply);
    done();
  };
  const onEnd = () => {
    forget();
    dropBodyHeaders(headers);
    done();
  };
  // Who names another type and then waits is told what is wrong, not that it was too slow.
  const timer =
    !isAccepted && headers['content-type'] !== undefined ? setTimeout(onContent, EMPTY_BODY_MS) : undefined;
  const forget = () => {
    clearTimeout(timer);
    raw.off('data', onContent).off('end', onEnd).off('close', forget);
  };
  raw.on('data', onContent).on('end', onEnd).on('close', forget);
}

/**
 * For an answer that does not wait for the body of its request: it arrives though the client is still sending. What
 * still comes is read and dropped for a bounded while. A body that is known to be large ends the connection, which tells
 * clients to stop.
 */
export function discardBody({ raw, headers }: FastifyRequest, reply: FastifyReply): void {
  if (raw.complete || !hasBody(headers)) return;
  if (Number(headers['content-length'] ?? 0) > SMALL_BYTES) reply.header('connection', 'close');
  lingerUntilComplete(raw);
  raw.resume();
}

/** The rest of such a body is not wanted, however small: the connection ends with the answer. */
function refused(reply: FastifyReply, error: AppError): AppError {
  reply.header('connection', 'close');
  return error;
}

const unsupported = () =>
  new AppError('UNSUPPORTED_MEDIA_TYPE', 'Only uncompressed application/json in UTF-8 is accepted');
const tooLarge = () => new AppError('PAYLOAD_TOO_LARGE', 'The body is too large');

/** Other parameters say nothing of JSON; of charsets there is one. */
function isJson(type: string): boolean {
  if (USUAL_JSON_TYPE.test(type)) return true;
  try {
    // Some put spaces around the equals sign, with which the parser would drop the parameter.
    const { essence, params } = new MIMEType(
      type
        .split('=')
        .map((part) => part.trim())
        .join('='),
    );
    return essence === 'application/json' && /^(utf-?8)?$/i.test(params.get('charset') ?? '');
  } catch {
    return false;
  }
}

const isPlain = (encoding: string | undefined): boolean =>
  encoding === undefined || encoding.toLowerCase() === 'identity';

/** The largest that one of the procedures takes which look at it; of a route without procedures, the route's own. */
function bodyLimitOf(request: FastifyRequest): number {
  const { config, bodyLimit } = request.routeOptions;
  const readers = request.bodyReaders ?? config.endpoints?.(request);
  if (!readers) return bodyLimit ?? 0;
  let limit = DEFAULT_BODY_LIMIT_BYTES;
  for (const reader of readers) if (reader.bodyLimit > limit) limit = reader.bodyLimit;
  return limit;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The procedures that look at the body, once that is decided. */
    bodyReaders?: readonly BodyReader[];
  }
}
