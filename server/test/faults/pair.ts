// Two PostgreSQL clusters, of which one is the primary and the other its standby: killed, promoted, rebuilt.
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { afterAll } from 'vitest';
import { asPostgres, freePort } from './cluster.ts';
import { startReaper } from './reaper.ts';

const run = promisify(execFile);

export interface PairNode {
  readonly port: number;
  /** A connection of the test's own to the database `postgres`, made anew when it is lost. */
  readonly sql: postgres.Sql;
  /** Ends all processes of it at once, as when its machine is gone. */
  kill(): Promise<void>;
}

/** A primary and its standby, as they are at the moment. */
export interface Pair {
  readonly primary: PairNode;
  readonly standby: PairNode;
  /** Names both hosts, always in the same order, and the database `postgres`. */
  readonly url: string;
  /** The standby becomes the primary. @returns the moment at which it takes writes, as performance.now() */
  promote(): Promise<number>;
  /** What was the primary is made the standby. */
  rebuild(): Promise<void>;
}

export interface PlainNode extends PairNode {
  readonly data: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface PlainPair extends Pair {
  readonly primary: PlainNode;
  readonly standby: PlainNode;
  /** Of both; PostgreSQL's user may write into it. */
  readonly folder: string;
  /** From now on the primary waits for no standby. */
  becomeAsynchronous(): Promise<void>;
}

/** Makes and starts them; they end with the test file that calls this (not from within a test). */
export async function startPair(): Promise<PlainPair> {
  const folder = mkdtempSync(join(tmpdir(), 'stepwise-pair-'));
  // PostgreSQL refuses to run as root: then the user postgres makes its data folders in here.
  chmodSync(folder, 0o777);
  const [program, args] = asPostgres('pg_ctl', ['-m', 'immediate', 'stop']);
  const end = startReaper(
    'folder=$1; shift; for name in a b; do "$@" -D "$folder/$name"; done; rm -rf "$folder"',
    folder,
    program,
    ...args,
  );
  afterAll(end.run);
  const nodes = [await makeNode(folder, 'a'), await makeNode(folder, 'b')] as const;
  let [primary, standby]: [PlainNode, PlainNode] = [nodes[0], nodes[1]];
  await run(
    ...asPostgres(
      'initdb',
      `-D ${primary.data} -U postgres -A trust -E UTF8 --locale=C.UTF-8 --wal-segsize=1`.split(' '),
    ),
  );
  await primary.start();

  async function rebuild(): Promise<void> {
    await rm(standby.data, { recursive: true, force: true });
    await run(
      ...asPostgres(
        'pg_basebackup',
        `-h 127.0.0.1 -p ${primary.port} -U postgres -D ${standby.data} -c fast -X stream -R`.split(' '),
      ),
    );
    await standby.start();
    await untilStreaming(primary, 'async');
    // Only now: a primary that waits for a standby which is away takes no writes, and the copy must not wait for one.
    await setSynchronous(primary, '*');
    await untilStreaming(primary, 'sync');
  }

  await rebuild();
  return {
    get primary() {
      return primary;
    },
    get standby() {
      return standby;
    },
    url: urlOf(nodes),
    async promote() {
      await run(...asPostgres('pg_ctl', ['-D', standby.data, '-w', 'promote']));
      [primary, standby] = [standby, primary];
      return performance.now();
    },
    rebuild,
    folder,
    async becomeAsynchronous() {
      await setSynchronous(primary, '');
      await untilStreaming(primary, 'async');
    },
  };
}

export const urlOf = (nodes: readonly PairNode[]): string =>
  `postgres://postgres@${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}/postgres`;

/** Comes back when a standby has all that the primary wrote, and is waited for or not. */
export const untilStreaming = ({ sql }: PairNode, state: 'sync' | 'async'): Promise<void> =>
  until(async () => {
    const found = await sql`
      select from pg_stat_replication
      where state = 'streaming' and sync_state = ${state} and replay_lsn >= pg_current_wal_lsn()`;
    return found.length === 1;
  });

async function makeNode(folder: string, name: string): Promise<PlainNode> {
  const data = join(folder, name);
  const port = await freePort();
  const settings = [
    `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''`,
    '-c max_connections=60 -c wal_keep_size=64MB -c wal_retrieve_retry_interval=100ms',
  ].join(' ');
  const pgCtl = (...command: string[]) =>
    run(...asPostgres('pg_ctl', ['-D', data, '-w', '-t', '60', ...command]));
  return {
    port,
    data,
    sql: connectionTo(port),
    start: async () => void (await pgCtl('-l', join(folder, `${name}.log`), '-o', settings, 'start')),
    stop: async () => void (await pgCtl('-m', 'fast', 'stop')),
    kill: () => killPostgres(data),
  };
}

/** Ends with the test file. */
export function connectionTo(port: number): postgres.Sql {
  const sql = postgres(`postgres://postgres@127.0.0.1:${port}/postgres`, { max: 1, onnotice: () => {} });
  afterAll(() => sql.end({ timeout: 1 }));
  return sql;
}

/** @returns the ids of its processes, the first one first */
async function processesOf(data: string): Promise<number[]> {
  const postmaster = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const { stdout } = await run('pgrep', ['-P', String(postmaster)]);
  return [postmaster, ...stdout.trim().split('\n').map(Number)];
}

export async function killPostgres(data: string): Promise<void> {
  const pids = await processesOf(data);
  // Not one after the other: whoever outlives the first one for a moment commits what no standby has.
  for (const name of ['SIGSTOP', 'SIGKILL'] as const) for (const pid of pids) signal(pid, name);
  // Nothing of it may be left when it is made anew.
  await until(() => !pids.some(isThere));
}

async function setSynchronous({ sql }: PairNode, names: string): Promise<void> {
  await sql.unsafe(`alter system set synchronous_standby_names = '${names}'`);
  await sql`select pg_reload_conf()`;
}

export function signal(pid: number, name: 'SIGSTOP' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

function isThere(pid: number): boolean {
  try {
    // A process that is gone and was not waited for is still listed.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** @throws when it takes longer than a busy machine does */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 120_000; !(await isSo()); await sleep(20))
    if (performance.now() > end) throw new Error(`waited too long for ${isSo}`);
}
