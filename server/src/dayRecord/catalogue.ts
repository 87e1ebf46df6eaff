// Exercises of the catalogue as the rules of the day take them.
import type { CachedExercise, Exercises } from '../cache/exercises.ts';
import type { CatalogueExercise, ExerciseTraits } from '../domain/index.ts';

export const traitsOf = ({
  start_reps: start,
  end_reps: end,
  ...exercise
}: CachedExercise): ExerciseTraits => ({ ...exercise, start, end });

/** @returns an exercise with its place among the others; undefined of an operator's own */
export function choosable(exercise: CachedExercise): CatalogueExercise | undefined {
  const { key, pattern, chain, chain_order, level, starts_by_level, equipment, impact } = exercise;
  if (key === null || pattern === null || chain === null || chain_order === null) return undefined;
  if (level === null || starts_by_level === null) return undefined;
  const traits = traitsOf(exercise);
  return { ...traits, key, pattern, chain, chain_order, level, starts_by_level, equipment, impact };
}

/** @returns all that a plan can be made of */
export const choosables = (exercises: Exercises): CatalogueExercise[] =>
  [...exercises.values()].flatMap((one) => choosable(one) ?? []);
