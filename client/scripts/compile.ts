import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { appRouter } from '../../server/src/router.ts';
import { contractsOf, describe } from './describe.ts';
import { standalone } from './standalone.ts';

const run = promisify(execFile);
const compiler = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');

export interface Compiled {
  /** The folder with the client's own modules and their declarations. */
  readonly modules: string;
  /** The folder with the rules of the day, which a part of them re-exports as `@stepwise/server/domain`. */
  readonly domain: string;
  /** The text of the router's declaration, which needs nothing of the server; its comments are the contracts' descriptions. */
  readonly router: string;
}

/**
 * Compiles the client, and with it the server's router, whose types it is made from.
 * @param use gets what came out, which is gone when it has ended
 * @throws what the compiler found wrong, or what of the server would be published
 */
export async function compile<Result>(use: (compiled: Compiled) => Promise<Result>): Promise<Result> {
  const out = await mkdtemp(join(tmpdir(), 'stepwise-client-'));
  try {
    await run(process.execPath, [compiler, '-p', import.meta.dirname, '--outDir', out]).catch(
      ({ stdout }) => {
        throw new Error(`The client does not compile:\n${stdout}`);
      },
    );
    const server = join(out, 'server/src');
    const router = await standalone(await readFile(join(server, 'router.d.ts'), 'utf8'), (module) =>
      readFile(join(server, module.replace(/\.ts$/, '.d.ts')), 'utf8'),
    );
    return await use({
      modules: join(out, 'client/src'),
      domain: join(server, 'domain'),
      router: describe(router, contractsOf(appRouter)),
    });
  } finally {
    await rm(out, { recursive: true });
  }
}
