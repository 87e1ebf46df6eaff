// Writes the JSON of answers. A large answer is written into bytes in pieces. One string would take up to six times as much
// memory: two bytes for each character if one of them is not Latin-1, and three more for each when it is sent.

/** So many elements of an array are one piece. */
const PIECE_ELEMENTS = 50;

/** A shorter text stays a string. */
const MAX_TEXT_CHARACTERS = 64 * 1024;

/** @returns the JSON of a plain value: a string, or bytes in UTF-8 if it is long */
export function toJson(value: unknown): string | Buffer {
  if (!isLong(value)) return asBytes(JSON.stringify(value));
  const written: Buffer[] = [];
  for (const piece of piecesOf(value)) written.push(Buffer.from(piece));
  return Buffer.concat(written);
}

/** @returns the texts joined by separators */
export function joinJson(parts: readonly (string | Buffer)[], separator = ','): string | Buffer {
  if (parts.every((part) => typeof part === 'string')) return parts.join(separator);
  return Buffer.concat(
    parts.flatMap((part, n) => (n === 0 ? [Buffer.from(part)] : [Buffer.from(separator), Buffer.from(part)])),
  );
}

const asBytes = (text: string): string | Buffer =>
  text.length < MAX_TEXT_CHARACTERS ? text : Buffer.from(text);

function isLong(value: unknown, depth = 0): boolean {
  if (Array.isArray(value)) return value.length > PIECE_ELEMENTS;
  if (typeof value !== 'object' || value === null || depth === 3) return false;
  for (const key in value) if (isLong((value as Record<string, unknown>)[key], depth + 1)) return true;
  return false;
}

function* piecesOf(value: unknown): Generator<string> {
  if (!isLong(value)) yield JSON.stringify(value);
  else if (Array.isArray(value)) {
    for (let from = 0; from < value.length; from += PIECE_ELEMENTS)
      yield (from === 0 ? '[' : ',') + JSON.stringify(value.slice(from, from + PIECE_ELEMENTS)).slice(1, -1);
    yield ']';
  } else {
    let isFirst = true;
    for (const [key, inner] of Object.entries(value as object)) {
      if (inner === undefined) continue;
      yield `${isFirst ? '{' : ','}${JSON.stringify(key)}:`;
      isFirst = false;
      yield* piecesOf(inner);
    }
    yield '}';
  }
}
