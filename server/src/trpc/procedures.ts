// The words that features are written in.
import { initTRPC } from '@trpc/server';
import type { Context } from './context.ts';
import type { Meta } from './endpoint.ts';
import { notFound, toAppError, unauthenticated } from './errors.ts';
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

/** A procedure for anybody. */
export const publicProcedure = t.procedure;

/** A procedure for a signed-in user: `ctx.user` is the caller. A `user_id` in the input must be the caller's. */
export const protectedProcedure = t.procedure.use(
  async ({ ctx, path, type, batchIndex, getRawInput, next }) => {
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
          : await once(
              { ctx: { ...ctx, user }, path, batchIndex, input: raw },
              idempotencyKey,
              ({ ctx: { db } }) => next({ ctx: { user, db } }),
            );
      // After the commit, and not before.
      if (result.ok) ctx.services.streams.changed(user.id);
      return result;
    } finally {
      place.leave();
    }
  },
);
