// Distributes the tables over the nodes of a Citus cluster, by the user (docs/decisions/0024-distributed-schema.md). Each step
// looks first whether it was made before, so that a run that was cut off is completed by the next one.
import type postgres from 'postgres';
import { OperatorError } from '../../operatorError.ts';
import { pendingMigrations, SchemaError, withoutPostDeployment } from '../migrations/version.ts';
import { databaseOnConnection } from './connection.ts';
import {
  calledFunctions,
  type Distribution,
  distributionPlan,
  type ForeignKey,
  readExisting,
  type TablePlan,
} from './distribution.ts';
import type { DatabaseUrl } from './driverOptions.ts';
import { MIGRATION_LOCK_ID } from './migrate.ts';
import { withConnection } from './ownConnection.ts';
import { completeSettings } from './session.ts';

/** Thrown when the database is none that can be distributed; the message has the remedy. */
export class DistributionError extends OperatorError {
  override name = 'DistributionError';
}

/** The oldest version with all that we use. */
const OLDEST_CITUS = [12, 1] as const;

/** Ids that a node makes begin at its `groupid` times 2^48, and are to stay below 2^53. */
const LAST_GROUP = 31;

/**
 * What Citus refuses on such tables, or what fails there at each change. Rights replace the first two
 * (serverRole.ts), and the seed counts the version of the catalogue up (migrations/seed.ts).
 */
const TRIGGERS: Readonly<Record<string, string>> = {
  facts_are_append_only: 'facts',
  audit_trail_is_append_only: 'audit_trail',
  exercise_catalogue_changes: 'exercises',
};

/** What a run did, in the order in which it did it. */
export type Progress = (line: string) => void;

/**
 * Distributes what is not distributed yet, with the rows that are there.
 * @returns whether there was anything to do
 * @throws DistributionError, SchemaError, PrivilegeError or SettingError
 */
export async function distributePostgres(
  url: DatabaseUrl,
  onProgress: Progress = () => {},
): Promise<boolean> {
  const purpose = {
    name: 'stepwise distribution',
    settings: { plan_cache_mode: 'auto', lock_timeout: '3s' },
  };
  return withConnection(url, purpose, async (client) => {
    await requireCluster(client);
    const [lock] = await client.unsafe(`select pg_try_advisory_lock(${MIGRATION_LOCK_ID}) as free`);
    if (!lock?.free)
      throw new DistributionError('another process migrates or distributes the database: run it again later');
    await requireSchema(client);
    let steps = 0;
    const done: Progress = (line) => {
      steps++;
      onProgress(line);
    };
    await setForNodes(client, done);
    await distributeTables(client, distributionPlan(), done);
    await distributeFunctions(client, done);
    await createFunctions(client, done);
    return steps > 0;
  });
}

/** @throws DistributionError unless this is the coordinator of a cluster */
async function requireCluster(client: postgres.Sql): Promise<void> {
  const [found] = await client<{ version: string }[]>`
    select extversion as version
    from pg_extension
    where extname = 'citus'`;
  if (!found)
    throw new DistributionError(
      'the database lacks the extension citus: on each node of the cluster add it to shared_preload_libraries and run "create extension citus" in this database (docs/operations/distributed.md)',
    );
  const [major = 0, minor = 0] = found.version.split(/\D/).map(Number);
  if (major < OLDEST_CITUS[0] || (major === OLDEST_CITUS[0] && minor < OLDEST_CITUS[1]))
    throw new DistributionError(
      `the database has Citus ${found.version}, and needs ${OLDEST_CITUS.join('.')} or newer: update it on each node, then "alter extension citus update"`,
    );
  const [cluster] = await client<{ coordinates: boolean; workers: number; last_group: number }[]>`
    select citus_is_coordinator() as coordinates,
      (select count(*)::int from citus_get_active_worker_nodes()) as workers,
      (select max(groupid) from pg_dist_node) as last_group`;
  if (!cluster?.coordinates)
    throw new DistributionError('DATABASE_URL names a worker of the cluster: it has to name the coordinator');
  if (cluster.workers === 0)
    throw new DistributionError(
      `the cluster has no workers: on the coordinator run "select citus_set_coordinator_host('NAME', PORT)", and "select citus_add_node('NAME', PORT)" for each worker`,
    );
  if (cluster.last_group > LAST_GROUP)
    throw new DistributionError(
      `the node with the groupid ${cluster.last_group} would make ids above 2^53, which clients cannot tell apart: Citus has given ${LAST_GROUP} numbers and gives none again, so move to a new cluster`,
    );
}

/** @throws SchemaError unless all migrations are applied */
async function requireSchema(client: postgres.Sql): Promise<void> {
  const pending = await pendingMigrations(databaseOnConnection(client));
  if (pending.length === 0) return;
  const command = withoutPostDeployment(pending).length > 0 ? 'db:migrate' : 'db:migrate --post-deployment';
  throw new SchemaError(`the database lacks migrations (${pending.join(', ')}): run pnpm ${command} first`);
}

/**
 * A server finds out at its start whether tables are distributed, and shows the name that its URL gives it. So nobody but
 * Citus may be connected.
 * @throws DistributionError otherwise
 */
async function requireNobodyElse(client: postgres.Sql): Promise<void> {
  const connected = await client<{ pid: number; application_name: string }[]>`
    select pid, application_name
    from pg_stat_activity
    where datname = current_database()
      and backend_type = 'client backend'
      and application_name not like 'citus%'
      and pid <> pg_backend_pid()
    order by pid`;
  if (connected.length > 0)
    throw new DistributionError(
      `others use the database (${connected.map((one) => `${one.pid} ${one.application_name}`).join(', ')}): stop the servers and workers of Stepwise, and run it again`,
    );
}

/**
 * Settings of a session do not reach the workers, on which statements run: there they are set for the database, and new
 * connections have them.
 */
async function setForNodes(client: postgres.Sql, done: Progress): Promise<void> {
  const [server] = await client<{ version: number; database: string }[]>`
    select current_setting('server_version_num')::int as version, quote_ident(current_database()) as database`;
  const { version, database } = server as { version: number; database: string };
  const wanted = Object.entries(completeSettings({}, { version, isDistributed: true })).map(
    ([name, value]) => `${name}=${value}`,
  );
  const there = await onAllNodes(
    client,
    `select coalesce(array_to_json(setconfig), '[]') from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database()) and setrole = 0 union all select '[]' limit 1`,
  );
  const missing = wanted.filter((setting) =>
    there.some((node) => !(JSON.parse(node) as string[]).includes(setting)),
  );
  for (const setting of missing) {
    const at = setting.indexOf('=');
    await onAllNodes(
      client,
      `alter database ${database} set ${setting.slice(0, at)} = '${setting.slice(at + 1)}'`,
    );
  }
  if (missing.length > 0) done(`settings of the database on ${there.length} nodes: ${missing.join(', ')}`);
}

/** @returns what each node answered @throws DistributionError if one did not */
async function onAllNodes(client: postgres.Sql, statement: string): Promise<string[]> {
  const answers = await client<{ node: string; success: boolean; result: string }[]>`
    select concat(n.nodename, ':', n.nodeport) as node, success, result
    from run_command_on_all_nodes(${statement})
    join pg_dist_node n using (nodeid)`;
  const failed = answers.find(({ success }) => !success);
  if (failed) throw new DistributionError(`the node ${failed.node} refuses "${statement}": ${failed.result}`);
  return answers.map(({ result }) => result);
}

async function distributeTables(
  client: postgres.Sql,
  plans: readonly TablePlan[],
  done: Progress,
): Promise<void> {
  const groups = new Map(plans.map(({ table, distribution }) => [table, groupOf(distribution)]));
  const isTogether = (table: string, { to }: ForeignKey) => groups.get(table) === groups.get(to);
  const there = await readExisting(databaseOnConnection(client));
  const waiting = plans.filter(({ table }) => !there.has(table));
  if (waiting.length > 0) {
    await requireNobodyElse(client);
    await dropTriggers(client, done);
    for (const { table, foreignKeys } of plans) {
      const there = await foreignKeysOf(client, table);
      for (const key of foreignKeys.filter((one) => there.has(one.name) && !isTogether(table, one))) {
        await client.unsafe(`alter table public.${table} drop constraint ${key.name}`);
        done(`foreign key ${key.name} dropped`);
      }
    }
  }
  for (const plan of waiting) await distributeTable(client, plan, done);
  for (const { table } of plans.toReversed()) await removeLocalRows(client, table, done);
  for (const { table, foreignKeys } of plans) {
    const there = await foreignKeysOf(client, table);
    for (const key of foreignKeys)
      if (!there.has(key.name) && (isTogether(table, key) || groups.get(key.to) === 'reference')) {
        await client.unsafe(
          `alter table public.${table} add constraint ${key.name} foreign key (${key.columns.join(', ')}) references public.${key.to} (${key.toColumns.join(', ')}) on delete ${key.onDelete}`,
        );
        done(`foreign key ${key.name} added`);
      }
  }
}

const groupOf = (distribution: Distribution): string =>
  distribution.kind === 'reference' ? 'reference' : distribution.group;

async function foreignKeysOf(client: postgres.Sql, table: string): Promise<Set<string>> {
  const rows = await client<{ name: string }[]>`
    select conname as name
    from pg_constraint
    where contype = 'f' and conrelid = to_regclass(${`public.${table}`})`;
  return new Set(rows.map(({ name }) => name));
}

async function dropTriggers(client: postgres.Sql, done: Progress): Promise<void> {
  const there = await client<{ name: string }[]>`
    select tgname as name
    from pg_trigger
    where not tgisinternal`;
  for (const [trigger, table] of Object.entries(TRIGGERS)) {
    if (!there.some(({ name }) => name === trigger)) continue;
    await client.unsafe(`drop trigger ${trigger} on public.${table}`);
    done(`trigger ${trigger} dropped`);
  }
}

async function distributeTable(
  client: postgres.Sql,
  { table, distribution }: TablePlan,
  done: Progress,
): Promise<void> {
  const began = performance.now();
  const [count] = await client.unsafe(`select count(*)::text as rows from public.${table}`);
  if (distribution.kind === 'reference')
    await client`select create_reference_table(${`public.${table}`}::regclass)`;
  else {
    const { by, group } = distribution;
    const colocated = group === 'alone' || table === 'users' ? 'none' : 'public.users';
    await client`
      select create_distributed_table(${`public.${table}`}::regclass, ${by}, colocate_with => ${colocated})`;
  }
  const how = distribution.kind === 'reference' ? 'reference table' : `distributed by ${distribution.by}`;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  done(`${table}: ${how}, ${count?.rows} rows, ${seconds} s`);
}

/** Citus copies the rows and keeps them on the coordinator too, where nothing reads them any more. */
async function removeLocalRows(client: postgres.Sql, table: string, done: Progress): Promise<void> {
  const [local] = await client<{ bytes: string }[]>`
    select pg_relation_size(${`public.${table}`}::regclass) as bytes`;
  if (Number(local?.bytes ?? 0) === 0) return;
  await client`select truncate_local_data_after_distributing_table(${`public.${table}`}::regclass)`;
  done(`${table}: copies of the rows removed from the coordinator`);
}

/** Functions of migrations. One that is made later, while Citus is there, reaches the nodes by itself. */
async function distributeFunctions(client: postgres.Sql, done: Progress): Promise<void> {
  const functions = await client<{ name: string }[]>`
    select p.oid::regprocedure::text as name
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace
      and p.prokind = 'f'
      and p.prorettype <> 'trigger'::regtype
      and not exists (
        select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
      and not exists (
        select from pg_dist_object o where o.classid = 'pg_proc'::regclass and o.objid = p.oid)`;
  for (const { name } of functions) {
    await client`select create_distributed_function(${name}::regprocedure)`;
    done(`function ${name}: on each node`);
  }
}

/** What statements call there. Those of the version before stay, as its servers may still run. */
async function createFunctions(client: postgres.Sql, done: Progress): Promise<void> {
  const there = await readExisting(databaseOnConnection(client));
  for (const { name, definition } of calledFunctions()) {
    if (there.has(name)) continue;
    await client.unsafe(definition);
    done(`function ${name}: on each node`);
  }
}
