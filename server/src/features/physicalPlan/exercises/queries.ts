// The catalogue of exercises, which all users share.
import type { CachedExercise, ExerciseCache, Exercises } from '../../../cache/exercises.ts';
import type { Database } from '../../../db/database.ts';
import { asc, builder, eq, sql } from '../../../db/drizzle.ts';
import { json, nullable } from '../../../db/rows.ts';
import { exerciseCatalogue, exercises } from '../../../db/schema/index.ts';
import { pickColumns } from '../../../db/sql/columns.ts';
import { firstRow, read } from '../../../db/statement.ts';

const columns = pickColumns(exercises, [
  'id',
  'name',
  'description',
  'calories_burned',
  'start_reps',
  'end_reps',
  'step',
  'key',
  'unit',
  'unilateral',
  'seconds_per_rep',
  'met',
  'met_code',
  'met_year',
  'default_order',
  'pattern',
  'chain',
  'chain_order',
  'level',
  'impact',
]);
const catalogueColumns = pickColumns(exerciseCatalogue, ['version']);
const versionedColumns = { ...columns, ...catalogueColumns };

/** As JSON: of an array PostgreSQL's driver answers the text. */
const lists = {
  equipment: json<readonly string[]>(),
  starts_by_level: nullable(json<readonly (number | null)[]>()),
};

const readAll = read('exercise.all', {}, { ...versionedColumns, ...lists }, () =>
  builder
    .select({
      ...versionedColumns,
      equipment: sql`to_json(${exercises.equipment})`.as('equipment'),
      starts_by_level: sql`to_json(${exercises.starts_by_level})`.as('starts_by_level'),
    })
    .from(exercises)
    .innerJoin(exerciseCatalogue, eq(exerciseCatalogue.only, true))
    .orderBy(asc(exercises.id)),
);

const readVersion = firstRow(
  read('exercise.version', {}, catalogueColumns, () =>
    builder.select(catalogueColumns).from(exerciseCatalogue),
  ),
);

/** Reads what the cache of exercises keeps. */
export async function readExercises(
  db: Database,
): Promise<{ version: number | undefined; exercises: Exercises }> {
  const rows = await readAll(db, {});
  return {
    version: rows[0]?.version,
    exercises: new Map(rows.map(({ version: _, ...exercise }) => [exercise.id, exercise])),
  };
}

/** The whole catalogue, by id. */
export async function listExercises(db: Database, cache: ExerciseCache): Promise<CachedExercise[]> {
  const row = await readVersion(db, {});
  return row ? [...(await cache.get(db, row.version)).values()] : [];
}
