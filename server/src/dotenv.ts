// The file .env, as editors and shells of all systems write it. What cannot be read right stops the program: a line that
// is lost can make a production server a development server.
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

/** Thrown with one line that names the file, and no value. */
export class DotenvError extends Error {
  override name = 'DotenvError';
}

/**
 * @returns what the file sets; nothing if there is none
 * @throws DotenvError
 */
export function readDotenv(path: string): Record<string, string> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return {};
    throw new DotenvError(
      code === 'EISDIR' ? `${path} is a folder; a file is expected` : `${path} cannot be read (${code})`,
    );
  }
  const text = decode(path, bytes);
  return Object.fromEntries(
    Object.entries(parseEnv(normalized(path, text))).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );
}

/** Windows PowerShell and older editors write UTF-16, with a byte order mark. */
function decode(path: string, bytes: Buffer): string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : 'utf-8';
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new DotenvError(`${path} is no text in UTF-8; save it as UTF-8`);
  }
  if (text.includes('\0')) throw new DotenvError(`${path} holds NUL characters; save it as UTF-8`);
  return text.replaceAll(/\r\n?/g, '\n');
}

/** NAME=value, the value in quotes and then perhaps of several lines, or up to a comment; a comment; or nothing. */
const LINE =
  /[^\S\n]*(?:(?<name>(?:export\s+)?[\w.-]+)[^\S\n]*=[^\S\n]*(?:(?<quoted>(["'`])(?:(?!\3)[\s\S])*\3)|(?<bare>(?!["'`#])[^\n]*?)??)[^\S\n]*)?(?:(?<=\s|["'`=]|^)#[^\n]*)?(?:\n|$)/y;

/**
 * parseEnv passes over lines that it does not understand, ends a value at any # and takes the next line for that of a
 * name with spaces behind its =. So each line is looked at, and handed on in quotes.
 */
function normalized(path: string, text: string): string {
  const lines: string[] = [];
  for (LINE.lastIndex = 0; LINE.lastIndex < text.length; ) {
    const begin = LINE.lastIndex;
    const groups = LINE.exec(text)?.groups;
    if (groups === undefined) {
      const line = text.slice(0, begin).split('\n').length;
      throw new DotenvError(`${path}: line ${line} is not NAME=value, or has a quote without its pair`);
    }
    const { name, quoted, bare = '' } = groups;
    if (name !== undefined) lines.push(`${name}=${quoted ?? inQuotes(bare)}`);
  }
  return lines.join('\n');
}

/** Within " a \n would become a line end. */
function inQuotes(value: string): string {
  const quote = ["'", '`', '"'].find((sign) => !value.includes(sign));
  return quote === undefined ? value : `${quote}${value}${quote}`;
}
