// Whether the two databases are what they should be, before anything is written.
import { randomInt } from 'node:crypto';
import type postgres from 'postgres';
import { ImportError } from './errors.ts';

/** The tables that are copied, and the columns that are read. */
export const SOURCE_COLUMNS = {
  users: ['id', 'login', 'password', 'created_at'],
  physical_plans: ['id', 'user_id', 'goal', 'age', 'gender', 'weight', 'height', 'progress', 'day'],
  workouts: ['id', 'physical_plan_id', 'day_of_week'],
  exercises: ['id', 'name', 'calories_burned', 'description', 'start_reps', 'end_reps', 'step'],
  workout_exercises: ['id', 'workout_id', 'exercise_id'],
  mental_plans: ['id', 'user_id', 'name', 'goal', 'progress'],
  resources: ['id', 'type', 'name', 'description', 'volume'],
  mental_plan_resources: ['id', 'mental_plan_id', 'resource_id', 'progress'],
  outer_tasks: ['id', 'user_id', 'title', 'status'],
} as const;

/** The tables whose rows are a user's: there the primary key begins with `user_id`. */
export const OWNED_TABLES = Object.keys(SOURCE_COLUMNS).filter(
  (table) => table !== 'users' && table !== 'exercises',
);

export const isOwned = (table: string): boolean => OWNED_TABLES.includes(table);

async function columnsOf(database: postgres.Sql | postgres.TransactionSql): Promise<Set<string>> {
  const rows = await database<{ name: string }[]>`
    select table_name || '.' || column_name as name from information_schema.columns where table_schema = any(current_schemas(false))`;
  return new Set(rows.map((row) => row.name));
}

/** @throws ImportError that lists what the source lacks */
export async function checkSource(source: postgres.TransactionSql): Promise<void> {
  const there = await columnsOf(source);
  const wanted = Object.entries(SOURCE_COLUMNS).flatMap(([table, columns]) =>
    columns.map((column) => `${table}.${column}`),
  );
  const missing = wanted.filter((name) => !there.has(name));
  if (missing.length > 0) throw new ImportError(`the source lacks ${missing.join(', ')}`);
}

/** @throws ImportError for a database with tables that our migrations did not make */
export async function checkTarget(target: postgres.Sql): Promise<void> {
  const [row] = await target<
    { migrated: boolean }[]
  >`select to_regclass('drizzle.__drizzle_migrations') is not null as migrated`;
  if (!row?.migrated && (await columnsOf(target)).has('users.id'))
    throw new ImportError(
      'DATABASE_URL names a database with tables of something else; name an empty one, or one of this system',
    );
}

/**
 * Whatever the URLs look like: an advisory lock that one session has is refused to another of the same database.
 * @throws ImportError when both are the same database
 */
export async function checkDistinct(source: postgres.TransactionSql, target: postgres.Sql): Promise<void> {
  const key = randomInt(2 ** 47);
  await target`select pg_advisory_lock(${key})`;
  const [row] = await source<{ free: boolean }[]>`select pg_try_advisory_xact_lock(${key}) as free`;
  await target`select pg_advisory_unlock(${key})`;
  if (!row?.free) throw new ImportError('--from and DATABASE_URL name the same database');
}
