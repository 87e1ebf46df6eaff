// The load generator: wrk where there is one, autocannon otherwise.
import { execFile, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { here, pinned } from './settings.ts';
import type { Request } from './works.ts';

export interface Load {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers that are not 2xx, and requests without an answer. */
  readonly refused: number;
  readonly broken: number;
}

const run = promisify(execFile);

export const GENERATOR = spawnSync('wrk', ['-v']).error ? 'autocannon' : 'wrk';

/** A file of requests that the generator takes. */
export interface Script {
  readonly path: string;
}

/** @param name a file name */
export async function writeScript(
  folder: string,
  name: string,
  requests: readonly Request[],
): Promise<Script> {
  const path = join(folder, `${name}.${GENERATOR === 'wrk' ? 'lua' : 'json'}`);
  await writeFile(path, GENERATOR === 'wrk' ? luaOf(requests) : JSON.stringify(requests));
  return { path };
}

export async function load(
  origin: string,
  script: Script,
  connections: number,
  seconds: number,
  signal: AbortSignal,
): Promise<Load> {
  const command =
    GENERATOR === 'wrk'
      ? [
          'wrk',
          '-t1',
          `-c${connections}`,
          `-d${seconds}s`,
          '--timeout',
          '10s',
          '-s',
          here('load/replay.lua'),
          origin,
          '--',
          script.path,
        ]
      : [process.execPath, here('load/replay.ts'), origin, script.path, String(connections), String(seconds)];
  const { stdout } = await run(...pinned(1, command), { signal });
  return JSON.parse(stdout.trim().split('\n').at(-1) as string);
}

/** JSON's strings are Lua's too, as long as they are ASCII. */
function luaOf(requests: readonly Request[]): string {
  return `return {\n${requests.map((request) => JSON.stringify(wire(request))).join(',\n')}}\n`;
}

function wire({ method, path, headers, body = '' }: Request): string {
  const all = {
    host: '127.0.0.1',
    ...headers,
    ...(body && { 'content-length': String(Buffer.byteLength(body)) }),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}
