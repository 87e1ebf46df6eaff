import { errors, jwtVerify, SignJWT } from 'jose';

/** Who a token speaks for: a user in one of the user's sessions. */
export interface Claims {
  readonly user_id: number;
  readonly session_id: number;
}

export interface Tokens {
  /** Seconds that a token lives. */
  readonly lifetime: number;
  /** @returns a JWT (HS256) with `sub`, `sid`, `iat` and `exp`, nothing else */
  sign(claims: Claims): Promise<string>;
  /** @returns what a valid token says, otherwise undefined; whether its session is still open is not looked at */
  verify(token: string): Promise<Claims | undefined>;
}

/** The largest id that the database can hold. */
const MAX_ID = 2 ** 31 - 1;

/** Seconds that the clocks of two servers may differ. */
const TOLERANCE = 5;

/**
 * @param secrets the key that signs (its UTF-8 bytes), then those that only verify, while keys are being exchanged
 * @param lifetime seconds
 */
export function createTokens(secrets: readonly [string, ...string[]], lifetime: number): Tokens {
  const keys = secrets.map((secret) => new TextEncoder().encode(secret));
  return {
    lifetime,
    sign: ({ user_id, session_id }) =>
      new SignJWT({ sid: session_id })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(String(user_id))
        .setIssuedAt()
        .setExpirationTime(`${lifetime}s`)
        .sign(keys[0] as Uint8Array),
    async verify(token) {
      for (const key of keys) {
        const claims = await verifyWith(key, token);
        if (claims) return claims;
      }
      return undefined;
    },
  };
}

async function verifyWith(key: Uint8Array, token: string): Promise<Claims | undefined> {
  try {
    const options = { algorithms: ['HS256'], requiredClaims: ['sub', 'iat', 'exp'], clockTolerance: TOLERANCE };
    const { payload } = await jwtVerify(token, key, options);
    // jose lets any JSON number and any `sub` pass: 1e400 would live for ever.
    if (!Number.isSafeInteger(payload.exp) || !Number.isSafeInteger(payload.iat)) return undefined;
    if ((payload.iat as number) > Date.now() / 1000 + TOLERANCE) return undefined;
    if (typeof payload.sub !== 'string' || !/^[1-9]\d{0,9}$/.test(payload.sub)) return undefined;
    const [user_id, session_id] = [Number(payload.sub), payload.sid];
    return isId(user_id) && isId(session_id) ? { user_id, session_id } : undefined;
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}

const isId = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_ID;
