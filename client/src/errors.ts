import { TRPCClientError } from '@trpc/client';
import type { AppRouter } from './router.ts';

type ServerError = TRPCClientError<AppRouter>;

/**
 * An error that the server answered with. `message` may be shown to anybody, and `data` holds
 * - `reason`: what went wrong, in a word that does not change (`'NOT_FOUND'`); decide by this one;
 * - `errors`: for `'VALIDATION'`, which fields of the input are wrong, and how;
 * - `request_id`: under which the server's log has the request;
 * - `httpStatus`, `code` and `path`: tRPC's words for the same.
 */
export type StepwiseError = ServerError & { readonly data: NonNullable<ServerError['data']> };

/** What can go wrong, in words that do not change. */
export type Reason = StepwiseError['data']['reason'];

/** One thing that is wrong with an input: `path` is dot-joined (`resources.0.name`), `message` says what it must be. */
export type FieldError = NonNullable<StepwiseError['data']['errors']>[number];

/**
 * Tells the server's answers from everything else that a call may throw.
 * @param error whatever was caught
 * @returns whether the Stepwise server said this; false for a network failure, an aborted call, or a proxy's error page
 */
export function isStepwiseError(error: unknown): error is StepwiseError {
  return error instanceof TRPCClientError && typeof error.data?.reason === 'string';
}
