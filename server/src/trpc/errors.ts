import { TRPCError } from '@trpc/server';
import { ZodError } from 'zod';
import { databaseCode, isInvalidValue, isMissingReference, isUnavailable } from '../db/errors.ts';
import { QueueFullError } from '../security/fairQueue.ts';
import { RateLimitError } from '../security/rateLimits.ts';

/** One thing that is wrong with an input; `path` is dot-joined, as the client sent it. */
export interface FieldError {
  path: string;
  message: string;
}

type TrpcCode = TRPCError['code'];

/** Every error that a client can meet: its stable reason → tRPC's code for it and the HTTP status. */
export const REASONS = {
  VALIDATION: { code: 'BAD_REQUEST', status: 400, title: 'Bad Request' },
  WEAK_PASSWORD: { code: 'BAD_REQUEST', status: 400, title: 'Bad Request' },
  BATCH_TOO_LARGE: { code: 'BAD_REQUEST', status: 400, title: 'Bad Request' },
  UNAUTHENTICATED: { code: 'UNAUTHORIZED', status: 401, title: 'Unauthorized' },
  WRONG_CREDENTIALS: { code: 'UNAUTHORIZED', status: 401, title: 'Unauthorized' },
  ACCOUNT_BLOCKED: { code: 'FORBIDDEN', status: 403, title: 'Forbidden' },
  REGISTRATION_CLOSED: { code: 'FORBIDDEN', status: 403, title: 'Forbidden' },
  NOT_FOUND: { code: 'NOT_FOUND', status: 404, title: 'Not Found' },
  METHOD_NOT_ALLOWED: { code: 'METHOD_NOT_SUPPORTED', status: 405, title: 'Method Not Allowed' },
  LOGIN_TAKEN: { code: 'CONFLICT', status: 409, title: 'Conflict' },
  DAY_DONE: { code: 'CONFLICT', status: 409, title: 'Conflict' },
  DAY_NOT_DONE: { code: 'CONFLICT', status: 409, title: 'Conflict' },
  NOT_READY: { code: 'CONFLICT', status: 409, title: 'Conflict' },
  QUOTA_REACHED: { code: 'CONFLICT', status: 409, title: 'Conflict' },
  PAYLOAD_TOO_LARGE: { code: 'PAYLOAD_TOO_LARGE', status: 413, title: 'Content Too Large' },
  UNSUPPORTED_MEDIA_TYPE: { code: 'UNSUPPORTED_MEDIA_TYPE', status: 415, title: 'Unsupported Media Type' },
  IDEMPOTENCY_IN_PROGRESS: { code: 'CONFLICT', status: 409, title: 'Conflict' },
  PRECONDITION_FAILED: { code: 'PRECONDITION_FAILED', status: 412, title: 'Precondition Failed' },
  IDEMPOTENCY_KEY_REUSED: { code: 'UNPROCESSABLE_CONTENT', status: 422, title: 'Unprocessable Content' },
  // tRPC has no codes for these two: such a request never reaches a procedure.
  EXPECTATION_FAILED: { code: 'BAD_REQUEST', status: 417, title: 'Expectation Failed' },
  HEADERS_TOO_LARGE: { code: 'BAD_REQUEST', status: 431, title: 'Request Header Fields Too Large' },
  RATE_LIMITED: { code: 'TOO_MANY_REQUESTS', status: 429, title: 'Too Many Requests' },
  INTERNAL: { code: 'INTERNAL_SERVER_ERROR', status: 500, title: 'Internal Server Error' },
  UNAVAILABLE: { code: 'SERVICE_UNAVAILABLE', status: 503, title: 'Service Unavailable' },
} as const satisfies Record<string, { code: TrpcCode; status: number; title: string }>;

export type Reason = keyof typeof REASONS;

export interface ReachedQuota {
  readonly name: string;
  readonly limit: number;
}

interface Details {
  readonly errors?: readonly FieldError[];
  /** Seconds. */
  readonly retryAfterSeconds?: number;
  readonly quota?: ReachedQuota;
  readonly cause?: unknown;
}

/** An error whose message may be shown to anybody. */
export class AppError extends TRPCError {
  readonly reason: Reason;
  readonly errors: readonly FieldError[] | undefined;
  /** Seconds after which the same call may succeed. */
  readonly retryAfterSeconds: number | undefined;
  /** The quota that is reached: how many of what a user may have. */
  readonly quota: ReachedQuota | undefined;

  constructor(reason: Reason, message: string, details: Details = {}) {
    // What goes wrong on purpose needs no frames, which cost more than the rest of a refusal; a cause has its own.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super({ code: REASONS[reason].code, message, cause: details.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.reason = reason;
    this.errors = details.errors;
    this.quota = details.quota;
    this.retryAfterSeconds = details.retryAfterSeconds ?? (reason === 'UNAVAILABLE' ? 1 : undefined);
  }
}

/** @throws 404; the same words for what is missing and for what belongs to another user */
export function notFound(
  what:
    | 'User'
    | 'Physical plan'
    | 'Mental plan'
    | 'Resource'
    | 'Task'
    | 'Exercise'
    | 'Session'
    | 'Export'
    | 'Calendar'
    | 'File',
): never {
  throw new AppError('NOT_FOUND', `${what} not found`);
}

/** @throws 404 for the id of another user: nobody learns who exists */
export function requireSelf({ user }: { readonly user: { readonly id: number } }, user_id: number): void {
  if (user_id !== user.id) notFound('User');
}

/** @throws 400 naming one field */
export function invalidField(path: string, message: string): never {
  throw new AppError('VALIDATION', 'The input is not valid', { errors: [{ path, message }] });
}

/** @throws 412 when the object is not in the version that the change was meant for, otherwise 404 */
export function throwMissed(
  what: Parameters<typeof notFound>[0],
  outcome: 'version_mismatch' | 'missing',
): never {
  if (outcome === 'missing') notFound(what);
  throw new AppError('PRECONDITION_FAILED', 'It was changed meanwhile');
}

/** One for all: it says nothing of the request, and to make one was a sixth of a refusal. */
const NOT_AUTHENTICATED = new AppError('UNAUTHENTICATED', 'Not authenticated');

/** @throws 401 for a request without a valid token */
export function unauthenticated(): never {
  throw NOT_AUTHENTICATED;
}

/** @throws 401, in the same words whatever was wrong */
export function wrongCredentials(): never {
  throw new AppError('WRONG_CREDENTIALS', 'Wrong credential passed');
}

/** Issues that one answer lists at most. */
const MAX_ISSUES = 20;

export function validationError(error: ZodError): AppError {
  const errors = error.issues
    .slice(0, MAX_ISSUES)
    .map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
  return new AppError('VALIDATION', 'The input is not valid', { errors });
}

/**
 * Makes of any error one that may be shown: what is not known becomes a constant text.
 * The code of the given error decides wherever tRPC itself made it.
 */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof TRPCError) {
    if (error.cause instanceof AppError) return error.cause;
    if (error.code === 'BAD_REQUEST' && error.cause instanceof ZodError) return validationError(error.cause);
    if (error.code !== 'INTERNAL_SERVER_ERROR') return fromTrpcError(error);
    return fromCause(error.cause);
  }
  return fromCause(error);
}

function fromCause(cause: unknown): AppError {
  if (cause instanceof QueueFullError)
    return new AppError('UNAVAILABLE', 'Too many sign-ins at the moment', { cause });
  if (cause instanceof RateLimitError)
    return new AppError('RATE_LIMITED', 'Too many requests', { retryAfterSeconds: cause.retryAfterSeconds });
  const code = databaseCode(cause);
  if (code !== undefined && isUnavailable(code))
    return new AppError('UNAVAILABLE', 'Service unavailable', { cause });
  if (code !== undefined && isMissingReference(code))
    return new AppError('NOT_FOUND', 'Not found', { cause });
  if (code !== undefined && isInvalidValue(code))
    return new AppError('VALIDATION', 'The input is not valid', { cause });
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

function fromTrpcError(error: TRPCError): AppError {
  const [reason, message] = TRPC_MESSAGES[error.code] ?? ['INTERNAL', 'Internal server error'];
  return new AppError(reason, message, { cause: error });
}
