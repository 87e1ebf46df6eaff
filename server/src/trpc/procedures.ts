// The words that features are written in.
import { initTRPC, TRPCError } from '@trpc/server';
import { ZodError } from 'zod';
import { databaseCode, isBadValue, isMissingReference, isUnavailable } from '../db/errors.ts';
import { QueueFullError } from '../security/fairQueue.ts';
import { TooMany } from '../security/limits.ts';
import type { Context } from './context.ts';
import type { Meta } from './endpoint.ts';
import { AppError, notFound, type Reason, unauthenticated, validationError } from './errors.ts';
import { once, takesKey } from './idempotent.ts';

const t = initTRPC
  .context<Context>()
  .meta<Meta>()
  .create({
    // Never: it puts stack traces into answers.
    isDev: false,
    errorFormatter({ shape, error, ctx }) {
      const known = toAppError(error);
      return {
        code: shape.code,
        message: known.message,
        data: {
          code: shape.data.code,
          httpStatus: shape.data.httpStatus,
          ...(shape.data.path !== undefined && { path: shape.data.path }),
          reason: known.reason,
          ...(ctx && { request_id: ctx.request.client.request_id }),
          ...(known.errors && { errors: [...known.errors] }),
          ...(known.quota && { quota: known.quota }),
        },
      };
    },
  });

export const router = t.router;

/**
 * Makes of any error one that may be shown: what is not known becomes a constant text.
 * The code of the given error decides wherever tRPC itself made it.
 */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof TRPCError) {
    if (error.cause instanceof AppError) return error.cause;
    if (error.code === 'BAD_REQUEST' && error.cause instanceof ZodError) return validationError(error.cause);
    if (error.code !== 'INTERNAL_SERVER_ERROR') return ofTrpc(error);
    return ofCause(error.cause);
  }
  return ofCause(error);
}

function ofCause(cause: unknown): AppError {
  if (cause instanceof QueueFullError) return new AppError('UNAVAILABLE', 'Too many sign-ins at the moment', { cause });
  if (cause instanceof TooMany) return new AppError('RATE_LIMITED', 'Too many requests', { retryAfter: cause.wait });
  const code = databaseCode(cause);
  if (code !== undefined && isUnavailable(code)) return new AppError('UNAVAILABLE', 'Service unavailable', { cause });
  if (code !== undefined && isMissingReference(code)) return new AppError('NOT_FOUND', 'Not found', { cause });
  if (code !== undefined && isBadValue(code)) return new AppError('VALIDATION', 'The input is not valid', { cause });
  return new AppError('INTERNAL', 'Internal server error', { cause });
}

/** tRPC's own errors: what they say about a path or a parser stays out of the answer. */
const TRPC_MESSAGES: Partial<Record<TRPCError['code'], readonly [Reason, string]>> = {
  BAD_REQUEST: ['VALIDATION', 'The request is not valid'],
  PARSE_ERROR: ['VALIDATION', 'The request is not valid'],
  UNAUTHORIZED: ['UNAUTHENTICATED', 'Not authenticated'],
  NOT_FOUND: ['NOT_FOUND', 'Not found'],
  METHOD_NOT_SUPPORTED: ['METHOD_NOT_ALLOWED', 'Method not allowed'],
  PAYLOAD_TOO_LARGE: ['PAYLOAD_TOO_LARGE', 'The body is too large'],
  UNSUPPORTED_MEDIA_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'Only application/json is accepted'],
  SERVICE_UNAVAILABLE: ['UNAVAILABLE', 'Service unavailable'],
};

function ofTrpc(error: TRPCError): AppError {
  const [reason, message] = TRPC_MESSAGES[error.code] ?? ['INTERNAL', 'Internal server error'];
  return new AppError(reason, message, { cause: error });
}

/** A procedure for anybody. */
export const publicProcedure = t.procedure;

/** A procedure for a signed-in user: `ctx.user` is the caller. A `user_id` in the input must be the caller's. */
export const protectedProcedure = t.procedure.use(async ({ ctx, path, type, batchIndex, getRawInput, next }) => {
  const user = (await ctx.request.caller()) ?? unauthenticated();
  await ctx.request.spend(user.id);
  const raw = await getRawInput();
  const claimed = typeof raw === 'object' && raw !== null && 'user_id' in raw ? raw.user_id : undefined;
  if (typeof claimed === 'number' && claimed !== user.id) notFound('User');
  if (type === 'query') {
    const entered = ctx.services.reads.enter(user.id);
    const place = entered instanceof Promise ? await entered : entered;
    try {
      const read = await next({ ctx: { user } });
      if (read.ok) ctx.request.countAnswer?.(read.data);
      return read;
    } finally {
      place.leave();
    }
  }
  // What remains are changes of the user's plans, resources, tasks and exports: they lock the same row of the database.
  if (!takesKey(path, type)) return next({ ctx: { user } });
  const { idempotencyKey } = ctx.request;
  const entered = ctx.services.changes.enter(user.id);
  const place = entered instanceof Promise ? await entered : entered;
  try {
    const result =
      idempotencyKey === undefined
        ? await next({ ctx: { user } })
        : await once({ ctx: { ...ctx, user }, path, batchIndex, input: raw }, idempotencyKey, ({ ctx: { db } }) =>
            next({ ctx: { user, db } }),
          );
    // After the commit, and not before.
    if (result.ok) ctx.services.streams.changed(user.id);
    return result;
  } finally {
    place.leave();
  }
});
