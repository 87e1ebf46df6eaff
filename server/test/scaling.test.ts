// What is said and written for several instances, held against what there is.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../src/config.ts';
import * as schema from '../src/db/schema/index.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFile(join(ROOT, path), 'utf8');

const guide = await text('docs/operations/scaling.md');
const compose = parse(await text('docker-compose.scale.yml'), { merge: true });
const haproxy = await text('deploy/haproxy/haproxy.cfg');
const prometheus = parse(await text('deploy/observability/prometheus.yml'));
const kubernetes = parse(await text('deploy/kubernetes/config.yaml'));

const tables = Object.values<unknown>(schema).filter((value): value is PgTable => is(value, PgTable));
const servers = Object.entries<{
  environment: Record<string, string>;
  networks: { default: { aliases: string[] } };
}>(compose.services).filter(([name]) => name.startsWith('app-'));

/** The rows of the table below a heading: name → the next cell. */
function rowsBelow(heading: string): Map<string, string> {
  const part = guide.slice(guide.indexOf(heading)).split(/\n#+ /, 2)[0] as string;
  return new Map(
    [...part.matchAll(/^\| `(\w+)`\s*\|([^|]*)\|/gm)].map(
      ([, name = '', cell = '']) => [name, cell.trim()] as const,
    ),
  );
}

test('docs/operations/scaling.md reckons with each table', () => {
  expect([...rowsBelow('### Rows and bytes').keys()].sort()).toEqual(
    tables.map((table) => getTableConfig(table).name).sort(),
  );
});

test('haproxy sends to the servers that the compose file has, and believes no client about where it comes from', () => {
  const named = [...haproxy.matchAll(/^ {2}server (\S+) (\S+):8000$/gm)].map(([, name, host]) => ({
    name,
    host,
  }));
  expect(named).toEqual(servers.map(([name]) => ({ name, host: name })));
  expect(haproxy).toContain('http-request set-header X-Forwarded-For %[src]');
  expect(haproxy).toContain('http-request del-header X-Forwarded-Prefix');
  const { ipv4_address } = compose.services.haproxy.networks.default;
  for (const [, { environment }] of servers) expect(environment.TRUST_PROXY).toBe(ipv4_address);
});

test('Prometheus finds every server of the compose file, on the port that has metrics', () => {
  const [{ names, port }] = prometheus.scrape_configs[0].dns_sd_configs;
  expect(servers.length).toBe(3);
  for (const [, { environment, networks }] of servers) {
    expect(networks.default.aliases).toEqual(names);
    expect(environment.METRICS_PORT).toBe(String(port));
  }
  expect(kubernetes.data.METRICS_PORT).toBe(String(port));
});

test('the servers of the compose file are the same, and take their settings', async () => {
  const known = new Set([...(await text('.env.example')).matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name));
  const [[, first] = [], ...others] = servers;
  for (const [, other] of others) expect(other).toEqual(first);
  // Where nothing is given: the default, and a key where one has to be.
  const given = Object.entries(first?.environment ?? {}).map(([name, value]) => [
    name,
    value
      .replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')
      .replaceAll(/\$\{\w+:\?[^}]*\}/g, 'f3b0c44298fc1c149afbf4c8996fb924'),
  ]);
  expect(given.map(([name]) => name).filter((name) => !known.has(name as string))).toEqual([]);
  expect(loadConfig({ NODE_ENV: 'production', ...Object.fromEntries(given) })).toMatchObject({
    redisUrl: 'redis://:f3b0c44298fc1c149afbf4c8996fb924@redis:6379',
    databaseUrl: { user: 'stepwise_server', password: 'f3b0c44298fc1c149afbf4c8996fb924' },
  });
});

test('all connections of the compose file fit PostgreSQL as it comes', () => {
  const most = servers.reduce(
    (sum, [, { environment }]) => sum + Number(/(\d+)\}$/.exec(environment.DATABASE_POOL_SIZE ?? '')?.[1]),
    0,
  );
  expect(most).toBeLessThanOrEqual(100 - 3 - 5);
});
