// A PostgreSQL cluster of its own for one test file, to be broken: own folder, own port, fsync on.
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { afterAll } from 'vitest';
import { keeper } from './keeper.ts';

const run = promisify(execFile);
const INSTALLED = '/usr/lib/postgresql';

export interface Cluster {
  readonly port: number;
  /** A new, empty database. @returns its URL */
  createDatabase(name: string): Promise<string>;
  /** Comes back when the cluster takes connections again. */
  restart(mode: 'fast' | 'immediate'): Promise<void>;
}

/** Makes and starts a cluster, which ends with the test file that calls this (not from within a test). */
export async function startCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'stepwise-cluster-'));
  // PostgreSQL refuses to run as root: then the user postgres makes its data folder in here.
  chmodSync(folder, 0o777);
  const data = join(folder, 'data');
  const port = await freePort();
  const [program, args] = asPostgres('pg_ctl', ['-D', data, '-m', 'immediate', 'stop']);
  const end = keeper('folder=$1; shift; "$@"; rm -rf "$folder"', folder, program, ...args);
  afterAll(end.run);

  await run(...asPostgres('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']));
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder} -c max_connections=60`;
  const pgCtl = (...command: string[]) =>
    run(...asPostgres('pg_ctl', ['-D', data, '-w', '-t', '60', '-l', join(folder, 'log'), '-o', settings, ...command]));
  await pgCtl('start');

  return {
    port,
    async createDatabase(name) {
      const admin = postgres(`postgres://postgres@127.0.0.1:${port}/postgres`, { max: 1 });
      await admin.unsafe(`create database ${name}`);
      await admin.end();
      return `postgres://postgres@127.0.0.1:${port}/${name}`;
    },
    restart: async (mode) => void (await pgCtl('-m', mode, 'restart')),
  };
}

/** @returns a port that nothing listens on at the moment */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function asPostgres(program: string, args: string[]): [string, string[]] {
  const [newest] = readdirSync(INSTALLED).sort((a, b) => Number(b) - Number(a));
  const path = join(INSTALLED, newest ?? '', 'bin', program);
  return process.getuid?.() === 0 ? ['runuser', ['-u', 'postgres', '--', path, ...args]] : [path, args];
}
