// A PostgreSQL cluster of its own for one test file, to be broken: own folder, own port, fsync on.
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { afterAll } from 'vitest';
import { startReaper } from './reaper.ts';

const run = promisify(execFile);
const INSTALLED = '/usr/lib/postgresql';

export interface Cluster {
  readonly port: number;
  /** A new, empty database. @returns its URL */
  createDatabase(name: string): Promise<string>;
  /** Comes back when the cluster takes connections again. */
  restart(mode: 'fast' | 'immediate'): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Runs one of PostgreSQL's client programs. */
  program(name: string, ...args: string[]): Promise<void>;
  /**
   * Runs a script as PostgreSQL's user, with its programs in the PATH and this cluster as what they connect to.
   * @returns what it wrote
   */
  shell(script: string, env: Record<string, string>): Promise<string>;
  /** From now on this role has to send its password; all others are trusted. */
  requirePassword(role: string): Promise<void>;
  /** Its folder, and that of its data in there. PostgreSQL's user may write into both. */
  readonly folder: string;
  readonly data: string;
}

/**
 * Makes and starts a cluster, which ends with the test file that calls this (not from within a test).
 * @param disk megabytes of a disk (in memory) of its own
 */
export async function startCluster(disk?: number): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'stepwise-cluster-'));
  // PostgreSQL refuses to run as root: then the user postgres makes its data folder in here.
  chmodSync(folder, 0o777);
  const data = join(folder, 'data');
  const port = await freePort();
  const [program, args] = asPostgres('pg_ctl', ['-D', data, '-m', 'immediate', 'stop']);
  const end = startReaper(
    'folder=$1; shift; "$@"; umount -q "$folder"; rm -rf "$folder"',
    folder,
    program,
    ...args,
  );
  afterAll(end.run);
  if (disk !== undefined)
    await run('mount', ['-t', 'tmpfs', '-o', `size=${disk}m,mode=777`, 'tmpfs', folder]);

  // Small segments of the log, so that a small disk is soon full.
  const made = [
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
    '--no-sync',
    '--wal-segsize=1',
  ];
  await run(...asPostgres('initdb', disk === undefined ? made.slice(0, -1) : made));
  const settings = `-p ${port} -c listen_addresses=127.0.0.1,::1 -c unix_socket_directories=${folder} -c max_connections=60`;
  const pgCtl = (...command: string[]) =>
    run(
      ...asPostgres('pg_ctl', [
        '-D',
        data,
        '-w',
        '-t',
        '60',
        '-l',
        join(folder, 'log'),
        '-o',
        settings,
        ...command,
      ]),
    );
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
    start: async () => void (await pgCtl('start')),
    stop: async () => void (await pgCtl('-m', 'fast', 'stop')),
    program: async (name, ...args) => void (await run(...asPostgres(name, args), { maxBuffer: 1e8 })),
    async shell(script, env) {
      const connection = { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'postgres' };
      const PATH = `${programFolder()}:${process.env.PATH}`;
      const [program, args] = asUserPostgres('/bin/sh', ['-euc', script]);
      const options = { env: { ...connection, ...env, PATH }, cwd: folder, maxBuffer: 1e8 };
      return (await run(program, args, options)).stdout;
    },
    async requirePassword(role) {
      const rules = join(data, 'pg_hba.conf');
      writeFileSync(rules, `host all ${role} 127.0.0.1/32 scram-sha-256\n${readFileSync(rules, 'utf8')}`);
      await pgCtl('reload');
    },
    folder,
    data,
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

/** The folder of PostgreSQL's programs. */
export function programFolder(): string {
  const [newest] = readdirSync(INSTALLED).sort((a, b) => Number(b) - Number(a));
  return join(INSTALLED, newest ?? '', 'bin');
}

/** How one of PostgreSQL's programs is run: it refuses to run as root. */
export const asPostgres = (program: string, args: string[]): [string, string[]] =>
  asUserPostgres(join(programFolder(), program), args);

/** How a program is run as PostgreSQL's user, if we are root. */
export const asUserPostgres = (path: string, args: string[]): [string, string[]] =>
  process.getuid?.() === 0 ? ['runuser', ['-u', 'postgres', '--', path, ...args]] : [path, args];
