// The PostgreSQL driver's patches (docs/decisions/0005-driver-patch.md). Each is a file of its own and applies by itself to the
// package as published. pnpm takes one patch for a version, so that one is composed of them.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The patch that pnpm applies (pnpm-workspace.yaml). */
export const COMPOSED = pathOf('patches/postgres@3.4.9.patch');

/** In the order in which they are applied. */
export const PARTS = {
  correctness: pathOf('patches/postgres-correctness.patch'),
  'lazy-rows': pathOf('patches/postgres-lazy-rows.patch'),
} as const;

export type Part = keyof typeof PARTS;

/** The package as pnpm has patched it. */
const INSTALLED = pathOf('server/node_modules/postgres');

/** Git without the settings of who runs it. */
async function git(folder: string, ...args: string[]): Promise<string> {
  const env = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  const { stdout } = await promisify(execFile)('git', args, { cwd: folder, env });
  return stdout;
}

/** Runs `job` in a repository of the package as published, which is removed afterwards. */
async function withPublished<T>(job: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'stepwise-driver-'));
  try {
    await cp(await realpath(INSTALLED), folder, { recursive: true });
    await git(folder, 'init', '--quiet');
    await git(folder, 'apply', '--reverse', COMPOSED);
    await git(folder, 'add', '--all');
    return await job(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** @returns one patch that does what these do to the package as published, one after the other */
export const composePatch = (parts: readonly Part[]): Promise<string> =>
  withPublished(async (folder) => {
    for (const part of parts) await git(folder, 'apply', PARTS[part]);
    return git(folder, 'diff', '--full-index');
  });

/** Writes the package with these patches alone, for STOCK_POSTGRES. @param to a folder that is not there yet */
export const writePackage = (parts: readonly Part[], to: string): Promise<void> =>
  withPublished(async (folder) => {
    for (const part of parts) await git(folder, 'apply', PARTS[part]);
    await rm(join(folder, '.git'), { recursive: true });
    await cp(folder, to, { recursive: true, errorOnExist: true, force: false });
  });

export const readComposed = (): Promise<string> => readFile(COMPOSED, 'utf8');
