import { errors, jwtVerify, SignJWT } from 'jose';

export interface Tokens {
  /** Seconds that a token lives. */
  readonly lifetime: number;
  /** @returns a JWT (HS256) with `sub`, `iat` and `exp`, nothing else */
  sign(user_id: number): Promise<string>;
  /** @returns the user id in a valid token, otherwise undefined */
  verify(token: string): Promise<number | undefined>;
}

/** The largest id that the database can hold. */
const MAX_ID = 2 ** 31 - 1;

/**
 * @param secret the key: its UTF-8 bytes
 * @param lifetime seconds
 */
export function createTokens(secret: string, lifetime: number): Tokens {
  const key = new TextEncoder().encode(secret);
  return {
    lifetime,
    sign: (user_id) =>
      new SignJWT()
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(String(user_id))
        .setIssuedAt()
        .setExpirationTime(`${lifetime}s`)
        .sign(key),
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'], requiredClaims: ['sub', 'iat', 'exp'] });
        // jose lets any JSON number and any `sub` pass: 1e400 would live for ever.
        if (!Number.isSafeInteger(payload.exp) || !Number.isSafeInteger(payload.iat)) return undefined;
        if ((payload.iat as number) > Date.now() / 1000 + 5) return undefined;
        if (typeof payload.sub !== 'string' || !/^[1-9]\d{0,9}$/.test(payload.sub)) return undefined;
        const user_id = Number(payload.sub);
        return user_id <= MAX_ID ? user_id : undefined;
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}
