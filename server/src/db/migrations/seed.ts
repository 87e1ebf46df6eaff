// The default data.
import type { Database } from '../database.ts';
import { and, builder, eq, isNull } from '../drizzle.ts';
import { exercises } from '../schema/index.ts';
import { DEFAULT_EXERCISES } from './defaultExercises.ts';

/**
 * Adds the default exercises that are missing, and says what those are that an older version has added. One that an
 * operator has edited stays as it is.
 */
export async function seedExercises(db: Database): Promise<void> {
  // A role that may only read exercises can start if none is missing.
  const found = await db.execute<{ default_order: number | null; key: string | null }>(
    builder.select({ default_order: exercises.default_order, key: exercises.key }).from(exercises),
  );
  const there = new Map(found.map(({ default_order, key }) => [default_order, key]));
  const rows = DEFAULT_EXERCISES.map((values, index) => ({ ...values, default_order: index + 1 }));
  const missing = rows.filter(({ default_order }) => !there.has(default_order));
  if (missing.length > 0)
    await db.execute(
      builder.insert(exercises).values(missing).onConflictDoNothing({ target: exercises.default_order }),
    );
  for (const { default_order, key, met, met_code, met_year, seconds_per_rep } of rows)
    if (there.get(default_order) === null)
      await db.execute(
        builder
          .update(exercises)
          .set({ key, met, met_code, met_year, seconds_per_rep })
          .where(and(eq(exercises.default_order, default_order), isNull(exercises.key))),
      );
}
