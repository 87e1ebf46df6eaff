// What a call of a signed-in user passes before its procedure, in the order in which procedures.ts lists it.
import type { TRPCMiddlewareFunction } from '@trpc/server';
import type { QueueSlot, UserQueue } from '../security/userQueue.ts';
import type { Caller, Context } from './context.ts';
import type { Meta } from './endpoint.ts';
import { requireSelf, unauthenticated } from './errors.ts';
import { runIdempotent } from './idempotency.ts';

/** @typeParam In what earlier middlewares added to the context @typeParam Out what this one adds */
type Middleware<In extends object, Out extends object = object> = TRPCMiddlewareFunction<
  Context,
  Meta,
  In,
  Out,
  unknown
>;

interface SignedIn {
  readonly user: Caller;
}

/**
 * @returns whether a procedure changes what streams tell of: plans, resources, tasks and exports. Such changes lock the
 * same row of the database, and take an Idempotency-Key
 */
export const changesData = (type: string, meta: Meta | undefined): boolean =>
  type === 'mutation' && meta?.rest?.changesAccount !== true;

/** Adds the caller to the context. @throws 401 without a valid token of an open session */
export const authenticate: Middleware<object, SignedIn> = ({ ctx, next }) =>
  ctx.request.authenticate().then((user) => next({ ctx: { user: user ?? unauthenticated() } }));

/** Counts the call for the user. @throws 429 */
export const rateLimit: Middleware<SignedIn> = ({ ctx, next }) => {
  const counting = ctx.request.consumeRateLimit(ctx.user.id);
  return counting instanceof Promise ? counting.then(() => next()) : next();
};

/** Counts a change that keeps a fact. @throws 429 */
export const factLimit: Middleware<SignedIn> = ({ ctx, meta, next }) =>
  meta?.rest?.recordsFacts ? ctx.services.limits.consumeFact(ctx.user.id).then(() => next()) : next();

/** @throws 404 for a `user_id` in the input that is not the caller's */
export const ownUserId: Middleware<SignedIn> = ({ ctx, getRawInput, next }) =>
  getRawInput().then((input) => {
    const { user_id } = (input ?? {}) as { user_id?: unknown };
    if (typeof user_id === 'number') requireSelf(ctx, user_id);
    return next();
  });

/** Lets a few reads and a few changes of one user run at a time. @throws 429 when too many wait, 503 when they wait in vain */
export const userQueue: Middleware<SignedIn> = ({ ctx, type, meta, next }) => {
  const { readQueue, changeQueue } = ctx.services;
  if (type === 'query')
    return withSlot(readQueue, ctx.user.id, async () => {
      const read = await next();
      // Before the place is given to the next, which would hold its answer beside this one.
      if (read.ok) ctx.request.countAnswer?.(read.data);
      return read;
    });
  return changesData(type, meta) ? withSlot(changeQueue, ctx.user.id, next) : next();
};

async function withSlot<T>(queue: UserQueue, user_id: number, run: () => Promise<T>): Promise<T> {
  const entered = queue.acquire(user_id);
  // No turn of the event loop where there is room.
  const slot: QueueSlot = entered instanceof Promise ? await entered : entered;
  try {
    return await run();
  } finally {
    slot.release();
  }
}

/** Tells the streams of the user that there are new events: after the commit, and not before. */
export const publishChange: Middleware<SignedIn> = ({ ctx, type, meta, next }) =>
  changesData(type, meta) ? publishAfter(ctx, next) : next();

async function publishAfter<R extends { ok: boolean }>(
  { services, user }: Context & SignedIn,
  run: () => Promise<R>,
): Promise<R> {
  const result = await run();
  if (result.ok) services.streams.publishChange(user.id);
  return result;
}

/** Runs a change that has an Idempotency-Key once, in a transaction with its answer. */
export const idempotency: Middleware<SignedIn> = ({
  ctx,
  path,
  type,
  meta,
  batchIndex,
  getRawInput,
  next,
}) => {
  const { idempotencyKey } = ctx.request;
  if (idempotencyKey === undefined || !changesData(type, meta)) return next();
  return getRawInput().then((input) => runIdempotent({ ctx, path, batchIndex, input }, idempotencyKey, next));
};
