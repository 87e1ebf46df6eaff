// The load generators: for full load wrk where it is installed and autocannon otherwise; for a fixed rate our own.
import { execFile, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Request } from './scenarios.ts';
import { here, pinned } from './settings.ts';

export interface Load {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers that are not 2xx. */
  readonly refused: number;
  /** Requests without an answer. */
  readonly broken: number;
}

const run = promisify(execFile);

export const GENERATOR = spawnSync('wrk', ['-v']).error ? 'autocannon' : 'wrk';

/** The same requests in a file for each generator. */
export interface Script {
  readonly fullLoad: string;
  readonly fixedRate: string;
}

/** @param name a file name */
export async function writeScript(
  folder: string,
  name: string,
  requests: readonly Request[],
): Promise<Script> {
  const json = join(folder, `${name}.json`);
  await writeFile(json, JSON.stringify(requests));
  if (GENERATOR !== 'wrk') return { fullLoad: json, fixedRate: json };
  const lua = join(folder, `${name}.lua`);
  await writeFile(lua, luaOf(requests));
  return { fullLoad: lua, fixedRate: json };
}

/** Sends as many requests as the target answers: each connection sends the next one after an answer (a closed loop). */
export async function loadFully(
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
          script.fullLoad,
        ]
      : [
          process.execPath,
          here('load/replay.ts'),
          origin,
          script.fullLoad,
          String(connections),
          String(seconds),
        ];
  return generate(command, signal);
}

/** Sends requests at a fixed rate, and counts latencies from the moment at which each was due (an open loop). */
export function loadAtRate(
  origin: string,
  script: Script,
  connections: number,
  seconds: number,
  requestsPerSecond: number,
  signal: AbortSignal,
): Promise<Load> {
  const numbers = [connections, seconds, requestsPerSecond].map(String);
  return generate([process.execPath, here('load/openLoop.ts'), origin, script.fixedRate, ...numbers], signal);
}

async function generate(command: string[], signal: AbortSignal): Promise<Load> {
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
