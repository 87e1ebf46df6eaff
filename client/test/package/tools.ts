// The tools of others, in a project of its own, so that nobody who does not run this suite installs them.
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { type Ended, root } from './support.ts';

export interface Tools {
  /** Runs a tool of the project with this Node.js. */
  run(name: string, ...args: string[]): Promise<Ended>;
  /** Runs a module with this Node.js. */
  node(...args: string[]): Promise<Ended>;
}

/**
 * Installs the project, unless that was done since its lockfile changed.
 * @param folder where its tools run
 * @param env what they are told besides
 */
export async function installTools(
  project: string,
  folder: string,
  env: Record<string, string>,
): Promise<Tools> {
  const start = (at: string, program: string, args: string[]) =>
    new Promise<Ended>((resolve) => {
      const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
      const options = {
        cwd: at,
        env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, ...env, PATH: path },
        maxBuffer: 64 * 1024 * 1024,
      };
      execFile(program, args, options, (error, stdout, stderr) => {
        resolve({ status: error ? Number(error.code) || 1 : 0, output: stdout + stderr });
      });
    });

  const time = (path: string) =>
    stat(join(project, path)).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
  if ((await time('node_modules/.modules.yaml')) < (await time('pnpm-lock.yaml'))) {
    const { packageManager } = JSON.parse(await readFile(join(root, '../package.json'), 'utf8'));
    const args = [
      '--yes',
      packageManager,
      'install',
      '--frozen-lockfile',
      '--ignore-workspace',
      '--ignore-scripts',
    ];
    const { status, output } = await start(project, 'npx', args);
    if (status !== 0) throw new Error(`the tools could not be installed:\n${output}`);
  }
  return {
    run: (name, ...args) => start(folder, join(project, 'node_modules/.bin', name), args),
    node: (...args) => start(folder, process.execPath, args),
  };
}
