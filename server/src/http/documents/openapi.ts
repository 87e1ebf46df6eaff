// Makes the OpenAPI document: trpc-to-openapi generates it from the meta, and this file adds what that cannot express.
import { generateOpenApiDocument } from 'trpc-to-openapi';
import { z } from 'zod';
import type { AppRouter } from '../../router.ts';
import { type Endpoint, inputContract, listEndpoints } from '../transports/endpoints.ts';
import { exampleOf, merged, resolved } from './openapi/examples.ts';
import {
  addIdempotencyKey,
  LAST_EVENT_ID,
  moveVersionToHeader,
  successHeaders,
  takesIdempotencyKey,
} from './openapi/headers.ts';
import { PROBLEM_SCHEMAS, problemResponses } from './openapi/problems.ts';
import { BEARER, DESCRIPTION, idIn, SECURITY_SCHEMES, TAGS } from './openapi/texts.ts';
import { type Json, type OpenApiDocument, type Operation, refTo, SCHEMAS } from './openapi/types.ts';

export type { OpenApiDocument } from './openapi/types.ts';

type Schemas = OpenApiDocument['components']['schemas'];

/** The generator reads only `meta.openapi`. Its type wants an open meta; ours is closed, so that typos do not compile. */
type GeneratorInput = Parameters<typeof generateOpenApiDocument>[0];
type GeneratorOptions = Parameters<typeof generateOpenApiDocument>[1];

/** @returns the document of all operations of the REST transport */
export function openApiDocument(router: AppRouter, version: string): OpenApiDocument {
  const endpoints = [...listEndpoints(router).values()];
  const document = generateOpenApiDocument(router as unknown as GeneratorInput, {
    title: 'Stepwise',
    description: DESCRIPTION,
    version,
    baseUrl: '/',
    openApiVersion: '3.1.0',
    securitySchemes: SECURITY_SCHEMES,
    paths: streamPaths(endpoints),
    // In the library's type every level is optional. For our meta it generates this.
  }) as unknown as OpenApiDocument;

  document.info.contact = { name: 'Stepwise' };
  document.info.license = { name: 'MIT', identifier: 'MIT' };
  document.tags = Object.entries(TAGS).map(([name, description]) => ({ name, description }));
  // The generator's own error schemas are replaced.
  const generated = Object.entries(document.components.schemas).filter(
    ([name]) => !name.startsWith('error.'),
  );
  const schemas: Schemas = { ...Object.fromEntries(generated), ...PROBLEM_SCHEMAS };
  for (const endpoint of endpoints) {
    const { openapi, stream } = endpoint.meta;
    const operation =
      document.paths[openapi?.path ?? stream?.path ?? '']?.[openapi?.method.toLowerCase() ?? 'get'];
    if (operation && openapi) complete(operation, endpoint, schemas);
    if (operation && stream) completeStream(operation, endpoint, schemas);
  }
  document.components.schemas = schemas;
  document.components.schemas = sorted(schemas, JSON.stringify(document));
  // Answers may gain keys, which a generated client must not refuse.
  return open(document);
}

function complete(operation: Operation, endpoint: Endpoint, schemas: Schemas): void {
  const { openapi, rest } = endpoint.meta;
  if (!openapi || !rest) return;
  operation.operationId = endpoint.name;
  operation.security = endpoint.public
    ? rest.takesBearer
      ? [{ [BEARER]: [] }, {}]
      : []
    : [{ [BEARER]: [] }];
  if (openapi.method === 'DELETE') moveQueryToBody(operation);
  moveVersionToHeader(operation);
  if (takesIdempotencyKey(endpoint)) addIdempotencyKey(operation);
  completeBody(operation, endpoint, schemas);
  completeParameters(operation, openapi.path);

  const generated = operation.responses['200'] as { content: { 'application/json': { schema: Json } } };
  // The generator knows the answer of the procedure, not the file that it names.
  const schema = rest.file
    ? refTo(namesOf(rest.file.content).id)
    : generated.content['application/json'].schema;
  const example = answerExample(schema, schemas, rest.example);
  const answer = { content: { 'application/json': { schema, example } } };
  const headers = successHeaders(endpoint, example);
  operation.responses = {
    [rest.status]: { description: 'Success', ...(headers && { headers }), ...answer },
    ...problemResponses(endpoint),
  };
  if (rest.statusOf) operation.responses['503'] = unavailable(schema, schemas);
}

/** Names the body. The generator cannot, because it takes the body out of the procedure's input. */
function completeBody(operation: Operation, endpoint: Endpoint, schemas: Schemas): void {
  const content = operation.requestBody?.content['application/json'];
  if (!content) return;
  const { bareArray } = endpoint.meta.rest ?? {};
  const fields = content.schema.properties as Schemas;
  // A body without required fields is optional.
  if (Object.keys(fields).length === 0) {
    delete operation.requestBody;
    return;
  }
  if (bareArray === undefined) {
    const { id, description } = namesOf(inputContract(endpoint));
    schemas[id] = { ...content.schema, properties: tellDefaults(fields), description };
    content.schema = refTo(id);
  } else content.schema = fields[bareArray] as Json;
  content.example = exampleOf(content.schema, schemas);
}

/** Generators of clients require a field that has a default. In requests the description tells the default instead. */
function tellDefaults(fields: Schemas): Schemas {
  const told = Object.entries(fields).map(([name, { default: value, ...field }]) => {
    const description = `${field.description} Left out, it is ${JSON.stringify(value)}.`;
    return [name, value === undefined ? field : { ...field, description }];
  });
  return Object.fromEntries(told);
}

function completeParameters(operation: Operation, path: string): void {
  for (const parameter of operation.parameters ?? []) {
    if (parameter.in === 'path' && parameter.name === 'date')
      Object.assign(parameter, { description: 'A local date of the caller.', example: '2026-11-28' });
    else if (parameter.in === 'path') Object.assign(parameter, { description: idIn(path), example: 1 });
    if (parameter.in !== 'query') continue;
    const { description, ...schema } = parameter.schema;
    Object.assign(parameter, { description, schema });
  }
}

/** The generator puts the input of a DELETE into the query. Ours is a JSON body, because it may hold secrets. */
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

/** Describes a stream, which the generator does not know. */
function streamPaths(endpoints: readonly Endpoint[]): NonNullable<GeneratorOptions['paths']> {
  const streams = endpoints.flatMap(({ name, meta: { stream } }) => (stream ? [{ name, ...stream }] : []));
  return Object.fromEntries(
    streams.map(({ name, path, summary, description, tag, event }) => {
      const content = { 'text/event-stream': { schema: event } };
      const success = { description: 'The stream: `data` of each event is JSON of this form.', content };
      return [
        path,
        { get: { operationId: name, summary, description, tags: [tag], responses: { 200: success } } },
      ];
    }),
  );
}

function completeStream(operation: Operation, endpoint: Endpoint, schemas: Schemas): void {
  operation.security = [{ [BEARER]: [] }];
  operation.parameters = [LAST_EVENT_ID];
  const { content } = operation.responses['200'] as {
    content: Record<string, { schema: Json; examples?: Json }>;
  };
  for (const body of Object.values(content)) {
    const values = (resolved(body.schema, schemas).oneOf as Json[]).map(
      (event) => exampleOf(event, schemas) as { type: string },
    );
    body.examples = Object.fromEntries(values.map((value) => [value.type, { value }]));
  }
  Object.assign(operation.responses, problemResponses(endpoint));
}

const answerExample = (schema: Json, schemas: Schemas, more: object | undefined): unknown =>
  more ? merged(exampleOf(schema, schemas) as Json, more) : exampleOf(schema, schemas);

/** A health check without a database has an answer of its own form. */
function unavailable(schema: Json, schemas: Schemas): Json {
  const example = answerExample(schema, schemas, { status: 'unavailable', database: 'disconnected' });
  return { description: 'Unavailable', content: { 'application/json': { schema, example } } };
}

/** @returns the contract's own meta, which makes it a component */
function namesOf(contract: z.ZodType | undefined): { id: string; description: string | undefined } {
  const named = contract instanceof z.ZodOptional ? (contract.unwrap() as z.ZodType) : contract;
  const { id, description } = named?.meta() ?? {};
  if (id === undefined) throw new Error('a contract that is a body has a name: .meta({ id })');
  return { id, description };
}

/** @returns the components that the document refers to, by name */
function sorted(schemas: Schemas, text: string): Schemas {
  const used = Object.entries(schemas).filter(([name]) => text.includes(`"${SCHEMAS}${name}"`));
  return Object.fromEntries(used.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** @returns a copy without `additionalProperties: false` at any depth */
function open<T>(document: T): T {
  return JSON.parse(
    JSON.stringify(document, (key, value) =>
      key === 'additionalProperties' && value === false ? undefined : value,
    ),
  );
}
