// Bodies of requests: whether a request has one, whether the server reads it, and how it drops one that it does not read.
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

/** The properties of a called procedure that decide whether the server reads the body. */
export interface BodyReader {
  /** Whether it needs no token. */
  readonly public: boolean;
  /** Bytes of the largest body that it takes. */
  readonly bodyLimit: number;
}

/** The spelling that nearly all clients use. */
const USUAL_JSON_TYPE = /^application\/json(; ?charset=utf-8)?$/i;

/** A request that is answered before its body has arrived keeps its connection if at most so many bytes are missing. */
const SMALL_BYTES = 64 * 1024;

/** A body of another type has so long to turn out to be empty: clients end an empty body at once. */
const EMPTY_BODY_MS = 1000;

/** Methods whose bodies have no meaning. The server does not read them. */
const BODYLESS: readonly string[] = ['GET', 'HEAD', 'TRACE'];

/** Register this before CORS, which answers preflights itself. */
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

/** Some tools describe a body that they do not send: the type and coding of an empty body do not count. */
function dropBodyHeaders(headers: IncomingHttpHeaders): void {
  for (const name of ['content-type', 'content-encoding', 'content-length', 'transfer-encoding'])
    if (headers[name] !== undefined) delete headers[name];
}

/**
 * Decides whether the server reads the body of a request. It authenticates the sender first: where all procedures need a
 * token and there is none, it reads nothing of the body.
 * @param requestContext authenticates the sender
 * @param memory must have room for the body
 * @param onWanted called before the body is read
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
  const claims = context.claims();
  if (claims instanceof Promise) claims.then(() => authenticate(calls), done);
  else authenticate(calls);

  function authenticate(calls: readonly BodyReader[]): void {
    // If authentication fails for another reason, the procedure authenticates again and reports it.
    if (context.knownClaims === undefined) readFor(calls.filter(isPublic));
    else if (context.isSessionCached()) readFor(calls);
    else
      context.authenticate().then(
        (caller) => readFor(caller ? calls : calls.filter(isPublic)),
        () => readFor(calls.filter(isPublic)),
      );
  }

  /** @param readers the procedures that read the body of any sender */
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

  /** A body of unknown length may be as long as the limit. */
  function makeRoom(): void {
    const { headers, method } = request;
    if (!hasBody(headers) || BODYLESS.includes(method)) return;
    const bytes = Number(headers['content-length'] ?? bodyLimitOf(request));
    memory.reserve(() => memoryOwnerOf(request, { request: requestContext() }), bytes, reply.raw);
  }
}

const isPublic = (reader: BodyReader): boolean => reader.public;

/** A body counts as one call for each begun block of so many bytes. Most procedures take no more than one block. */
const BYTES_PER_CALL = DEFAULT_BODY_LIMIT_BYTES;

const callsBeyondOne = (bytes: number): number => Math.max(0, Math.ceil(bytes / BYTES_PER_CALL) - 1);

/** Whether the length was known before the body arrived: then the body was counted at that time. */
const isCounted = ({ headers }: FastifyRequest): boolean => headers['transfer-encoding'] === undefined;

/** Counts the extra cost of a large body for its address and its user. @throws RateLimitError */
async function countBody(context: RequestContext, bytes: number): Promise<void> {
  await context.consumeRateLimit(undefined, callsBeyondOne(bytes));
  const caller = await context.authenticate();
  if (caller) await context.consumeRateLimit(caller.id, callsBeyondOne(bytes));
}

/**
 * Refuses, by the headers alone, a body that must not be read.
 * @returns whether the decision needs the first byte of the body, because an empty body would be none
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
 * Waits for the first byte or the end of a body that is accepted only if it is empty. If the client disconnects, there is
 * nothing to decide.
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
  // A client that names another type and then waits gets the error of the type, not that of a timeout.
  const timer =
    !isAccepted && headers['content-type'] !== undefined ? setTimeout(onContent, EMPTY_BODY_MS) : undefined;
  const forget = () => {
    clearTimeout(timer);
    raw.off('data', onContent).off('end', onEnd).off('close', forget);
  };
  raw.on('data', onContent).on('end', onEnd).on('close', forget);
}

/**
 * Prepares an answer that does not wait for the body of its request, so that it reaches a client that is still sending. The
 * rest of the body is read and dropped for a limited time. If the body is known to be large, the connection ends, which
 * tells the client to stop.
 */
export function discardBody({ raw, headers }: FastifyRequest, reply: FastifyReply): void {
  if (raw.complete || !hasBody(headers)) return;
  if (Number(headers['content-length'] ?? 0) > SMALL_BYTES) reply.header('connection', 'close');
  lingerUntilComplete(raw);
  raw.resume();
}

/** Ends the connection with the answer, however small the rest of the body is. */
function refused(reply: FastifyReply, error: AppError): AppError {
  reply.header('connection', 'close');
  return error;
}

const unsupported = () =>
  new AppError('UNSUPPORTED_MEDIA_TYPE', 'Only uncompressed application/json in UTF-8 is accepted');
const tooLarge = () => new AppError('PAYLOAD_TOO_LARGE', 'The body is too large');

/** JSON has one charset, and other parameters do not matter. */
function isJson(type: string): boolean {
  if (USUAL_JSON_TYPE.test(type)) return true;
  try {
    // Some clients put spaces around the equals sign. The parser would drop such a parameter.
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

/** The largest limit of the procedures that read the body; without procedures, the limit of the route. */
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
