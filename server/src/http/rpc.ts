// The tRPC door: JSON queries, mutations and batches are answered here, in the form that tRPC's own adapter gives
// them (rpc.test.ts compares the two). Batches that are streamed go to that adapter, behind the same checks.
import type { AnyTRPCRouter } from '@trpc/server';
import { fastifyRequestHandler } from '@trpc/server/adapters/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../trpc/context.ts';
import { BODY_LIMIT } from '../trpc/endpoint.ts';
import { AppError, REASONS, unauthenticated } from '../trpc/errors.ts';
import { toAppError } from '../trpc/procedures.ts';
import { type Endpoint, endpointsOf } from './endpoints.ts';
import { parseJson } from './json.ts';
import { errorShape, logFailure, sendRpcError, setErrorHeaders, varies } from './problem.ts';
import { framesOfRpc, lastEventId, sendStream } from './sse.ts';

/** Calls that one request may hold. */
export const MAX_BATCH = 10;

/** Calls of one batch that run at the same time. */
const AT_ONCE = 4;

interface Call {
  readonly name: string;
  readonly endpoint: Endpoint | undefined;
}

/** The methods by which a procedure is called. */
const METHODS: Record<Endpoint['type'], readonly string[]> = {
  query: ['GET', 'HEAD'],
  mutation: ['POST'],
  subscription: ['GET', 'HEAD'],
};

/** The outcome of one call. */
type Answer = { data: unknown; error?: undefined } | { error: AppError };

/** @param prefix for example `/trpc` */
export function registerRpc(
  app: FastifyInstance,
  prefix: string,
  router: AnyTRPCRouter,
  createContext: (request: FastifyRequest, reply: FastifyReply) => Context,
): void {
  const endpoints = endpointsOf(router);

  const callsOf = (request: FastifyRequest, path = (request.params as { path: string }).path): Call[] => {
    const names = isBatch(request) ? path.split(',') : [path];
    return names.map((name) => ({ name, endpoint: endpoints.get(name) }));
  };

  // A route for each procedure: a call that comes alone has nothing to be looked up or put together.
  for (const endpoint of endpoints.values())
    if (endpoint.type !== 'subscription')
      app.route({
        method: endpoint.type === 'query' ? 'GET' : 'POST',
        url: `${prefix}/${endpoint.name}`,
        exposeHeadRoute: false,
        bodyLimit: endpoint.bodyLimit,
        config: { door: 'rpc', procedure: endpoint.name },
        handler: (request, reply) =>
          wantsStream(request) || isBatch(request)
            ? answer(request, reply, callsOf(request, endpoint.name))
            : answerOne(request, reply, endpoint),
      });

  app.all(
    `${prefix}/:path`,
    {
      // What the largest procedure takes; the guards apply the limit of the procedures that are called.
      bodyLimit: Math.max(BODY_LIMIT, ...[...endpoints.values()].map((endpoint) => endpoint.bodyLimit)),
      config: {
        door: 'rpc',
        methods: (request) => {
          const types = callsOf(request).flatMap(({ endpoint }) => endpoint?.type ?? []);
          return types[0] === undefined ? [] : [...METHODS[types[0]], 'OPTIONS'];
        },
        bodyLimitOf: (request) => Math.max(BODY_LIMIT, ...callsOf(request).map(({ endpoint }) => endpoint?.bodyLimit ?? 0)),
      },
    },
    (request, reply) => answer(request, reply, callsOf(request)),
  );

  async function answerOne(request: FastifyRequest, reply: FastifyReply, endpoint: Endpoint): Promise<FastifyReply> {
    varies(reply);
    reply.header('cache-control', endpoint.cacheControl);
    const { name, call, type } = endpoint;
    try {
      const getRawInput = async () => (type === 'mutation' ? request.body : queryInput(request));
      const ctx = createContext(request, reply);
      const data = await call({ ctx, getRawInput, path: name, type, signal: undefined, batchIndex: 0 });
      return sendJson(reply, statusOf(reply, endpoint, data), { result: { data } });
    } catch (cause) {
      return send(request, reply, [{ name, endpoint }], [{ error: toAppError(cause) }]);
    }
  }

  async function answer(request: FastifyRequest, reply: FastifyReply, calls: Call[]): Promise<FastifyReply> {
    request.called = calls.map(({ endpoint }) => endpoint?.name ?? 'unknown').slice(0, MAX_BATCH);
    varies(reply);
    reply.header('cache-control', cacheControl(calls));
    const ctx = createContext(request, reply);
    try {
      const type = checkCalls(calls);
      // The guards have counted the request: the first of its calls.
      if (calls.length > 1) await ctx.request.spend(undefined, calls.length - 1);
      if (type === 'subscription') return await subscribe(request, reply, calls[0] as Call, ctx);
      if (wantsStream(request)) return await stream(request, reply, calls, ctx);

      const input = inputReader(request);
      const answers = await few(calls, (call, index) => {
        const error = wrongMethod(call, request, reply);
        return error ? { error } : run(call, ctx, input, index);
      });
      return send(request, reply, calls, answers);
    } catch (cause) {
      const error = toAppError(cause);
      logFailure(error, request);
      return sendRpcError(reply, request, router, error);
    }
  }

  /** What fails before the first event is answered like any other call. */
  async function subscribe(request: FastifyRequest, reply: FastifyReply, call: Call, ctx: Context): Promise<FastifyReply> {
    const input = () => {
      const named = queryInput(request);
      const last = lastEventId(request);
      return last === undefined ? named : { ...(named as object | undefined), lastEventId: last };
    };
    const error = wrongMethod(call, request, reply);
    const opened = error ? { error } : await run(call, ctx, input, 0);
    if (opened.error) return send(request, reply, [call], [opened]);
    const frames = framesOfRpc((failure) => errorShape(router, failure, request.id, call.name, 'subscription'));
    return sendStream(request, reply, opened.data as AsyncIterable<unknown>, frames);
  }

  async function stream(request: FastifyRequest, reply: FastifyReply, calls: Call[], ctx: Context): Promise<FastifyReply> {
    for (const call of calls) {
      const error = wrongMethod(call, request, reply);
      if (error) throw error;
    }
    // Signed in before the stream starts: inside it the status is 200 already.
    if (calls.some(({ endpoint }) => endpoint && !endpoint.public) && !(await ctx.request.caller())) unauthenticated();
    const path = calls.map(({ name }) => name).join(',');
    // The adapter asks for a type also where there is no body.
    if (request.body === undefined) request.headers['content-type'] = 'application/json';
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
    let status: number | undefined;
    const answered = (one: number) => {
      status = status === undefined || status === one ? one : 207;
    };
    const bodies = answers.map((answer, index) => {
      const { name, endpoint } = calls[index] as Call;
      if (answer.error === undefined) {
        answered(statusOf(reply, endpoint, answer.data));
        return { result: { data: answer.data } };
      }
      const { error } = answer;
      logFailure(error, request);
      setErrorHeaders(reply, error);
      answered(REASONS[error.reason].status);
      return { error: errorShape(router, error, request.id, name, endpoint?.type) };
    });
    return sendJson(reply, status as unknown as number, isBatch(request) ? bodies : bodies[0]);
  }
}

/** @returns the status of a call that succeeded: of a health check it says how things are */
function statusOf(reply: FastifyReply, endpoint: Endpoint | undefined, data: unknown): number {
  const status = endpoint?.meta.rest?.statusOf?.(data) ?? 200;
  if (status === 503) reply.header('retry-after', '1');
  return status;
}

const sendJson = (reply: FastifyReply, status: number, body: unknown): FastifyReply =>
  reply.code(status).header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(body));

async function run({ name, endpoint }: Call, ctx: Context, input: (index: number) => unknown, batchIndex: number): Promise<Answer> {
  try {
    if (!endpoint) throw new AppError('NOT_FOUND', 'Not found');
    const { call, type } = endpoint;
    const getRawInput = async () => input(batchIndex);
    return { data: await call({ ctx, getRawInput, path: name, type, signal: undefined, batchIndex }) };
  } catch (cause) {
    return { error: toAppError(cause) };
  }
}

/** Runs some at a time: a batch takes turns with the calls of others, whatever it holds. */
async function few(calls: Call[], answer: (call: Call, index: number) => Answer | Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < calls.length; index = next++) answers[index] = await answer(calls[index] as Call, index);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, calls.length) }, lane));
  return answers;
}

/** @returns the error of a call that its procedure does not answer by this method */
function wrongMethod({ endpoint }: Call, request: FastifyRequest, reply: FastifyReply): AppError | undefined {
  const allowed = endpoint && METHODS[endpoint.type];
  if (!allowed || allowed.includes(request.method)) return undefined;
  reply.header('allow', allowed.join(', '));
  return new AppError('METHOD_NOT_ALLOWED', 'Method not allowed');
}

/** @returns the type that all calls share. @throws for too many calls and for calls that do not go together */
function checkCalls(calls: Call[]): string | undefined {
  if (calls.length > MAX_BATCH) throw new AppError('BATCH_TOO_LARGE', `A batch holds at most ${MAX_BATCH} calls`);
  const [type, ...others] = new Set(calls.flatMap(({ endpoint }) => (endpoint ? [endpoint.type] : [])));
  if (others.length > 0) throw new AppError('VALIDATION', 'A batch holds either queries or mutations');
  if (type === 'subscription' && calls.length > 1) throw new AppError('VALIDATION', 'A subscription is called alone');
  return type;
}

/** @returns what gives the input of a call by its place; it is read when a call asks for it, and fails for that call */
function inputReader(request: FastifyRequest): (index: number) => unknown {
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
