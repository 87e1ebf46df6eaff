// The catalogue of exercises, which all users share.
import type { CachedExercise, ExerciseCache, TranslatedExercise } from '../../../cache/exercises.ts';
import type { Database } from '../../../db/database.ts';
import { sql } from '../../../db/drizzle.ts';
import { json, nullable } from '../../../db/rows.ts';
import { exerciseCatalogue, exercises, profiles } from '../../../db/schema/index.ts';
import { columnList, pickColumns } from '../../../db/sql/columns.ts';
import { languageOf } from '../../../db/sql/language.ts';
import { firstRow, read } from '../../../db/statement.ts';
import type { Equipment } from '../../../domain/index.ts';
import type { CatalogueExercise, ExerciseRequest } from './contract.ts';

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
  'name_en',
  'description_en',
  'pattern',
  'chain',
  'chain_order',
  'level',
  'alternating',
  'impact',
]);
/** As JSON, as the two engines do not read arrays alike. */
const lists = {
  muscles: json<readonly string[]>(),
  equipment: json<readonly Equipment[]>(),
  starts_by_level: nullable(json<readonly (number | null)[]>()),
} as const;
const catalogueColumns = pickColumns(exerciseCatalogue, ['version']);

const readAll = read(
  'exercise.all',
  {},
  { ...columns, ...lists, ...catalogueColumns },
  () => sql`
    select
      ${columnList(columns, 'exercise')},
      to_json(exercise.muscles) as muscles,
      to_json(exercise.equipment) as equipment,
      to_json(exercise.starts_by_level) as starts_by_level,
      catalogue.version
    from ${exercises} exercise
    join ${exerciseCatalogue} catalogue on catalogue.only
    order by exercise.id`,
);

const readVersion = firstRow(
  read(
    'exercise.version',
    { user_id: 'bigint' },
    { ...catalogueColumns, lang: profiles.lang },
    ({ user_id }) => sql`select version, ${languageOf(user_id)} as lang from ${exerciseCatalogue}`,
  ),
);

/** Reads what the cache of exercises keeps. */
export async function readExercises(
  db: Database,
): Promise<{ version: number | undefined; exercises: ReadonlyMap<number, TranslatedExercise> }> {
  const rows = await readAll(db, {});
  return {
    version: rows[0]?.version,
    exercises: new Map(rows.map(({ version: _, ...exercise }) => [exercise.id, exercise])),
  };
}

/** @returns what fits the request of the catalogue, by id, in its language or else in that of the profile */
export async function listExercises(
  db: Database,
  cache: ExerciseCache,
  user_id: number,
  { lang, pattern, level, chain }: ExerciseRequest = {},
): Promise<CatalogueExercise[]> {
  const row = await readVersion(db, { user_id });
  if (!row) return [];
  const exercises = await cache.get(db, row.version, lang ?? row.lang);
  return [...exercises.values()]
    .filter(
      (one) =>
        (pattern === undefined || one.pattern === pattern) &&
        (level === undefined || (one.level !== null && one.level <= level)) &&
        (chain === undefined || one.chain === chain),
    )
    .map(toCatalogueExercise);
}

const toCatalogueExercise = ({
  met,
  met_code: code,
  met_year: year,
  muscles,
  equipment,
  starts_by_level: starts,
  ...exercise
}: CachedExercise): CatalogueExercise => ({
  ...exercise,
  met: met === null ? null : { value: met, code, year },
  muscles: [...muscles],
  equipment: [...equipment],
  starts_by_level: starts && [...starts],
});
