// The tRPC door: JSON queries, mutations and batches are answered here, in the form that tRPC's own adapter gives
// them (rpc.test.ts compares the two). What streams goes to that adapter, behind the same checks.
import type { AnyTRPCRouter } from '@trpc/server';
import { fastifyRequestHandler } from '@trpc/server/adapters/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../trpc/context.ts';
import { BODY_LIMIT } from '../trpc/endpoint.ts';
import { AppError, REASONS } from '../trpc/errors.ts';
import { toAppError } from '../trpc/procedures.ts';
import { type Endpoint, endpointsOf } from './endpoints.ts';
import { parseJson } from './json.ts';
import { errorShape, logFailure, sendRpcError, setErrorHeaders } from './problem.ts';

/** Calls that one request may hold. */
export const MAX_BATCH = 10;

interface Call {
  readonly name: string;
  readonly endpoint: Endpoint | undefined;
}

/** The outcome of one call. */
type Answer = { data: unknown; error?: undefined } | { error: AppError };

/** @param prefix for example `/trpc` */
export function registerRpc(
  app: FastifyInstance,
  prefix: string,
  router: AnyTRPCRouter,
  createContext: (request: FastifyRequest) => Context,
): void {
  const endpoints = endpointsOf(router);

  const callsOf = (request: FastifyRequest): Call[] => {
    const { path } = request.params as { path: string };
    const names = isBatch(request) ? path.split(',') : [path];
    return names.map((name) => ({ name, endpoint: endpoints.get(name) }));
  };

  app.all(
    `${prefix}/:path`,
    {
      // What the largest procedure takes; the guards apply the limit of the procedures that are called.
      bodyLimit: Math.max(BODY_LIMIT, ...[...endpoints.values()].map((endpoint) => endpoint.bodyLimit)),
      config: {
        door: 'rpc',
        bodyLimitOf: (request) => Math.max(BODY_LIMIT, ...callsOf(request).map(({ endpoint }) => endpoint?.bodyLimit ?? 0)),
      },
    },
    (request, reply) => answer(request, reply, callsOf(request)),
  );

  async function answer(request: FastifyRequest, reply: FastifyReply, calls: Call[]): Promise<FastifyReply> {
    request.called = calls.map(({ endpoint }) => endpoint?.name ?? 'unknown').slice(0, MAX_BATCH);
    reply
      .header('vary', [reply.getHeader('vary'), 'trpc-accept, accept'].filter(Boolean).join(', '))
      .header('cache-control', cacheControl(calls));
    const ctx = createContext(request);
    try {
      const type = checkCalls(calls, request.method, reply);
      if (type === 'subscription' || wantsStream(request)) return await stream(request, reply, calls, ctx);

      const inputs = readInputs(request, calls.length);
      const answers = await Promise.all(calls.map((call, index) => run(call, ctx, inputs[index], index)));
      return send(request, reply, calls, answers);
    } catch (cause) {
      const error = toAppError(cause);
      logFailure(error, request);
      return sendRpcError(reply, request, router, error);
    }
  }

  async function stream(request: FastifyRequest, reply: FastifyReply, calls: Call[], ctx: Context): Promise<FastifyReply> {
    // Signed in before the stream starts: inside it the status is 200 already.
    if (calls.some(({ endpoint }) => endpoint && !endpoint.public) && !(await ctx.caller()))
      throw new AppError('UNAUTHENTICATED', 'Not authenticated');
    const { path } = request.params as { path: string };
    await fastifyRequestHandler({
      router,
      req: request,
      res: reply,
      // The adapter decodes the path once more.
      path: encodeURIComponent(path),
      createContext: () => ctx,
      maxBatchSize: MAX_BATCH,
      onError: ({ error }) => logFailure(toAppError(error), request),
    });
    return reply;
  }

  function send(request: FastifyRequest, reply: FastifyReply, calls: Call[], answers: Answer[]): FastifyReply {
    const statuses = new Set<number>();
    const bodies = answers.map((answer, index) => {
      const { name, endpoint } = calls[index] as Call;
      if (answer.error === undefined) {
        statuses.add(endpoint?.meta.rest?.statusOf?.(answer.data) ?? 200);
        return { result: { data: answer.data } };
      }
      const { error } = answer;
      logFailure(error, request);
      setErrorHeaders(reply, error);
      statuses.add(REASONS[error.reason].status);
      return { error: errorShape(router, error, { request_id: request.id }, name, endpoint?.type) };
    });
    const [status] = statuses.size === 1 ? statuses : [207];
    return reply
      .code(status as number)
      .header('content-type', 'application/json; charset=utf-8')
      .send(JSON.stringify(isBatch(request) ? bodies : bodies[0]));
  }
}

async function run({ name, endpoint }: Call, ctx: Context, input: unknown, batchIndex: number): Promise<Answer> {
  try {
    if (!endpoint) throw new AppError('NOT_FOUND', 'Not found');
    const { procedure, type } = endpoint;
    const getRawInput = async () => input;
    return { data: await procedure({ ctx, getRawInput, path: name, type, signal: undefined, batchIndex }) };
  } catch (cause) {
    return { error: toAppError(cause) };
  }
}

/** @returns the type that all calls share. @throws for too many, for mixed types, for a method that the type does not have */
function checkCalls(calls: Call[], method: string, reply: FastifyReply): string {
  if (calls.length > MAX_BATCH) throw new AppError('BATCH_TOO_LARGE', `A batch holds at most ${MAX_BATCH} calls`);
  const types = new Set(calls.flatMap(({ endpoint }) => (endpoint ? [endpoint.type] : [])));
  if (types.size > 1) throw new AppError('VALIDATION', 'A batch holds either queries or mutations');
  const [type = 'unknown'] = types;
  if (type === 'subscription' && calls.length > 1) throw new AppError('VALIDATION', 'A subscription is called alone');
  const allowed = type === 'mutation' ? ['POST'] : type === 'unknown' ? ['GET', 'HEAD', 'POST'] : ['GET', 'HEAD'];
  if (!allowed.includes(method)) {
    reply.header('allow', allowed.join(', '));
    throw new AppError('METHOD_NOT_ALLOWED', 'Method not allowed');
  }
  return type;
}

/** @returns the input of each call, by its place in the batch */
function readInputs(request: FastifyRequest, calls: number): Record<number, unknown> {
  const sent = request.method === 'POST' ? request.body : queryInput(request);
  if (!isBatch(request)) return { 0: sent };
  if (sent === undefined) return {};
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent))
    throw new AppError('VALIDATION', 'The input of a batch is an object: place in the batch → input');
  return Object.fromEntries(Array.from({ length: calls }, (_, index) => [index, (sent as Record<number, unknown>)[index]]));
}

function queryInput(request: FastifyRequest): unknown {
  const text = first(request, 'input');
  return text ? parseJson(text, 'The input') : undefined;
}

const isBatch = (request: FastifyRequest): boolean => first(request, 'batch') === '1';

function first(request: FastifyRequest, key: string): string | undefined {
  const value = (request.query as Record<string, string | string[] | undefined>)[key];
  return Array.isArray(value) ? value[0] : value;
}

/** As tRPC's adapter decides it. */
function wantsStream({ headers }: FastifyRequest): boolean {
  const asked = headers['trpc-accept'];
  if (asked !== undefined) return asked === 'application/jsonl';
  return headers.accept?.split(',').some((type) => type.trim() === 'application/jsonl') ?? false;
}

/** The strictest of what the calls ask for. */
function cacheControl(calls: Call[]): string {
  const [only = 'no-store', ...others] = new Set(calls.map(({ endpoint }) => endpoint?.cacheControl ?? 'no-store'));
  return others.length === 0 ? only : 'no-store';
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The procedures that a tRPC request calls, for the log. */
    called?: readonly string[];
  }
}
