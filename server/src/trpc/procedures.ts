// The words that features are written in.
import { initTRPC } from '@trpc/server';
import type { Context } from './context.ts';
import type { Meta } from './endpoint.ts';
import { toAppError } from './errors.ts';
import { authenticate, idempotency, ownUserId, publishChange, rateLimit, userQueue } from './middlewares.ts';

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

/** A procedure for anybody. */
export const publicProcedure = t.procedure;

/** A procedure for a signed-in user: `ctx.user` is the caller. A `user_id` in the input must be the caller's. */
export const protectedProcedure = t.procedure
  .use(authenticate)
  .use(rateLimit)
  .use(ownUserId)
  .use(userQueue)
  .use(publishChange)
  .use(idempotency);
