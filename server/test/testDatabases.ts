// Databases of tests on the server of TEST_DATABASE_URL. On a cluster each of them is made on every node, as Citus knows only
// the database in which its extension was created.
import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { distributePostgres } from '../src/db/postgres/distribute.ts';
import { migratePostgres } from '../src/db/postgres/migrate.ts';

/** Whether the server of the tests is a cluster: `pnpm test:citus` names its coordinator in both. */
export const isCluster =
  process.env.CITUS_URL !== undefined && process.env.CITUS_URL === process.env.TEST_DATABASE_URL;

export interface NewDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** @returns the URL of another database, on that server or on another node */
export function urlOf(server: string, database: string, host?: { name: string; port: number }): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  if (host) {
    url.hostname = host.name;
    url.port = String(host.port);
  }
  return url.href;
}

/** Runs statements in a database, each by itself. @returns the rows of the last one */
export async function statementsIn(url: string, ...statements: string[]): Promise<postgres.Row[]> {
  const client = postgres(url, { max: 1, onnotice: () => {} });
  let rows: postgres.Row[] = [];
  try {
    for (const statement of statements) rows = await client.unsafe(statement);
  } finally {
    await client.end();
  }
  return rows;
}

/** Makes an empty database on one server. */
export async function createDatabase(server: string): Promise<NewDatabase> {
  const name = newName();
  await statementsIn(server, `create database ${name}`);
  return {
    url: urlOf(server, name),
    drop: async () => void (await statementsIn(server, `drop database if exists ${name} with (force)`)),
  };
}

/** Makes an empty database on every node of a cluster, each of which knows the others. */
export async function createOnCluster(coordinator: string): Promise<NewDatabase> {
  const name = newName();
  const { hostname, port } = new URL(coordinator);
  const workers = (await statementsIn(
    coordinator,
    'select node_name as name, node_port::int as port from citus_get_active_worker_nodes()',
  )) as unknown as { name: string; port: number }[];
  const here = { name: hostname, port: Number(port || 5432) };
  for (const node of [here, ...workers]) {
    await statementsIn(urlOf(coordinator, 'postgres', node), `create database ${name}`);
    await statementsIn(urlOf(coordinator, name, node), 'create extension citus');
  }
  const url = urlOf(coordinator, name);
  await statementsIn(
    url,
    `select citus_set_coordinator_host('${here.name}', ${here.port})`,
    ...workers.map((node) => `select citus_add_node('${node.name}', ${node.port})`),
  );
  return {
    url,
    async drop() {
      for (const node of [here, ...workers]) {
        // What a commit of two phases has left there refuses the drop, and can be ended in its database alone.
        const prepared = await statementsIn(
          urlOf(coordinator, 'postgres', node),
          `select gid from pg_prepared_xacts where database = '${name}'`,
        );
        await statementsIn(
          urlOf(coordinator, name, node),
          ...prepared.map(({ gid }) => `rollback prepared '${gid}'`),
        );
        await statementsIn(
          urlOf(coordinator, 'postgres', node),
          `drop database if exists ${name} with (force)`,
        );
      }
    },
  };
}

/** Makes a database as servers find it: migrated, and distributed on a cluster. */
export async function createMigrated(server: string, onCluster = isCluster): Promise<NewDatabase> {
  const database = await (onCluster ? createOnCluster : createDatabase)(server);
  await migratePostgres(database.url);
  if (onCluster) await distributePostgres(database.url);
  return database;
}

const newName = () => `stepwise_test_${randomUUID().replaceAll('-', '')}`;
