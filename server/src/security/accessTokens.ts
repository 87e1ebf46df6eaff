import { createSecretKey, randomBytes, type webcrypto } from 'node:crypto';
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
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
  /**
   * At once where the token is remembered, otherwise a promise that never rejects for what the token is. Whether its session
   * is still open is not looked at.
   * @returns what a valid token says, otherwise undefined
   */
  verify(token: string): VerifiedClaims | undefined | Promise<VerifiedClaims | undefined>;
  readonly metricDefinitions: readonly MetricDefinition[];
}

/** Bytes of the random value of a session: 96 bits, for which base64url has 16 characters. */
export const NONCE_BYTES = 12;
const NONCE = /^[\w-]{16}$/;

export const generateNonce = (): string => randomBytes(NONCE_BYTES).toString('base64url');

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

const Id = z.int().positive();

/** What our tokens say: what we signed once may have been signed with other rules than today's. */
const Payload = z.object({
  sub: z
    .string()
    .regex(/^[1-9]\d{0,15}$/)
    .transform(Number)
    .pipe(Id),
  sid: Id,
  nonce: z.string().regex(NONCE).optional(),
  iat: z.int(),
  exp: z.int(),
});

/**
 * Signs and verifies with jose. That takes a turn of the thread pool, so tokens that were verified are remembered, and
 * forged ones too.
 * @param secrets the key that signs (its UTF-8 bytes), then those that only verify, while keys are being exchanged
 * @param lifetimeSeconds seconds
 */
export function createAccessTokens(
  secrets: readonly [string, ...string[]],
  lifetimeSeconds: number,
): AccessTokens {
  const keys = secrets.map(importKey);
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
        .sign(keys[0] as webcrypto.CryptoKey),
    verify(token) {
      const seen = known.get(token);
      if (seen && Date.now() / 1000 < seen.until) {
        checks.memory++;
        return seen.claims;
      }
      if (forged.has(token)) {
        checks.memory++;
        return undefined;
      }
      checks.signature++;
      // jose ignores what it does not know in a header, such as a key that a token brings along.
      return token.startsWith(`${ENCODED_HEADER}.`) ? verifyAnew(token) : undefined;
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

  async function verifyAnew(token: string): Promise<VerifiedClaims | undefined> {
    const payload = await verifySignature(token);
    const { success, data } = Payload.safeParse(payload);
    if (!success) return undefined;
    const { sub: user_id, sid: session_id, nonce, iat, exp } = data;
    const claims = { user_id, session_id, nonce, exp };
    const end = Math.min(exp, iat + lifetimeSeconds) + CLOCK_TOLERANCE_SECONDS;
    makeRoom(known);
    known.set(token, { claims, until: Math.min(Date.now() / 1000 + CACHE_TTL_SECONDS, end) });
    return claims;
  }

  /** @returns the claims of a token that one of the keys signed and whose time is now */
  async function verifySignature(token: string): Promise<JWTPayload | undefined> {
    for (const key of keys)
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: [HEADER.alg],
          typ: HEADER.typ,
          requiredClaims: ['exp'],
          // A token says when it ends; how long it may live is the setting of today.
          maxTokenAge: lifetimeSeconds,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
        });
        return payload;
      } catch (error) {
        // What one of our keys has signed may have its time later.
        if (error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed)
          return undefined;
        if (!(error instanceof errors.JOSEError)) throw error;
      }
    if (token.length > MAX_FORGED_LENGTH) return undefined;
    makeRoom(forged);
    forged.add(token);
    return undefined;
  }
}

/** jose would import the bytes of a secret anew for each token. */
const importKey = (secret: string): webcrypto.CryptoKey =>
  createSecretKey(Buffer.from(secret)).toCryptoKey({ name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
    'verify',
  ]);

/** Lets go of the oldest where there is no room for one more. */
function makeRoom(tokens: Map<string, unknown> | Set<string>): void {
  if (tokens.size >= MAX_CACHED_TOKENS) tokens.delete(tokens.keys().next().value as string);
}
