import type { FastifyReply, FastifyRequest } from 'fastify';
import { addressKey, type Standing } from '../security/limits.ts';
import type { Verified } from '../security/token.ts';
import type { Asked, Caller, Client, Context, Services } from '../trpc/context.ts';
import { addressIn } from './proxies.ts';

/** `Bearer` and a compact JWS; anything else is no token. */
const BEARER = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/;

/** @returns what the calls of one request share */
export function createContext(services: Services, request: FastifyRequest, reply: FastifyReply): Context {
  return { db: services.db, services, request: askedOf(services, request, reply) };
}

/** @returns what is known of who asks: found out once, also when the guards ask before the procedures do */
export function askedOf(services: Services, request: FastifyRequest, reply: FastifyReply): Asked {
  request.asked ??= new HttpRequest(services, request, reply);
  return request.asked;
}

class HttpRequest implements Asked {
  countAnswer?: (data: unknown) => void;
  readonly #services: Services;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  #claims: { read: Verified | undefined } | undefined;
  #caller: Promise<Caller | undefined> | undefined;

  constructor(services: Services, request: FastifyRequest, reply: FastifyReply) {
    this.#services = services;
    this.#request = request;
    this.#reply = reply;
  }

  get client(): Client {
    const { ip, id, headers } = this.#request;
    // Node.js gives headers as Latin-1, so every character is one that can be stored, but for NUL, which it refuses.
    const device = (headers['user-agent'] ?? '').slice(0, 200);
    // Of a connection that is gone there is no address any more.
    return { ip: addressIn(ip ?? '') ?? '', device, request_id: id };
  }

  get idempotencyKey(): string | undefined {
    return this.#request.headers['idempotency-key'] as string | undefined;
  }

  replayed(): void {
    this.#reply.header('idempotency-replayed', 'true');
  }

  spend(user_id: number | undefined, cost = 1): void | Promise<void> {
    const { limits } = this.#services;
    const standing =
      user_id === undefined
        ? limits.calls('address', addressOf(this.#request), cost)
        : limits.calls('user', String(user_id), cost);
    if (standing instanceof Promise) return standing.then((found) => tellStanding(this.#reply, found));
    tellStanding(this.#reply, standing);
  }

  claims(): Verified | undefined {
    this.#claims ??= { read: this.#readClaims() };
    return this.#claims.read;
  }

  #readClaims(): Verified | undefined {
    const { authorization } = this.#request.headers;
    const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
    return token === undefined ? undefined : this.#services.tokens.verify(token);
  }

  isRemembered(): boolean {
    const claims = this.claims();
    return claims !== undefined && this.#services.openSessions.isRemembered(claims);
  }

  caller(): Promise<Caller | undefined> {
    this.#caller ??= this.#findCaller();
    return this.#caller;
  }

  async #findCaller(): Promise<Caller | undefined> {
    const claims = this.claims();
    if (!claims || !(await this.#services.openSessions.isOpen(claims))) return undefined;
    return { id: claims.user_id, session_id: claims.session_id, nonce: claims.nonce };
  }
}

/** @returns the key under which the address of a request is counted */
export function addressOf(request: FastifyRequest): string {
  // Of a connection that is gone there is no address any more.
  request.counted ??= addressKey(request.ip ?? '');
  return request.counted;
}

/** @returns who the answers to a request are counted for */
export function clientOf(request: FastifyRequest, { request: asked }: Pick<Context, 'request'>): string {
  const user_id = asked.claims()?.user_id;
  return user_id === undefined ? addressOf(request) : `user:${user_id}`;
}

/** Tells how much is left, of whatever has least left. */
export function tellStanding(reply: FastifyReply, standing: Standing | undefined): void {
  if (!standing) return;
  const left = Math.max(0, standing.most - standing.count);
  const told = reply.getHeader('ratelimit-remaining');
  if (told !== undefined && Number(told) <= left) return;
  reply
    .header('ratelimit-limit', standing.most)
    .header('ratelimit-remaining', left)
    .header('ratelimit-reset', standing.reset);
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The key under which its address is counted, worked out once: behind proxies that takes a look at each of their addresses. */
    counted?: string;
    asked?: Asked;
  }
}
