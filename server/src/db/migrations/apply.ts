// Applies the generated migrations. Drizzle reads the files. Its own migrators are not used: they need the privilege to create
// schemas even if nothing is pending, and begin transactions of their own.
import type { Database } from '../database.ts';
import { readMigrations, sql } from '../drizzle.ts';
import { BACKFILLS, type Backfill, type BackfillProgress } from './backfills.ts';
import { MIGRATIONS_FOLDER, readEntries } from './journal.ts';
import { appliedMigrations, pendingMigrations, withoutPostDeployment } from './version.ts';

/** Applies all that is pending in one transaction, or nothing of it. For a database that nobody else uses meanwhile. */
export async function applyMigrations(tx: Database): Promise<void> {
  for (const tag of await pendingMigrations(tx)) {
    const fill = BACKFILLS[tag]?.();
    while (await fill?.(tx));
    await applyMigration(tx, tag);
  }
}

/**
 * One step of the migration of a database that servers use meanwhile.
 * @returns false when nothing is pending, and how far a backfill is
 */
export type MigrationStep = (tx: Database) => Promise<BackfillProgress | boolean>;

/**
 * Applies what is pending in transactions that are as short as they can be: each migration is one, and each batch of a
 * backfill. A database without any table gets all of it in the first one.
 * @param postDeployment whether to apply also those that servers of the version before do not survive
 */
export function migrationSteps(postDeployment: boolean): MigrationStep {
  const fills = new Map<string, Backfill>();
  return async (tx) => {
    if ((await appliedMigrations(tx)).size === 0) {
      await applyMigrations(tx);
      return false;
    }
    const pending = await pendingMigrations(tx);
    const [tag] = postDeployment ? pending : withoutPostDeployment(pending);
    if (tag === undefined) return false;
    const fill = fills.get(tag) ?? BACKFILLS[tag]?.();
    if (fill) fills.set(tag, fill);
    const progress = await fill?.(tx);
    if (progress) return progress;
    await applyMigration(tx, tag);
    return true;
  };
}

/** Applies one migration: all of it, or nothing. */
async function applyMigration(tx: Database, tag: string): Promise<void> {
  const [there] = await tx.execute<{ schema: boolean; table: boolean }>(
    sql`select to_regnamespace('drizzle') is not null as schema, to_regclass('drizzle.__drizzle_migrations') is not null as table`,
  );
  if (!there?.schema) await tx.execute(sql`create schema drizzle`);
  if (!there?.table)
    await tx.execute(
      sql`create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`,
    );
  // Drizzle reads the files in the order of the journal, without their names.
  const index = (await readEntries()).findIndex((entry) => entry.tag === tag);
  const migration = readMigrations()({ migrationsFolder: MIGRATIONS_FOLDER })[index];
  if (!migration) throw new Error(`there is no migration ${tag}`);
  const { sql: statements, folderMillis, hash } = migration;
  for (const statement of statements) await tx.execute(sql.raw(statement));
  await tx.execute(
    sql`insert into drizzle.__drizzle_migrations (hash, created_at) values (${hash}, ${String(folderMillis)}::bigint)`,
  );
}
