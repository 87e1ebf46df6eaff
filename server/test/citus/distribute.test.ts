// `pnpm db:distribute` on a cluster.
import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { sql } from '../../src/db/drizzle.ts';
import { seedExercises } from '../../src/db/migrations/seed.ts';
import { distributePostgres } from '../../src/db/postgres/distribute.ts';
import { distributionPlan } from '../../src/db/postgres/distribution.ts';
import { migratePostgres } from '../../src/db/postgres/migrate.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { prepareServerRole } from '../../src/db/postgres/serverRole.ts';
import { openForServer } from '../../src/db/startup.ts';
import { runProgram } from '../programs.ts';
import { createOnCluster, statementsIn, urlOf } from '../testDatabases.ts';
import { CITUS_URL } from './cluster.ts';

async function emptyCluster(): Promise<string> {
  const { url, drop } = await createOnCluster(CITUS_URL);
  onTestFinished(drop);
  return url;
}

/** Runs the script. @returns its exit code and what it wrote */
async function distribute(env: Record<string, string>): Promise<{ code: number; lines: string[] }> {
  const { code, stdout, stderr } = await runProgram('distribute.ts', tmpdir(), env);
  return { code, lines: (stdout + stderr).trimEnd().split('\n') };
}

const says = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'done',
    (error) => String(error),
  );

/** Of each table of the plan how it is distributed, as Citus says. */
const tablesOf = (url: string) =>
  statementsIn(
    url,
    `select table_name::text as table, citus_table_type as kind, distribution_column as by,
       colocation_id = (select colocation_id from citus_tables where table_name = 'users'::regclass) as with_users
     from citus_tables order by 1`,
  );

/** A user with a row in several tables, some of which refer to each other and to the catalogue. */
const user = (id: number) => `
  with u as (insert into users (id, login, login_key, password) values (${id}, 'user ${id}', 'user ${id}', 'x') returning id)
  , l as (insert into logins (key, login_key, user_id) select 'user ${id}', 'user ${id}', id from u)
  , s as (insert into event_sequences (user_id) select id from u)
  , f as (insert into facts (user_id, seq, kind, date, zone, data) select id, 1, 'day.done', '2026-03-02', 'UTC', '{}' from u)
  , a as (insert into audit_trail (user_id, event, ip, request_id, at) select id, 'registered', '', '', now() - interval '2 years' from u)
  select 1`;

const counts = async (url: string) => {
  const [found] = await statementsIn(
    url,
    `select (select count(*)::int from users) as users, (select count(*)::int from logins) as logins,
       (select count(*)::int from facts) as facts, (select count(*)::int from audit_trail) as lines,
       (select count(*)::int from exercises) as exercises`,
  );
  return found;
};

test('#780 a database that is there moves with its rows; run again, nothing is to do', async () => {
  const url = await emptyCluster();
  await migratePostgres(url);
  await statementsIn(url, ...Array.from({ length: 40 }, (_, n) => user(n + 1)));
  const before = await counts(url);
  const first = await distribute({ DATABASE_URL: url });
  expect(first.lines).toContainEqual(expect.stringMatching(/^users: distributed by id, 40 rows, \d+\.\d s$/));
  expect(first.lines).toContainEqual(expect.stringMatching(/^exercises: reference table, 44 rows, /));
  expect(first.lines.at(-2)).toBe('the tables are distributed');
  expect(first.code).toBe(0);
  expect(await counts(url)).toEqual(before);
  expect(await tablesOf(url)).toEqual(
    distributionPlan()
      .map(({ table, distribution }) =>
        distribution.kind === 'reference'
          ? { table, kind: 'reference', by: '<none>', with_users: false }
          : { table, kind: 'distributed', by: distribution.by, with_users: distribution.group === 'users' },
      )
      .sort((a, b) => (a.table < b.table ? -1 : 1)),
  );
  const [left] = await statementsIn(
    url,
    `select sum(pg_relation_size(logicalrelid))::int as bytes from pg_dist_partition`,
  );
  expect(left, 'nothing stays on the coordinator').toEqual({ bytes: 0 });
  const second = await distribute({ DATABASE_URL: url });
  expect(second.lines[0]).toBe('nothing was to do: the tables are distributed already');
  expect(second.code).toBe(0);
});

test('#781 what was cut off at any step is completed by the next run', async () => {
  const url = await emptyCluster();
  await migratePostgres(url);
  await statementsIn(url, user(1), user(2));
  const before = await counts(url);
  const done: string[] = [];
  // Each run ends behind another step.
  for (let limit = 1; ; limit += 4) {
    let steps = 0;
    const outcome = await says(
      distributePostgres(url, (line) => {
        done.push(line);
        if (++steps === limit) throw new Error('cut off');
      }),
    );
    if (outcome === 'done') break;
    expect(outcome).toBe('Error: cut off');
  }
  expect(new Set(done).size, 'no step is made twice').toBe(done.length);
  expect(await counts(url)).toEqual(before);
  expect((await tablesOf(url)).length).toBe(distributionPlan().length);
  // Every foreign key of the schema is there, but the one of logins, which are not on the node of their user.
  const keys = await statementsIn(
    url,
    `select conname as name from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace order by 1`,
  );
  expect(keys.map(({ name }) => name)).toEqual(
    distributionPlan()
      .flatMap(({ foreignKeys }) => foreignKeys.map(({ name }) => name))
      .filter((name) => !name.startsWith('logins_'))
      .sort(),
  );
});

test('#782 sessions on each node have the settings that answers depend on, and plans of their values', async () => {
  const url = await emptyCluster();
  await migratePostgres(url);
  await statementsIn(url, `alter database ${new URL(url).pathname.slice(1)} set timezone = 'Asia/Tokyo'`);
  await distributePostgres(url);
  const nodes = await statementsIn(url, 'select nodename as name, nodeport as port from pg_dist_node');
  expect(nodes).toHaveLength(3);
  for (const node of nodes as unknown as { name: string; port: number }[])
    expect(
      await statementsIn(
        urlOf(url, new URL(url).pathname.slice(1), node),
        `select current_setting('timezone') as zone, current_setting('plan_cache_mode') as plans`,
      ),
    ).toEqual([{ zone: 'UTC', plans: 'auto' }]);
  // A server's own session has what a node has.
  const database = openPostgres(url, 2);
  onTestFinished(() => database.close());
  expect(await database.db.execute(sql`show plan_cache_mode`)).toEqual([{ plan_cache_mode: 'auto' }]);
});

test('#783 the role of the servers changes and removes no fact and no line of the audit trail, also after a migration', async () => {
  const url = await emptyCluster();
  const role = `stepwise_citus_${process.pid}`;
  const asRole = new URL(url);
  asRole.username = role;
  const settings = { DATABASE_URL: url, SERVER_DATABASE_URL: asRole.href };
  onTestFinished(async () => {
    await statementsIn(url, `drop owned by ${role}`, `drop role ${role}`);
  });
  await statementsIn(url, `create role ${role} login`);
  await migratePostgres(url);
  await statementsIn(url, user(1), user(2));
  expect((await distribute(settings)).code).toBe(0);

  for (const again of [false, true]) {
    if (again) await prepareServerRole(url, { user: role, password: '' });
    for (const table of ['facts', 'audit_trail'])
      for (const change of [
        `update ${table} set user_id = user_id`,
        `delete from ${table} where user_id = 1`,
      ])
        expect(await says(statementsIn(asRole.href, change)), change).toContain('permission denied');
  }
  // On a worker neither: no statement goes past the coordinator.
  const [worker] = (await statementsIn(
    url,
    `select nodename as name, nodeport as port, shard_name as shard
     from citus_shards where table_name = 'facts'::regclass and nodeport <> ${new URL(url).port} limit 1`,
  )) as unknown as { name: string; port: number; shard: string }[];
  const there = new URL(urlOf(asRole.href, new URL(url).pathname.slice(1), worker));
  expect(await says(statementsIn(there.href, `delete from ${worker?.shard}`))).toContain('permission denied');

  // What is to go does.
  await statementsIn(asRole.href, 'delete from users where id = 1');
  expect(await counts(url)).toMatchObject({ users: 1, facts: 1, lines: 2 });
  expect(await statementsIn(asRole.href, 'select remove_expired_audit_trail() as removed')).toEqual([
    { removed: 2 },
  ]);
});

test('#784 an exercise that the seed changes is a new version of the catalogue', async () => {
  const url = await emptyCluster();
  await migratePostgres(url);
  await distributePostgres(url);
  const version = async () =>
    (await statementsIn(url, 'select version from exercise_catalogue'))[0]?.version as number;
  const before = await version();
  await statementsIn(url, `delete from exercises where key = 'wall_push_up'`);
  const database = openPostgres(url, 2);
  onTestFinished(() => database.close());
  await seedExercises(database.db);
  expect(await version()).toBe(before + 1);
  await seedExercises(database.db);
  expect(await version()).toBe(before + 1);
});

test('#785 a worker, a cluster without workers and missing migrations are refused, each with its remedy', async () => {
  const url = await emptyCluster();
  expect(await says(distributePostgres(url))).toMatch(/lacks migrations .*: run pnpm db:migrate first$/);
  await migratePostgres(url);
  await statementsIn(
    url,
    'delete from drizzle.__drizzle_migrations where created_at = (select max(created_at) from drizzle.__drizzle_migrations)',
  );
  expect(await says(distributePostgres(url))).toMatch(/run pnpm db:migrate --post-deployment first$/);
  const [worker] = (await statementsIn(
    url,
    'select node_name as name, node_port::int as port from citus_get_active_worker_nodes()',
  )) as unknown as { name: string; port: number }[];
  expect(await says(distributePostgres(urlOf(url, new URL(url).pathname.slice(1), worker)))).toContain(
    'it has to name the coordinator',
  );
  await statementsIn(
    url,
    `select citus_remove_node(node_name, node_port::int) from citus_get_active_worker_nodes()`,
  );
  expect(await says(distributePostgres(url))).toContain('the cluster has no workers: on the coordinator run');
});

test('#825 a server does not start while the nodes lack a table or a function of its version, and says what to do', async () => {
  const url = await emptyCluster();
  await migratePostgres(url);
  await distributePostgres(url);
  const start = async () => {
    const options = { poolSize: 2, migrateAtStart: true, dataDir: '' };
    const opened = await openForServer({ ...options, databaseUrl: url });
    try {
      return await says(opened.prepare(() => {}));
    } finally {
      await opened.close();
    }
  };
  expect(await start()).toBe('done');
  const [made] = await statementsIn(
    url,
    `select min(oid::regprocedure::text) as called, min(proname) as name from pg_proc where proname ~ '^insert_calendars_'`,
  );
  await statementsIn(url, `drop function ${made?.called}`, 'drop table calendars');
  expect(await start()).toBe(
    `SchemaError: the nodes of the cluster lack what this version needs (calendars, ${made?.name}): run pnpm db:distribute`,
  );
  const { code, stdout } = await runProgram('migrate.ts', tmpdir(), { DATABASE_URL: url, JOBS: 'off' });
  expect([code, stdout.trimEnd().split('\n')]).toEqual([
    0,
    ['postgres: the schema is up to date', `run db:distribute next (calendars, ${made?.name})`],
  ]);
});

test('#828 tables are not distributed while a server uses them, nor where nodes would make ids above 2^53', async () => {
  const url = await emptyCluster();
  await migratePostgres(url);
  const named = new URL(url);
  named.searchParams.set('application_name', 'life');
  const server = openPostgres(named.href, 2);
  onTestFinished(() => server.close());
  await server.db.execute(sql`select 1`);
  expect(await says(distributePostgres(url))).toMatch(
    /others use the database \(\d+ life.*\): stop the servers/,
  );
  expect(await tablesOf(url)).toEqual([]);
  await server.close();

  await statementsIn(url, `update pg_dist_node set groupid = 32 where groupid = 2`);
  expect(await says(distributePostgres(url))).toContain(
    'the node with the groupid 32 would make ids above 2^53',
  );
  await statementsIn(url, `update pg_dist_node set groupid = 2 where groupid = 32`);
  expect(await says(distributePostgres(url))).toBe('done');
  // From then on servers may run beside it.
  const distributed = openPostgres(url, 2);
  onTestFinished(() => distributed.close());
  await distributed.db.execute(sql`select 1`);
  await statementsIn(url, 'drop function remove_expired_audit_trail()');
  expect(await says(distributePostgres(url))).toBe('done');
});
