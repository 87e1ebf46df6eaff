// The published document as generators of clients and readers of examples need it: all of it is walked.
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { REASONS, type Reason } from '../src/trpc/errors.ts';
import { startApp } from './harness.ts';

type Json = Record<string, unknown>;

interface Body {
  readonly schema: Json;
  readonly example?: unknown;
  readonly examples?: Record<string, { value: unknown }>;
}

interface Parameter extends Body {
  readonly name: string;
  readonly in: string;
  readonly description?: string;
}

interface Operation {
  readonly operationId: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { content: Record<string, Body> };
  readonly responses: Record<
    string,
    { description: string; headers?: Record<string, Parameter>; content?: Record<string, Body> }
  >;
}

interface Document {
  readonly tags: readonly { name: string; description?: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    schemas: Record<string, Json>;
    securitySchemes: Record<string, { description?: string }>;
  };
}

const api = await startApp();
const document: Document = (await api.rest('GET', '/openapi.json')).body;
const { schemas } = document.components;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    route: `${method.toUpperCase()} ${path}`,
    operation,
  })),
);

const ajv = addFormats.default(new Ajv2020({ strict: false }));
ajv.addSchema(document, 'document');

/** @returns what is wrong with a value, by a schema of the document */
function faultOf(schema: Json, value: unknown): string | undefined {
  const absolute = JSON.parse(JSON.stringify(schema), (key, part) =>
    key === '$ref' ? `document${part}` : part,
  );
  return ajv.validate(absolute, value) ? undefined : ajv.errorsText();
}

/** Every object and list in the document with the way to it. */
function* walk(value: unknown, at: readonly string[] = []): Generator<{ part: Json; at: readonly string[] }> {
  if (typeof value !== 'object' || value === null) return;
  yield { part: value as Json, at };
  for (const [key, inner] of Object.entries(value))
    if (key !== 'example' && key !== 'examples') yield* walk(inner, [...at, key]);
}

const parts = [...walk(document)];
/** Whether the way leads to a field of a component. */
const isField = (at: readonly string[]) => at.at(-2) === 'properties' && at[0] === 'components';
const isComponent = (at: readonly string[]) => at.length === 3 && at[1] === 'schemas';

describe('names', () => {
  test('#242 every object is a component, and whatever has it refers to that', () => {
    const objects = parts.filter(({ part, at }) => part.properties && at.at(-1) !== 'properties');
    expect(objects.length).toBeGreaterThan(60);
    expect(objects.filter(({ at }) => !isComponent(at)).map(({ at }) => at.join('/'))).toEqual([]);
    const enums = parts.filter(({ part }) => Array.isArray(part.enum));
    // Those of a health check belong to it alone.
    expect(
      enums.filter(({ at }) => !isComponent(at) && at[2] !== 'Health').map(({ at }) => at.join('/')),
    ).toEqual([]);
  });

  test('#242 no two components say the same, and none is there that nothing refers to', () => {
    const plain = (schema: Json) =>
      JSON.stringify(schema, (key, value) =>
        key === 'description' || key === 'examples' ? undefined : (value as unknown),
      );
    const alike = Map.groupBy(Object.keys(schemas), (name) => plain(schemas[name] as Json));
    expect([...alike.values()].filter((names) => names.length > 1)).toEqual([]);
    const referred = new Set(parts.map(({ part }) => part.$ref).filter((ref) => ref !== undefined));
    expect([...referred].sort()).toEqual(Object.keys(schemas).map((name) => `#/components/schemas/${name}`));
  });

  test.each<[string, string, string?]>([
    ['task.create', 'Task', 'NewTask'],
    ['task.update', 'ChangedTask', 'TaskChange'],
    ['physicalPlan.byUser', 'PhysicalPlanView'],
    ['physicalPlan.create', 'CreatedPhysicalPlan', 'NewPhysicalPlan'],
    ['physicalPlan.update', 'UpdatedPhysicalPlan', 'PhysicalPlanChange'],
    ['mentalPlan.byUser', 'MentalPlanView'],
    ['mentalPlan.create', 'CreatedMentalPlan', 'NewMentalPlan'],
    ['mentalPlan.update', 'UpdatedMentalPlan', 'MentalPlanChange'],
    ['resource.update', 'UpdatedResource', 'ResourceChange'],
    ['auth.register', 'TokenAnswer', 'Registration'],
    ['auth.signIn', 'TokenAnswer', 'SignIn'],
    ['auth.signOut', 'Message', 'SignOut'],
    ['auth.resetPassword', 'Message', 'PasswordReset'],
    ['auth.remove', 'Message', 'AccountRemoval'],
    ['auth.me', 'Me'],
    ['auth.exports.start', 'AccountExport'],
    ['auth.exports.file', 'Export'],
    ['auth.export', 'Export'],
    ['health.check', 'Health'],
  ])('#242 %s answers with a %s', (name, answer, body) => {
    const operation = operations.find((candidate) => candidate.operation.operationId === name)
      ?.operation as Operation;
    const success = Object.entries(operation.responses).find(([status]) => status.startsWith('2'))?.[1];
    expect(success?.content?.['application/json']?.schema).toEqual({
      $ref: `#/components/schemas/${answer}`,
    });
    expect(operation.requestBody?.content['application/json']?.schema.$ref).toBe(
      body && `#/components/schemas/${body}`,
    );
  });

  test('#242 the objects in an object have names as well', () => {
    const field = (name: string, key: string) => (schemas[name] as { properties: Json }).properties[key];
    expect(field('PhysicalPlanView', 'data')).toEqual({ $ref: '#/components/schemas/PhysicalPlan' });
    expect(field('PhysicalPlanDay', 'exercises')).toMatchObject({
      items: { $ref: '#/components/schemas/PlanExercise' },
    });
    expect(field('PlannedResource', 'resource')).toEqual({ $ref: '#/components/schemas/Resource' });
    expect(field('Problem', 'errors')).toMatchObject({ items: { $ref: '#/components/schemas/FieldError' } });
  });

  test('#243 an event is one of the named ones, told apart by its type', () => {
    const stream = document.paths['/events']?.get?.responses['200']?.content?.['text/event-stream'];
    expect(stream?.schema).toEqual({ $ref: '#/components/schemas/StreamEvent' });
    const { oneOf, discriminator } = schemas.StreamEvent as {
      oneOf: { $ref: string }[];
      discriminator: { mapping: Record<string, string> };
    };
    expect(discriminator).toMatchObject({ propertyName: 'type' });
    expect(Object.values(discriminator.mapping)).toEqual(oneOf.map(({ $ref }) => $ref));
    for (const [type, ref] of Object.entries(discriminator.mapping))
      expect(schemas[ref.split('/').at(-1) as string], type).toMatchObject({
        properties: { type: { const: type } },
        required: expect.arrayContaining(['type']),
      });
    expect(Object.keys(stream?.examples ?? {})).toEqual(Object.keys(discriminator.mapping));
  });
});

describe('bounds', () => {
  const integers = parts.filter(({ part }) => part.type === 'integer');
  /** Whether a name is that of an id or of a list of ids. */
  const mayBeId = (at: readonly string[]) =>
    at.at(-3) === 'parameters' ||
    at.includes('/resources/bulk') ||
    /(^|[/_])id$|^(resource_list|tasks|ready|excluded|to|data)$/.test(
      at[at.lastIndexOf('properties') + 1] ?? '',
    );

  test('#244 every integer has the bounds of the contract, and none those of a double', () => {
    expect(integers.length).toBeGreaterThan(100);
    // Sums of changes are below 0 where more was taken back than done.
    const isSumOfChanges = (at: readonly string[]) =>
      at.some((part) => part.startsWith('History')) && /^(study_minutes|tasks)$/.test(at.at(-1) ?? '');
    const numbers = integers.filter(
      ({ part, at }) => part.maximum !== Number.MAX_SAFE_INTEGER || !mayBeId(at),
    );
    const loose = numbers.filter(({ part, at }) => {
      const least = isSumOfChanges(at) ? -Number(part.maximum) : 0;
      return !(Number(part.minimum) >= least && Number(part.maximum) <= 999_999_999_999_999);
    });
    expect(loose.map(({ at }) => at.join('/'))).toEqual([]);
    // What outgrows 32 bits is named, so that nothing gets there unseen.
    const long = numbers
      .filter(({ part }) => Number(part.maximum) > 2_147_483_647)
      .map(({ at }) => at.slice(2).join('/'));
    expect(long).toEqual([
      'AccountExport/properties/bytes',
      'ExportedAuditLine/properties/id',
      'ExportedEvent/properties/seq',
      'ExportedFact/properties/seq',
      'HistoryDay/properties/fact_seq/anyOf/0',
      'HistoryTotal/properties/reps',
      'HistoryTotal/properties/hold_s',
      'HistoryTotal/properties/active_s',
      'HistoryTotal/properties/study_minutes',
      'HistoryTotal/properties/tasks',
      'Today/properties/seq',
    ]);
  });

  test('#244 every id is one of 1 to 2^53 - 1', () => {
    const ids = parts.filter(({ at }) => at.at(-2) === 'properties' && /(^|_)id$/.test(at.at(-1) ?? ''));
    const inPaths = operations.flatMap(
      ({ operation }) =>
        operation.parameters?.filter(({ in: place, name }) => place === 'path' && name !== 'date') ?? [],
    );
    const found = [
      ...ids
        .filter(({ at }) => !['request_id', 'ExportedAuditLine'].some((name) => at.includes(name)))
        .map(({ part }) => part),
    ];
    expect(found.length).toBeGreaterThan(30);
    for (const schema of [...found, ...inPaths.map(({ schema }) => schema)])
      expect((schema?.anyOf as object[] | undefined)?.[0] ?? schema).toMatchObject({
        type: 'integer',
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
      });
  });

  test('#244 every moment is a date-time', () => {
    const moments = parts.filter(
      ({ at }) => at.at(-2) === 'properties' && /_at$|^timestamp$/.test(at.at(-1) ?? ''),
    );
    expect(moments.length).toBeGreaterThanOrEqual(8);
    for (const { part, at } of moments)
      expect(JSON.stringify(part), at.join('/')).toContain('"type":"string","format":"date-time"');
  });
});

describe('examples', () => {
  const valuesOf = ({ example, examples }: Body): unknown[] =>
    example === undefined ? Object.values(examples ?? {}).map(({ value }) => value) : [example];

  test.each(operations)(
    '#245 $route has an example for each parameter, its body and each answer, and each is right',
    ({ operation }) => {
      const bodies = [operation.requestBody, ...Object.values(operation.responses)].flatMap((body) =>
        Object.entries(body?.content ?? {}),
      );
      expect(bodies.length).toBeGreaterThan(3);
      for (const [type, body] of bodies) {
        const values = valuesOf(body);
        expect(values, type).not.toEqual([]);
        for (const value of values) {
          expect(faultOf(body.schema, value), JSON.stringify(value)).toBeUndefined();
          expect(Object.keys(value as object)).not.toEqual([]);
        }
      }
      const headers = Object.values(operation.responses).flatMap(({ headers = {} }) =>
        Object.entries(headers),
      );
      for (const [name, { schema, example }] of [
        ...(operation.parameters ?? []).map((one) => [one.name, one] as const),
        ...headers,
      ]) {
        const said = schemas[String(schema.$ref).split('/').at(-1) as string] ?? schema;
        const value = example ?? (said.examples as unknown[] | undefined)?.[0] ?? said.const;
        expect(value, name).toBeDefined();
        expect(faultOf(schema, value), name).toBeUndefined();
      }
    },
  );

  test.each(operations)(
    '#245 the errors of $route are what is answered with that status',
    ({ operation }) => {
      for (const [status, { description, content }] of Object.entries(operation.responses)) {
        for (const [code, { value }] of Object.entries(
          content?.['application/problem+json']?.examples ?? {},
        )) {
          const { title } = REASONS[code as Reason];
          expect(value).toMatchObject({ type: 'about:blank', code, status: Number(status), title });
          expect(description).toBe(title);
        }
      }
    },
  );

  test('#245 the errors of fields are those that the operation gives', async () => {
    const { token } = await api.register();
    let compared = 0;
    for (const { route, operation } of operations) {
      const [method, path] = route.split(' ') as [string, string];
      const problem = operation.responses['400']?.content?.['application/problem+json']?.examples?.VALIDATION
        ?.value as Json;
      const [expected] = (problem.errors ?? []) as { path: string }[];
      if (!expected) continue;
      const schema = operation.requestBody?.content['application/json']?.schema;
      const fields = schemas[String(schema?.$ref).split('/').at(-1) as string]?.properties;
      const wrong =
        fields &&
        Object.fromEntries(Object.keys(fields).map((name) => [name, name === 'user_id' ? undefined : 0]));
      const url = path.replace('{id}', expected.path === 'id' ? 'abc' : '1');
      const query = method === 'GET' && expected.path !== 'id' ? { query: { [expected.path]: 'abc' } } : {};
      const answer = await api.rest(method, url, { token, body: schema && (wrong ?? [0]), ...query });
      expect(answer.body, route).toMatchObject({ status: 400, code: 'VALIDATION', detail: problem.detail });
      expect(answer.body.errors, route).toContainEqual(expected);
      compared++;
    }
    expect(compared).toBeGreaterThan(25);
  });
});

describe('words', () => {
  const SENTENCES = /^[A-Z0-9`].*[.:)](\s|$)/s;

  test('#246 operations, parameters, tags, components and their fields are described', () => {
    for (const { route, operation } of operations) {
      expect(operation.description, route).toMatch(SENTENCES);
      for (const { name, description } of operation.parameters ?? [])
        expect(description, `${route} ${name}`).toMatch(SENTENCES);
    }
    for (const { name, description } of document.tags) expect(description, name).toMatch(SENTENCES);
    const undescribed = parts.filter(({ part, at }) => {
      if (isComponent(at)) return !SENTENCES.test(String(part.description));
      // What a reference leads to and what an id, a type or the data of an event is, is said there.
      const isSaid = part.$ref !== undefined || ['id', 'type', 'data'].includes(at.at(-1) ?? '');
      return isField(at) && !isSaid && !SENTENCES.test(String(part.description));
    });
    expect(undescribed.map(({ at }) => at.join('/'))).toEqual([]);
  });

  test('#246 what a field of a request is when it is left out stands in words: generated clients ask for a field with a default', () => {
    const inBodies = parts.filter(({ part, at }) => part.default !== undefined && isField(at));
    expect(inBodies.map(({ at }) => at.join('/'))).toEqual([]);
    expect(schemas.NewTask).toMatchObject({
      properties: { status: { description: expect.stringMatching(/Left out, it is false\.$/) } },
    });
    expect(schemas.NewMentalPlan).toMatchObject({
      properties: { progress: { description: expect.stringMatching(/Left out, it is 30\.$/) } },
    });
  });

  test('#246 units are told', () => {
    const fields = schemas.PhysicalPlan?.properties as Record<string, Json>;
    expect(fields).toMatchObject({
      weight: { description: 'Kilograms.' },
      height: { description: 'Centimetres.' },
      age: { description: 'Years.' },
    });
    expect(fields.bmi?.description).toContain('kg/m²');
    expect(schemas.MentalPlan).toMatchObject({
      properties: { progress: { description: expect.stringContaining('Days') } },
    });
    const create = document.paths['/physicalPlans']?.post?.description;
    for (const word of ['kilograms', 'centimetres', 'years', 'current plan']) expect(create).toContain(word);
  });

  test('#246 the security scheme says where a token comes from', () => {
    expect(document.components.securitySchemes.bearer?.description).toMatch(
      /access_token.*POST \/users.*POST \/users\/signIn/s,
    );
  });
});

describe('headers', () => {
  const schemaOf = (name: string) =>
    document.paths['/physicalPlans/{id}']?.patch?.parameters?.find((parameter) => parameter.name === name)
      ?.schema as Json;

  test.each(['"1"', '*', 'W/"1"', '"1", "2"', 'W/"1","2" , W/"33"', '"abc"'])(
    '#247 the document lets If-Match be %s',
    (value) => {
      expect(faultOf(schemaOf('If-Match'), value)).toBeUndefined();
    },
  );

  test.each(['1', '', '"1', 'w/"1"', '"1" "2"', '*, "1"', '"1",', 'W/1', '"a"b"'])(
    '#247 the document does not let If-Match be %s',
    (value) => {
      expect(faultOf(schemaOf('If-Match'), value)).toBeDefined();
    },
  );

  test('#247 nor an Idempotency-Key be what the server refuses', () => {
    for (const value of ['a', '9f2c1d4e-6b1a-4c57-8f0e-2a7d3c5b9e10', '~'.repeat(255)])
      expect(faultOf(schemaOf('Idempotency-Key'), value)).toBeUndefined();
    for (const value of ['', 'a b', 'ключ', 'a'.repeat(256)])
      expect(faultOf(schemaOf('Idempotency-Key'), value)).toBeDefined();
  });

  test('#247 what stands in a header that may be left out is filled in by nobody', () => {
    const optional = operations.flatMap(
      ({ operation }) => operation.parameters?.filter(({ in: place }) => place === 'header') ?? [],
    );
    expect(optional.length).toBeGreaterThan(10);
    for (const parameter of optional) {
      expect(parameter).not.toHaveProperty('example');
      expect(parameter.schema).not.toHaveProperty('example');
    }
  });
});
