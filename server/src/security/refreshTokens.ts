// Refresh tokens. None is stored: a token names a session and a number, authenticated by a MAC, and the session knows which
// number is the current one. Forged and mistyped tokens are refused without asking the database.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { NONCE_BYTES, type SessionIdentity } from './accessTokens.ts';

export interface RefreshToken extends SessionIdentity {
  readonly counter: number;
}

export interface RefreshTokens {
  /** @returns the token: 50 characters of base64url (34 where the session has no nonce), 128 of its bits a MAC */
  encode(token: RefreshToken): string;
  /** @returns what a token says whose MAC was made with one of the keys, otherwise undefined */
  decode(text: string): RefreshToken | undefined;
}

/**
 * The first byte, and how long what the MAC covers is for each: version, session, counter, and in the second version the nonce.
 * The first is that of sessions without a nonce, which servers of the version before opened and still have to read.
 */
const VERSIONS = { withoutNonce: 1, withNonce: 2 } as const;
const HEAD_BYTES = 9;
const MAC_BYTES = 16;

/** @param secrets the secret that makes MACs, then those that only check them, while keys are being exchanged */
export function createRefreshTokens(secrets: readonly [string, ...string[]]): RefreshTokens {
  // A key of its own: an access token's signature must never pass as a MAC.
  const keys = secrets.map((secret) =>
    Buffer.from(hkdfSync('sha256', secret, '', 'stepwise refresh token', 32)),
  );
  const macOf = (content: Buffer, key: Buffer) =>
    createHmac('sha256', key).update(content).digest().subarray(0, MAC_BYTES);
  return {
    encode({ session_id, counter, nonce }) {
      const head = Buffer.alloc(HEAD_BYTES);
      head.writeUInt8(nonce === undefined ? VERSIONS.withoutNonce : VERSIONS.withNonce, 0);
      head.writeUInt32BE(session_id, 1);
      head.writeUInt32BE(counter, 5);
      const content = Buffer.concat([head, Buffer.from(nonce ?? '', 'base64url')]);
      return Buffer.concat([content, macOf(content, keys[0] as Buffer)]).toString('base64url');
    },
    decode(text) {
      const bytes = Buffer.from(text, 'base64url');
      // One spelling per token: what does not come back the same was not made here.
      if (bytes.length !== tokenBytes(bytes[0]) || bytes.toString('base64url') !== text) return undefined;
      const [content, mac] = [bytes.subarray(0, -MAC_BYTES), bytes.subarray(-MAC_BYTES)];
      if (!keys.some((key) => timingSafeEqual(mac, macOf(content, key)))) return undefined;
      const nonce = content.length > HEAD_BYTES ? content.toString('base64url', HEAD_BYTES) : undefined;
      return { session_id: content.readUInt32BE(1), counter: content.readUInt32BE(5), nonce };
    },
  };
}

/** @returns bytes of a whole token of a version, undefined for one that there is not */
function tokenBytes(version: number | undefined): number | undefined {
  if (version === VERSIONS.withoutNonce) return HEAD_BYTES + MAC_BYTES;
  if (version === VERSIONS.withNonce) return HEAD_BYTES + NONCE_BYTES + MAC_BYTES;
  return undefined;
}
