// Makes examples of bodies from the examples of their fields.
import { type Json, SCHEMAS } from './types.ts';

type Schemas = Record<string, Json>;

/** @returns the schema; of a reference, the component that it names */
export const resolved = (schema: Json, schemas: Schemas): Json =>
  typeof schema.$ref === 'string' ? (schemas[schema.$ref.slice(SCHEMAS.length)] as Json) : schema;

/** @returns a value of the schema; undefined for an optional field without an example */
export function exampleOf(given: Json, schemas: Schemas): unknown {
  if (Array.isArray(given.examples)) return given.examples[0];
  const schema = resolved(given, schemas);
  const [example] = (schema.examples ?? schema.enum ?? []) as unknown[];
  if (example !== undefined) return example;
  if (schema.const !== undefined) return schema.const;
  const [option] = (schema.anyOf ?? schema.oneOf ?? []) as Json[];
  if (option) return exampleOf(option, schemas);
  if (schema.type === 'array') {
    const item = exampleOf(schema.items as Json, schemas);
    return item === undefined ? undefined : [item];
  }
  if (schema.type !== 'object') return schema.default;
  const fields = Object.entries(schema.properties as Schemas).map(
    ([name, field]) => [name, exampleOf(field, schemas)] as const,
  );
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

/** @returns the example with some of its fields replaced, at any depth */
export function merged(example: Json, more: object): Json {
  const fields = Object.entries(more).map(([name, value]) => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return [name, isObject ? merged(example[name] as Json, value) : value];
  });
  return { ...example, ...Object.fromEntries(fields) };
}
