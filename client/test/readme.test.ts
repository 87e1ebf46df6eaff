import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

test('the code in the README is that of the examples, which the package is tested with', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```(tsx?)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({
    language,
    code,
  }));
  const files = (await readdir(join(root, 'examples'), { recursive: true })).filter(
    (name) => extname(name) !== '',
  );
  const examples = files.map(async (name) => ({
    language: extname(name).slice(1),
    code: await readFile(join(root, 'examples', name), 'utf8'),
  }));
  const byCode = (a: { code: string | undefined }, b: { code: string | undefined }) =>
    String(a.code) < String(b.code) ? -1 : 1;
  expect(blocks.sort(byCode)).toEqual((await Promise.all(examples)).sort(byCode));
});
