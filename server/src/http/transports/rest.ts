// The REST transport: one native route for each procedure that has a REST path.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../trpc/context.ts';
import type { RestMeta } from '../../trpc/endpoint.ts';
import { AppError, toAppError } from '../../trpc/errors.ts';
import { memoryOwnerOf } from '../edge/requestContext.ts';
import type { TransferMemory } from '../edge/transferMemory.ts';
import { coerce, coercionPlan, type Plan } from './coercion.ts';
import { type NamedFile, sendFile } from './download.ts';
import { type Endpoint, inputContract } from './endpoints.ts';
import { acceptSeveralVersions, parseIfMatch } from './ifMatch.ts';
import { toJson } from './jsonText.ts';
import { logFailure, sendProblem } from './problem.ts';
import { compileProcedure } from './procedureRunner.ts';
import { EVENT_SOURCE_FRAMES, lastEventId, sendStream } from './sse.ts';

/** Registers the routes. Both slash forms answer: the app ignores trailing slashes. */
export function registerRestRoutes(
  app: FastifyInstance,
  endpoints: Iterable<Endpoint>,
  createContext: (request: FastifyRequest, reply: FastifyReply) => Context,
  memory: TransferMemory,
): void {
  for (const endpoint of endpoints) {
    const { openapi, rest } = endpoint.meta;
    if (!openapi || !rest) continue;
    const { name, type } = endpoint;
    const contract = inputContract(endpoint);
    const versioned = contract instanceof z.ZodObject && 'if_match' in contract.shape;
    const call = versioned
      ? compileProcedure(endpoint.procedure, acceptSeveralVersions(contract))
      : endpoint.call;
    const input = createInputReader(endpoint, rest, versioned);
    const statusOf = rest.statusOf ?? (() => rest.status);
    const endpointsCalled = [endpoint];

    app.route({
      method: openapi.method,
      url: fastifyPath(openapi.path),
      bodyLimit: rest.bodyLimit,
      config: { transport: 'rest', procedure: name, endpoints: () => endpointsCalled },
      handler: async (request, reply) => {
        reply.header('cache-control', endpoint.cacheControl);
        try {
          const getRawInput = async () => input(request);
          const ctx = createContext(request, reply);
          const output: unknown = await call({
            ctx,
            getRawInput,
            path: name,
            type,
            signal: undefined,
            batchIndex: 0,
          });
          if (rest.file)
            return sendFile(request, reply, output as NamedFile, await rest.file.read(ctx, output as never));
          const json = ctx.services.readModels.jsonOf(output) ?? toJson(output);
          // The answer of a change is small, and the change has happened.
          if (type === 'query') memory.reserve(() => memoryOwnerOf(request, ctx), json.length, reply.raw);
          const status = statusOf(output);
          if (status === 503) reply.header('retry-after', '1');
          if (rest.etag) reply.header('etag', `"${rest.etag(output as never)}"`);
          return reply.code(status).header('content-type', 'application/json; charset=utf-8').send(json);
        } catch (cause) {
          const error = unwrapArrayPaths(toAppError(cause), rest);
          logFailure(error, request);
          return sendProblem(reply, request, error);
        }
      },
    });
  }
}

/** Registers the streams. A stream begins after the event that the client names in `Last-Event-ID` or in the query. */
export function registerStreamRoutes(
  app: FastifyInstance,
  endpoints: Iterable<Endpoint>,
  createContext: (request: FastifyRequest, reply: FastifyReply) => Context,
): void {
  for (const endpoint of endpoints) {
    const { name, call, type, meta } = endpoint;
    if (!meta.stream) continue;
    app.get(
      meta.stream.path,
      { config: { transport: 'rest', procedure: name, endpoints: () => [endpoint] } },
      async (request, reply) => {
        const getRawInput = async () => ({ lastEventId: lastEventId(request) });
        const ctx = createContext(request, reply);
        // An error becomes a problem document, because nothing of the stream was sent yet.
        const values = await call({ ctx, getRawInput, path: name, type, signal: undefined, batchIndex: 0 });
        return sendStream(request, reply, values as AsyncIterable<unknown>, EVENT_SOURCE_FRAMES);
      },
    );
  }
}

/** `/users/{id}` as Fastify writes it. */
function fastifyPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

/** @returns a function that builds the input of a procedure from the query or the body and the path, which wins */
function createInputReader(
  endpoint: Endpoint,
  rest: RestMeta,
  versioned: boolean,
): (request: FastifyRequest) => unknown {
  const contract = inputContract(endpoint);
  const isQuery = endpoint.meta.openapi?.method === 'GET';
  const plan = contract && withUserId(coercionPlan(contract), isQuery);
  const source = isQuery
    ? (request: FastifyRequest) => request.query as object
    : (request: FastifyRequest) => bodyObject(request.body, rest.bareArray);
  return (request) =>
    coerce(plan, {
      ...source(request),
      ...(request.params as object),
      ...(versioned && { if_match: parseIfMatch(request.headers['if-match']) }),
    });
}

/** Converts `user_id` of a body also where the contract does not name it: it has to be the caller's. */
function withUserId(plan: Plan, isQuery: boolean): Plan {
  if (isQuery) return plan;
  const keys = plan?.kind === 'object' ? plan.keys : [];
  return { kind: 'object', keys: new Map([...keys, ['user_id', { kind: 'number' }]]) };
}

function bodyObject(body: unknown, bareArray: string | undefined): object {
  if (bareArray !== undefined) {
    if (!Array.isArray(body)) throw new AppError('VALIDATION', 'The body must be a JSON array');
    return { [bareArray]: body };
  }
  if (body === undefined) return {};
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new AppError('VALIDATION', 'The body must be a JSON object');
  return body;
}

/** Removes the key that a bare array is put under from the paths of errors, because the client did not send it. */
function unwrapArrayPaths(error: AppError, { bareArray }: RestMeta): AppError {
  if (bareArray === undefined || !error.errors) return error;
  const errors = error.errors.map(({ path, message }) => ({
    path: path.split('.').slice(1).join('.'),
    message,
  }));
  return new AppError(error.reason, error.message, { errors, cause: error.cause });
}
