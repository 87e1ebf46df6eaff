// Types say what a field is; the contracts say what it means. The compiler knows only the first, so this adds the second.
import type { AnyTRPCRouter } from '@trpc/server';
import { z } from 'zod';

/** What is used of a JSON Schema. */
export interface Schema {
  readonly $ref?: string;
  readonly $defs?: Record<string, Schema>;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly type?: string;
  readonly properties?: Record<string, Schema>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

/** What a procedure says of itself, what it takes and what it answers; of a subscription what one event is. */
export interface Described {
  readonly summary: string | undefined;
  readonly input?: Schema | undefined;
  readonly output?: Schema | undefined;
}

interface Meta {
  readonly openapi?: { readonly summary: string };
  readonly stream?: { readonly summary: string; readonly event: z.ZodType };
}

/** @returns what the contracts of a router say, by the path of the procedure */
export function contractsOf(router: AnyTRPCRouter): Map<string, Described> {
  const procedures: Record<string, { _def: unknown }> = router._def.procedures;
  return new Map(
    Object.entries(procedures).map(([path, { _def }]) => {
      const { meta, inputs, output } = _def as { meta?: Meta; inputs: z.ZodType[]; output?: z.ZodType };
      const event = meta?.stream && z.object({ id: z.string(), data: meta.stream.event });
      const schema = (type: z.ZodType | undefined, io: 'input' | 'output') =>
        type && (z.toJSONSchema(type, { io, unrepresentable: 'any' }) as Schema);
      return [
        path,
        {
          summary: (meta?.openapi ?? meta?.stream)?.summary,
          input: schema(inputs[0], 'input'),
          output: schema(event ?? output, 'output'),
        },
      ];
    }),
  );
}

/** What stands between a `{` and its `}`. */
interface Frame {
  /** Where it is in the router, `task.create`; of an object the procedure that it belongs to. */
  readonly path: string;
  /** Of an object: what it may be by the contract, several for a union. */
  readonly all?: readonly Schema[];
  /** Those of `all` that the properties so far leave. */
  possible?: readonly Schema[];
  readonly root?: Schema | undefined;
}

const PROPERTY = /^(?<indent> *)(?<name>\w+)\??: (?<type>.*)$/;
const ROUTER = /^import\("@trpc\/server"\)\.TRPC(BuiltRouter|(Query|Mutation|Subscription)Procedure)<\{$/;

/**
 * @param declaration the router's, as the compiler writes it: a line for each property, procedures and objects in braces
 * @returns it with a comment on what the contracts describe
 */
export function describe(declaration: string, contracts: ReadonlyMap<string, Described>): string {
  const frames: Frame[] = [];
  const lines: string[] = [];
  for (const line of declaration.split('\n')) {
    const closed = /^ *\}/.test(line) ? frames.pop() : undefined;
    const property = PROPERTY.exec(line)?.groups;
    const inner = property
      ? innerOf(frames.at(-1), property.name as string, property.type as string, contracts)
      : undefined;
    const comment =
      property &&
      commentOf(frames.at(-1), property.name as string, property.type as string, inner, contracts);
    if (comment) lines.push(`${property.indent}/** ${comment} */`);
    lines.push(line);
    // After a `}` comes the next object of a union, or the procedures of a router.
    if (line.endsWith('{'))
      frames.push(inner ?? { ...(closed ?? { path: '' }), ...(closed?.all && { possible: closed.all }) });
  }
  return lines.join('\n');
}

function innerOf(
  frame: Frame | undefined,
  name: string,
  type: string,
  contracts: ReadonlyMap<string, Described>,
): Frame {
  const { path = '', possible, root } = frame ?? {};
  if (ROUTER.test(type)) return { path: path ? `${path}.${name}` : name };
  const contract = contracts.get(path);
  if (possible) return objectOf(path, root, schemasOf(possible, name));
  const schema = name === 'input' || name === 'output' ? contract?.[name] : undefined;
  return objectOf(path, schema, schema ? [schema] : []);
}

function objectOf(path: string, root: Schema | undefined, schemas: readonly Schema[]): Frame {
  const all = schemas.flatMap((schema) => variantsOf(schema, root));
  return { path, root, all, possible: all };
}

const schemasOf = (schemas: readonly Schema[], name: string): Schema[] =>
  schemas.flatMap(({ properties }) =>
    properties && Object.hasOwn(properties, name) ? [properties[name] as Schema] : [],
  );

const resolved = (schema: Schema, root: Schema | undefined): Schema => {
  const { $ref } = schema;
  if ($ref === undefined) return schema;
  const target = $ref === '#' ? root : root?.$defs?.[$ref.replace('#/$defs/', '')];
  if (!target) throw new Error(`The contract has nothing at ${$ref}`);
  return { ...resolved(target, root), ...schema };
};

/** @returns the objects that a value may be, or its elements */
function variantsOf(given: Schema, root: Schema | undefined): Schema[] {
  const schema = resolved(given, root);
  const several = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (several) return several.flatMap((one) => variantsOf(one, root));
  return schema.items ? variantsOf(schema.items, root) : [schema];
}

function commentOf(
  frame: Frame | undefined,
  name: string,
  type: string,
  inner: Frame | undefined,
  contracts: ReadonlyMap<string, Described>,
): string | undefined {
  if (ROUTER.test(type)) return written({ description: contracts.get(inner?.path ?? '')?.summary });
  if (!frame?.possible) return undefined;
  const literal = /^"([^"]*)";$/.exec(type)?.[1];
  const isUnion = frame.possible.length > 1;
  if (literal !== undefined)
    frame.possible = frame.possible.filter(({ properties }) => properties?.[name]?.const === literal);
  const schemas = schemasOf(frame.possible, name).map((schema) => resolved(schema, frame.root));
  // What is said of one object of a union stands where it is told apart.
  const [variant] = frame.possible;
  if (isUnion && frame.possible.length === 1 && variant?.description) return written(variant);
  const comments = new Set(
    schemas.map((schema) => written({ ...schema, description: schema.description ?? descriptionIn(schema) })),
  );
  return comments.size === 1 ? [...comments][0] : undefined;
}

/** Of what may be null too. */
const descriptionIn = ({ anyOf = [] }: Schema): string | undefined => {
  const [only, ...others] = anyOf.filter(({ type }) => type !== 'null');
  return others.length === 0 ? only?.description : undefined;
};

function written({ description = '', default: value }: Schema): string | undefined {
  const text = value === undefined ? description : `${description} (default: ${JSON.stringify(value)})`;
  return text.replaceAll('*/', '*\\/').replace(/\s+/g, ' ').trim() || undefined;
}
