// Runs a procedure with its middlewares, by the rules of tRPC's own caller. The parsers of its contract are compiled, and
// steps share one object: the copies that tRPC makes for each step cost a sixth of a request.
import { type AnyTRPCProcedure, getTRPCErrorFromUnknown, TRPCError } from '@trpc/server';
import { z } from 'zod';
import type { ReadModelCache } from '../../cache/readModels.ts';
import type { Context } from '../../trpc/context.ts';
import { toJson } from './jsonText.ts';

/** What a procedure is called with. */
export interface ProcedureCall {
  readonly ctx: Context;
  readonly getRawInput: () => Promise<unknown>;
  /** The procedure's name. */
  readonly path: string;
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly batchIndex: number;
  readonly signal: AbortSignal | undefined;
}

type Result = { ok: true; data: unknown } | { ok: false; error: TRPCError };
type Override = { ctx?: object; input?: unknown; getRawInput?: () => Promise<unknown> };
type Options = ProcedureCall & { input: unknown; meta: unknown };
type Middleware = (options: Options & { next: (change?: Override) => Promise<Result> }) => Promise<Result>;

/** The part of a procedure's definition that is used here. tRPC marks the steps that it made itself. */
interface Definition {
  readonly meta: unknown;
  readonly inputs: readonly z.ZodType[];
  readonly output?: z.ZodType;
  readonly middlewares: readonly (Middleware & { readonly _type?: 'input' | 'output' })[];
}

/** One of the three. */
type Step =
  | { readonly input: z.ZodType }
  | { readonly output: z.ZodType }
  | { readonly middleware: Middleware };

/**
 * @param input a wider contract that replaces the procedure's own
 * @returns a function that calls the procedure and returns its answer or throws its error
 */
export function compileProcedure(
  procedure: AnyTRPCProcedure,
  input?: z.ZodType,
): (call: ProcedureCall) => Promise<unknown> {
  const own = procedure._def as unknown as Definition;
  const definition = input ? { ...own, inputs: [input] } : own;
  let steps: Step[] | undefined;

  /** Runs one step. It chains promises instead of awaiting them: one promise for each step of each call instead of two. */
  function run(at: number, options: Options): Promise<Result> {
    try {
      const step = (steps as Step[])[at] as Step;
      if ('input' in step)
        return options.getRawInput().then((raw) => {
          const { success, data, error } = step.input.safeParse(raw);
          if (!success) return toFailure(new TRPCError({ code: 'BAD_REQUEST', cause: error }));
          return run(at + 1, withOverride(options, { input: data }));
        }, toFailure);
      if ('output' in step)
        return run(at + 1, options).then((result) =>
          result.ok ? validateOutput(step.output, result, options.ctx.services.readModels) : result,
        );
      const next = (change?: Override) => run(at + 1, change ? withOverride(options, change) : options);
      const { ctx, getRawInput, path, type, batchIndex, signal, input, meta } = options;
      return step
        .middleware({ ctx, getRawInput, path, type, batchIndex, signal, input, meta, next })
        .catch(toFailure);
    } catch (cause) {
      return Promise.resolve(toFailure(cause));
    }
  }

  return async (call) => {
    // Compiles at the first call, so that a start does not wait for all contracts.
    steps ??= stepsOf(definition);
    const { services, request } = call.ctx;
    return services.traceProcedure
      ? services.traceProcedure(call.path, request.client.request_id, () => answer(call))
      : answer(call);
  };

  async function answer(call: ProcedureCall): Promise<unknown> {
    let read: Promise<unknown> | undefined;
    // Middlewares and the contract both read the input, and to build it is expensive.
    const getRawInput = () => {
      read ??= call.getRawInput();
      return read;
    };
    const { ctx, path, type, batchIndex, signal } = call;
    const { meta } = definition;
    const result = await run(0, {
      ctx,
      getRawInput,
      path,
      type,
      batchIndex,
      signal,
      input: undefined,
      meta,
    });
    if (!result.ok) throw result.error;
    return result.data;
  }
}

const toFailure = (cause: unknown): Result => ({ ok: false, error: getTRPCErrorFromUnknown(cause) });

const withOverride = (options: Options, change: Override): Options => ({
  ctx: change.ctx ? { ...options.ctx, ...change.ctx } : options.ctx,
  getRawInput: change.getRawInput ?? options.getRawInput,
  path: options.path,
  type: options.type,
  batchIndex: options.batchIndex,
  signal: options.signal,
  input: 'input' in change ? change.input : options.input,
  meta: options.meta,
});

function stepsOf({ inputs, output, middlewares }: Definition): Step[] {
  if (inputs.length > 1) throw new Error('a procedure has one input contract');
  return middlewares.map((middleware) => {
    if (middleware._type === 'input') return { input: z.compile(inputs[0] as z.ZodType) };
    if (middleware._type === 'output') return { output: z.compile(output as z.ZodType) };
    return { middleware };
  });
}

/** A view in memory is validated when its JSON is kept, and answered by it from then on. */
function validateOutput(
  contract: z.ZodType,
  result: Result & { ok: true },
  readModels: ReadModelCache,
): Result {
  if (readModels.jsonOf(result.data)) return result;
  const { success, data, error } = contract.safeParse(result.data);
  if (success) return readModels.keepJson(result.data, () => toJson(data)) ? result : { ...result, data };
  return toFailure(
    new TRPCError({ code: 'INTERNAL_SERVER_ERROR', message: 'Output validation failed', cause: error }),
  );
}
