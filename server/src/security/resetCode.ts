// Codes that set a new password once. An operator reads one out or sends it on; only its hash is stored.
import { createHash, randomInt } from 'node:crypto';

/** Crockford's: no two of them look or sound alike. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** Of 5 random bits each: 140 bits. */
const CHARACTERS = 28;
const GROUP = /.{4}(?=.)/g;

/** @returns a new code: seven groups of four characters */
export function generateResetCode(): string {
  const characters = Array.from({ length: CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)]);
  return characters.join('').replace(GROUP, '$&-');
}

/**
 * What is stored of a code. It needs no salt and no slow hash: nobody finds 140 bits by trying.
 * @param code as it was typed: case, spaces and hyphens do not matter, nor do o for 0, i and l for 1
 * @returns its SHA-256
 */
export function hashResetCode(code: string): string {
  const plain = code.toLowerCase().replace(/[\s-]/g, '').replace(/o/g, '0').replace(/[il]/g, '1');
  return createHash('sha256').update(plain).digest('base64url');
}
