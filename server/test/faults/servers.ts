// Server processes of a test, and what is said to them.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { keeper } from './keeper.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A folder that is gone when the test file is done. No developer's .env is in it. */
export const folder = mkdtempSync(join(tmpdir(), 'stepwise-faults-'));
const folderEnd = keeper('rm -rf "$1"', folder);
const running = new Set<ChildProcess>();
afterAll(async () => {
  const ends = [...running].map((child) => once(child, 'exit'));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(ends);
  await folderEnd.run();
});

export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** The last lines that it wrote. */
  readonly output: string[];
  /** Exit code, or the signal that ended it; undefined while it runs. */
  ended(): number | string | undefined;
  /** Sends the signal. @returns exit code or signal when it has ended */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string>;
  /** Resident memory in MB. */
  rss(): number;
}

/** Runs a program of the test, which is killed with the test file at the latest, or with us. */
export function spawnChild(command: string, args: string[], env: Record<string, string> = {}) {
  const child = spawn(command, args, { cwd: folder, env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const end = keeper('kill -9 "$1"', String(child.pid));
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output.push(...String(chunk).split('\n').filter(Boolean));
      output.splice(0, output.length - 200);
    });
  let ended: number | string | undefined;
  const exit = once(child, 'exit').then(([code, signal]) => {
    running.delete(child);
    end.dismiss();
    ended = (code ?? signal) as number | string;
    return ended;
  });
  return { child, output, exit, ended: () => ended };
}

/** Starts the server. Comes back when it says that it is well. */
export async function startServer(env: Record<string, string> & { PORT: string }): Promise<ServerProcess> {
  const { child, output, exit, ended } = spawnChild(process.execPath, [MAIN], {
    HOST: '127.0.0.1',
    LOG_LEVEL: 'error',
    JWT_SECRET_KEY: 'a-secret-for-tests-of-at-least-32-bytes',
    ...env,
  });
  const url = `http://127.0.0.1:${env.PORT}`;
  const server: ServerProcess = {
    url,
    child,
    output,
    ended,
    end(signal) {
      child.kill(signal);
      return exit;
    },
    rss: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
  };
  await isWell(url, 30_000, () => {
    if (ended() !== undefined) throw new Error(`the server ended with ${ended()}:\n${output.join('\n')}`);
  });
  return server;
}

/** Waits until /health answers 200. @returns the milliseconds that took. @throws when it takes longer than `limit` */
export async function isWell(url: string, limit: number, check: () => void = () => {}): Promise<number> {
  const start = performance.now();
  for (;;) {
    check();
    const answer = await call(url, 'GET', '/health');
    const took = performance.now() - start;
    if (answer.status === 200) return took;
    if (took > limit) throw new Error(`/health still says ${answer.status} after ${Math.round(took)} ms`);
    await sleep(25);
  }
}

export interface Answer {
  /** The HTTP status, or how no answer came. */
  readonly status: number | 'hung' | 'broken';
  readonly retryAfter: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
  readonly ms: number;
  /** Why no answer came. */
  readonly why?: string;
}

/** Milliseconds after which a request counts as hung. */
const PATIENCE = 6000;

/** One request. Never throws. */
export async function call(url: string, method: string, path: string, token?: string, body?: unknown): Promise<Answer> {
  const start = performance.now();
  try {
    const answer = await fetch(url + path, {
      method,
      headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body !== undefined && { 'content-type': 'application/json' }) },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE),
    });
    const text = await answer.text();
    const { status, headers } = answer;
    return { status, retryAfter: headers.get('retry-after'), body: parsed(text), ms: performance.now() - start };
  } catch (error) {
    const { name, message, cause } = error as Error;
    const status = name === 'TimeoutError' ? 'hung' : 'broken';
    const why = `${message}: ${(cause as { code?: string; message?: string })?.code ?? (cause as Error)?.message}`;
    return { status, retryAfter: null, body: undefined, ms: performance.now() - start, why };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @returns the token of a new user */
export async function register(url: string, login: string): Promise<string> {
  const { body, status } = await call(url, 'POST', '/users', undefined, { login, password: 'correct horse battery' });
  if (status !== 201) throw new Error(`registration: ${status}`);
  return body.access_token;
}
