// The sums of a day, which are those of its month too (schema/days.ts).
import type { SQL } from 'drizzle-orm';
import type { Sums } from '../../domain/index.ts';
import { sql } from '../drizzle.ts';

/** By the names of their columns. */
export const SUM_COLUMNS = [
  'met',
  'exercises',
  'reps',
  'hold_s',
  'active_s',
  'kcal_per_kg',
  'pages',
  'chapters',
  'lessons',
  'minutes',
  'study_minutes',
  'tasks',
] as const satisfies readonly (keyof Sums)[];

/** Those that a PATCH of one number moves, by the types of their columns. */
export const ADJUSTED_SUMS = {
  pages: 'float8',
  chapters: 'float8',
  lessons: 'float8',
  minutes: 'float8',
  study_minutes: 'int',
  tasks: 'smallint',
} as const satisfies Partial<Record<keyof Sums, string>>;

/** @returns names, or what is made of each, with commas */
export const columnsOf = (names: readonly string[], each = (name: string) => name): SQL =>
  sql.raw(names.map(each).join(', '));

/** Sums of fractions keep six decimals, as the rules round them. */
const FRACTIONS = new Set(['kcal_per_kg', 'pages', 'chapters', 'lessons', 'minutes']);

/** For `on conflict do update set`: adds what was to be inserted to what is there. @param table the alias of the table */
export const addSumsTo = (table: string, names: readonly string[]): SQL =>
  columnsOf(names, (name) =>
    FRACTIONS.has(name)
      ? `${name} = round((${table}.${name} + excluded.${name})::numeric, 6)::float8`
      : `${name} = ${table}.${name} + excluded.${name}`,
  );
