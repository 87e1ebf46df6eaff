// Tokens in the addresses of calendar files. Who knows one reads the file; only its hash is stored.
import { createHash, randomBytes } from 'node:crypto';

/** 128 random bits. */
const TOKEN_BYTES = 16;

const sha256 = (text: string) => createHash('sha256').update(text);

/** @returns a new token: 22 characters of base64url */
export const generateCalendarToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url');

/** @returns whether the text has the form of a token */
export const isCalendarToken = (text: string): boolean => /^[\w-]{22}$/.test(text);

/** @returns what is stored of a token: its SHA-256. Nobody finds 128 bits by trying, so it needs no salt and no slow hash */
export const hashCalendarToken = (token: string): string => sha256(token).digest('base64url');

/** @returns 64 bits that tell the entries of this file from those of all others, and give nothing of the token away */
export const calendarNamespace = (token_hash: string): string =>
  sha256(`calendar ${token_hash}`).digest('hex').slice(0, 16);
