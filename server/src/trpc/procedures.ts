// The words that features are written in.
import { initTRPC } from '@trpc/server';
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc';
import type { Context } from './context.ts';
import type { Meta } from './endpoint.ts';
import { REASONS, toAppError } from './errors.ts';
import {
  authenticate,
  factLimit,
  idempotency,
  ownUserId,
  publishChange,
  rateLimit,
  userQueue,
} from './middlewares.ts';

const t = initTRPC
  .context<Context>()
  .meta<Meta>()
  .create({
    // Never: it puts stack traces into answers.
    isDev: false,
    errorFormatter({ shape, error, ctx }) {
      // What tRPC's own adapter is given may be an error that only toAppError knows, and tRPC takes for an internal one.
      const known = toAppError(error);
      const code: typeof shape.code = TRPC_ERROR_CODES_BY_KEY[known.code];
      const httpStatus: number = REASONS[known.reason].status;
      return {
        code,
        message: known.message,
        data: {
          code: known.code,
          httpStatus,
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

/** A procedure for anybody. */
export const publicProcedure = t.procedure;

/** A procedure for a signed-in user: `ctx.user` is the caller. A `user_id` in the input must be the caller's. */
export const protectedProcedure = t.procedure
  .use(authenticate)
  .use(rateLimit)
  .use(factLimit)
  .use(ownUserId)
  .use(userQueue)
  .use(publishChange)
  .use(idempotency);
