import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import { SignJWT } from 'jose';
import type { MetricDefinition } from '../telemetry/metricDefinition.ts';

/** A session as its tokens name it. */
export interface SessionIdentity {
  readonly session_id: number;
  /**
   * The session's random value: an id alone may be given again, after a backup was restored. Undefined for a session that
   * a version without it opened.
   */
  readonly nonce: string | undefined;
}

/** Who a token speaks for: a user in one of the user's sessions. */
export interface Claims extends SessionIdentity {
  readonly user_id: number;
}

/** What a valid token says. */
export interface VerifiedClaims extends Claims {
  /** When it ends, in seconds since 1970. */
  readonly exp: number;
}

export interface AccessTokens {
  /** Seconds that a token lives. */
  readonly lifetimeSeconds: number;
  /** @returns a JWT (HS256) with `sub`, `sid`, `nonce`, `iat` and `exp`, nothing else */
  sign(claims: Claims): Promise<string>;
  /** @returns what a valid token says, otherwise undefined; whether its session is still open is not looked at */
  verify(token: string): VerifiedClaims | undefined;
  readonly metricDefinitions: readonly MetricDefinition[];
}

/** Bytes of the random value of a session: 96 bits, for which base64url has 16 characters. */
export const NONCE_BYTES = 12;
const NONCE = /^[\w-]{16}$/;

export const generateNonce = (): string => randomBytes(NONCE_BYTES).toString('base64url');

/** The largest id that the database can hold. */
const MAX_ID = 2 ** 31 - 1;

/** Seconds that the clocks of two servers may differ. */
export const CLOCK_TOLERANCE_SECONDS = 5;

/** Seconds for which a token that was good is remembered, and how many are. */
const CACHE_TTL_SECONDS = 60;
const MAX_CACHED_TOKENS = 10_000;

/** Characters of a forged token that is remembered, at most: ours have some 200, a stranger's as many as a header may. */
const MAX_FORGED_LENGTH = 512;

/** The header of every token that is made here; a token with any other is not one of ours. */
const HEADER = { alg: 'HS256', typ: 'JWT' };
const ENCODED_HEADER = Buffer.from(JSON.stringify(HEADER)).toString('base64url');

/**
 * Signs with jose, and verifies without: through WebCrypto, which jose needs, that takes a turn of the thread pool for
 * each request (some 0.2 ms), and nothing of what a JWT may be besides our own has to be understood.
 * @param secrets the key that signs (its UTF-8 bytes), then those that only verify, while keys are being exchanged
 * @param lifetimeSeconds seconds
 */
export function createAccessTokens(
  secrets: readonly [string, ...string[]],
  lifetimeSeconds: number,
): AccessTokens {
  const keys = secrets.map((secret) => createSecretKey(Buffer.from(secret)));
  const known = new Map<string, { claims: VerifiedClaims; until: number }>();
  // What none of our keys has signed they never will have: a client that goes on with such a token costs no signature.
  const forged = new Set<string>();
  const checks = { memory: 0, signature: 0 };
  return {
    lifetimeSeconds,
    // A claim that is undefined is left out.
    sign: ({ user_id, session_id, nonce }) =>
      new SignJWT({ sid: session_id, nonce })
        .setProtectedHeader(HEADER)
        .setSubject(String(user_id))
        .setIssuedAt()
        .setExpirationTime(`${lifetimeSeconds}s`)
        .sign(keys[0] as KeyObject),
    verify(token) {
      const now = Date.now() / 1000;
      const seen = known.get(token);
      if (seen && now < seen.until) {
        checks.memory++;
        return seen.claims;
      }
      if (forged.has(token)) {
        checks.memory++;
        return undefined;
      }
      checks.signature++;
      const read = readToken(token, now);
      if (!read) return undefined;
      makeRoom(known);
      known.set(token, { claims: read.claims, until: Math.min(now + CACHE_TTL_SECONDS, read.end) });
      return read.claims;
    },
    metricDefinitions: [
      {
        name: 'stepwise_token_checks_total',
        help: 'Whether a token is good: remembered, or read and its signature checked',
        type: 'counter',
        label: 'from',
        read: () => checks,
      },
    ],
  };

  function readToken(token: string, now: number) {
    const end = token.lastIndexOf('.');
    const [signed, signature] = [token.slice(0, end), token.slice(end + 1)];
    if (!signed.startsWith(`${ENCODED_HEADER}.`)) return undefined;
    if (!keys.some((key) => isSignature(key, signed, signature))) {
      if (token.length > MAX_FORGED_LENGTH) return undefined;
      makeRoom(forged);
      forged.add(token);
      return undefined;
    }
    return claimsOf(signed.slice(ENCODED_HEADER.length + 1), lifetimeSeconds, now);
  }
}

/** Lets go of the oldest where there is no room for one more. */
function makeRoom(tokens: Map<string, unknown> | Set<string>): void {
  if (tokens.size >= MAX_CACHED_TOKENS) tokens.delete(tokens.keys().next().value as string);
}

/** The text is compared, not its bytes: base64url can say the same bytes in several ways, and one of them is ours. */
function isSignature(key: KeyObject, signed: string, signature: string): boolean {
  const expected = Buffer.from(createHmac('sha256', key).update(signed).digest('base64url'));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** What we signed once may have been signed with other rules than today's: it is read as strictly as a stranger's. */
function claimsOf(
  payload: string,
  lifetimeSeconds: number,
  now: number,
): { claims: VerifiedClaims; end: number } | undefined {
  const { sub, sid, nonce, iat, exp, nbf } = parsed(payload);
  // Ours have no `nbf`; one that says "not yet" means it all the same.
  if (nbf !== undefined && !((nbf as number) <= now + CLOCK_TOLERANCE_SECONDS)) return undefined;
  if (!Number.isSafeInteger(exp) || (exp as number) + CLOCK_TOLERANCE_SECONDS <= now) return undefined;
  if (!Number.isSafeInteger(iat)) return undefined;
  // A token says when it ends; how long it may live is the setting of today.
  const age = now - (iat as number);
  if (age < -CLOCK_TOLERANCE_SECONDS || age > lifetimeSeconds + CLOCK_TOLERANCE_SECONDS) return undefined;
  if (typeof sub !== 'string' || !/^[1-9]\d{0,9}$/.test(sub)) return undefined;
  const user_id = Number(sub);
  if (!isId(user_id) || !isId(sid) || !isNonce(nonce)) return undefined;
  const end = Math.min(exp as number, (iat as number) + lifetimeSeconds) + CLOCK_TOLERANCE_SECONDS;
  return { claims: { user_id, session_id: sid, nonce, exp: exp as number }, end };
}

function parsed(payload: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString()) ?? {};
  } catch {
    return {};
  }
}

const isNonce = (value: unknown): value is string | undefined =>
  value === undefined || (typeof value === 'string' && NONCE.test(value));
const isId = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_ID;
