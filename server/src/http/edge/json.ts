// Parses bytes or text of a client into a JSON value that is safe to use.
import secureJson from 'secure-json-parse';
import { AppError } from '../../trpc/errors.ts';

/** The deepest nesting of arrays and objects. */
const MAX_DEPTH = 32;

/**
 * The most values in one text; each row, key and item is one. The largest call has some 5,000. The cost of parsing and
 * validating a text grows with its values far more than with its bytes.
 */
const MAX_VALUES = 20_000;

/** The length of `constructor`, the longest key that sets a prototype, with every character written as an escape. */
const MAX_ESCAPED_KEY_LENGTH = 66;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * @returns the value, undefined for an empty body
 * @throws AppError VALIDATION if it is not JSON in UTF-8, nests too deeply, has too many values or sets a prototype
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
  const isSuspect = scanText(text, what);
  try {
    const value: unknown = JSON.parse(text);
    return isSuspect && typeof value === 'object' && value !== null
      ? secureJson.scan(value, { protoAction: 'error', constructorAction: 'error' })
      : value;
  } catch {
    // The parser's own message would quote the text.
    throw new AppError('VALIDATION', `${what} is not valid JSON`);
  }
}

/**
 * Scans a text once before it is parsed, because deep nesting and very many values are expensive to parse.
 * @returns whether one of its strings may be a key that sets a prototype: only then the value has to be walked
 */
function scanText(text: string, what: string): boolean {
  let depth = 0;
  let values = 1;
  let isSuspect = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 34 /* " */) {
      const start = ++i;
      let hasEscape = false;
      for (; i < text.length; i++) {
        const inside = text.charCodeAt(i);
        if (inside === 34) break;
        if (inside !== 92 /* \ */) continue;
        hasEscape = true;
        i++;
      }
      const length = i - start;
      isSuspect ||=
        (length === 9 && text.charCodeAt(start) === 95) /* __proto__ */ ||
        (length === 11 && text.charCodeAt(start) === 99) /* constructor */ ||
        (hasEscape && length <= MAX_ESCAPED_KEY_LENGTH);
    } else if (c === 44 /* , */ || c === 91 /* [ */ || c === 123 /* { */) {
      if (++values > MAX_VALUES)
        throw new AppError('VALIDATION', `${what} has more than ${MAX_VALUES} values`);
      if (c !== 44 && ++depth > MAX_DEPTH) throw new AppError('VALIDATION', `${what} is nested too deeply`);
    } else if (c === 93 || c === 125) depth--;
  }
  return isSuspect;
}
