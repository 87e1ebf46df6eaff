// The headers that operations take and answer with.
import { changesData } from '../../../trpc/middlewares.ts';
import type { Endpoint } from '../../transports/endpoints.ts';
import type { Json, Operation, Parameter } from './types.ts';

// Examples are inside the schema, because Swagger UI fills in those beside it: users would send an old version, or one key
// for two calls.

export const LAST_EVENT_ID: Parameter = {
  name: 'Last-Event-ID',
  in: 'header',
  schema: { type: 'string', pattern: '^(0|[1-9][0-9]{0,14})$', examples: ['42'] },
  description: 'The last event that the reader has. Where no header can be set: `lastEventId` in the query.',
};

/** @param name the procedure's. A key is for one call, so each procedure has an example of its own */
const idempotencyKey = (name: string): Parameter => ({
  name: 'Idempotency-Key',
  in: 'header',
  schema: {
    type: 'string',
    minLength: 1,
    maxLength: 255,
    pattern: '^[\\x21-\\x7e]+$',
    examples: [`${name}-9f2c1d4e6b1a`],
  },
  description:
    'Names this call: for a day the same call under the same key happens once and is answered alike.',
});

/** RFC 9110 §13.1.1. */
const TAG = '(W/)?"[\\x21\\x23-\\x7e]*"';

/**
 * The versions that the examples meet when they are sent one after the other: of a date, where the same content twice is
 * no change, and of plans, which a day has moved and moved back. All others are in their first.
 */
const VERSIONS: Readonly<Record<string, string>> = {
  'day.skip': '"0"',
  'day.correct': '"2"',
  'day.reopen': '"2"',
  'physicalPlan.swap': '"2"',
  'physicalPlan.remove': '"5"',
  'mentalPlan.remove': '"4"',
};

/** @param example the ETag that the object has when the examples are sent one after the other */
const ifMatch = (example: string): Parameter => ({
  name: 'If-Match',
  in: 'header',
  schema: { type: 'string', pattern: `^(\\*|${TAG}([ \\t]*,[ \\t]*${TAG})*)$`, examples: [example] },
  description:
    'The ETag of the version that the call is meant for, several of them, or `*` for any. When the object is in another version, the answer is 412. Without it the last change wins.',
});

/** Replaces the field that tRPC has instead of the header by the header. */
export function moveVersionToHeader(operation: Operation): void {
  const properties = operation.requestBody?.content['application/json']?.schema.properties as
    | Json
    | undefined;
  if (!properties || !('if_match' in properties)) return;
  delete properties.if_match;
  operation.parameters = [...(operation.parameters ?? []), ifMatch(VERSIONS[operation.operationId] ?? '"1"')];
}

export const takesIdempotencyKey = (endpoint: Endpoint): boolean =>
  !endpoint.public && changesData(endpoint.type, endpoint.meta);

export function addIdempotencyKey(operation: Operation): void {
  operation.parameters = [...(operation.parameters ?? []), idempotencyKey(operation.operationId)];
}

const header = (description: string, schema: Json): Json => ({ description, schema });

/** The headers of a success with the body `example`. */
export function successHeaders(endpoint: Endpoint, example: unknown): Json | undefined {
  const { etag } = endpoint.meta.rest ?? {};
  const headers = {
    ...(etag && {
      ETag: header('The version, for If-Match.', {
        type: 'string',
        examples: [`"${etag(example as never)}"`],
      }),
    }),
    ...(endpoint.meta.rest?.file && {
      'Content-Disposition': header('The name to save it under.', {
        type: 'string',
        examples: ['attachment; filename="stepwise-2026-11-20.json"'],
      }),
    }),
    ...(takesIdempotencyKey(endpoint) && {
      'Idempotency-Replayed': header('The answer is that of an earlier call.', {
        type: 'string',
        const: 'true',
      }),
    }),
  };
  return Object.keys(headers).length > 0 ? headers : undefined;
}

export const CHALLENGE = {
  'WWW-Authenticate': header('What is asked for.', { type: 'string', const: 'Bearer' }),
};

/** A day: no limit lasts longer. */
const MAX_RETRY_AFTER_SECONDS = 86_400;

export const RETRY_AFTER = {
  'Retry-After': header('Seconds after which the same call may succeed.', {
    type: 'integer',
    minimum: 0,
    maximum: MAX_RETRY_AFTER_SECONDS,
    examples: [1],
  }),
};
