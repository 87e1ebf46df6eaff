import { TRPCClientError } from '@trpc/client';
import type { AppRouter } from './router.ts';

type ServerError = TRPCClientError<AppRouter>;

/** An error of a call that was answered: by the server, or by something else that was there instead of it or before it. */
export type HttpError = ServerError & {
  /** The HTTP status of this call; calls that share a request may have different ones. */
  readonly httpStatus: number;
  /** Seconds after which the same call may succeed, where the answer says so (`Retry-After`). */
  readonly retryAfterSeconds: number | undefined;
};

/**
 * An error that the server answered with. `message` may be shown to anybody, and `data` holds
 * - `reason`: what went wrong, in a word that does not change (`'NOT_FOUND'`); decide by this one;
 * - `errors`: for `'VALIDATION'`, which fields of the input are wrong, and how;
 * - `request_id`: under which the server's log has the request;
 * - `httpStatus`, `code` and `path`: tRPC's words for the same.
 */
export type StepwiseError = HttpError & { readonly data: NonNullable<ServerError['data']> };

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

/**
 * Tells whether there was an answer, also one that is not Stepwise's, and so whether there is a status.
 * @param error whatever was caught
 * @returns true for what the server or a proxy answered; false for a network failure or an aborted call
 */
export function isHttpError(error: unknown): error is HttpError {
  return error instanceof TRPCClientError && 'httpStatus' in error;
}

/** Statuses of a server that is busy, and of proxies while the server is away. */
const TRANSIENT_STATUSES = [429, 502, 503, 504];

/**
 * Tells whether the same call may succeed soon: there was no answer (the network failed), or it was 429, 502, 503 or 504,
 * or it said after how long to try again.
 * @param error whatever was caught
 */
export function isTransientError(error: unknown): boolean {
  if (isHttpError(error))
    return error.retryAfterSeconds !== undefined || TRANSIENT_STATUSES.includes(error.httpStatus);
  return error instanceof TRPCClientError && error.meta?.isNetworkFailure === true;
}

/** Marks an error of `fetch` as transient: other errors of a call would recur. @throws the marked error */
export function throwNetworkFailure(cause: Error): never {
  throw TRPCClientError.from(cause, { meta: { isNetworkFailure: true } });
}

interface ErrorEnvelope {
  readonly error: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly httpStatus?: number };
  };
}

const isErrorEnvelope = (answer: unknown): answer is ErrorEnvelope =>
  typeof (answer as Partial<ErrorEnvelope> | undefined)?.error?.code === 'number';

/**
 * @param url the server's address, for the message
 * @param answer the part of a JSON body that belongs to this call
 * @returns the error of a call whose response has no result
 */
export function toHttpError(url: string, response: Response, answer: unknown): HttpError {
  const { status, headers } = response;
  const meta = { response };
  const httpStatus = (isErrorEnvelope(answer) && answer.error.data?.httpStatus) || status;
  const error = isErrorEnvelope(answer)
    ? TRPCClientError.from<AppRouter>(answer, { meta })
    : new TRPCClientError<AppRouter>(describeForeignResponse(url, status, headers.get('content-type')), {
        meta,
      });
  // In a batch Retry-After applies to the calls with a transient status alone.
  const hasRetryAfter = httpStatus === status || TRANSIENT_STATUSES.includes(httpStatus);
  return Object.assign(error, {
    httpStatus,
    retryAfterSeconds: hasRetryAfter ? parseRetryAfter(headers.get('retry-after')) : undefined,
  });
}

/** @returns a message about an answer of another server, which tells a proxy's page from a wrong URL */
const describeForeignResponse = (url: string, status: number, type: string | null): string =>
  `HTTP ${status} with ${type || 'no content'} from ${url} is no answer of Stepwise${status < 400 || status === 404 ? ': is this URL right?' : ''}`;

/** @param value seconds or, as some proxies write it, a date */
function parseRetryAfter(value: string | null): number | undefined {
  const seconds = value ? Number(value) : Number.NaN;
  const wait = Number.isNaN(seconds) ? (Date.parse(value ?? '') - Date.now()) / 1000 : seconds;
  return Number.isNaN(wait) ? undefined : Math.max(0, Math.ceil(wait));
}

type Json = { readonly [Index in number]?: Json } & { readonly result?: { readonly data: unknown } };

/** @returns undefined if the text is not JSON, for example a proxy's page */
export function parseJson(text: string): Json | null | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
