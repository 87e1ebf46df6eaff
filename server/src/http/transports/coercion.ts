// REST clients send numbers and booleans as text. A plan says where a contract allows text. It is computed once and does not
// change the contract, so the tRPC transport stays strict.
import type { z } from 'zod';

/** Where text may stand for a number or a boolean. Undefined means nowhere below. */
export type Plan =
  | { kind: 'number' | 'boolean' }
  | { kind: 'object'; keys: ReadonlyMap<string, Plan> }
  | { kind: 'array'; items: Plan }
  | undefined;

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?$/;

/** @throws Error for an unknown kind of schema: then this function has to learn how text is read there */
export function coercionPlan(schema: z.core.$ZodType): Plan {
  // With zod's union of all kinds, the switch narrows to each definition.
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'number':
      return { kind: 'number' };
    case 'boolean':
      return { kind: 'boolean' };
    case 'optional':
    case 'default':
    case 'nullable':
      return coercionPlan(def.innerType);
    case 'array': {
      const items = coercionPlan(def.element);
      return items && { kind: 'array', items };
    }
    case 'object': {
      const keys = new Map<string, Plan>();
      for (const [key, value] of Object.entries(def.shape)) {
        const plan = coercionPlan(value);
        if (plan) keys.set(key, plan);
      }
      return keys.size > 0 ? { kind: 'object', keys } : undefined;
    }
    case 'string':
    case 'enum':
    case 'literal':
    case 'unknown':
      return undefined;
    default:
      throw new Error(`no rule for reading "${def.type}" from text`);
  }
}

/** @returns the value with text converted by the plan. Text that does not convert stays, and the contract refuses it */
export function coerce(plan: Plan, value: unknown): unknown {
  if (plan === undefined) return value;
  switch (plan.kind) {
    case 'number':
      return typeof value === 'string' && NUMBER.test(value) ? Number(value) : value;
    case 'boolean':
      return value === 'true' ? true : value === 'false' ? false : value;
    case 'array':
      return Array.isArray(value) ? value.map((item) => coerce(plan.items, item)) : value;
    case 'object': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      const result: Record<string, unknown> = { ...value };
      for (const [key, inner] of plan.keys)
        if (Object.hasOwn(result, key)) result[key] = coerce(inner, result[key]);
      return result;
    }
  }
}
