// PgBouncer in front of a cluster.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll } from 'vitest';
import { type Cluster, freePort } from './cluster.ts';
import { spawnChild } from './servers.ts';

export interface Bouncer {
  readonly port: number;
  /** Runs a command of its console. */
  tell(command: string): Promise<unknown>;
  kill(): Promise<void>;
  start(): void;
}

/**
 * Starts PgBouncer, which ends with the test file that calls this. But for these it has the settings that it is installed with.
 * @param databases `name = …` of its own, as in its configuration
 */
export async function startBouncer(
  cluster: Pick<Cluster, 'port' | 'folder'>,
  databases: Readonly<Record<string, string>>,
  settings = '',
): Promise<Bouncer> {
  const port = await freePort();
  const config = join(cluster.folder, `pgbouncer-${port}.ini`);
  const users = join(cluster.folder, 'users.txt');
  writeFileSync(users, '"postgres" ""\n');
  const lines = Object.entries(databases).map(
    ([name, target]) => `${name} = host=127.0.0.1 port=${cluster.port} ${target}`,
  );
  writeFileSync(
    config,
    `[databases]
${lines.join('\n')}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
auth_file = ${users}
admin_users = postgres
${settings}
`,
  );
  // PgBouncer refuses to run as root.
  const start = () =>
    process.getuid?.() === 0
      ? spawnChild('setpriv', ['--reuid=65534', '--clear-groups', '/usr/sbin/pgbouncer', config])
      : spawnChild('/usr/sbin/pgbouncer', [config]);
  let process_ = start();
  const console_ = postgres(`postgres://postgres@127.0.0.1:${port}/pgbouncer`, {
    max: 1,
    fetch_types: false,
    onnotice: () => {},
  });
  afterAll(() => console_.end({ timeout: 1 }));
  return {
    port,
    tell: (command) => console_.unsafe(command).simple(),
    async kill() {
      process_.child.kill('SIGKILL');
      await process_.exit;
    },
    start() {
      process_ = start();
    },
  };
}
