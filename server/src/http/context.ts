import type { FastifyReply, FastifyRequest } from 'fastify';
import { addressKey, type Standing } from '../security/limits.ts';
import type { Claims } from '../security/token.ts';
import type { Context, Services } from '../trpc/context.ts';

/** `Bearer` and a compact JWS; anything else is no token. */
const BEARER = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/;

/** @returns what the calls of one request share */
export function createContext(services: Services, request: FastifyRequest, reply: FastifyReply): Context {
  const claims = once(() => readClaims(services, request.headers.authorization));
  return {
    ...services,
    request_id: request.id,
    client: { ip: request.ip, device: deviceOf(request), request_id: request.id },
    idempotencyKey: request.headers['idempotency-key'] as string | undefined,
    replayed: () => void reply.header('idempotency-replayed', 'true'),
    claims,
    async spend(user_id, cost = 1) {
      const [kind, key] = user_id === undefined ? (['address', addressKey(request.ip)] as const) : (['user', String(user_id)] as const);
      tellStanding(reply, await services.limits.calls(kind, key, cost));
    },
    caller: once(async () => {
      const said = await claims();
      if (!said || !(await services.openSessions.isOpen(said))) return undefined;
      return { id: said.user_id, session_id: said.session_id };
    }),
  };
}

async function readClaims({ tokens }: Services, authorization: string | undefined): Promise<Claims | undefined> {
  const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
  return token === undefined ? undefined : tokens.verify(token);
}

/** Node.js gives headers as Latin-1, so every character is one that can be stored, but for NUL, which it refuses. */
const deviceOf = (request: FastifyRequest): string => (request.headers['user-agent'] ?? '').slice(0, 200);

/** Tells how much is left, of whatever has least left. */
export function tellStanding(reply: FastifyReply, standing: Standing | undefined): void {
  if (!standing) return;
  const left = Math.max(0, standing.most - standing.count);
  const told = reply.getHeader('ratelimit-remaining');
  if (told !== undefined && Number(told) <= left) return;
  reply.header('ratelimit-limit', standing.most).header('ratelimit-remaining', left).header('ratelimit-reset', standing.reset);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
