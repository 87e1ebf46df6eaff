// The exercises in memory. They are few and seldom change, while every view of a plan names each of them seven times.

import type { Measure } from '../telemetry/measures.ts';
import type { Database } from './client.ts';
import { asc, builder, eq, sql } from './orm.ts';
import { exerciseCatalogue, exercises } from './schema/index.ts';
import { read } from './statement.ts';

const columns = {
  id: exercises.id,
  name: exercises.name,
  description: exercises.description,
  calories_burned: exercises.calories_burned,
  start_reps: exercises.start_reps,
  end_reps: exercises.end_reps,
  step: exercises.step,
};

const all = read('exercise.all', {}, () =>
  builder
    .select({ ...columns, version: exerciseCatalogue.version })
    .from(exercises)
    .innerJoin(exerciseCatalogue, eq(exerciseCatalogue.only, true))
    .orderBy(asc(exercises.id)),
);

type Row = Awaited<ReturnType<typeof all>>[number];
export type CachedExercise = Omit<Row, 'version'>;

/** For statements that name exercises: the state of the catalogue that they saw. */
export const catalogueVersion = sql`(select version from ${exerciseCatalogue})`;

export interface ExerciseCache {
  /** @returns the exercises by id, as they are in that version; read again when another is in memory */
  get(db: Database, version: number): Promise<ReadonlyMap<number, CachedExercise>>;
  readonly measures: readonly Measure[];
}

export function createExerciseCache(): ExerciseCache {
  let known: { version: number; exercises: ReadonlyMap<number, CachedExercise> } | undefined;
  const read = { memory: 0, database: 0 };
  return {
    async get(db, version) {
      if (known?.version === version) {
        read.memory++;
        return known.exercises;
      }
      read.database++;
      const rows = await all(db, {});
      const exercises = new Map(rows.map(({ version: _, ...exercise }) => [exercise.id, exercise]));
      const [row] = rows;
      if (row) known = { version: row.version, exercises };
      return exercises;
    },
    measures: [
      {
        name: 'stepwise_catalogue_reads_total',
        help: 'The exercises that a plan names: in memory in its version, or read from the database',
        type: 'counter',
        label: 'from',
        read: () => read,
      },
    ],
  };
}
