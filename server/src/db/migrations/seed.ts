// The default data.
import type { SQLWrapper } from 'drizzle-orm';
import type { Database } from '../database.ts';
import { and, builder, eq, isNull, sql } from '../drizzle.ts';
import { exerciseCatalogue, exercises } from '../schema/index.ts';
import { CATALOGUE, DEFAULT_EXERCISES } from './catalogue.ts';

type Exercise = (typeof CATALOGUE)[number];

/** What an exercise lacks that a version before the catalogue added: there all of it is null or empty. */
const detailsOf = ({
  name_en,
  description_en,
  pattern,
  muscles,
  chain,
  chain_order,
  level,
  equipment,
  alternating,
  impact,
  starts_by_level,
}: Exercise) => ({
  name_en,
  description_en,
  pattern,
  muscles,
  chain,
  chain_order,
  level,
  equipment,
  alternating,
  impact,
  // PostgreSQL keeps null in arrays, and Drizzle's type does not know it.
  starts_by_level: starts_by_level as number[],
});

type Found = Pick<
  typeof exercises.$inferSelect,
  'key' | 'default_order' | 'name_en' | 'pattern' | 'chain' | 'level' | 'starts_by_level'
>;

/**
 * Adds the exercises that are missing, and says what those are that an older version has added: the default ones are
 * known by their order until they have a key. One that an operator has edited stays as it is.
 */
export async function seedExercises(db: Database): Promise<void> {
  const { key, default_order, name_en, pattern, chain, level, starts_by_level } = exercises;
  // A role that may only read exercises can start if none is missing.
  const found = await db.execute<Found>(
    builder.select({ key, default_order, name_en, pattern, chain, level, starts_by_level }).from(exercises),
  );
  const byKey = new Map(found.map((row) => [row.key, row]));
  const byOrder = new Map(found.map((row) => [row.default_order, row]));
  const missing: Exercise[] = [];
  const changes: SQLWrapper[] = [];
  // The default ones first: of an empty table they get the ids that they have always had.
  for (const one of [...DEFAULT_EXERCISES, ...CATALOGUE.filter((other) => other.default_order === null)]) {
    const row =
      byKey.get(one.key) ?? (one.default_order === null ? undefined : byOrder.get(one.default_order));
    if (!row) missing.push(one);
    else if (row.key === null) changes.push(naming(one));
    else if (row.key === one.key && lacksDetails(row))
      changes.push(builder.update(exercises).set(detailsOf(one)).where(eq(key, one.key)));
  }
  if (missing.length > 0)
    changes.push(
      builder
        .insert(exercises)
        .values(missing.map((one) => ({ ...one, ...detailsOf(one) })))
        .onConflictDoNothing(),
    );
  for (const change of changes) await db.execute(change);
  // A trigger does it too, but for a distributed database, which has none.
  if (changes.length > 0)
    await db.execute(
      builder.update(exerciseCatalogue).set({ version: sql`${exerciseCatalogue.version} + 1` }),
    );
}

const lacksDetails = ({ name_en, pattern, chain, level, starts_by_level }: Found): boolean =>
  [name_en, pattern, chain, level, starts_by_level].every((value) => value === null);

function naming(one: Exercise) {
  const { key, met, met_code, met_year, seconds_per_rep } = one;
  return builder
    .update(exercises)
    .set({ key, met, met_code, met_year, seconds_per_rep, ...detailsOf(one) })
    .where(and(eq(exercises.default_order, Number(one.default_order)), isNull(exercises.key)));
}
