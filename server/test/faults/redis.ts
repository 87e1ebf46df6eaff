import type { ChildProcess } from 'node:child_process';
import { vi } from 'vitest';
import { spawnChild } from './servers.ts';

/** Starts a Redis that keeps nothing, which ends with the test file. Comes back when it takes connections. */
export async function startRedis(port: number): Promise<ChildProcess> {
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', 'enable-debug-command': 'yes' };
  const { child, output } = spawnChild(
    'redis-server',
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
  );
  await vi.waitUntil(() => output.some((line) => line.includes('Ready to accept connections')), { timeout: 20_000, interval: 20 });
  return child;
}
