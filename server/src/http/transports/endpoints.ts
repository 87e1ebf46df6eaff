// The procedures of a router as the transports see them.
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server';
import type { z } from 'zod';
import { DEFAULT_BODY_LIMIT_BYTES, type Meta } from '../../trpc/endpoint.ts';
import { compileProcedure, type ProcedureCall } from './procedureRunner.ts';

export interface Endpoint {
  /** `physicalPlan.create` */
  readonly name: string;
  readonly procedure: AnyTRPCProcedure;
  /** @returns the answer. @throws the procedure's error */
  readonly call: (call: ProcedureCall) => Promise<unknown>;
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly meta: Meta;
  readonly public: boolean;
  readonly bodyLimit: number;
  readonly cacheControl: string;
}

/** For answers without data of a user. They are not cached either. */
export const PUBLIC_CACHE_CONTROL = 'no-store';
/** For answers with data of a user. */
export const PRIVATE_CACHE_CONTROL = 'private, no-store';

export function listEndpoints(router: AnyTRPCRouter): ReadonlyMap<string, Endpoint> {
  const procedures = router._def.procedures as Record<string, AnyTRPCProcedure>;
  return new Map(Object.entries(procedures).map(([name, procedure]) => [name, toEndpoint(name, procedure)]));
}

function toEndpoint(name: string, procedure: AnyTRPCProcedure): Endpoint {
  const meta = (procedure._def.meta ?? {}) as Meta;
  const isPublic = meta.rest?.public ?? false;
  return {
    name,
    procedure,
    call: compileProcedure(procedure),
    type: procedure._def.type,
    meta,
    public: isPublic,
    bodyLimit: meta.rest?.bodyLimit ?? DEFAULT_BODY_LIMIT_BYTES,
    cacheControl: isPublic ? PUBLIC_CACHE_CONTROL : PRIVATE_CACHE_CONTROL,
  };
}

/** The input contract of a procedure: each of ours has at most one. */
export function inputContract({ procedure }: Endpoint): z.ZodType | undefined {
  return procedure._def.inputs[0] as z.ZodType | undefined;
}
