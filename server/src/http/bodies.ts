// Bodies of requests: whether there is one, whether it is one that is read, and what becomes of one that is not.
import type { IncomingHttpHeaders } from 'node:http';
import { MIMEType } from 'node:util';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../trpc/errors.ts';
import { parseBody } from './json.ts';
import { lingerUntilComplete } from './lingering.ts';
import { type BodyTimes, registerSlowBodies } from './slowBodies.ts';

/** How nearly everybody writes it. */
const USUAL_JSON_TYPE = /^application\/json(; ?charset=utf-8)?$/i;

/** A request that is answered before its body is here keeps its connection if no more than this is to come. */
const SMALL_BYTES = 64 * 1024;

/** Milliseconds in which a body of another type turns out to be empty: nobody waits before ending one. */
const EMPTY_BODY_MS = 1000;

/** Their bodies mean nothing, and are not read. */
const BODYLESS: readonly string[] = ['GET', 'HEAD', 'TRACE'];

/** Before CORS, whose preflight answers end there. */
export function registerBodies(app: FastifyInstance, times: BodyTimes): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      if (body.length > bodyLimitOf(request)) throw tooLarge();
      done(null, parseBody(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });

  const follow = registerSlowBodies(app, times);
  app.addHook('onRequest', (request, reply, done) => {
    const { headers } = request;
    if (hasBody(headers)) {
      follow(request.raw, reply.raw, Number(headers['content-length'] ?? bodyLimitOf(request)));
      if (request.method === 'OPTIONS') leaveUnread(request, reply);
    } else if (!BODYLESS.includes(request.method)) asWithoutBody(headers);
    done();
  });
}

/** Whether the headers announce a body; a chunked one may still turn out to be empty. */
function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

/** Tools describe also bodies that they do not send: of an empty one neither type nor coding counts. */
function asWithoutBody(headers: IncomingHttpHeaders): void {
  for (const name of ['content-type', 'content-encoding', 'content-length', 'transfer-encoding'])
    if (headers[name] !== undefined) delete headers[name];
}

/**
 * Refuses by the headers alone what must not be read at all.
 * @returns whether that cannot be said before the first byte of the body, as an empty one would be no body
 * @throws AppError
 */
export function checkBody(request: FastifyRequest, reply: FastifyReply): boolean {
  const { headers } = request;
  if (!hasBody(headers)) return false;
  const isTaken = isJson(headers['content-type'] ?? '') && isPlain(headers['content-encoding']);
  if (headers['transfer-encoding'] !== undefined && (!isTaken || BODYLESS.includes(request.method))) return true;
  if (!isTaken) throw refused(reply, unsupported());
  if (Number(headers['content-length']) > bodyLimitOf(request)) throw refused(reply, tooLarge());
  if (BODYLESS.includes(request.method)) leaveUnread(request, reply);
  // Fastify looks for a parser by the text of the type.
  headers['content-type'] = 'application/json';
  return false;
}

/**
 * Waits for the first byte of a body that is only taken if it is empty, or for its end. One whose client goes away
 * meanwhile has no more to be decided.
 * @param done goes on with the request, or refuses it
 */
export function checkFirstByte(request: FastifyRequest, reply: FastifyReply, done: (error?: AppError) => void): void {
  const { raw, headers } = request;
  const isTaken = isJson(headers['content-type'] ?? '') && isPlain(headers['content-encoding']);
  const onContent = () => {
    forget();
    if (!isTaken) return done(refused(reply, unsupported()));
    leaveUnread(request, reply);
    done();
  };
  const onEnd = () => {
    forget();
    asWithoutBody(headers);
    done();
  };
  // Who names another type and then waits is told what is wrong, not that it was too slow.
  const timer = !isTaken && headers['content-type'] !== undefined ? setTimeout(onContent, EMPTY_BODY_MS) : undefined;
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
export function leaveUnread({ raw, headers }: FastifyRequest, reply: FastifyReply): void {
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

const unsupported = () => new AppError('UNSUPPORTED_MEDIA_TYPE', 'Only uncompressed application/json in UTF-8 is accepted');
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

const isPlain = (encoding: string | undefined): boolean => encoding === undefined || encoding.toLowerCase() === 'identity';

/** The limit of the procedure, where a route serves several; otherwise the route's own. */
function bodyLimitOf(request: FastifyRequest): number {
  const { config, bodyLimit } = request.routeOptions;
  return config.bodyLimitOf?.(request) ?? bodyLimit ?? 0;
}
