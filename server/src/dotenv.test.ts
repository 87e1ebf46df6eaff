import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { DotenvError, readDotenv } from './dotenv.ts';

const folder = mkdtempSync(join(tmpdir(), 'stepwise-dotenv-'));
const path = join(folder, '.env');
afterAll(() => rmSync(folder, { recursive: true }));

function read(content: string | Buffer): Record<string, string> {
  writeFileSync(path, content);
  return readDotenv(path);
}

function refusal(content: string | Buffer): string {
  try {
    read(content);
  } catch (error) {
    if (error instanceof DotenvError) return error.message;
    throw error;
  }
  throw new Error('accepted');
}

const TEXT = '# Überschrift\nNODE_ENV=production\nJWT_SECRET_KEY="geheim ü"\n';
const EXPECTED = { NODE_ENV: 'production', JWT_SECRET_KEY: 'geheim ü' };
const utf16le = (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le');

test.each([
  ['UTF-8', Buffer.from(TEXT)],
  ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${TEXT}`)],
  ['UTF-16, little end first', utf16le(TEXT)],
  ['UTF-16, big end first', utf16le(TEXT).swap16()],
  ['the line ends of Windows', Buffer.from(TEXT.replaceAll('\n', '\r\n'))],
  ['all of that', utf16le(TEXT.replaceAll('\n', '\r\n'))],
  ['line ends of old', Buffer.from(TEXT.replaceAll('\n', '\r'))],
])('#277 %s is read, its first line too', (_name, bytes) => {
  expect(read(bytes)).toEqual(EXPECTED);
  expect(read(Buffer.from(''))).toEqual({});
});

test.each([
  ['export A=1\nexport  B = "x"', { A: '1', B: 'x' }],
  ['  A = 1  \n\n\t# comment\n B=2 # two', { A: '1', B: '2' }],
  [
    'A="two\nlines"\nB=\'#no comment\'# one\nC=`it\'s "it"`',
    { A: 'two\nlines', B: '#no comment', C: 'it\'s "it"' },
  ],
  ['A=\nB=  \nC=3\nD=#none\nE= # none', { A: '', B: '', C: '3', D: '', E: '' }],
  ['A=postgres://u:p#w%d@h/d?x=y&z=1 # where\nB=a"b', { A: 'postgres://u:p#w%d@h/d?x=y&z=1', B: 'a"b' }],
  ['A=C:\\new\\temp\nB="a\\nb"', { A: 'C:\\new\\temp', B: 'a\nb' }],
])('#277 %j means %j', (text, values) => {
  expect(read(text)).toEqual(values);
});

test.each([
  ['UTF-16 without a mark', Buffer.from(TEXT, 'utf16le'), /NUL|UTF-8/],
  ['Latin-1', Buffer.from('A=gr\xfc\xdfe', 'latin1'), /save it as UTF-8/],
  ['UTF-16 with half a character', Buffer.from([0xff, 0xfe, 0x41, 0x00, 0x3d]), /save it as UTF-8/],
  ['a NUL in a value', 'A=sec\0ret', /NUL/],
  ['a line without =', 'A=1\nsecret\nB=2', /: line 2 /],
  ['a quote without its pair', 'A=1\nB=2\nC="secret\nD=4', /: line 3 /],
  ['a quote within quotes', "A='it's secret'", /: line 1 /],
  ['something behind quotes', 'A="secret"value', /: line 1 /],
])('#277 %s is told in a line that names the file and no value', (_name, content, expected) => {
  const message = refusal(content);
  expect(message).toMatch(expected);
  expect(message).toContain(path);
  expect(message).not.toMatch(/secret|\n/);
});

test('#277 a file that is not there sets nothing; one that cannot be read is named', () => {
  rmSync(path);
  expect(readDotenv(path)).toEqual({});
  mkdirSync(path);
  expect(() => readDotenv(path)).toThrow(`${path} is a folder`);
  rmSync(path, { recursive: true });
  writeFileSync(path, 'A=1');
  chmodSync(path, 0);
  // Root reads it all the same.
  if (process.getuid?.() === 0) expect(readDotenv(path)).toEqual({ A: '1' });
  else expect(() => readDotenv(path)).toThrow(`${path} cannot be read (EACCES)`);
});
