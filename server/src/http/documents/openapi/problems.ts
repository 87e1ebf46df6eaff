// Describes the errors of operations: RFC 9457 problem documents, each code with an example.
import { z } from 'zod';
import {
  AppError,
  type FieldError,
  REASONS,
  type ReachedQuota,
  type Reason,
  validationError,
} from '../../../trpc/errors.ts';
import { type Endpoint, inputContract } from '../../transports/endpoints.ts';
import { problemDocument } from '../../transports/problem.ts';
import { CHALLENGE, RETRY_AFTER, takesIdempotencyKey } from './headers.ts';
import { type Json, refTo } from './types.ts';

const MEDIA_TYPE = 'application/problem+json';

const REQUEST_ID = '0c9f2f5e-4a63-4b0e-9d52-7f1f0a8e6c11';

export const PROBLEM_SCHEMAS: Record<string, Json> = {
  FieldError: {
    type: 'object',
    description: 'What is wrong with one field of the input.',
    required: ['path', 'message'],
    properties: {
      path: { type: 'string', description: 'Which field: dot-joined, as it was sent.', examples: ['title'] },
      message: {
        type: 'string',
        description: 'What is wrong with it, in words.',
        examples: ['must not be blank'],
      },
    },
  },
  Problem: {
    type: 'object',
    description: 'What went wrong: RFC 9457 problem details.',
    required: ['type', 'title', 'status', 'detail', 'code', 'request_id'],
    properties: {
      type: { type: 'string', description: 'Always `about:blank`.', examples: ['about:blank'] },
      title: { type: 'string', description: 'What the status means.', examples: ['Bad Request'] },
      status: {
        type: 'integer',
        minimum: 400,
        maximum: 599,
        description: 'The status of the answer.',
        examples: [400],
      },
      detail: {
        type: 'string',
        description: 'What went wrong, in words for people.',
        examples: ['The input is not valid'],
      },
      code: refTo('ProblemCode'),
      request_id: {
        type: 'string',
        description: "The answer's X-Request-Id, under which the server's log has what happened.",
        examples: [REQUEST_ID],
      },
      errors: {
        type: 'array',
        description: 'What is wrong with the input, field by field.',
        items: refTo('FieldError'),
      },
      quota: refTo('Quota'),
    },
  },
  Quota: {
    type: 'object',
    description: 'Of QUOTA_REACHED: how many of what a user may have.',
    required: ['name', 'limit'],
    properties: {
      name: refTo('QuotaName'),
      limit: {
        type: 'integer',
        minimum: 1,
        maximum: 10_000_000,
        description: 'How many at most.',
        examples: [20_000],
      },
    },
  },
  QuotaName: {
    type: 'string',
    enum: ['tasks', 'resources', 'physical_plans', 'mental_plans', 'calendars'],
    description: 'What is counted.',
  },
  ProblemCode: {
    type: 'string',
    enum: Object.keys(REASONS),
    description: 'What went wrong. It is stable: what programs may look at.',
  },
};

/** The texts of errors, as the code that throws them has them. */
const DETAILS: Record<Reason, string> = {
  VALIDATION: 'The input is not valid',
  WEAK_PASSWORD: 'The password is too easy to guess',
  BATCH_TOO_LARGE: 'Too many calls in one batch',
  UNAUTHENTICATED: 'Not authenticated',
  WRONG_CREDENTIALS: 'Wrong credential passed',
  ACCOUNT_BLOCKED: 'The account is blocked',
  REGISTRATION_CLOSED: 'Registration is closed',
  NOT_FOUND: 'Not found',
  METHOD_NOT_ALLOWED: 'Method not allowed',
  DAY_DONE: 'The day is done with other content',
  NOT_READY: 'The top is not held yet',
  DAY_NOT_DONE: 'The day is not done',
  QUOTA_REACHED: 'A user has as many as are kept for one',
  LOGIN_TAKEN: 'User with this login already exists',
  PAYLOAD_TOO_LARGE: 'The body is too large',
  UNSUPPORTED_MEDIA_TYPE: 'Only application/json is accepted',
  IDEMPOTENCY_IN_PROGRESS: 'A call with this Idempotency-Key is running',
  PRECONDITION_FAILED: 'It was changed meanwhile',
  IDEMPOTENCY_KEY_REUSED: 'This Idempotency-Key was used for another request',
  EXPECTATION_FAILED: 'The expectation can not be met',
  HEADERS_TOO_LARGE: 'The headers are too large',
  RATE_LIMITED: 'Too many requests',
  INTERNAL: 'Internal server error',
  UNAVAILABLE: 'Service unavailable',
};

const WEAKNESS = 'is one of the most common passwords';

/** The name of a missing object, by its path. */
const NOUNS: [string, string][] = [
  ['/users/me/sessions/', 'Session'],
  ['/users/me/exports/', 'Export'],
  ['/users/me/calendars/', 'Calendar'],
  ['/physicalPlans/', 'Physical plan'],
  ['/mentalPlans/', 'Mental plan'],
  ['/resources/', 'Resource'],
  ['/outherTasks/', 'Task'],
];

/** The quotas by path, with their limits, which settings can change but for the last. */
const QUOTAS: [string, string, ReachedQuota][] = [
  ['/outherTasks', 'tasks', { name: 'tasks', limit: 20_000 }],
  ['/resources', 'resources', { name: 'resources', limit: 10_000 }],
  ['/physicalPlans', 'physical plans', { name: 'physical_plans', limit: 1000 }],
  ['/mentalPlans', 'mental plans', { name: 'mental_plans', limit: 1000 }],
  ['/users/me/calendars', 'calendars', { name: 'calendars', limit: 10 }],
];

/** @returns the responses of all errors of an operation, by status */
export function problemResponses(endpoint: Endpoint): Record<string, Json> {
  const byStatus = Map.groupBy(errorsOf(endpoint), (reason) => REASONS[reason].status);
  return Object.fromEntries(
    [...byStatus].map(([status, reasons]) => [String(status), problemResponse(endpoint, status, reasons)]),
  );
}

function problemResponse(endpoint: Endpoint, status: number, reasons: Reason[]): Json {
  const waits = status === 503 || status === 429 || reasons.includes('IDEMPOTENCY_IN_PROGRESS');
  const headers = { ...(status === 401 && CHALLENGE), ...(waits && RETRY_AFTER) };
  return {
    description: REASONS[reasons[0] as Reason].title,
    ...(Object.keys(headers).length > 0 && { headers }),
    content: {
      [MEDIA_TYPE]: {
        schema: refTo('Problem'),
        examples: Object.fromEntries(
          reasons.map((reason) => [reason, { summary: DETAILS[reason], value: example(endpoint, reason) }]),
        ),
      },
    },
  };
}

function example(endpoint: Endpoint, reason: Reason): unknown {
  const path = endpoint.meta.openapi?.path ?? '';
  if (reason === 'QUOTA_REACHED') {
    const [, noun, quota] = QUOTAS.find(([prefix]) => path.startsWith(prefix)) as (typeof QUOTAS)[number];
    return problemDocument(
      new AppError(reason, `At most ${quota.limit} ${noun} are kept for a user`, { quota }),
      REQUEST_ID,
    );
  }
  const errors =
    reason === 'VALIDATION'
      ? refusedFields(endpoint)
      : reason === 'WEAK_PASSWORD'
        ? weakPassword(endpoint)
        : undefined;
  const noun = NOUNS.find(([prefix]) => path.startsWith(prefix) && path.includes('{'))?.[1] ?? 'User';
  const detail = reason === 'NOT_FOUND' ? `${noun} not found` : DETAILS[reason];
  return problemDocument(new AppError(reason, detail, errors && { errors }), REQUEST_ID);
}

/**
 * What is sent is no number in a path, a query or a header, where all is text, and no text in a body.
 * @returns the error of the operation's own contract for an input with that in every field, of one field
 */
function refusedFields(endpoint: Endpoint): FieldError[] | undefined {
  const contract = inputContract(endpoint);
  const object = contract instanceof z.ZodOptional ? contract.unwrap() : contract;
  if (!(object instanceof z.ZodObject)) return undefined;
  const { bareArray } = endpoint.meta.rest ?? {};
  const { method = 'GET', path = '' } = endpoint.meta.openapi ?? {};
  const inBody = method !== 'GET';
  const sent = Object.keys(object.shape).map((name) => [
    name,
    name === bareArray ? [0] : inBody && !path.includes(`{${name}}`) ? 0 : 'abc',
  ]);
  const { error } = object.safeParse(Object.fromEntries(sent));
  if (!error) return undefined;
  const errors = validationError(error).errors ?? [];
  const chosen = errors.find(({ path }) => !['id', 'user_id', 'if_match'].includes(path)) ?? errors[0];
  return (
    chosen && [
      bareArray === undefined ? chosen : { ...chosen, path: chosen.path.slice(bareArray.length + 1) },
    ]
  );
}

const weakPassword = ({ name }: Endpoint): FieldError[] => [
  { path: name === 'auth.register' ? 'password' : 'new_password', message: WEAKNESS },
];

/** Every error of an operation. 405, 408 and 431 belong to no operation. */
function errorsOf(endpoint: Endpoint): Set<Reason> {
  const { openapi, rest } = endpoint.meta;
  const reasons = new Set<Reason>([
    'VALIDATION',
    'RATE_LIMITED',
    'INTERNAL',
    'UNAVAILABLE',
    ...(rest?.errors ?? []),
  ]);
  if (!endpoint.public) reasons.add('UNAUTHENTICATED');
  if (takesIdempotencyKey(endpoint)) reasons.add('IDEMPOTENCY_IN_PROGRESS').add('IDEMPOTENCY_KEY_REUSED');
  // A foreign user_id in a body, a foreign or missing object in a path.
  if (!endpoint.public && (endpoint.type === 'mutation' || openapi?.path.includes('{')))
    reasons.add('NOT_FOUND');
  if (openapi && openapi.method !== 'GET') reasons.add('PAYLOAD_TOO_LARGE').add('UNSUPPORTED_MEDIA_TYPE');
  return reasons;
}
