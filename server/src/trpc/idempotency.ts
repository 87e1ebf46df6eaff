// The Idempotency-Key of a mutation (draft-ietf-httpapi-idempotency-key-header), over both transports and in batches.
import { createHash } from 'node:crypto';
import type { TRPCMiddlewareFunction } from '@trpc/server';
import { middlewareMarker } from '@trpc/server/unstable-core-do-not-import';
import type { Database } from '../db/database.ts';
import { type Claim, claimKey, storeAnswer } from '../db/idempotency.ts';
import type { Caller, Context } from './context.ts';
import { AppError, invalidField } from './errors.ts';

/** Visible ASCII. */
const KEY = /^[\x21-\x7e]{1,255}$/;

interface IdempotentCall {
  readonly ctx: Context & { user: Caller };
  readonly path: string;
  readonly batchIndex: number;
  readonly input: unknown;
}

type Next<R> = (options: { ctx: { db: Database } }) => Promise<R>;
type Result = { ok: true; data: unknown } | { ok: false; error: Error };

/**
 * Runs a call with a key once: within a day the same call with the same key gets the first answer. A call that fails is
 * not stored, so the client may send it again.
 * @param next runs the call on the given database
 * @throws AppError 400 for a bad key, 409 while the first call runs, 422 if the key belongs to another call
 */
export async function runIdempotent<R extends Result>(
  { ctx, path, batchIndex, input }: IdempotentCall,
  sent: string,
  next: Next<R>,
): Promise<R> {
  if (!KEY.test(sent)) invalidField('Idempotency-Key', 'must be 1 to 255 visible ASCII characters');
  // In a batch the key names one call by its place.
  const key = `${batchIndex}:${sent}`;
  const request = createHash('sha256')
    .update(JSON.stringify([path, input ?? null]))
    .digest('base64url');
  return ctx.db.transaction(async (tx) => {
    const claim = await claimKey(tx, ctx.user.id, key, request);
    if (claim.outcome === 'replayed') {
      ctx.request.markReplayed();
      return replayedResult<R>(claim.answer);
    }
    if (claim.outcome !== 'new') throwKeyConflict(claim);
    const result = await next({ ctx: { db: tx } });
    // Throws, so that the transaction rolls back everything that the call did.
    if (!result.ok) throw result.error;
    await storeAnswer(tx, ctx.user.id, key, result.data);
    return result;
  });
}

function throwKeyConflict({ outcome }: Claim): never {
  if (outcome === 'running')
    throw new AppError('IDEMPOTENCY_IN_PROGRESS', 'A call with this Idempotency-Key is running', {
      retryAfterSeconds: 1,
    });
  throw new AppError('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used for another request');
}

/** tRPC has no public way to end a call with an answer, so this uses its own marker of a result. */
function replayedResult<R>(data: unknown): R {
  return { ok: true, data, marker: middlewareMarker } satisfies Awaited<
    ReturnType<TRPCMiddlewareFunction<object, object, object, object, unknown>>
  > as unknown as R;
}
