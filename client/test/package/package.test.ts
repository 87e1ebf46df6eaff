// The package as a stranger gets it: packed, installed in an empty project, compiled, and run against a live server.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApp } from '../../../server/test/harness.ts';
import { type App, pack, root, run } from './support.ts';

const COMPILERS = ['tsc', 'tsc6'];
const WITHOUT_FAULT = { status: 0, output: '' };

/** Bytes of the client in a browser: minified, compressed, all of tRPC's client that it needs included. */
const MAX_SIZE = 9500;

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
  script = await packed.install('script', 'script.ts', 'watch.ts');
  react = await packed.install('react', 'tasks.tsx', 'react/live.tsx');
}, 300_000);

afterAll(() => rm(out, { recursive: true }));

const installed = (): string => join(script.folder, 'node_modules/@stepwise/client');

test('the package holds what was built, the README and the license, and of the server not a word', async () => {
  expect((await readdir(installed())).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
  const dist = join(installed(), 'dist');
  for (const name of await readdir(dist)) {
    expect(name).toMatch(/^\w+(\.d\.ts|\.js)$/);
    expect(await readFile(join(dist, name), 'utf8')).not.toMatch(/@stepwise\/server|fastify|drizzle|zod|\.\.\//);
  }
});

test.each([
  ['publint', ['run', '--strict']],
  ['attw', ['--profile', 'esm-only']],
])('%s finds no fault', async (tool, args) => {
  const ended = await run(root, join(root, 'node_modules/.bin', tool), ...args, tarball);
  expect(ended.status, ended.output).toBe(0);
});

test.each(COMPILERS)('%s compiles a strict project with it, its declarations and those of tRPC included', async (compiler) => {
  expect(await script.tool(compiler, '-p', '.')).toEqual(WITHOUT_FAULT);
});

test.each(COMPILERS)('%s compiles a React project with it, on the oldest tRPC that it allows', async (compiler) => {
  expect(await react.tool(compiler, '-p', '.')).toEqual(WITHOUT_FAULT);
});

test.each(COMPILERS)('to %s a wrong name of a field is an error that names it', async (compiler) => {
  const wrong = `import { createClient } from '@stepwise/client';
const client = createClient({ url: '' });
await client.task.create.mutate({ titel: 'a' });
console.log((await client.task.list.query({})).map(({ done }) => done));
`;
  for (const { folder, tool } of [script, react]) {
    const project = join(folder, 'wrong');
    await mkdir(project, { recursive: true });
    await writeFile(join(project, 'index.ts'), wrong);
    await writeFile(join(project, 'tsconfig.json'), '{ "extends": "../tsconfig.json", "include": ["."] }');
    const { status, output } = await tool(compiler, '-p', 'wrong');
    expect(status).not.toBe(0);
    expect(output).toMatch(/^wrong\/index\.ts\(3,.*'titel' does not exist in type/m);
    expect(output).toMatch(/^wrong\/index\.ts\(4,.*'done' does not exist on type/m);
  }
});

test('the example for a script runs', async () => {
  const { status, output } = await script.node('script.ts', url);
  expect(status, output).toBe(0);
  expect(output).toMatch(/^7 days of exercises, BMI 21\.28$/m);
  expect(output).toMatch(/\d+: Buy shoes/);
  expect(output).toMatch(/^VALIDATION .*path: 'title'/m);
});

test('the example that watches events runs, and ends', async () => {
  expect(await script.node('watch.ts', url)).toEqual({ status: 0, output: '1: there is a new task, Buy shoes\n' });
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
    refused: expect.objectContaining({ reason: 'UNAUTHENTICATED', httpStatus: 401, message: 'Not authenticated' }),
    tokens: null,
  });
});

test('it is small in a browser', async () => {
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
  console.log(`@stepwise/client in a browser, with tRPC's client: ${bundle!.contents.length} bytes, ${size} compressed`);
  expect(size).toBeLessThanOrEqual(MAX_SIZE);
});
