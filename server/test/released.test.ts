// The OpenAPI document held against that of the last release: what clients rely on goes only where that is said.
import { expect, test } from 'vitest';
import { openApiDocument } from '../src/http/documents/openapi.ts';
import { appRouter } from '../src/router.ts';
import { type ApiDocument, breakingChanges, type Operation, type Schema } from './breakingChanges.ts';
import { intended, releasedText, unintended } from './released.ts';

const released: ApiDocument = JSON.parse(await releasedText('openapi.json'));

test('#410 the document takes nothing from clients of the last release but what intended.json lists with a reason', () => {
  const present = JSON.parse(JSON.stringify(openApiDocument(appRouter, '')));
  expect(Object.keys(released.paths).length).toBeGreaterThan(20);
  expect(unintended(breakingChanges(released, present), intended.openapi)).toEqual([]);
});

test('#410 what is listed is neither out of date nor without a reason', () => {
  const reason = 'It was never used, and the new one says the same.';
  expect(unintended(['GET /a: removed'], [{ change: 'GET /a: removed', reason }])).toEqual([]);
  expect(unintended(['GET /a: removed'], [])).toEqual(['GET /a: removed']);
  expect(unintended([], [{ change: 'GET /a: removed', reason }])).toEqual([
    'listed in intended.json, and not found: GET /a: removed',
  ]);
  expect(unintended(['GET /a: removed'], [{ change: 'GET /a: removed', reason: ' ' }])).toEqual([
    'listed in intended.json without a reason: GET /a: removed',
  ]);
});

const json = (schema: Schema) => ({ 'application/json': { schema } });

/** A document of one operation, with named schemas. */
const documentWith = (operation: Partial<Operation>, schemas: Record<string, Schema> = {}): ApiDocument => ({
  paths: { '/plans/{id}': { patch: { operationId: 'plan.update', responses: { 200: {} }, ...operation } } },
  components: { schemas },
});

const inBody = (schema: Schema) => documentWith({ requestBody: { required: true, content: json(schema) } });
const inAnswer = (schema: Schema) => documentWith({ responses: { 200: { content: json(schema) } } });
const withParameter = (required: boolean | undefined, schema: Schema = { type: 'integer' }) =>
  documentWith({
    parameters: [{ name: 'page', in: 'query', ...(required !== undefined && { required }), schema }],
  });

const object = (properties: Record<string, Schema>, ...required: string[]): Schema => ({
  type: 'object',
  properties,
  required,
});
const text: Schema = { type: 'string' };
const created = object({ type: { const: 'created' }, id: { type: 'integer' } }, 'type', 'id');
const removed = object({ type: { const: 'removed' } }, 'type');

test.each<[string, ApiDocument, ApiDocument, string]>([
  ['an operation that is gone', documentWith({}), { paths: { '/plans/{id}': {} } }, ': removed'],
  ['a path that is gone', documentWith({}), { paths: {} }, ': removed'],
  [
    'another operationId',
    documentWith({}),
    documentWith({ operationId: 'plan.change' }),
    ': operationId plan.update is now plan.change',
  ],
  [
    'a token',
    documentWith({ security: [{ bearer: [] }, {}] }),
    documentWith({ security: [{ bearer: [] }] }),
    ': newly needs a token',
  ],
  [
    'a status that is gone',
    documentWith({ responses: { 200: {}, 404: {} } }),
    documentWith({}),
    ': status 404 removed',
  ],
  [
    'a header that is gone',
    documentWith({ responses: { 200: { headers: { ETag: { schema: text } } } } }),
    documentWith({}),
    ': 200 header ETag removed',
  ],
  ['a media type that is gone', inAnswer(text), documentWith({}), ': 200 as application/json removed'],
  [
    'a parameter that is gone',
    withParameter(false),
    documentWith({}),
    ': query parameter page is no longer read',
  ],
  [
    'a new parameter that is required',
    documentWith({}),
    withParameter(true),
    ': query parameter page is newly required',
  ],
  [
    'a parameter that becomes required',
    withParameter(undefined),
    withParameter(true),
    ': query parameter page is newly required',
  ],
  [
    'a parameter of another type',
    withParameter(true),
    withParameter(true, text),
    ': query parameter page no longer takes integer',
  ],
  ['a body that is gone', inBody(text), documentWith({}), ': the body is no longer read'],
  ['a new body', documentWith({}), inBody(text), ': the body is newly required'],
  [
    'a key of a body that is gone',
    inBody(object({ title: text })),
    inBody(object({})),
    ': body.title is no longer read',
  ],
  [
    'a new key that is required',
    inBody(object({})),
    inBody(object({ title: text }, 'title')),
    ': body.title is newly required',
  ],
  [
    'a key that becomes required',
    inBody(object({ title: text })),
    inBody(object({ title: text }, 'title')),
    ': body.title is newly required',
  ],
  [
    'a number that becomes whole',
    inBody({ type: 'number' }),
    inBody({ type: 'integer' }),
    ': body no longer takes number',
  ],
  [
    'null that is no longer taken',
    inBody({ type: ['string', 'null'] }),
    inBody(text),
    ': body no longer takes null',
  ],
  [
    'a value that is no longer taken',
    inBody({ type: 'string', enum: ['male', 'female'] }),
    inBody({ type: 'string', const: 'female' }),
    ': body no longer takes "male"',
  ],
  [
    'text that becomes an enumeration',
    inBody(text),
    inBody({ type: 'string', enum: ['a', 'b'] }),
    ': body takes only "a", "b"',
  ],
  [
    'a member of a union that is no longer taken',
    inBody({ anyOf: [text, { type: 'array', items: text }] }),
    inBody({ anyOf: [text, { type: 'null' }] }),
    ': body no longer takes array',
  ],
  [
    'elements of another type',
    inBody({ type: 'array', items: text }),
    inBody({ type: 'array', items: created }),
    ': body[] no longer takes string',
  ],
  [
    'a lower maximum',
    inBody({ type: 'integer', maximum: 9 }),
    inBody({ type: 'integer', maximum: 8 }),
    ': body has maximum 8 instead of 9',
  ],
  [
    'a minimum',
    inBody(text),
    inBody({ type: 'string', minLength: 1 }),
    ': body has minLength 1 instead of none',
  ],
  [
    'another pattern',
    inBody(text),
    inBody({ type: 'string', pattern: '^a' }),
    ': body has pattern ^a instead of none',
  ],
  [
    'a closed object',
    inBody(object({})),
    inBody({ ...object({}), additionalProperties: false }),
    ': body no longer takes other keys',
  ],
  [
    'other keys of another type',
    inBody({ type: 'object', additionalProperties: text }),
    inBody({ type: 'object', additionalProperties: { type: 'boolean' } }),
    ': body.* no longer takes string',
  ],
  [
    'a property of an answer that is gone',
    inAnswer(object({ title: text })),
    inAnswer(object({})),
    ': 200.title removed',
  ],
  [
    'a property of an answer that is not always there',
    inAnswer(object({ title: text }, 'title')),
    inAnswer(object({ title: text })),
    ': 200.title is no longer always there',
  ],
  [
    'an answer that may be null',
    inAnswer(text),
    inAnswer({ anyOf: [text, { type: 'null' }] }),
    ': 200 may now be null',
  ],
  [
    'an answer of another type',
    inAnswer({ type: 'integer' }),
    inAnswer({ type: 'number' }),
    ': 200 may now be number',
  ],
  [
    'a value that was not among those of an answer',
    inAnswer({ type: 'string', enum: ['a'] }),
    inAnswer({ type: 'string', enum: ['a', 'b'] }),
    ': 200 may now be "b"',
  ],
  [
    'any text in place of some',
    inAnswer({ type: 'string', const: 'a' }),
    inAnswer(text),
    ': 200 may now be other than "a"',
  ],
  [
    'an event of a new kind',
    inAnswer({ oneOf: [created] }),
    inAnswer({ oneOf: [created, removed] }),
    ': 200 may now be an object with type "removed"',
  ],
  [
    'a change in one kind of events',
    inAnswer({ oneOf: [created, removed] }),
    inAnswer({ oneOf: [object({ type: { const: 'created' } }, 'type'), removed] }),
    ': 200.id removed',
  ],
])('#410 found: %s', (_name, before, now, change) => {
  expect(breakingChanges(before, now)).toEqual([`PATCH /plans/{id}${change}`]);
});

const NODE: Schema = { $ref: '#/components/schemas/Node' };
const tree = (node: Schema) =>
  documentWith(
    {
      requestBody: { required: true, content: json(NODE) },
      responses: { 200: { content: json({ type: 'array', items: NODE }) } },
    },
    { Node: node },
  );

test('#410 a change of a named schema is told once for requests and once for answers, also of one that holds itself', () => {
  const before = tree(object({ name: text, note: text, children: { type: 'array', items: NODE } }, 'name'));
  const now = tree(
    object({ name: { type: ['string', 'null'] }, children: { type: 'array', items: NODE } }, 'name'),
  );
  expect(breakingChanges(before, now)).toEqual([
    'answer Node.name may now be null',
    'answer Node.note removed',
    'request Node.note is no longer read',
  ]);
});

test.each<[string, ApiDocument, ApiDocument]>([
  ['another operation', { paths: {} }, documentWith({})],
  ['a status', documentWith({}), documentWith({ responses: { 200: {}, 404: {} } })],
  ['no token', documentWith({ security: [{ bearer: [] }] }), documentWith({})],
  ['a parameter that may be left out', withParameter(true), withParameter(false, { type: 'number' })],
  ['a key that may be left out', inBody(object({})), inBody(object({ title: text }))],
  [
    'a value more in a request',
    inBody({ type: 'string', enum: ['a'] }),
    inBody({ type: 'string', enum: ['a', 'b'] }),
  ],
  [
    'a wider bound',
    inBody({ type: 'integer', minimum: 1, maximum: 9 }),
    inBody({ type: 'integer', minimum: 0 }),
  ],
  ['null in a request', inBody(text), inBody({ type: ['string', 'null'] })],
  ['a property of an answer', inAnswer(object({})), inAnswer(object({ title: text }, 'title'))],
  [
    'a value less in an answer',
    inAnswer({ type: 'string', enum: ['a', 'b'] }),
    inAnswer({ type: 'string', enum: ['a'] }),
  ],
  ['an event less', inAnswer({ oneOf: [created, removed] }), inAnswer({ oneOf: [created] })],
  [
    'a name for what had none',
    inAnswer(created),
    documentWith(
      { responses: { 200: { content: json({ $ref: '#/components/schemas/Event' }) } } },
      { Event: created },
    ),
  ],
  ['words', inBody(text), inBody({ ...text, description: 'A name' } as Schema)],
])('#410 not a break: %s', (_name, before, now) => {
  expect(breakingChanges(before, now)).toEqual([]);
});

test('#410 a keyword that is not compared is not passed over', () => {
  expect(() => breakingChanges(inBody({ not: text } as Schema), inBody(text))).toThrow(
    'Schemas with not are not compared yet',
  );
});
