// A Redis of its own for one test file, to be broken.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll } from 'vitest';
import { freePort } from './cluster.ts';
import { startReaper } from './reaper.ts';

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Sends the signal. SIGKILL ends it: comes back when it has. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Starts it again, empty, at the same port. */
  start(): Promise<void>;
}

/**
 * Starts a Redis that keeps nothing on disk, and ends with the test file that calls this (not from within a test).
 * @param more settings
 */
export async function startRedis(more: Record<string, string> = {}): Promise<RedisServer> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  let end: ReturnType<typeof startReaper> | undefined;
  const redis: RedisServer = {
    port,
    url: `redis://127.0.0.1:${port}`,
    async signal(signal) {
      child?.kill(signal);
      if (signal !== 'SIGKILL' || !child) return;
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      end?.dismiss();
    },
    async start() {
      const settings = {
        port,
        bind: '127.0.0.1',
        save: '',
        appendonly: 'no',
        'enable-debug-command': 'yes',
        ...more,
      };
      child = spawn(
        'redis-server',
        Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
      );
      end = startReaper('kill -9 "$1"', String(child.pid));
      for await (const chunk of child.stdout as NodeJS.ReadableStream)
        if (String(chunk).includes('Ready to accept connections')) break;
    },
  };
  await redis.start();
  afterAll(() => redis.signal('SIGKILL'));
  return redis;
}
