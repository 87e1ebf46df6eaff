// The tRPC transport: JSON queries, mutations and batches are answered here, in the form that tRPC's own adapter gives
// them (rpc.test.ts compares the two). Batches that are streamed go to that adapter, behind the same checks.
import type { AnyTRPCRouter } from '@trpc/server';
import { fastifyRequestHandler } from '@trpc/server/adapters/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../trpc/context.ts';
import { DEFAULT_BODY_LIMIT_BYTES } from '../../trpc/endpoint.ts';
import { AppError, REASONS, toAppError } from '../../trpc/errors.ts';
import { parseJson } from '../edge/json.ts';
import { memoryOwnerOf } from '../edge/requestContext.ts';
import { createTransferMemory, type TransferMemory } from '../edge/transferMemory.ts';
import { type Endpoint, listEndpoints, PRIVATE_CACHE_CONTROL, PUBLIC_CACHE_CONTROL } from './endpoints.ts';
import { joinJson, toJson } from './jsonText.ts';
import {
  errorShape,
  logFailure,
  sendTrpcError,
  setErrorHeaders,
  toClientError,
  varyByAccept,
} from './problem.ts';
import {
  type FrameFormat,
  lastEventId,
  refuseStream,
  STREAM_HEADERS,
  sendStream,
  trpcFrames,
} from './sse.ts';

/** A request may have so many calls. */
export const MAX_BATCH_CALLS = 10;

/** The answers of one batch may have so many bytes together. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024;

/** So many calls of one batch run at the same time. */
const BATCH_CONCURRENCY = 4;

interface BatchCall {
  readonly name: string;
  readonly endpoint: Endpoint | undefined;
}

/** The methods by which a procedure is called. */
const METHODS: Record<Endpoint['type'], readonly string[]> = {
  query: ['GET', 'HEAD'],
  mutation: ['POST'],
  subscription: ['GET', 'HEAD'],
};

/** The outcome of one call: the data, and the JSON of its answer. */
type CallOutcome = { data: unknown; json: string | Buffer; error?: undefined } | { error: AppError };

/** @param prefix for example `/trpc` */
export function registerTrpc(
  app: FastifyInstance,
  prefix: string,
  router: AnyTRPCRouter,
  createContext: (request: FastifyRequest, reply: FastifyReply) => Context,
  memory: TransferMemory = createTransferMemory(),
): void {
  const endpoints = listEndpoints(router);

  const callsOf = (
    request: FastifyRequest,
    path = (request.params as { path: string }).path,
  ): BatchCall[] => {
    const names = isBatch(request) ? path.split(',') : [path];
    return names.map((name) => ({ name, endpoint: endpoints.get(name) }));
  };

  // Each procedure has a route, so a single call needs no lookup.
  for (const endpoint of endpoints.values()) {
    const isSubscription = endpoint.type === 'subscription';
    const calls = [endpoint];
    app.route({
      method: endpoint.type === 'mutation' ? 'POST' : 'GET',
      url: `${prefix}/${endpoint.name}`,
      exposeHeadRoute: false,
      bodyLimit: endpoint.bodyLimit,
      config: { transport: 'rpc', procedure: endpoint.name, endpoints: () => calls },
      handler: (request, reply) =>
        isSubscription || wantsJsonLines(request) || isBatch(request)
          ? respond(request, reply, callsOf(request, endpoint.name))
          : respondSingle(request, reply, endpoint),
      // An error before the procedure is called, of a limit or a header.
      ...(isSubscription && {
        errorHandler: (error, request, reply) => {
          const known = toClientError(error, request);
          if (!isEventSource(request)) return sendTrpcError(reply, request, router, known);
          varyByAccept(reply);
          return refuseStream(request, reply, known, framesOf(request, endpoint.name));
        },
      }),
    });
  }

  app.all(
    `${prefix}/:path`,
    {
      // The limit of the largest procedure. The guards apply that of the called procedures.
      bodyLimit: Math.max(
        DEFAULT_BODY_LIMIT_BYTES,
        ...[...endpoints.values()].map((endpoint) => endpoint.bodyLimit),
      ),
      config: {
        transport: 'rpc',
        methods: (request) => {
          const types = callsOf(request).flatMap(({ endpoint }) => endpoint?.type ?? []);
          return types[0] === undefined ? [] : [...METHODS[types[0]], 'OPTIONS'];
        },
        endpoints: (request) =>
          callsOf(request).flatMap(({ endpoint }) =>
            endpoint && isMethodOf(endpoint, request) ? [endpoint] : [],
          ),
      },
    },
    (request, reply) => respond(request, reply, callsOf(request)),
  );

  async function respondSingle(
    request: FastifyRequest,
    reply: FastifyReply,
    endpoint: Endpoint,
  ): Promise<FastifyReply> {
    varyByAccept(reply);
    reply.header('cache-control', endpoint.cacheControl);
    const { name, call, type } = endpoint;
    try {
      const getRawInput = async () => (type === 'mutation' ? request.body : queryInput(request));
      const ctx = createContext(request, reply);
      const data = await call({ ctx, getRawInput, path: name, type, signal: undefined, batchIndex: 0 });
      const json = jsonOf(data, ctx);
      if (type === 'query') memory.reserve(() => memoryOwnerOf(request, ctx), json.length, reply.raw);
      return sendJson(reply, statusOf(reply, endpoint, data), json);
    } catch (cause) {
      return sendOutcomes(request, reply, [{ name, endpoint }], [{ error: toAppError(cause) }]);
    }
  }

  async function respond(
    request: FastifyRequest,
    reply: FastifyReply,
    calls: BatchCall[],
  ): Promise<FastifyReply> {
    request.calledProcedures = calls
      .map(({ endpoint }) => endpoint?.name ?? 'unknown')
      .slice(0, MAX_BATCH_CALLS);
    varyByAccept(reply);
    reply.header('cache-control', cacheControl(calls));
    const ctx = createContext(request, reply);
    try {
      const type = checkCalls(calls);
      // The guards have counted the first call with the request.
      if (calls.length > 1) await ctx.request.consumeRateLimit(undefined, calls.length - 1);
      if (type === 'subscription') return await respondStream(request, reply, calls[0] as BatchCall, ctx);
      if (wantsJsonLines(request)) return await respondJsonLines(request, reply, calls, ctx);

      const input = createInputReader(request);
      const room = createAnswerBudget(calls);
      const answers = await mapWithConcurrency(calls, async (call, index) => {
        const error = wrongMethod(call, request, reply);
        if (error) return { error };
        const result = await runCall(call, ctx, input, index);
        return result.error
          ? result
          : writeAnswer(result.data, ctx, (bytes) => {
              room(bytes);
              if (type === 'query') memory.reserve(() => memoryOwnerOf(request, ctx), bytes, reply.raw);
            });
      });
      return sendOutcomes(request, reply, calls, answers);
    } catch (cause) {
      const error = toAppError(cause);
      logFailure(error, request);
      return sendTrpcError(reply, request, router, error);
    }
  }

  const framesOf = (request: FastifyRequest, name: string): FrameFormat =>
    trpcFrames((failure) => errorShape(router, failure, request.id, name, 'subscription'));

  /** Answers an error before the first event like that of any other call, if the client can read it. */
  async function respondStream(
    request: FastifyRequest,
    reply: FastifyReply,
    call: BatchCall,
    ctx: Context,
  ): Promise<FastifyReply> {
    const input = () => {
      const named = queryInput(request);
      const last = lastEventId(request);
      return last === undefined ? named : { ...(named as object | undefined), lastEventId: last };
    };
    const error = wrongMethod(call, request, reply);
    if (error) return sendOutcomes(request, reply, [call], [{ error }]);
    const opened = await runCall(call, ctx, input, 0);
    const frames = framesOf(request, call.name);
    if (opened.error === undefined)
      return sendStream(request, reply, opened.data as AsyncIterable<unknown>, frames);
    if (!isEventSource(request)) return sendOutcomes(request, reply, [call], [opened]);
    logFailure(opened.error, request);
    return refuseStream(request, reply, opened.error, frames);
  }

  async function respondJsonLines(
    request: FastifyRequest,
    reply: FastifyReply,
    calls: BatchCall[],
    ctx: Context,
  ): Promise<FastifyReply> {
    for (const call of calls) {
      const error = wrongMethod(call, request, reply);
      if (error) throw error;
    }
    reply.headers(STREAM_HEADERS);
    const path = calls.map(({ name }) => name).join(',');
    const room = createAnswerBudget(calls);
    ctx.request.countAnswer = (data) => {
      const bytes = Buffer.byteLength(toJson(data));
      room(bytes);
      memory.reserve(() => memoryOwnerOf(request, ctx), bytes, reply.raw);
    };
    // The adapter requires a type also without a body.
    if (request.body === undefined) request.headers['content-type'] = 'application/json';
    await fastifyRequestHandler({
      router,
      req: request,
      res: reply,
      // The adapter decodes the path again.
      path: encodeURIComponent(path),
      createContext: () => ctx,
      maxBatchSize: MAX_BATCH_CALLS,
      onError: ({ error }) => logFailure(toAppError(error), request),
    });
    return reply;
  }

  function sendOutcomes(
    request: FastifyRequest,
    reply: FastifyReply,
    calls: BatchCall[],
    answers: (CallOutcome | { error: AppError })[],
  ): FastifyReply {
    let status: number | undefined;
    const answered = (one: number) => {
      status = status === undefined || status === one ? one : 207;
    };
    const bodies = answers.map((answer, index) => {
      const { name, endpoint } = calls[index] as BatchCall;
      if (answer.error === undefined) {
        answered(statusOf(reply, endpoint, answer.data));
        return answer.json;
      }
      const { error } = answer;
      logFailure(error, request);
      setErrorHeaders(reply, error);
      answered(REASONS[error.reason].status);
      return JSON.stringify({ error: errorShape(router, error, request.id, name, endpoint?.type) });
    });
    return sendJson(
      reply,
      status as unknown as number,
      isBatch(request) ? joinJson(['[', joinJson(bodies), ']'], '') : (bodies[0] as string | Buffer),
    );
  }
}

/** @returns the status of a call that succeeded; of a health check that of the state */
function statusOf(reply: FastifyReply, endpoint: Endpoint | undefined, data: unknown): number {
  const status = endpoint?.meta.rest?.statusOf?.(data) ?? 200;
  if (status === 503) reply.header('retry-after', '1');
  return status;
}

const sendJson = (reply: FastifyReply, status: number, json: string | Buffer): FastifyReply =>
  reply.code(status).header('content-type', 'application/json; charset=utf-8').send(json);

/** What tRPC answers a call with. */
function jsonOf(data: unknown, { services }: Context): string | Buffer {
  const kept = services.readModels.jsonOf(data);
  return kept ? joinJson(['{"result":{"data":', kept, '}}'], '') : toJson({ result: { data } });
}

/** Writes the JSON of an answer at once, so that a batch of large answers holds no more than it sends. */
function writeAnswer(data: unknown, ctx: Context, count: (bytes: number) => void): CallOutcome {
  const json = jsonOf(data, ctx);
  try {
    count(Buffer.byteLength(json));
    return { data, json };
  } catch (cause) {
    return { error: toAppError(cause) };
  }
}

/** @returns a function that counts the answers of a batch and refuses those that no longer fit. A single call always fits */
function createAnswerBudget(calls: BatchCall[]): (bytes: number) => void {
  let left = calls.length > 1 ? MAX_BATCH_BYTES : Number.POSITIVE_INFINITY;
  return (bytes) => {
    if (bytes > left)
      throw new AppError(
        'PAYLOAD_TOO_LARGE',
        'The answers of the batch are too large together: call this one by itself',
      );
    left -= bytes;
  };
}

type CallResult = { data: unknown; error?: undefined } | { error: AppError };

async function runCall(
  { name, endpoint }: BatchCall,
  ctx: Context,
  input: (index: number) => unknown,
  batchIndex: number,
): Promise<CallResult> {
  try {
    if (!endpoint) throw new AppError('NOT_FOUND', 'Not found');
    const { call, type } = endpoint;
    const getRawInput = async () => input(batchIndex);
    return { data: await call({ ctx, getRawInput, path: name, type, signal: undefined, batchIndex }) };
  } catch (cause) {
    return { error: toAppError(cause) };
  }
}

/** Runs some calls at a time, so that a batch shares the server with the calls of others. */
async function mapWithConcurrency(
  calls: BatchCall[],
  answer: (call: BatchCall, index: number) => CallOutcome | Promise<CallOutcome>,
): Promise<CallOutcome[]> {
  const answers: CallOutcome[] = [];
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < calls.length; index = next++)
      answers[index] = await answer(calls[index] as BatchCall, index);
  };
  await Promise.all(Array.from({ length: Math.min(BATCH_CONCURRENCY, calls.length) }, lane));
  return answers;
}

const isMethodOf = ({ type }: Endpoint, { method }: FastifyRequest): boolean =>
  METHODS[type].includes(method);

/** @returns the error of a call whose procedure has another method */
function wrongMethod(
  { endpoint }: BatchCall,
  request: FastifyRequest,
  reply: FastifyReply,
): AppError | undefined {
  if (!endpoint || isMethodOf(endpoint, request)) return undefined;
  reply.header('allow', METHODS[endpoint.type].join(', '));
  return new AppError('METHOD_NOT_ALLOWED', 'Method not allowed');
}

/** @returns the type of all calls. @throws for too many calls and for calls of different types */
function checkCalls(calls: BatchCall[]): string | undefined {
  if (calls.length > MAX_BATCH_CALLS)
    throw new AppError('BATCH_TOO_LARGE', `A batch holds at most ${MAX_BATCH_CALLS} calls`);
  const [type, ...others] = new Set(calls.flatMap(({ endpoint }) => (endpoint ? [endpoint.type] : [])));
  if (others.length > 0) throw new AppError('VALIDATION', 'A batch holds either queries or mutations');
  if (type === 'subscription' && calls.length > 1)
    throw new AppError('VALIDATION', 'A subscription is called alone');
  return type;
}

/** @returns a function that reads the input of the call at an index. An error fails only that call */
function createInputReader(request: FastifyRequest): (index: number) => unknown {
  let read: unknown;
  let done = false;
  return (index) => {
    if (!done) read = request.method === 'POST' ? request.body : queryInput(request);
    done = true;
    if (!isBatch(request)) return read;
    if (read === undefined) return undefined;
    if (typeof read !== 'object' || read === null || Array.isArray(read))
      throw new AppError('VALIDATION', 'The input of a batch is an object: place in the batch → input');
    return (read as Record<number, unknown>)[index];
  };
}

function queryInput(request: FastifyRequest): unknown {
  const text = firstQueryValue(request, 'input');
  return text ? parseJson(text, 'The input') : undefined;
}

const isBatch = (request: FastifyRequest): boolean => firstQueryValue(request, 'batch') === '1';

function firstQueryValue(request: FastifyRequest, key: string): string | undefined {
  const value = (request.query as Record<string, string | string[] | undefined>)[key];
  return Array.isArray(value) ? value[0] : value;
}

/** Decides like tRPC's adapter. */
function wantsJsonLines({ headers }: FastifyRequest): boolean {
  const asked = headers['trpc-accept'];
  if (asked !== undefined) return asked === 'application/jsonl';
  return headers.accept?.split(',').some((type) => type.trim() === 'application/jsonl') ?? false;
}

/**
 * Whether an EventSource asks, which reads no answer with another status than 200. A client that reads with `fetch`, as ours
 * does, accepts any type, and gets an error by its status.
 */
function isEventSource({ headers }: FastifyRequest): boolean {
  return (
    headers.accept
      ?.split(',')
      .some((type) => type.split(';', 1)[0]?.trim().toLowerCase() === 'text/event-stream') ?? false
  );
}

/** If one call answers with data of a user, the whole answer counts as such. */
function cacheControl(calls: BatchCall[]): string {
  return calls.some(({ endpoint }) => endpoint?.cacheControl === PRIVATE_CACHE_CONTROL)
    ? PRIVATE_CACHE_CONTROL
    : PUBLIC_CACHE_CONTROL;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The procedures that a tRPC request calls, for the log. */
    calledProcedures?: readonly string[];
  }
}
