// Server processes of a test, and what is said to them.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach } from 'vitest';
import { scanLogText } from '../scan.ts';
import { freePort } from './cluster.ts';
import { watchLateness } from './lateness.ts';
import { startReaper } from './reaper.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** A folder that is gone when the test file is done. No developer's .env is in it. */
export const folder = mkdtempSync(join(tmpdir(), 'stepwise-faults-'));
const folderEnd = startReaper('rm -rf "$1"', folder);
const running = new Set<ChildProcess>();
/** All lines that the programs of this test file wrote, for each stream of each. */
const written: string[][] = [];
const SECRET = 'a-secret-for-tests-of-at-least-32-bytes';
export const PASSWORD = 'correct horse battery';
const secrets = new Set([SECRET, PASSWORD]);
afterAll(async () => {
  const ends = [...running].map((child) => once(child, 'close'));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(ends);
  await folderEnd.run();
  for (const lines of written) scanLogText(lines.join('\n'), secrets);
});

/** What must not stand in any line that a server of this test file writes. */
export function registerSecret(secret: string): void {
  secrets.add(secret);
}

export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** The last lines that it wrote. */
  readonly output: string[];
  /** Exit code, or the signal that ended it; undefined while it runs. */
  ended(): number | string | undefined;
  /** Exit code, or the signal that ended it, when it has ended. */
  readonly exit: Promise<number | string>;
  /** Sends the signal. @returns exit code or signal when it has ended */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string>;
  /** Resident memory in MB. */
  rss(): number;
}

/** Runs a program of the test, which is killed with the test file at the latest, or with us. */
export function spawnChild(command: string, args: string[], env: Record<string, string> = {}) {
  const child = spawn(command, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const end = startReaper('kill -9 "$1"', String(child.pid));
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    const lines: string[] = [];
    written.push(lines);
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      output.push(line);
      if (output.length > 200) output.shift();
    });
  }
  let ended: number | string | undefined;
  // Not at its exit: what it wrote last is read after that.
  const exit = once(child, 'close').then(([code, signal]) => {
    running.delete(child);
    end.dismiss();
    ended = (code ?? signal) as number | string;
    return ended;
  });
  return { child, output, exit, ended: () => ended };
}

type Environment = Record<string, string> & { PORT: string };

/**
 * Starts the server and waits for nothing.
 * @param node options of Node.js
 * @param wrapper a program that starts it, with its arguments
 * @param root the folder of another version of this project
 */
export function spawnServer(
  env: Environment,
  node: string[] = [],
  wrapper: string[] = [],
  root = ROOT,
): ServerProcess {
  const [command = '', ...args] = [...wrapper, process.execPath, ...node, join(root, 'server/src/main.ts')];
  // One user writes more in these tests than anybody does in ten years.
  const quotas = { QUOTA_TASKS: '1000000', QUOTA_RESOURCES: '1000000', QUOTA_PLANS: '1000000' };
  const settings = { HOST: '127.0.0.1', LOG_LEVEL: 'info', JWT_SECRET_KEY: SECRET, ...quotas, ...env };
  const { child, output, exit, ended } = spawnChild(command, args, settings);
  return {
    url: `http://127.0.0.1:${env.PORT}`,
    child,
    output,
    ended,
    exit,
    end(signal) {
      child.kill(signal);
      return exit;
    },
    rss: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
  };
}

/** Many times what it takes: a test that promises less measures it. */
const READY_WITHIN_MS = 60_000;

/** Starts the server. Comes back when it says that it is well. */
export async function startServer(
  env: Environment,
  node?: string[],
  wrapper?: string[],
  root?: string,
): Promise<ServerProcess> {
  const server = spawnServer(env, node, wrapper, root);
  const isAlive = () => {
    if (server.ended() !== undefined)
      throw new Error(`the server ended with ${server.ended()}:\n${server.output.join('\n')}`);
  };
  // Asked too early, /health would say no for another second.
  const says = env.LOG_LEVEL === undefined ? /Stepwise is running/ : /^/;
  for (
    const end = performance.now() + READY_WITHIN_MS;
    performance.now() < end && !says.test(server.output.join('\n'));
    await sleep(20)
  )
    isAlive();
  await waitUntilReady(server.url, isAlive);
  return server;
}

/** Waits until /health answers 200. @returns the milliseconds that took. @throws after READY_WITHIN_MS */
export async function waitUntilReady(url: string, check: () => void = () => {}): Promise<number> {
  const start = performance.now();
  for (;;) {
    check();
    const answer = await call(url, 'GET', '/health');
    const took = performance.now() - start;
    if (answer.status === 200) return took;
    if (took > READY_WITHIN_MS)
      throw new Error(`/health still says ${answer.status} after ${Math.round(took)} ms`);
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

/** Milliseconds after which a request counts as hung, without those by which a busy machine was late. */
const HUNG_AFTER_MS = 6000;

/** One request. Never throws. */
export async function call(
  url: string,
  method: string,
  path: string,
  token?: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const [start, lateMs] = [performance.now(), watchLateness()];
  try {
    const answer = await fetch(url + path, {
      method,
      headers: {
        ...headers,
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(10 * HUNG_AFTER_MS),
    });
    const text = await answer.text();
    const ms = performance.now() - start;
    return {
      status: ms - lateMs() > HUNG_AFTER_MS ? 'hung' : answer.status,
      retryAfter: answer.headers.get('retry-after'),
      body: parsed(text),
      ms,
    };
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

/** @returns the answer to signing in as a user that `register` made */
export async function signIn(
  url: string,
  username: string,
  password = PASSWORD,
  headers: Record<string, string> = {},
): Promise<Answer> {
  registerSecret(password);
  const answer = await call(url, 'POST', '/users/signIn', undefined, { username, password }, headers);
  if (answer.status === 200) registerSecret(answer.body.access_token);
  return answer;
}

/** @returns the token of a new user */
export async function register(url: string, login: string): Promise<string> {
  const { body, status } = await call(url, 'POST', '/users', undefined, { login, password: PASSWORD });
  if (status !== 201) throw new Error(`registration: ${status}`);
  registerSecret(body.access_token);
  registerSecret(body.refresh_token);
  return body.access_token;
}

/** Servers that end after the test that started them. Others can be added to `servers`. */
export function serversOfTests() {
  const servers: ServerProcess[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) if (server.ended() === undefined) await server.end('SIGKILL');
  });
  async function start(DATABASE_URL: string, env: Record<string, string> = {}): Promise<ServerProcess> {
    const server = await startServer({
      PORT: String(await freePort()),
      DATABASE_URL,
      RATE_LIMIT: 'off',
      ...env,
    });
    servers.push(server);
    return server;
  }
  return { servers, start };
}
