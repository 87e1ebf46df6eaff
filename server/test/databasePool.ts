// Embedded databases for test files that run in the same process, one after the other. To start the engine takes half a
// second of the processor, so one that is given back is emptied and reused, if and only if it is then as a new one is.
import type { PGlite } from '@electric-sql/pglite';
import type { OpenDatabase } from '../src/db/database.ts';
import { seedExercises } from '../src/db/migrations/seed.ts';
import { embeddedDatabase, openInMemory } from '../src/db/pglite/open.ts';

const free: PGlite[] = [];

/** What a new one looks like: found once, before anybody has used the first. */
let asNew: Promise<string> | undefined;

/** @returns an empty, migrated database that nobody else has until it is closed */
export async function borrowDatabase(): Promise<OpenDatabase> {
  const client = free.pop() ?? (await openInMemory());
  asNew ??= stateOf(client);
  await asNew;
  let isBack = false;
  // Whoever goes on after the end is refused, as by an engine that has ended, and does not reach the next one's rows.
  const borrowed = new Proxy(client, {
    get(engine, key) {
      if (isBack) throw new Error('the database is closed');
      const value: unknown = Reflect.get(engine, key, engine);
      return typeof value === 'function' ? value.bind(engine) : value;
    },
  });
  return {
    ...embeddedDatabase(borrowed),
    async close() {
      if (isBack) return;
      isBack = true;
      if (await isAsNew(client)) free.push(client);
      else await client.close();
    },
  };
}

/** Empties it. @returns whether nothing is left of what was done to it */
async function isAsNew(client: PGlite): Promise<boolean> {
  const { db } = embeddedDatabase(client);
  // pg-boss makes its own schema where it runs.
  await client.exec('drop schema if exists pgboss cascade');
  const tables = await client.query<{ names: string }>(
    `select string_agg(format('%I.%I', schemaname, tablename), ', ') as names from pg_tables where schemaname = 'public'`,
  );
  await client.exec(
    `truncate ${tables.rows[0]?.names} restart identity; insert into exercise_catalogue default values`,
  );
  await seedExercises(db);
  // Lets go of the files of what was dropped, and of the log.
  await client.exec('checkpoint');
  return (await stateOf(client)) === (await asNew);
}

/**
 * @returns all that a statement can depend on: rows and sequences; the catalogue, where whatever is written is of a later
 * transaction than all that a new database holds, so tables that were altered, functions and statistics show; and the
 * session's settings, channels and prepared statements
 */
export async function stateOf(client: PGlite): Promise<string> {
  const { rows: tables } = await client.query<{ schema: string; name: string }>(`
    select relnamespace::regnamespace::text as schema, relname as name from pg_class
    where relkind = 'r' and relname <> 'pg_class' and relnamespace <> 'information_schema'::regnamespace order by 1, 2`);
  const parts = tables.map(({ schema, name }) => {
    const rows =
      schema === 'pg_catalog'
        ? `concat_ws(' ', count(*), max(xmin::text::bigint))`
        : `string_agg(t::text, ' ' order by t::text)`;
    return `select '${schema}.${name}' as part, ${rows} as state from "${schema}"."${name}" t`;
  });
  // TRUNCATE gives a table and its indexes other files; how large an index is is looked up in its file all the same.
  const relation = `(to_jsonb(c) - array['relfilenode', 'relfrozenxid', 'relminmxid']
    - case relkind when 'i' then array['relpages', 'reltuples'] else array[]::text[] end)::text`;
  const { rows } = await client.query(`
    ${parts.join(' union all ')}
    union all select 'relations', md5(string_agg(${relation}, ' ' order by oid)) from pg_class c
    union all select 'sequences', string_agg(s::text, ' ' order by s::text) from pg_sequences s
    union all select 'settings', string_agg(name || '=' || setting, ' ' order by name) from pg_settings where source = 'session'
    union all select 'channels', string_agg(channel, ' ') from pg_listening_channels() channel
    union all select 'prepared', string_agg(name, ' ') from pg_prepared_statements`);
  return JSON.stringify(rows);
}
