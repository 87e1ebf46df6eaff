// Bytes or text from a client → a JSON value that is safe to work with.
import secureJson from 'secure-json-parse';
import { AppError } from '../trpc/errors.ts';

/** Arrays and objects inside each other. */
const MAX_DEPTH = 32;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * @returns the value, undefined for an empty body
 * @throws AppError VALIDATION for what is not JSON in UTF-8, too deep, or tries to set a prototype
 */
export function parseBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new AppError('VALIDATION', 'The body is not UTF-8');
  }
  return parseJson(text, 'The body');
}

/** @param what names the text in the error */
export function parseJson(text: string, what: string): unknown {
  if (isTooDeep(text)) throw new AppError('VALIDATION', `${what} is nested too deeply`);
  try {
    return secureJson.parse(text, undefined, { protoAction: 'error', constructorAction: 'error' });
  } catch {
    // The parser's own words would quote the text.
    throw new AppError('VALIDATION', `${what} is not valid JSON`);
  }
}

/** Looked at before parsing: a parser that recurses is what deep nesting is sent for. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 92 /* \ */) i++;
      else if (c === 34 /* " */) inString = false;
    } else if (c === 34) inString = true;
    else if (c === 91 /* [ */ || c === 123 /* { */) {
      if (++depth > MAX_DEPTH) return true;
    } else if (c === 93 || c === 125) depth--;
  }
  return false;
}
