// What a test file of this folder runs on: three servers with PostgreSQL and Redis, behind haproxy as it is deployed.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { afterAll } from 'vitest';
import { migratePostgres } from '../../src/db/postgres/migrate.ts';
import { type Sample, samplesOf } from '../exposition.ts';
import { freePort, startCluster } from '../faults/cluster.ts';
import { startHaproxy } from '../faults/haproxy.ts';
import { startRedis } from '../faults/redisServer.ts';
import { call, type ServerProcess, startServer } from '../faults/servers.ts';

const DEPLOYED = fileURLToPath(new URL('../../../deploy/haproxy/haproxy.cfg', import.meta.url));
const METRICS_TOKEN = 'a-token-for-scrapers';

export interface Instances {
  /** Where haproxy takes requests. */
  readonly entrance: string;
  /** As they run at the moment; which of them is told by a number from 0 to 2. */
  readonly servers: [ServerProcess, ServerProcess, ServerProcess];
  readonly sql: postgres.Sql;
  /** Starts one that has ended, on the port it had. */
  start(n: number): Promise<void>;
  /** @returns whether haproxy sends requests to it */
  isUp(n: number): Promise<boolean>;
  /** What it says at /metrics. */
  metrics(n: number): Promise<Sample[]>;
  /** What haproxy says there. */
  proxyMetrics(): Promise<Sample[]>;
}

/** @param settings of all servers, besides what makes them three of one database */
export async function startInstances(settings: Record<string, string> = {}): Promise<Instances> {
  const cluster = await startCluster();
  const DATABASE_URL = await cluster.createDatabase('shared');
  await migratePostgres(DATABASE_URL);
  const sql = postgres(DATABASE_URL, { max: 1, onnotice: () => {} });
  afterAll(() => sql.end({ timeout: 1 }));
  const { url: REDIS_URL } = await startRedis();

  const ports = [await freePort(), await freePort(), await freePort()] as const;
  const shared = { DATABASE_URL, REDIS_URL, MIGRATE_AT_START: 'false', METRICS_TOKEN, ...settings };
  const startAt = (port: number) => startServer({ ...shared, PORT: String(port) });
  const servers: Instances['servers'] = await Promise.all([
    startAt(ports[0]),
    startAt(ports[1]),
    startAt(ports[2]),
  ]);

  const [front, told] = [await freePort(), await freePort()];
  const entrance = `http://127.0.0.1:${front}`;
  const here = readFileSync(DEPLOYED, 'utf8')
    .replace('bind :8000', `bind 127.0.0.1:${front}`)
    .replace('bind :8405', `bind 127.0.0.1:${told}`)
    .replace(
      /^( {2}server app-(\d)) app-\d:8000$/gm,
      (_, server, number) => `${server} 127.0.0.1:${ports[number - 1]}`,
    );
  await startHaproxy(here, entrance);

  const proxyMetrics = async () =>
    samplesOf((await call(`http://127.0.0.1:${told}`, 'GET', '/metrics')).body);

  return {
    entrance,
    servers,
    sql,
    async start(n) {
      servers[n] = await startAt(ports[n] as number);
    },
    async isUp(n) {
      const samples = await proxyMetrics();
      return samples.some(
        ({ name, labels: { proxy, server, state }, value }) =>
          name === 'haproxy_server_status' &&
          proxy === 'servers' &&
          server === `app-${n + 1}` &&
          state === 'UP' &&
          value === 1,
      );
    },
    proxyMetrics,
    metrics: async (n) =>
      samplesOf((await call((servers[n] as ServerProcess).url, 'GET', '/metrics', METRICS_TOKEN)).body),
  };
}

/** @returns the value below which this share of the values is */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[
    Math.min(values.length - 1, Math.floor(values.length * share))
  ] as number;
}
