// Checks that the database's schema is the one that this version was written for.

import { OperatorError } from '../../operatorError.ts';
import type { Database } from '../database.ts';
import { sql } from '../drizzle.ts';
import { readEntries } from './journal.ts';

/** Thrown when the schema is another one; the message has the remedy. */
export class SchemaError extends OperatorError {
  override name = 'SchemaError';
}

/**
 * Migrations that servers of the version before do not survive. They are applied once there are none
 * (docs/operations/upgrades.md). Servers of this version run before and after them.
 */
export const POST_DEPLOYMENT: ReadonlySet<string> = new Set([
  '0012_wide_tables',
  '0013_exchange',
  '0014_keys_valid',
]);

/** @returns the migrations that this version needs. What comes before one of them is needed too */
export function withoutPostDeployment(pending: readonly string[]): string[] {
  return pending.slice(0, pending.findLastIndex((tag) => !POST_DEPLOYMENT.has(tag)) + 1);
}

/**
 * @returns the post-deployment migrations that are pending
 * @throws SchemaError if migrations are missing, or if a newer version has added some
 */
export async function checkVersion(db: Database): Promise<string[]> {
  const pending = await pendingMigrations(db);
  const missing = withoutPostDeployment(pending);
  if (missing.length > 0)
    throw new SchemaError(
      `the database lacks migrations (${missing.join(', ')}): run db:migrate, or set MIGRATE_AT_START=true`,
    );
  return pending;
}

/**
 * @returns the names of the migrations that the database lacks
 * @throws SchemaError when a newer version of this program has added some
 */
export async function pendingMigrations(db: Database): Promise<string[]> {
  const entries = await readEntries();
  const applied = await appliedMigrations(db);
  const known = new Set(entries.map(({ when }) => when));
  if ([...applied].some((when) => !known.has(when)))
    throw new SchemaError(
      'the database has migrations that this version does not know: a newer one has migrated it, start that one',
    );
  return entries.filter(({ when }) => !applied.has(when)).map(({ tag }) => tag);
}

/** @returns the times that identify migrations in the journal */
export async function appliedMigrations(db: Database): Promise<Set<number>> {
  const [table] = await db.execute<{ exists: boolean }>(
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as "exists"`,
  );
  if (!table?.exists) return new Set();
  const rows = await db.execute<{ when: string }>(
    sql`select created_at::text as "when" from drizzle.__drizzle_migrations`,
  );
  return new Set(rows.map(({ when }) => Number(when)));
}
