// Databases on the Citus cluster of CITUS_URL, any database of its coordinator.
import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import type { OpenDatabase } from '../../src/db/database.ts';
import { distributePostgres } from '../../src/db/postgres/distribute.ts';
import { migratePostgres } from '../../src/db/postgres/migrate.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';

const given = process.env.CITUS_URL;
if (given === undefined) throw new Error('CITUS_URL: name a database of the coordinator of a Citus cluster');

const connected = async <T>(url: string, job: (client: postgres.Sql) => Promise<T>): Promise<T> => {
  const client = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await job(client);
  } finally {
    await client.end();
  }
};

interface Node {
  readonly host: string;
  readonly port: number;
}

const urlOf = ({ host, port }: Node, database: string): string => {
  const url = new URL(given);
  url.hostname = host;
  url.port = String(port);
  url.pathname = `/${database}`;
  return url.href;
};

/** Opens a new database, whose tables are distributed. Closing it drops it. */
export async function openDistributedDatabase(): Promise<OpenDatabase & { readonly url: string }> {
  const name = `stepwise_test_${randomUUID().replaceAll('-', '')}`;
  const nodes = await connected(
    given as string,
    (client) =>
      client<(Node & { coordinates: boolean })[]>`
        select nodename as host, nodeport as port, groupid = 0 as coordinates
        from pg_dist_node`,
  );
  const coordinator = nodes.find(({ coordinates }) => coordinates) as Node;
  const workers = nodes.filter(({ coordinates }) => !coordinates);
  for (const node of nodes) {
    await connected(urlOf(node, 'postgres'), (client) => client.unsafe(`create database ${name}`));
    await connected(urlOf(node, name), (client) => client`create extension citus`);
  }
  const url = urlOf(coordinator, name);
  await connected(url, async (client) => {
    await client`select citus_set_coordinator_host(${coordinator.host}, ${coordinator.port})`;
    for (const { host, port } of workers) await client`select citus_add_node(${host}, ${port})`;
  });
  await migratePostgres(url);
  await distributePostgres(url);
  const database = openPostgres(url, 5);
  return {
    ...database,
    url,
    async close() {
      await database.close();
      for (const node of nodes)
        await connected(urlOf(node, 'postgres'), (client) =>
          client.unsafe(`drop database ${name} with (force)`),
        );
    },
  };
}
