// The catalogue of the seed as the rules take it, with the ids that an empty database gives.
import { CATALOGUE as SEED } from '../src/db/migrations/catalogue.ts';
import type { CatalogueExercise } from '../src/domain/index.ts';

const ofDefault = SEED.filter(({ default_order }) => default_order !== null);

export const CATALOGUE: readonly CatalogueExercise[] = [
  ...ofDefault.toSorted((a, b) => Number(a.default_order) - Number(b.default_order)),
  ...SEED.filter(({ default_order }) => default_order === null),
].map(({ start_reps: start, end_reps: end, ...exercise }, at) => ({ ...exercise, id: at + 1, start, end }));

/** @returns the exercise of a key. @throws Error without one */
export function exerciseOf(key: string): CatalogueExercise {
  const found = CATALOGUE.find((one) => one.key === key);
  if (!found) throw new Error(`the catalogue has no ${key}`);
  return found;
}
