// Holds what a server answered against the OpenAPI document that it publishes.
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect } from 'vitest';
import type { OpenApiDocument } from '../src/http/documents/openapi.ts';

export interface RecordedAnswer {
  readonly method: string;
  readonly url: string;
  /** The route as Fastify knows it, undefined for an unknown path. */
  readonly route: string | undefined;
  readonly status: number;
  readonly contentType: string;
  readonly payload: string;
}

/** What a request expects of HTTP itself belongs to no operation. */
const UNMET_EXPECTATION = 417;

/** @returns a copy in which objects have the properties that are named and no more: clients are told that answers may gain some */
function closed(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, part) =>
      part?.type === 'object' && part.properties && part.additionalProperties === undefined
        ? { ...part, additionalProperties: false }
        : part,
    ),
  );
}

/** A document's validators: they take long to make, and many apps of a process are held against the same document. */
const validators = new WeakMap<OpenApiDocument, Ajv2020>();

function validatorsOf(document: OpenApiDocument): Ajv2020 {
  const known = validators.get(document);
  if (known) return known;
  const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: true }));
  ajv.addSchema(closed(document) as OpenApiDocument, 'openapi');
  validators.set(document, ajv);
  return ajv;
}

/** No operation that is read has a body; who sends one all the same is told what is wrong with it. */
const isUnwantedBody = ({ method, status }: RecordedAnswer): boolean =>
  method === 'GET' && (status === 413 || status === 415);

/** Fails unless every answer of an operation has a status and a body that the document has for it, and nothing besides. */
export function checkAgainstDocument(document: OpenApiDocument, answers: readonly RecordedAnswer[]): void {
  const ajv = validatorsOf(document);
  const wrong: string[] = [];
  for (const answer of answers) {
    const path = answer.route?.replaceAll(/:(\w+)/g, '{$1}');
    const method = answer.method.toLowerCase();
    const operation = path === undefined ? undefined : document.paths[path]?.[method];
    if (!operation || answer.status === UNMET_EXPECTATION || isUnwantedBody(answer)) continue;
    const place = `${answer.method} ${path} ${answer.status}`;
    const response = operation.responses[answer.status] as { content?: Record<string, unknown> } | undefined;
    const type = answer.contentType.split(';', 1)[0] as string;
    if (!response?.content?.[type]) {
      wrong.push(`${place} ${type}: not in the document`);
      continue;
    }
    const pointer = ['paths', path, method, 'responses', answer.status, 'content', type, 'schema']
      .map((part) => encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/');
    const validate = ajv.getSchema(`openapi#/${pointer}`);
    if (!validate?.(JSON.parse(answer.payload))) wrong.push(`${place}: ${ajv.errorsText(validate?.errors)}`);
  }
  expect([...new Set(wrong)], 'answers that the document does not know').toEqual([]);
}
