// A server under load: its process, and what it costs.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import manifest from '../../package.json' with { type: 'json' };
import { here, pinned, SECRET } from './settings.ts';

export const TARGETS = [
  'baseline',
  'baseline with events',
  'ours',
  'stock-adapters',
  'oRPC',
  'Hono',
] as const;
export type TargetName = (typeof TARGETS)[number];

/** Servers that can be started; `cached` belongs to `--cache` alone. */
export type TargetKind = TargetName | 'cached';

const FILES: Record<TargetKind, string> = {
  baseline: 'targets/baseline.ts',
  'baseline with events': 'targets/baseline.ts',
  ours: '../src/main.ts',
  'stock-adapters': 'targets/stock-adapters.ts',
  oRPC: 'targets/orpc.ts',
  Hono: 'targets/hono.ts',
  cached: 'targets/cached.ts',
};

/** The options that `pnpm start` gives Node.js. */
const FLAGS: readonly string[] = manifest.scripts.start.split(' ').slice(1, -1);

/** Length of a clock tick of /proc/<pid>/stat. */
const TICK_SECONDS = 1 / Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout);

export class Target {
  readonly name: string;
  readonly origin: string;
  readonly #process: ChildProcess;

  private constructor(name: string, origin: string, process: ChildProcess) {
    this.name = name;
    this.origin = origin;
    this.#process = process;
  }

  /**
   * Starts a server as in production and waits until it is healthy.
   * @param folder of its log; without an `.env`
   * @param settings environment variables besides the common ones
   * @param checkout of another commit whose server is started
   */
  static async start(
    kind: TargetKind,
    databaseUrl: string,
    folder: string,
    name: string = kind,
    settings: Record<string, string> = {},
    checkout?: string,
  ): Promise<Target> {
    const port = await freePort();
    const path = join(folder, `${name}.log`);
    const log = openSync(path, 'w');
    const [command, args] = pinned(0, [
      process.execPath,
      ...(kind === 'ours' || kind === 'cached' ? FLAGS : []),
      checkout === undefined ? here(FILES[kind]) : join(checkout, 'server/src/main.ts'),
    ]);
    const child = spawn(command, args, {
      cwd: folder,
      stdio: ['ignore', log, log],
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        PORT: String(port),
        DATABASE_URL: databaseUrl,
        JWT_SECRET_KEY: SECRET,
        TRUST_PROXY: '127.0.0.0/8',
        DRAIN_MS: '0',
        ...settings,
      },
    });
    closeSync(log);
    const target = new Target(name, `http://127.0.0.1:${port}`, child);
    for (let tries = 0; tries < 200; tries++) {
      const health = await fetch(`${target.origin}/health`).catch(() => undefined);
      await health?.arrayBuffer();
      if (health?.ok) return target;
      if (child.exitCode !== null) break;
      await sleep(100);
    }
    await target.stop();
    throw new Error(`${name} does not start:\n${readFileSync(path, 'utf8').slice(-2000)}`);
  }

  /** Seconds of processor time so far. */
  cpu(): number {
    const stat = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS;
  }

  /** MiB. */
  rss(): number {
    return (
      Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.#process.pid}/status`, 'utf8'))?.[1]) / 1024
    );
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const late = setTimeout(() => this.#process.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(late);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
