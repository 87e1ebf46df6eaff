// The usual check of a token.
import { jwtVerify } from 'jose';
import type { Claims } from '../../src/security/accessTokens.ts';
import { SECRET } from '../settings.ts';

const KEY = new TextEncoder().encode(SECRET);

/** @returns what a good token says, otherwise undefined */
export async function verify(authorization: string | undefined): Promise<Claims | undefined> {
  if (!authorization?.startsWith('Bearer ')) return undefined;
  try {
    const { payload } = await jwtVerify(authorization.slice(7), KEY, { algorithms: ['HS256'] });
    return {
      user_id: Number(payload.sub),
      session_id: Number(payload.sid),
      nonce: payload.nonce as string | undefined,
    };
  } catch {
    return undefined;
  }
}
