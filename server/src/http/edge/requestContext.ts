import type { FastifyReply, FastifyRequest } from 'fastify';
import { databaseUntil } from '../../db/database.ts';
import type { VerifiedClaims } from '../../security/accessTokens.ts';
import { addressKey, type RateLimitState } from '../../security/rateLimits.ts';
import type { Caller, ClientInfo, Context, RequestContext, Services } from '../../trpc/context.ts';
import { parseAddress } from './proxies.ts';

/** `Bearer` and a compact JWS; anything else is no token. */
const BEARER = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/;

/**
 * Milliseconds of a request in which its statements are waited for; one that is sent later has a second. So a request of a
 * session check and a change is answered within 5 s, whatever the network to the database does.
 */
const DATABASE_TIMEOUT_MS = 3750;

/** @returns what the calls of one request share */
export function createContext(services: Services, request: FastifyRequest, reply: FastifyReply): Context {
  const context = requestContextOf(services, request, reply);
  const db = databaseUntil(services.db, context.startedAt + DATABASE_TIMEOUT_MS);
  return { db, services, request: context };
}

/** @returns what is known of who asks: found out once, also when the guards ask before the procedures do */
export function requestContextOf(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
): HttpRequestContext {
  request.requestContext ??= new HttpRequestContext(services, request, reply);
  return request.requestContext;
}

class HttpRequestContext implements RequestContext {
  /** In milliseconds, as performance.now() counts. */
  readonly startedAt = performance.now();
  countAnswer?: (data: unknown) => void;
  readonly #services: Services;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  #claims: { read: VerifiedClaims | undefined } | undefined;
  #caller: Promise<Caller | undefined> | undefined;

  constructor(services: Services, request: FastifyRequest, reply: FastifyReply) {
    this.#services = services;
    this.#request = request;
    this.#reply = reply;
  }

  get client(): ClientInfo {
    const { ip, id, headers } = this.#request;
    // Node.js gives headers as Latin-1, so every character is one that can be stored, but for NUL, which it refuses.
    const device = (headers['user-agent'] ?? '').slice(0, 200);
    // Of a connection that is gone there is no address any more.
    return { ip: parseAddress(ip ?? '') ?? '', device, request_id: id };
  }

  get idempotencyKey(): string | undefined {
    return this.#request.headers['idempotency-key'] as string | undefined;
  }

  markReplayed(): void {
    this.#reply.header('idempotency-replayed', 'true');
  }

  consumeRateLimit(user_id: number | undefined, cost = 1): void | Promise<void> {
    const { limits } = this.#services;
    const state =
      user_id === undefined
        ? limits.consume('address', addressKeyOf(this.#request), cost)
        : limits.consume('user', String(user_id), cost);
    if (state instanceof Promise) return state.then((found) => setRateLimitHeaders(this.#reply, found));
    setRateLimitHeaders(this.#reply, state);
  }

  claims(): VerifiedClaims | undefined {
    this.#claims ??= { read: this.#readClaims() };
    return this.#claims.read;
  }

  #readClaims(): VerifiedClaims | undefined {
    const { authorization } = this.#request.headers;
    const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
    return token === undefined ? undefined : this.#services.accessTokens.verify(token);
  }

  isSessionCached(): boolean {
    const claims = this.claims();
    return claims !== undefined && this.#services.sessionCache.isCached(claims);
  }

  authenticate(): Promise<Caller | undefined> {
    this.#caller ??= this.#findCaller();
    return this.#caller;
  }

  async #findCaller(): Promise<Caller | undefined> {
    const claims = this.claims();
    if (!claims || !(await this.#services.sessionCache.isOpen(claims))) return undefined;
    return { id: claims.user_id, session_id: claims.session_id, nonce: claims.nonce };
  }
}

/** @returns the key under which the address of a request is counted */
export function addressKeyOf(request: FastifyRequest): string {
  // Of a connection that is gone there is no address any more.
  request.addressKey ??= addressKey(request.ip ?? '');
  return request.addressKey;
}

/** @returns who the answers to a request are counted for */
export function memoryOwnerOf(
  request: FastifyRequest,
  { request: context }: Pick<Context, 'request'>,
): string {
  const user_id = context.claims()?.user_id;
  return user_id === undefined ? addressKeyOf(request) : `user:${user_id}`;
}

/** Tells how much is left, of whatever has least left. */
export function setRateLimitHeaders(reply: FastifyReply, state: RateLimitState | undefined): void {
  if (!state) return;
  const left = Math.max(0, state.max - state.count);
  const sent = reply.getHeader('ratelimit-remaining');
  if (sent !== undefined && Number(sent) <= left) return;
  reply
    .header('ratelimit-limit', state.max)
    .header('ratelimit-remaining', left)
    .header('ratelimit-reset', state.resetSeconds);
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The key under which its address is counted, worked out once: behind proxies that takes a look at each of their addresses. */
    addressKey?: string;
    requestContext?: HttpRequestContext;
  }
}
