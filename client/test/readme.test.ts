import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

test('the code in the README is that of the examples, which the package is tested with', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```(tsx?)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({ language, code }));
  const examples = (await readdir(join(root, 'examples'))).sort().map(async (name) => ({
    language: extname(name).slice(1),
    code: await readFile(join(root, 'examples', name), 'utf8'),
  }));
  expect(blocks).toEqual(await Promise.all(examples));
});
