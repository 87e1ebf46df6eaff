// What a new OpenAPI document takes away from clients that were written against an old one.
// It knows the keywords that our document uses and throws at any other, so that no change passes because it was not read.

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly format?: string;
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

interface Answer {
  readonly headers?: Readonly<Record<string, { readonly schema: Schema }>>;
  readonly content?: Content;
}

export interface Operation {
  readonly operationId?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, Answer>>;
}

export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

/** Keywords that say nothing about which values there are. */
const ANNOTATIONS = ['description', 'title', 'default', 'example', 'examples', 'deprecated', 'discriminator'];

const KEYWORDS = new Set([
  ...[
    '$ref',
    'type',
    'const',
    'enum',
    'properties',
    'required',
    'additionalProperties',
    'items',
    'anyOf',
    'oneOf',
    'pattern',
    'format',
  ],
  ...[
    'minimum',
    'exclusiveMinimum',
    'maximum',
    'exclusiveMaximum',
    'minLength',
    'maxLength',
    'minItems',
    'maxItems',
  ],
  ...ANNOTATIONS,
]);

const LOWER_BOUNDS = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems'] as const;
const UPPER_BOUNDS = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems'] as const;

/** A request is sent as the released document says and read as the present one does; an answer the other way round. */
type Direction = 'request' | 'answer';

interface Comparison {
  readonly direction: Direction;
  /** The documents that references of the sender's and of the receiver's schemas lead into. */
  readonly sender: ApiDocument;
  readonly receiver: ApiDocument;
  /** Pairs of named schemas that are being compared: a type that holds itself is compared once. */
  readonly open: Set<string>;
}

/**
 * @returns one line for each change that can break a client of the released document. A change of a named schema is told
 * once, under its name, however many operations use it. A named schema may get another name.
 * @throws when a schema has a keyword that is not compared
 */
export function breakingChanges(released: ApiDocument, present: ApiDocument): string[] {
  const found = new Set<string>();
  for (const [path, operations] of Object.entries(released.paths))
    for (const [method, operation] of Object.entries(operations)) {
      const name = `${method.toUpperCase()} ${path}`;
      const now = present.paths[path]?.[method];
      if (now)
        for (const change of changesOfOperation(name, operation, now, released, present)) found.add(change);
      else found.add(`${name}: removed`);
    }
  return [...found].sort();
}

function changesOfOperation(
  name: string,
  before: Operation,
  now: Operation,
  released: ApiDocument,
  present: ApiDocument,
): string[] {
  const request: Comparison = { direction: 'request', sender: released, receiver: present, open: new Set() };
  const answer: Comparison = { direction: 'answer', sender: present, receiver: released, open: new Set() };
  const changes: string[] = [];

  if (before.operationId !== now.operationId)
    changes.push(`${name}: operationId ${before.operationId} is now ${now.operationId}`);
  if (isPublic(before) && !isPublic(now)) changes.push(`${name}: newly needs a token`);

  const keyOf = (parameter: Parameter) => `${parameter.in} parameter ${parameter.name}`;
  const parametersBefore = new Map(
    (before.parameters ?? []).map((parameter) => [keyOf(parameter), parameter]),
  );
  const parametersNow = new Map((now.parameters ?? []).map((parameter) => [keyOf(parameter), parameter]));
  for (const [key, parameter] of parametersBefore) {
    const other = parametersNow.get(key);
    if (other) changes.push(...compare(parameter.schema, other.schema, `${name}: ${key}`, request));
    else changes.push(`${name}: ${key} is no longer read`);
  }
  for (const [key, { required }] of parametersNow)
    if (required && !parametersBefore.get(key)?.required) changes.push(`${name}: ${key} is newly required`);

  if (before.requestBody && !now.requestBody) changes.push(`${name}: the body is no longer read`);
  if (now.requestBody?.required && !before.requestBody?.required)
    changes.push(`${name}: the body is newly required`);
  if (before.requestBody && now.requestBody)
    changes.push(
      ...changesOfContent(`${name}: body`, before.requestBody.content, now.requestBody.content, request),
    );

  for (const [status, was] of Object.entries(before.responses)) {
    const is = now.responses[status];
    if (!is) {
      changes.push(`${name}: status ${status} removed`);
      continue;
    }
    for (const [header, { schema }] of Object.entries(was.headers ?? {})) {
      const other = is.headers?.[header];
      if (other)
        changes.push(...compare(other.schema, schema, `${name}: ${status} header ${header}`, answer));
      else changes.push(`${name}: ${status} header ${header} removed`);
    }
    changes.push(...changesOfContent(`${name}: ${status}`, was.content ?? {}, is.content ?? {}, answer));
  }
  return changes;
}

const isPublic = ({ security = [] }: Operation): boolean =>
  security.length === 0 || security.some((scheme) => Object.keys(scheme).length === 0);

function changesOfContent(at: string, before: Content, now: Content, comparison: Comparison): string[] {
  return Object.entries(before).flatMap(([type, { schema = {} }]) => {
    const other = now[type];
    if (!other) return [`${at} as ${type} removed`];
    const present = other.schema ?? {};
    const [sent, taken] = comparison.direction === 'request' ? [schema, present] : [present, schema];
    return compare(sent, taken, at, comparison);
  });
}

/**
 * @param sent what one side sends
 * @param taken what the other side is ready for
 * @param at where that is, for the lines
 * @returns what of `sent` does not fit into `taken`
 */
function compare(sent: Schema, taken: Schema, at: string, comparison: Comparison): string[] {
  const { direction, sender, receiver, open } = comparison;
  if (sent.$ref !== undefined && taken.$ref !== undefined) {
    const pair = `${sent.$ref} ${taken.$ref}`;
    if (open.has(pair)) return [];
    open.add(pair);
    const name = direction === 'request' ? sent.$ref : taken.$ref;
    const changes = compareVariants(
      resolve(sent, sender),
      resolve(taken, receiver),
      `${direction} ${name.replace(/^.*\//, '')}`,
      comparison,
    );
    open.delete(pair);
    return changes;
  }
  return compareVariants(resolve(sent, sender), resolve(taken, receiver), at, comparison);
}

function resolve(schema: Schema, document: ApiDocument): Schema {
  const unknown = Object.keys(schema).filter((keyword) => !KEYWORDS.has(keyword));
  if (unknown.length > 0) throw new Error(`Schemas with ${unknown.join(', ')} are not compared yet`);
  if (schema.$ref === undefined) return schema;
  const target = document.components?.schemas?.[schema.$ref.replace('#/components/schemas/', '')];
  if (!target) throw new Error(`The document has nothing at ${schema.$ref}`);
  return resolve(target, document);
}

/** Each variant of what is sent must be one of those that are taken. */
function compareVariants(sent: Schema, taken: Schema, at: string, comparison: Comparison): string[] {
  const { direction, sender, receiver } = comparison;
  const takenVariants = variantsOf(taken, receiver);
  return variantsOf(sent, sender).flatMap((variant) => {
    const similar = takenVariants.filter((other) => isSimilar(variant, other, comparison));
    if (similar.length === 0)
      return [`${at} ${direction === 'request' ? 'no longer takes' : 'may now be'} ${nameOf(variant)}`];
    const attempts = similar.map((other) => compareOne(variant, other, at, comparison));
    return attempts.sort((a, b) => a.length - b.length)[0] as string[];
  });
}

/** @returns the schema's variants: of a union its members, of several types one for each */
function variantsOf(schema: Schema, document: ApiDocument): Schema[] {
  const union = schema.anyOf ?? schema.oneOf;
  if (union) return union.flatMap((member) => variantsOf(resolve(member, document), document));
  const { type } = schema;
  if (type === undefined || typeof type === 'string') return [schema];
  return type.map((one) => ({
    ...schema,
    type: one,
    ...(schema.enum && { enum: schema.enum.filter((value) => fits(typeOf(value), one)) }),
  }));
}

const valuesOf = (schema: Schema): readonly unknown[] | undefined =>
  'const' in schema ? [schema.const] : schema.enum;

const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
};

const fits = (type: string | undefined, expected: string): boolean =>
  type === expected || (type === 'integer' && expected === 'number');

/** @returns the JSON type of a variant; undefined: any */
const typeOfVariant = (schema: Schema): string | undefined => {
  const values = valuesOf(schema);
  return (schema.type as string | undefined) ?? (values && typeOf(values[0]));
};

/** Whether two variants are of one type and, where properties with a constant tell objects of a union apart, of one kind. */
function isSimilar(sent: Schema, taken: Schema, { sender, receiver }: Comparison): boolean {
  const [from, to] = [typeOfVariant(sent), typeOfVariant(taken)];
  if (to !== undefined && !fits(from, to)) return false;
  return Object.entries(taken.properties ?? {}).every(([name, property]) => {
    const other = sent.properties?.[name];
    if (!other) return true;
    const [constant, otherConstant] = [resolve(property, receiver), resolve(other, sender)];
    return !('const' in constant && 'const' in otherConstant) || constant.const === otherConstant.const;
  });
}

const nameOf = (schema: Schema): string => {
  const tags = Object.entries(schema.properties ?? {}).filter(([, property]) => 'const' in property);
  if (tags.length > 0)
    return `an object with ${tags.map(([name, tag]) => `${name} ${JSON.stringify(tag.const)}`).join(', ')}`;
  return typeOfVariant(schema) ?? 'any value';
};

function compareOne(sent: Schema, taken: Schema, at: string, comparison: Comparison): string[] {
  const isRequest = comparison.direction === 'request';
  const changes = [
    ...compareValues(sent, taken, at, isRequest),
    ...compareProperties(sent, taken, at, comparison),
  ];
  if (sent.items && taken.items) changes.push(...compare(sent.items, taken.items, `${at}[]`, comparison));
  // A client is told of bounds so that it keeps to them; it need not check those of an answer.
  return isRequest ? [...changes, ...compareBounds(sent, taken, at)] : changes;
}

function compareValues(sent: Schema, taken: Schema, at: string, isRequest: boolean): string[] {
  const values = valuesOf(taken);
  if (!values) return [];
  const sentValues = valuesOf(sent);
  if (!sentValues) return [`${at} ${isRequest ? 'takes only' : 'may now be other than'} ${listOf(values)}`];
  const strange = sentValues.filter((value) => !values.includes(value));
  return strange.length === 0
    ? []
    : [`${at} ${isRequest ? 'no longer takes' : 'may now be'} ${listOf(strange)}`];
}

const listOf = (values: readonly unknown[]): string =>
  values.map((value) => JSON.stringify(value)).join(', ');

function compareProperties(sent: Schema, taken: Schema, at: string, comparison: Comparison): string[] {
  const isRequest = comparison.direction === 'request';
  const [released, present] = isRequest ? [sent, taken] : [taken, sent];
  const changes: string[] = [];
  for (const name of Object.keys(released.properties ?? {})) {
    const [from, to] = [sent.properties?.[name], taken.properties?.[name]];
    if (from && to) changes.push(...compare(from, to, `${at}.${name}`, comparison));
    else changes.push(`${at}.${name} ${isRequest ? 'is no longer read' : 'removed'}`);
  }
  for (const name of taken.required ?? [])
    if (!sent.required?.includes(name) && (isRequest || present.properties?.[name]))
      changes.push(`${at}.${name} ${isRequest ? 'is newly required' : 'is no longer always there'}`);

  const [others, takenOthers] = [sent.additionalProperties ?? true, taken.additionalProperties ?? true];
  if (others !== false && takenOthers === false)
    changes.push(`${at} ${isRequest ? 'no longer takes' : 'may now have'} other keys`);
  else if (typeof takenOthers === 'object')
    changes.push(
      ...(others === false ? [] : compare(others === true ? {} : others, takenOthers, `${at}.*`, comparison)),
    );
  return changes;
}

function compareBounds(sent: Schema, taken: Schema, at: string): string[] {
  const changes: string[] = [];
  for (const bound of LOWER_BOUNDS)
    if ((taken[bound] ?? Number.NEGATIVE_INFINITY) > (sent[bound] ?? Number.NEGATIVE_INFINITY))
      changes.push(`${at} has ${bound} ${taken[bound]} instead of ${sent[bound] ?? 'none'}`);
  for (const bound of UPPER_BOUNDS)
    if ((taken[bound] ?? Number.POSITIVE_INFINITY) < (sent[bound] ?? Number.POSITIVE_INFINITY))
      changes.push(`${at} has ${bound} ${taken[bound]} instead of ${sent[bound] ?? 'none'}`);
  // Whether one pattern takes all that another does cannot be told in general.
  for (const keyword of ['pattern', 'format'] as const)
    if (taken[keyword] !== undefined && taken[keyword] !== sent[keyword])
      changes.push(`${at} has ${keyword} ${taken[keyword]} instead of ${sent[keyword] ?? 'none'}`);
  return changes;
}
