// The OpenAPI document: trpc-to-openapi's, from the same meta, completed with what that generator has no word for.
import { generateOpenApiDocument } from 'trpc-to-openapi';
import { z } from 'zod';
import type { AppRouter } from '../router.ts';
import type { Reason } from '../trpc/errors.ts';
import { REASONS } from '../trpc/errors.ts';
import { takesKey } from '../trpc/idempotent.ts';
import { type Endpoint, endpointsOf } from './endpoints.ts';

type Json = Record<string, unknown>;

/** The generator reads `meta.openapi` alone; its type asks for an open-ended meta, ours is closed so that typos show. */
type GeneratorInput = Parameters<typeof generateOpenApiDocument>[0];

interface Operation extends Json {
  operationId: string;
  parameters?: { name: string; in: string; schema: Json; required?: boolean; description?: string }[];
  requestBody?: { required: boolean; content: Record<string, { schema: Json; example?: unknown }> };
  responses: Record<string, Json>;
}

export interface OpenApiDocument extends Json {
  openapi: string;
  info: Json;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json>; securitySchemes: Json };
}

const DESCRIPTION = `The REST side of Stepwise. Every operation is also a tRPC procedure under \`/trpc\`; its \`operationId\` is the procedure's name.

Numbers and booleans may be sent as text (\`"7"\`, \`"true"\`). Keys that an operation does not know are ignored.
Every answer carries \`X-Request-Id\`. Errors are \`application/problem+json\` (RFC 9457).
Where calls are limited, \`RateLimit-Limit\`, \`RateLimit-Remaining\` and \`RateLimit-Reset\` (seconds) tell how many are left.`;

const TAGS = {
  Auth: 'Accounts and tokens',
  'Physical plans': 'A week of workouts',
  'Mental plans': 'Books, courses and videos to finish in so many days',
  Resources: 'The books, courses and videos themselves',
  Tasks: 'Things to do besides',
  Exports: 'Files with everything that is kept of a user',
  Events: 'What happens to all of these, as it happens',
  Health: 'For probes',
};

const BEARER = 'bearer';

const BEARER_DESCRIPTION = 'The `access_token` that `POST /users` (register) and `POST /users/signIn` answer with';

const PROBLEM = {
  type: 'object',
  description: 'RFC 9457 problem details',
  required: ['type', 'title', 'status', 'detail', 'code', 'request_id'],
  properties: {
    type: { type: 'string', examples: ['about:blank'] },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', enum: Object.keys(REASONS), description: 'Stable: what programs may look at' },
    request_id: { type: 'string' },
    errors: {
      type: 'array',
      description: 'What is wrong with the input',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: { path: { type: 'string', description: 'Dot-joined, as sent' }, message: { type: 'string' } },
      },
    },
    quota: {
      type: 'object',
      description: 'Of QUOTA_REACHED: how many of what a user may have',
      required: ['name', 'limit'],
      properties: { name: { type: 'string', enum: ['tasks', 'resources', 'physical_plans', 'mental_plans'] }, limit: { type: 'integer' } },
    },
  },
};

const STREAM_DESCRIPTION = `Server-sent events. \`id\` is where the stream stands; whoever comes back with it in \`Last-Event-ID\` gets exactly what
was missed, as long as that is kept (a week), otherwise \`resync\`. Without it the stream begins with \`ready\`. A comment every 20 s is a sign of life.
A user may have ten streams open. In a terminal \`curl -N\` shows one.`;

const LAST_EVENT_ID = {
  name: 'Last-Event-ID',
  in: 'header',
  schema: { type: 'string', pattern: '^(0|[1-9][0-9]{0,14})$' },
  description: 'The last event that the reader has. Where no header can be set: lastEventId in the query',
};

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
  description: 'Names this call: for a day the same call under the same key happens once and is answered alike',
};

/** @returns the document of all operations of the REST door */
export function openApiDocument(router: AppRouter, version: string): OpenApiDocument {
  const document = generateOpenApiDocument(router as unknown as GeneratorInput, {
    title: 'Stepwise',
    description: DESCRIPTION,
    version,
    baseUrl: '/',
    openApiVersion: '3.1.0',
    securitySchemes: { [BEARER]: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: BEARER_DESCRIPTION } },
    // The library's type of the document leaves every level optional; what it generates for our meta is this.
  }) as unknown as OpenApiDocument;

  document.info.license = { name: 'MIT', identifier: 'MIT' };
  document.tags = Object.entries(TAGS).map(([name, description]) => ({ name, description }));
  // The generator's own error schemas are replaced below.
  const schemas = Object.entries(document.components.schemas ?? {}).filter(([name]) => !name.startsWith('error.'));
  document.components.schemas = { ...Object.fromEntries(schemas), Problem: PROBLEM };
  for (const endpoint of endpointsOf(router).values()) {
    const { openapi } = endpoint.meta;
    const operation = openapi && document.paths[openapi.path]?.[openapi.method.toLowerCase()];
    if (operation) complete(operation, endpoint);
    if (endpoint.meta.stream) document.paths[endpoint.meta.stream.path] = { get: streamOperation(endpoint, endpoint.meta.stream) };
  }
  return document;
}

function complete(operation: Operation, endpoint: Endpoint): void {
  const { openapi, rest } = endpoint.meta;
  if (!openapi || !rest) return;
  operation.operationId = endpoint.name;
  operation.security = endpoint.public ? (rest.takesBearer ? [{ [BEARER]: [] }, {}] : []) : [{ [BEARER]: [] }];
  if (openapi.method === 'DELETE') moveQueryToBody(operation);
  const content = operation.requestBody?.content['application/json'];
  moveVersionToHeader(operation);
  if (takesIdempotencyKey(endpoint)) operation.parameters = [...(operation.parameters ?? []), IDEMPOTENCY_KEY];
  if (content && rest.bareArray !== undefined) content.schema = (content.schema.properties as Record<string, Json>)[rest.bareArray] as Json;

  if (content) content.example = exampleOf(content.schema);
  // A body that nothing is asked for in need not be sent.
  if (content && Object.keys(content.schema.properties ?? {}).length === 0 && content.schema.type === 'object')
    delete operation.requestBody;

  // Answers may gain keys: a client generated from the document must not refuse them.
  const success = open(rest.file ? fileResponse(rest.file.content) : (operation.responses['200'] as Json));
  const headers = successHeaders(endpoint);
  operation.responses = { [rest.status]: { ...success, description: 'Success', ...(headers && { headers }) } };
  for (const reason of errorsOf(endpoint)) operation.responses[REASONS[reason].status] = problemResponse(reason);
  // A health check that finds the database away answers in its own form.
  if (rest.statusOf) operation.responses['503'] = { ...success, description: 'Unavailable' };
}

/** The generator knows no streams. */
function streamOperation(endpoint: Endpoint, { summary, tag, event }: NonNullable<Endpoint['meta']['stream']>): Operation {
  return {
    operationId: endpoint.name,
    summary,
    description: STREAM_DESCRIPTION,
    tags: [tag],
    security: [{ [BEARER]: [] }],
    parameters: [LAST_EVENT_ID],
    responses: {
      200: {
        description: 'The stream: `data` of each event is JSON of this form',
        content: { 'text/event-stream': { schema: open(schemaOf(event)) } },
      },
      ...Object.fromEntries([...errorsOf(endpoint)].map((reason) => [REASONS[reason].status, problemResponse(reason)])),
    },
  };
}

/** The generator knows only what a procedure answers with, not the file that this names. */
const fileResponse = (content: z.ZodType): Json => ({ content: { 'application/json': { schema: schemaOf(content) } } });

function schemaOf(contract: z.ZodType): Json {
  const { $schema: _, ...schema } = z.toJSONSchema(contract, { io: 'output' });
  return schema;
}

/** @returns a copy without `additionalProperties: false` at any depth */
function open<T>(schema: T): T {
  return JSON.parse(JSON.stringify(schema, (key, value) => (key === 'additionalProperties' && value === false ? undefined : value)));
}

/** The generator puts whatever a DELETE takes into the query; ours is read from a JSON body, as secrets must be. */
function moveQueryToBody(operation: Operation): void {
  const query = operation.parameters?.filter((parameter) => parameter.in === 'query') ?? [];
  if (query.length === 0) return;
  operation.parameters = operation.parameters?.filter((parameter) => parameter.in !== 'query');
  const schema = {
    type: 'object',
    properties: Object.fromEntries(query.map((parameter) => [parameter.name, parameter.schema])),
    required: query.filter((parameter) => parameter.required).map((parameter) => parameter.name),
  };
  operation.requestBody = { required: true, content: { 'application/json': { schema } } };
}

/** @returns a body made of the examples of its fields; undefined for a field that has none and may be left out */
function exampleOf(schema: Json): unknown {
  const [example] = (schema.examples ?? schema.enum ?? []) as unknown[];
  if (example !== undefined) return example;
  if (schema.type === 'array') {
    const item = exampleOf(schema.items as Json);
    return item === undefined ? undefined : [item];
  }
  if (schema.type !== 'object') return schema.default;
  const fields = Object.entries(schema.properties as Record<string, Json>).map(([name, field]) => [name, exampleOf(field)] as const);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

/** On REST the version that a change is meant for stands in a header, not in the body. */
function moveVersionToHeader(operation: Operation): void {
  const content = operation.requestBody?.content['application/json'];
  const properties = content?.schema.properties as Json | undefined;
  if (!properties || !('if_match' in properties)) return;
  delete properties.if_match;
  const description = 'The ETag of the version that the change is meant for; without it the last change wins';
  operation.parameters = [...(operation.parameters ?? []), { name: 'If-Match', in: 'header', schema: { type: 'string' }, description }];
}

const takesIdempotencyKey = (endpoint: Endpoint): boolean => !endpoint.public && takesKey(endpoint.name, endpoint.type);

/** What a success carries besides its body. */
function successHeaders(endpoint: Endpoint): Json | undefined {
  const headers = {
    ...(endpoint.meta.rest?.etag && { ETag: { description: 'The version, for If-Match', schema: { type: 'string', examples: ['"1"'] } } }),
    ...(endpoint.meta.rest?.file && {
      'Content-Disposition': { description: 'The name to keep it under', schema: { type: 'string' } },
    }),
    ...(takesIdempotencyKey(endpoint) && {
      'Idempotency-Replayed': { description: 'The answer is that of an earlier call', schema: { const: 'true' } },
    }),
  };
  return Object.keys(headers).length > 0 ? headers : undefined;
}

/** Every error that an operation can answer with; 405, 408 and 431 belong to no operation. */
function errorsOf(endpoint: Endpoint): Set<Reason> {
  const { openapi, rest } = endpoint.meta;
  const reasons = new Set<Reason>(['VALIDATION', 'RATE_LIMITED', 'INTERNAL', 'UNAVAILABLE', ...(rest?.errors ?? [])]);
  if (!endpoint.public) reasons.add('UNAUTHENTICATED');
  if (takesIdempotencyKey(endpoint)) reasons.add('IDEMPOTENCY_IN_PROGRESS').add('IDEMPOTENCY_KEY_REUSED');
  // A foreign user_id in a body, a foreign or missing object in a path.
  if (!endpoint.public && (endpoint.type === 'mutation' || openapi?.path.includes('{'))) reasons.add('NOT_FOUND');
  if (openapi && openapi.method !== 'GET') reasons.add('PAYLOAD_TOO_LARGE').add('UNSUPPORTED_MEDIA_TYPE');
  return reasons;
}

function problemResponse(reason: Reason): Json {
  const { status, title } = REASONS[reason];
  const header = (description: string, type: string) => ({ description, schema: { type } });
  return {
    description: title,
    ...(status === 401 && { headers: { 'WWW-Authenticate': header('Bearer', 'string') } }),
    ...((status === 503 || status === 429 || reason === 'IDEMPOTENCY_IN_PROGRESS') && {
      headers: { 'Retry-After': header('Seconds', 'integer') },
    }),
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}
