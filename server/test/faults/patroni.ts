// Two PostgreSQL clusters that Patroni keeps a primary and its standby of, with etcd, as processes of the test's own.
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { freePort, programFolder } from './cluster.ts';
import {
  connectionTo,
  killPostgres,
  type Pair,
  type PairNode,
  signal,
  until,
  untilStreaming,
  urlOf,
} from './pair.ts';
import { startReaper } from './reaper.ts';
import { spawnChild } from './servers.ts';

/** Seconds until a primary that nobody hears of is replaced. */
const TTL = 20;

interface PatroniNode extends PairNode {
  /** Ends Patroni with its PostgreSQL at once, as when its machine is gone. */
  killMachine(): Promise<void>;
  /** Whether Patroni takes it for the one that may become the primary. */
  isSynchronous(): Promise<boolean>;
  /** Starts Patroni if it does not run. */
  start(): void;
}

export interface PatroniPair extends Pair {
  readonly primary: PatroniNode;
  readonly standby: PatroniNode;
}

/** They end with the test file that calls this (not from within a test). */
export async function startPatroniPair(): Promise<PatroniPair> {
  const folder = mkdtempSync(join(tmpdir(), 'stepwise-patroni-'));
  chmodSync(folder, 0o777);
  // PostgreSQL outlives Patroni.
  const end = startReaper(
    'cd "$1" && for name in a b; do kill -9 $(head -n 1 $name/postmaster.pid); done; rm -rf "$1"',
    folder,
  );
  afterAll(end.run);
  const etcd = await startEtcd(folder);
  const nodes = [await makeNode(folder, 'a', etcd), await makeNode(folder, 'b', etcd)] as const;
  let [primary, standby]: [PatroniNode, PatroniNode] = [nodes[0], nodes[1]];
  primary.start();
  await until(() => isPrimary(primary));
  standby.start();
  await untilInSync();
  return {
    get primary() {
      return primary;
    },
    get standby() {
      return standby;
    },
    url: urlOf(nodes),
    async promote() {
      let at = 0;
      // Patroni decides. It may also start the one that was killed again.
      await until(async () => {
        const found = await Promise.all([isPrimary(primary), isPrimary(standby)]);
        at = performance.now();
        if (found[1]) [primary, standby] = [standby, primary];
        return found.includes(true);
      });
      return at;
    },
    rebuild: untilInSync,
  };

  async function untilInSync(): Promise<void> {
    standby.start();
    await until(() => standby.isSynchronous());
    await untilStreaming(primary, 'sync');
  }
}

async function isPrimary({ sql }: PairNode): Promise<boolean> {
  const answer = await sql`select from (values (1)) one where not pg_is_in_recovery()`.catch(() => []);
  return answer.length === 1;
}

/** @returns where it takes requests */
async function startEtcd(folder: string): Promise<string> {
  const [clients, peers] = [await freePort(), await freePort()].map((port) => `http://127.0.0.1:${port}`);
  spawnChild('/usr/bin/etcd', [
    ...['--name', 'etcd', '--data-dir', join(folder, 'etcd')],
    ...['--listen-client-urls', `${clients}`, '--advertise-client-urls', `${clients}`],
    ...['--listen-peer-urls', `${peers}`, '--initial-advertise-peer-urls', `${peers}`],
    ...['--initial-cluster', `etcd=${peers}`],
  ]);
  await until(() => saysYes(`${clients}/health`));
  return new URL(`${clients}`).host;
}

const saysYes = (url: string): Promise<boolean> =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );

async function makeNode(folder: string, name: string, etcd: string): Promise<PatroniNode> {
  const [port, rest] = [await freePort(), await freePort()];
  const data = join(folder, name);
  const config = join(folder, `${name}.json`);
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({
      scope: 'stepwise',
      name,
      restapi: { listen: `127.0.0.1:${rest}`, connect_address: `127.0.0.1:${rest}` },
      etcd3: { host: etcd },
      bootstrap: {
        dcs: {
          ttl: TTL,
          loop_wait: 1,
          retry_timeout: 3,
          synchronous_mode: true,
          // A primary that was killed is not started again first.
          master_start_timeout: 0,
          postgresql: { use_pg_rewind: true, parameters: { max_connections: 60, wal_log_hints: 'on' } },
        },
        initdb: [{ encoding: 'UTF8' }, { locale: 'C.UTF-8' }, { auth: 'trust' }],
      },
      postgresql: {
        listen: `127.0.0.1:${port}`,
        connect_address: `127.0.0.1:${port}`,
        data_dir: data,
        bin_dir: programFolder(),
        pgpass: join(folder, `${name}.pgpass`),
        pg_hba: ['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust'],
        authentication: { superuser: { username: 'postgres' }, replication: { username: 'postgres' } },
        parameters: { unix_socket_directories: '' },
      },
    }),
  );
  let patroni: ReturnType<typeof spawnChild> | undefined;
  // Its output ends with that of its PostgreSQL, which is ended after it.
  afterAll(() => void patroni?.child.kill('SIGKILL'));
  return {
    port,
    sql: connectionTo(port),
    isSynchronous: () => saysYes(`http://127.0.0.1:${rest}/sync`),
    kill: () => killPostgres(data),
    async killMachine() {
      signal(patroni?.child.pid as number, 'SIGSTOP');
      await killPostgres(data);
      patroni?.child.kill('SIGKILL');
      await patroni?.exit;
    },
    start() {
      if (patroni && patroni.ended() === undefined) return;
      patroni = spawnPatroni(folder, config);
    },
  };
}

/** PostgreSQL, which Patroni starts, refuses to run as root, and in a folder that it may not enter. */
function spawnPatroni(folder: string, config: string) {
  const asPostgres = ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'];
  const as = process.getuid?.() === 0 ? asPostgres : [];
  return spawnChild('env', ['-C', folder, ...as, '/usr/bin/patroni', config]);
}
