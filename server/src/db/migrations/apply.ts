// Applies the generated migrations. Drizzle reads the files. Its own migrators are not used: they need the privilege to create
// schemas even if nothing is pending, and begin transactions of their own.
import type { Database } from '../database.ts';
import { readMigrations, sql } from '../drizzle.ts';
import { MIGRATIONS_FOLDER } from './journal.ts';

/** @param tx a transaction: all that is pending is applied, or nothing */
export async function applyMigrations(tx: Database): Promise<void> {
  const [there] = await tx.execute<{ schema: boolean; table: boolean }>(
    sql`select to_regnamespace('drizzle') is not null as schema, to_regclass('drizzle.__drizzle_migrations') is not null as table`,
  );
  if (!there?.schema) await tx.execute(sql`create schema drizzle`);
  if (!there?.table)
    await tx.execute(
      sql`create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`,
    );
  const [last] = await tx.execute<{ at: string | null }>(
    sql`select max(created_at)::text as at from drizzle.__drizzle_migrations`,
  );
  for (const { sql: statements, folderMillis, hash } of readMigrations()({
    migrationsFolder: MIGRATIONS_FOLDER,
  })) {
    if (folderMillis <= Number(last?.at ?? 0)) continue;
    for (const statement of statements) await tx.execute(sql.raw(statement));
    await tx.execute(
      sql`insert into drizzle.__drizzle_migrations (hash, created_at) values (${hash}, ${String(folderMillis)}::bigint)`,
    );
  }
}
