// Refresh tokens. None is stored: a token names a session and a number, authenticated by a MAC, and the session knows which
// number is the current one. Forged and mistyped tokens are refused without asking the database.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { NONCE_BYTES, type SessionIdentity } from './accessTokens.ts';

export interface RefreshToken extends SessionIdentity {
  /** Undefined in a token that a version before made. */
  readonly user_id: number | undefined;
  readonly counter: number;
}

export interface RefreshTokens {
  /** @returns the token: 66 characters of base64url (34 where the session has no nonce), 128 of its bits a MAC */
  encode(token: RefreshToken & { readonly user_id: number }): string;
  /** @returns what a token says whose MAC was made with one of the keys, otherwise undefined */
  decode(text: string): RefreshToken | undefined;
}

/**
 * The first byte, and what follows it up to the MAC. Sessions without a nonce were opened by a version that did not know it.
 * The one before this did not say whose the session is. Both are still read.
 */
const VERSIONS = { withoutNonce: 1, withoutUser: 2, withUser: 3 } as const;
const HEAD_BYTES = { 1: 9, 2: 9, 3: 21 } as const;
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
    encode({ user_id, session_id, counter, nonce }) {
      const content =
        nonce === undefined
          ? headWithoutNonce(session_id, counter)
          : contentOf(user_id, session_id, counter, nonce);
      return Buffer.concat([content, macOf(content, keys[0] as Buffer)]).toString('base64url');
    },
    decode(text) {
      const bytes = Buffer.from(text, 'base64url');
      // One spelling per token: what does not come back the same was not made here.
      if (bytes.length !== tokenBytes(bytes[0]) || bytes.toString('base64url') !== text) return undefined;
      const [content, mac] = [bytes.subarray(0, -MAC_BYTES), bytes.subarray(-MAC_BYTES)];
      if (!keys.some((key) => timingSafeEqual(mac, macOf(content, key)))) return undefined;
      return read(content);
    },
  };
}

function contentOf(user_id: number, session_id: number, counter: number, nonce: string): Buffer {
  const head = Buffer.alloc(HEAD_BYTES[VERSIONS.withUser]);
  head.writeUInt8(VERSIONS.withUser, 0);
  head.writeBigUInt64BE(BigInt(user_id), 1);
  head.writeBigUInt64BE(BigInt(session_id), 9);
  head.writeUInt32BE(counter, 17);
  return Buffer.concat([head, Buffer.from(nonce, 'base64url')]);
}

function headWithoutNonce(session_id: number, counter: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES[VERSIONS.withoutNonce]);
  head.writeUInt8(VERSIONS.withoutNonce, 0);
  head.writeUInt32BE(session_id, 1);
  head.writeUInt32BE(counter, 5);
  return head;
}

function read(content: Buffer): RefreshToken {
  if (content[0] === VERSIONS.withUser)
    return {
      user_id: Number(content.readBigUInt64BE(1)),
      session_id: Number(content.readBigUInt64BE(9)),
      counter: content.readUInt32BE(17),
      nonce: content.toString('base64url', HEAD_BYTES[VERSIONS.withUser]),
    };
  const nonce =
    content[0] === VERSIONS.withoutUser
      ? content.toString('base64url', HEAD_BYTES[VERSIONS.withoutUser])
      : undefined;
  return { user_id: undefined, session_id: content.readUInt32BE(1), counter: content.readUInt32BE(5), nonce };
}

/** @returns bytes of a whole token of a version, undefined for one that there is not */
function tokenBytes(version: number | undefined): number | undefined {
  if (version === VERSIONS.withoutNonce) return HEAD_BYTES[version] + MAC_BYTES;
  if (version === VERSIONS.withoutUser || version === VERSIONS.withUser)
    return HEAD_BYTES[version] + NONCE_BYTES + MAC_BYTES;
  return undefined;
}
