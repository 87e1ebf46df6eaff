import type { FastifyRequest } from 'fastify';
import type { Caller, Context, Services } from '../trpc/context.ts';

/** `Bearer` and a compact JWS; anything else is no token. */
const BEARER = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/;

/** @returns what the calls of one request share */
export function createContext(services: Services, request: FastifyRequest): Context {
  let caller: Promise<Caller | undefined> | undefined;
  return {
    ...services,
    request_id: request.id,
    caller: () => {
      caller ??= findCaller(services, request.headers.authorization);
      return caller;
    },
  };
}

async function findCaller({ tokens, presence }: Services, authorization: string | undefined): Promise<Caller | undefined> {
  const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
  const id = token === undefined ? undefined : await tokens.verify(token);
  return id !== undefined && (await presence.exists(id)) ? { id } : undefined;
}
