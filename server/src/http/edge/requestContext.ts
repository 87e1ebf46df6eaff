import type { FastifyReply, FastifyRequest } from 'fastify';
import type { VerifiedClaims } from '../../security/accessTokens.ts';
import { addressKey, type RateLimitState } from '../../security/rateLimits.ts';
import type { Caller, ClientInfo, Context, RequestContext, Services } from '../../trpc/context.ts';
import { parseAddress } from './proxies.ts';

/** `Bearer` and a compact JWS. Anything else is not a token. */
const BEARER = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/;

/** @returns the context that the calls of one request share */
export function createContext(services: Services, request: FastifyRequest, reply: FastifyReply): Context {
  return { db: services.db, services, request: requestContextOf(services, request, reply) };
}

/** @returns the context of a request. It is made once, whether a guard or a procedure asks first */
export function requestContextOf(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
): RequestContext {
  request.requestContext ??= new HttpRequestContext(services, request, reply);
  return request.requestContext;
}

class HttpRequestContext implements RequestContext {
  countAnswer?: (data: unknown) => void;
  readonly #services: Services;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  #claims: { read: VerifiedClaims | undefined | Promise<VerifiedClaims | undefined> } | undefined;
  #caller: Promise<Caller | undefined> | undefined;

  constructor(services: Services, request: FastifyRequest, reply: FastifyReply) {
    this.#services = services;
    this.#request = request;
    this.#reply = reply;
  }

  get client(): ClientInfo {
    const { ip, id, headers } = this.#request;
    // Node.js decodes headers as Latin-1 and refuses NUL, so every character can be stored.
    const device = (headers['user-agent'] ?? '').slice(0, 200);
    // A closed connection has no address.
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

  claims(): VerifiedClaims | undefined | Promise<VerifiedClaims | undefined> {
    this.#claims ??= { read: this.#readClaims() };
    return this.#claims.read;
  }

  #readClaims(): VerifiedClaims | undefined | Promise<VerifiedClaims | undefined> {
    const { authorization } = this.#request.headers;
    const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
    if (token === undefined) return undefined;
    const read = this.#services.accessTokens.verify(token);
    if (!(read instanceof Promise)) return read;
    return read.then((claims) => {
      this.#claims = { read: claims };
      return claims;
    });
  }

  get knownClaims(): VerifiedClaims | undefined {
    const read = this.#claims?.read;
    return read instanceof Promise ? undefined : read;
  }

  isSessionCached(): boolean {
    const claims = this.knownClaims;
    return claims !== undefined && this.#services.sessionCache.isCached(claims);
  }

  authenticate(): Promise<Caller | undefined> {
    this.#caller ??= this.#findCaller();
    return this.#caller;
  }

  async #findCaller(): Promise<Caller | undefined> {
    const read = this.claims();
    // No turn of the event loop for a token that is remembered.
    const claims = read instanceof Promise ? await read : read;
    if (!claims || !(await this.#services.sessionCache.isOpen(claims))) return undefined;
    return { id: claims.user_id, session_id: claims.session_id, nonce: claims.nonce };
  }
}

/** @returns the key of a request's address in the limits */
export function addressKeyOf(request: FastifyRequest): string {
  // A closed connection has no address.
  request.addressKey ??= addressKey(request.ip ?? '');
  return request.addressKey;
}

/** @returns the key of the client whose transfers are counted together */
export function memoryOwnerOf(
  request: FastifyRequest,
  { request: context }: Pick<Context, 'request'>,
): string {
  const user_id = context.knownClaims?.user_id;
  return user_id === undefined ? addressKeyOf(request) : `user:${user_id}`;
}

/** Writes the headers of the limit that has the least left. */
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
    /** The key of the request's address in the limits. It is computed once, because proxies make that expensive. */
    addressKey?: string;
    requestContext?: RequestContext;
  }
}
