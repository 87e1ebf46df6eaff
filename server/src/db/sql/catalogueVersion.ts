import { sql } from '../drizzle.ts';
import { exerciseCatalogue } from '../schema/index.ts';

/** For statements that name exercises: the version of the catalogue that they saw (cache/exercises.ts). */
export const catalogueVersion = sql`(select version from ${exerciseCatalogue})`;
