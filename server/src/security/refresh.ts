// Refresh tokens. None is stored: a token names a session and a number, sealed with a key, and the session knows which
// number is the current one. Forged and mistyped tokens are refused without asking the database.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

export interface RefreshToken {
  readonly session_id: number;
  readonly counter: number;
}

export interface RefreshTokens {
  /** @returns the token: 34 characters of base64url, 128 of its bits a seal */
  seal(token: RefreshToken): string;
  /** @returns what a token says that was sealed with one of the keys, otherwise undefined */
  open(text: string): RefreshToken | undefined;
}

const VERSION = 1;
/** Version, session, counter. */
const HEAD = 9;
const SEAL = 16;

/** @param secrets the secret that seals, then those that only open, while keys are being exchanged */
export function createRefreshTokens(secrets: readonly [string, ...string[]]): RefreshTokens {
  // A key of its own: an access token's signature must never pass as a seal.
  const keys = secrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', 'stepwise refresh token', 32)));
  const sealOf = (head: Buffer, key: Buffer) => createHmac('sha256', key).update(head).digest().subarray(0, SEAL);
  return {
    seal({ session_id, counter }) {
      const head = Buffer.alloc(HEAD);
      head.writeUInt8(VERSION, 0);
      head.writeUInt32BE(session_id, 1);
      head.writeUInt32BE(counter, 5);
      return Buffer.concat([head, sealOf(head, keys[0] as Buffer)]).toString('base64url');
    },
    open(text) {
      const bytes = Buffer.from(text, 'base64url');
      // One spelling per token: what does not come back the same was not made here.
      if (bytes.length !== HEAD + SEAL || bytes[0] !== VERSION || bytes.toString('base64url') !== text) return undefined;
      const [head, seal] = [bytes.subarray(0, HEAD), bytes.subarray(HEAD)];
      if (!keys.some((key) => timingSafeEqual(seal, sealOf(head, key)))) return undefined;
      return { session_id: head.readUInt32BE(1), counter: head.readUInt32BE(5) };
    },
  };
}
