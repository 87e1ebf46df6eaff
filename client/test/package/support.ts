import { execFile } from 'node:child_process';
import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** A project outside the workspace that has the packed client installed. */
export interface App {
  readonly folder: string;
  /** Compiles the project in `folder` of it with a compiler that it has installed. */
  compile(compiler: string, folder?: string): Promise<Ended>;
  /** Runs a module of the project with this Node.js. */
  node(...args: string[]): Promise<Ended>;
}

export interface Ended {
  readonly status: number;
  /** What it said, on both streams. */
  readonly output: string;
}

/** Runs a program to its end. */
export function run(folder: string, program: string, ...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd: folder }, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code) || 1 : 0, output: stdout + stderr });
    });
  });
}

async function must(folder: string, program: string, ...args: string[]): Promise<void> {
  const { status, output } = await run(folder, program, ...args);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}:\n${output}`);
}

/**
 * Packs the client as it would be published.
 * @param out an empty folder outside the workspace
 * @returns the path of the tarball, and a function that makes a project in `out` of the files of apps/`app` and of
 *   `examples`, and installs the tarball in it
 */
export async function pack(
  out: string,
): Promise<{ tarball: string; install: (name: string, ...examples: string[]) => Promise<App> }> {
  const { packageManager } = JSON.parse(await readFile(join(root, '../package.json'), 'utf8'));
  await must(root, 'npx', '--yes', packageManager, 'pack', '--pack-destination', out);
  const [name = ''] = await readdir(out);
  const tarball = join(out, name);

  const install = async (app: string, ...examples: string[]): Promise<App> => {
    const folder = join(out, app);
    await cp(join(import.meta.dirname, 'apps', app), folder, { recursive: true });
    for (const example of examples) await cp(join(root, 'examples', example), join(folder, example));
    await must(folder, 'npm', 'install', '--no-audit', '--no-fund', tarball);
    return {
      folder,
      compile: (compiler, project = '.') =>
        run(folder, process.execPath, join(folder, 'node_modules', compiler), '-p', project),
      node: (...args) => run(folder, process.execPath, ...args),
    };
  };
  return { tarball, install };
}
