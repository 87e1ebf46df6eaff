// The default data.
import type { Database } from '../database.ts';
import { builder } from '../drizzle.ts';
import { exercises } from '../schema/index.ts';
import { DEFAULT_EXERCISES } from './defaultExercises.ts';

/** Adds the default exercises that are missing. One that an operator has edited stays as it is. */
export async function seedExercises(db: Database): Promise<void> {
  // A role that may only read exercises can start if none is missing.
  const found = await db.execute(builder.select({ default_order: exercises.default_order }).from(exercises));
  const there = new Set(found.map(({ default_order }) => default_order));
  const rows = DEFAULT_EXERCISES.map((values, index) => ({ ...values, default_order: index + 1 }));
  const missing = rows.filter(({ default_order }) => !there.has(default_order));
  if (missing.length > 0)
    await db.execute(
      builder.insert(exercises).values(missing).onConflictDoNothing({ target: exercises.default_order }),
    );
}
