// What the rules of the day may import, and who may import them.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

// #461: the rules import nothing but each other and read no clock; the database takes their types alone

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOMAIN = join(ROOT, 'server/src/domain');

const IMPORT = /(?:^|\n)(?:import|export)\b[^;]*?\bfrom '([^']+)'|\bimport\('([^']+)'\)/g;

async function sourcesOf(folder: string): Promise<[string, string][]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => /(?<!\.test)\.ts$/.test(name));
  return Promise.all(
    names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as [string, string]),
  );
}

test('#461 the rules import nothing but each other, read no clock and no random numbers', async () => {
  const sources = await sourcesOf(DOMAIN);
  expect(sources.length).toBeGreaterThan(5);
  for (const [name, text] of sources) {
    const imports = [...text.matchAll(IMPORT)].map(([, from, dynamic]) => from ?? dynamic ?? '');
    const isOutside = (from: string) =>
      !from.startsWith('.') || !join(DOMAIN, dirname(name), from).startsWith(`${DOMAIN}/`);
    expect(imports.filter(isOutside), name).toEqual([]);
    expect(text, name).not.toMatch(/Date\.now|new Date\(\)|Math\.random|performance\.|process\./);
  }
});

test('#461 Node.js loads the rules as they are, by taking their types away', async () => {
  const files = ['index.ts', 'rebuild.ts'].map((name) => JSON.stringify(join(DOMAIN, name)));
  const { stdout } = await promisify(execFile)(join(ROOT, 'node_modules/.bin/node'), [
    '--input-type=module',
    '--eval',
    `const all = await Promise.all([${files}].map((file) => import(file)));
    console.log(all.flatMap((one) => Object.keys(one)).join());`,
  ]);
  expect(stdout.split(',')).toEqual(
    expect.arrayContaining(['localDate', 'transition', 'energy', 'rebuild\n']),
  );
});

test('#461 the linter refuses what they would import from elsewhere', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stepwise-domain-'));
  try {
    // The folder is no repository.
    const {
      vcs: _,
      $schema: __,
      ...configuration
    } = JSON.parse(await readFile(join(ROOT, 'biome.json'), 'utf8'));
    await writeFile(join(folder, 'biome.json'), JSON.stringify(configuration));
    await mkdir(join(folder, 'server/src/domain/day'), { recursive: true });
    const bad = (...from: string[]) =>
      `${from.map((one, at) => `import * as x${at} from '${one}';\n`).join('')}
      export const all = [${from.map((_, at) => `x${at}`)}];\n`;
    await writeFile(
      join(folder, 'server/src/domain/bad.ts'),
      bad('zod', 'node:fs', '../config.ts', './pace.ts', './day/facts.ts'),
    );
    await writeFile(
      join(folder, 'server/src/domain/day/bad.ts'),
      bad('zod', 'node:fs', '../../config.ts', '../pace.ts', './facts.ts'),
    );
    const { stdout } = await promisify(execFile)(
      join(ROOT, 'node_modules/.bin/biome'),
      ['lint', '.', '--only=style/noRestrictedImports', '--reporter=json'],
      { cwd: folder },
    ).catch((error: { stdout: string }) => error);
    expect(JSON.parse(stdout).summary.errors).toBe(6);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('#461 the database takes types of the rules alone', async () => {
  const values = (await sourcesOf(join(ROOT, 'server/src/db'))).flatMap(([name, text]) =>
    [...text.matchAll(/(?:^|\n)(import|export)\s+(?!type\b)[^;]*?\bfrom '[^']*\/domain\/[^']*'/g)].map(
      () => name,
    ),
  );
  expect(values).toEqual([]);
});
