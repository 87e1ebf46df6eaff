// The package as a stranger gets it: packed, installed in an empty project, compiled, and run against a live server.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApp } from '../../../server/test/harness.ts';
import { hoversIn } from './hovers.ts';
import { type App, pack, root, run } from './support.ts';

/** The oldest, the last that is JavaScript, and today's. */
const COMPILERS = ['typescript-5.7/bin/tsc', '@typescript/typescript6/bin/tsc6', 'typescript/bin/tsc'];
const WITHOUT_FAULT = { status: 0, output: '' };

/** Of the client in a browser: minified, compressed, with what it needs of tRPC's client and `eventsource-parser`. */
const MAX_SIZE_BYTES = 9_700;

const { app } = await startApp();
const out = await mkdtemp(join(tmpdir(), 'stepwise-package-'));
let url: string;
let tarball: string;
let script: App;
let react: App;

beforeAll(async () => {
  url = await app.listen({ port: 0, host: '127.0.0.1' });
  const packed = await pack(out);
  tarball = packed.tarball;
  script = await packed.install('script', 'script.ts', 'watch.ts', 'calls.ts', 'offline.ts');
  react = await packed.install('react', 'tasks.tsx', 'react/live.tsx');
});

afterAll(() => rm(out, { recursive: true }));

const installed = (): string => join(script.folder, 'node_modules/@stepwise/client');

test('the package holds what was built, the README and the license, and of the server not a word', async () => {
  expect((await readdir(installed())).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
  const dist = join(installed(), 'dist');
  // The rules of the day are the one part of the server in it.
  for (const name of await readdir(dist, { recursive: true })) {
    if (['domain', 'domain/day'].includes(name)) continue;
    expect(name).toMatch(/^(domain\/(day\/)?)?\w+(\.d\.ts|\.js)$/);
    const text = await readFile(join(dist, name), 'utf8');
    expect(text, name).not.toMatch(/@stepwise\/server|fastify|drizzle|zod|\.\.\/\.\.\//);
    if (!name.startsWith('domain/')) expect(text, name).not.toContain('../');
  }
});

test.each([
  ['publint', ['run', '--strict']],
  ['attw', ['--profile', 'esm-only']],
])('%s finds no fault', async (tool, args) => {
  const ended = await run(root, join(root, 'node_modules/.bin', tool), ...args, tarball);
  expect(ended.status, ended.output).toBe(0);
});

test.each(COMPILERS)(
  '#317 %s compiles a strict project with it, its declarations and those of tRPC included',
  async (compiler) => {
    expect(await script.compile(compiler)).toEqual(WITHOUT_FAULT);
  },
);

test.each(COMPILERS)(
  '#317 %s compiles a React project with it, on the oldest tRPC that it allows',
  async (compiler) => {
    expect(await react.compile(compiler)).toEqual(WITHOUT_FAULT);
  },
);

test('#317 from CommonJS it can be required, which the compilers after 5.7 know', async () => {
  const project = join(script.folder, 'common');
  await mkdir(project);
  await writeFile(
    join(project, 'index.cts'),
    "import { createClient } from '@stepwise/client';\ncreateClient({ url: '' });\n",
  );
  await writeFile(join(project, 'tsconfig.json'), '{ "extends": "../tsconfig.json", "include": ["."] }');
  await writeFile(
    join(script.folder, 'required.cjs'),
    "console.log(typeof require('@stepwise/client').createClient);",
  );
  const [oldest, ...later] = await Promise.all(
    COMPILERS.map((compiler) => script.compile(compiler, 'common')),
  );
  expect(oldest?.output).toContain('error TS1479');
  for (const ended of later) expect(ended).toEqual(WITHOUT_FAULT);
  expect(await script.node('required.cjs')).toEqual({ status: 0, output: 'function\n' });
});

test.each(COMPILERS)('to %s a wrong name of a field is an error that names it', async (compiler) => {
  const wrong = `import { createClient } from '@stepwise/client';
const client = createClient({ url: '' });
await client.task.create.mutate({ titel: 'a' });
console.log((await client.task.list.query({})).map(({ done }) => done));
`;
  for (const { folder, compile } of [script, react]) {
    const project = join(folder, 'wrong');
    await mkdir(project, { recursive: true });
    await writeFile(join(project, 'index.ts'), wrong);
    await writeFile(join(project, 'tsconfig.json'), '{ "extends": "../tsconfig.json", "include": ["."] }');
    const { status, output } = await compile(compiler, 'wrong');
    expect(status).not.toBe(0);
    expect(output).toMatch(/^wrong\/index\.ts\(3,.*'titel' does not exist in type/m);
    expect(output).toMatch(/^wrong\/index\.ts\(4,.*'done' does not exist on type/m);
  }
});

test('#318 an editor shows the descriptions and units of the contracts', () => {
  const hovers = hoversIn(script.folder, 'hovers.ts');
  expect(hovers.length).toBeGreaterThanOrEqual(9);
  for (const { word, expected, shown } of hovers) expect(shown, word).toContain(expected);
});

test('the example for a script runs', async () => {
  const { status, output } = await script.node('script.ts', url);
  expect(status, output).toBe(0);
  expect(output).toMatch(/^7 days of exercises, BMI 21\.28$/m);
  expect(output).toMatch(/\d+: Buy shoes/);
  expect(output).toMatch(/^VALIDATION .*path: 'title'/m);
});

test('the example that watches events runs, and ends', async () => {
  expect(await script.node('watch.ts', url)).toEqual({
    status: 0,
    output: '1: there is a new task, Buy shoes\n',
  });
});

test('the example of options, links and retries runs', async () => {
  const { status, output } = await script.node('calls.ts', url);
  expect(status, output).toBe(0);
  expect(output).toMatch(
    /^made once\n1 task\n200 undefined HTTP 200 with text\/plain.* from https:\/\/example\.com\/trpc is no answer of Stepwise: is this URL right\?$/m,
  );
  expect(output).toContain('{ succeeded: 4, failed: 0 }');
});

test('the example of the rules of the day runs', async () => {
  expect(await script.node('offline.ts')).toEqual({
    status: 0,
    output:
      '2026-11-27\n11\n30 0\n2027-02-28\n2026-11-30 2 times 5\n2026-12-02 2 times 7\n2026-12-04 2 times 7\n',
  });
});

test('against a live server calls are batched in tens, and errors say what went wrong', async () => {
  const { status, output } = await script.node('live.ts', url);
  expect(status, output).toBe(0);
  expect(JSON.parse(output)).toEqual({
    bmi: 24.69,
    creating: [10, 10, 5],
    inOrder: true,
    listed: 25,
    invalid: expect.objectContaining({
      reason: 'VALIDATION',
      httpStatus: 400,
      errors: [{ path: 'title', message: expect.any(String) }],
      request_id: expect.any(String),
    }),
    refreshes: 1,
    refused: expect.objectContaining({
      reason: 'UNAUTHENTICATED',
      httpStatus: 401,
      message: 'Not authenticated',
    }),
    tokens: null,
  });
});

test('#319 it is small in a browser', async () => {
  const { outputFiles } = await build({
    stdin: { contents: `export * from '@stepwise/client';`, resolveDir: script.folder },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
  });
  const [bundle] = outputFiles;
  const size = gzipSync(bundle!.contents, { level: 9 }).length;
  console.log(
    `@stepwise/client in a browser, with tRPC's client: ${bundle!.contents.length} bytes, ${size} compressed`,
  );
  expect(size).toBeLessThanOrEqual(MAX_SIZE_BYTES);
});
