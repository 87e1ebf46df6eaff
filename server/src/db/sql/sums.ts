// The sums of a day, which are those of its month too (schema/days.ts).
import type { SQL } from 'drizzle-orm';
import type { Sums } from '../../domain/index.ts';
import { sql } from '../drizzle.ts';

/** The types of their columns. */
const TYPES = {
  done: 'smallint',
  skipped: 'smallint',
  workouts: 'smallint',
  met: 'smallint',
  exercises: 'smallint',
  reps: 'int',
  hold_s: 'int',
  active_s: 'int',
  kcal_per_kg: 'float8',
  pages: 'float8',
  chapters: 'float8',
  lessons: 'float8',
  minutes: 'float8',
  study_minutes: 'int',
  tasks: 'smallint',
} as const satisfies Record<keyof Sums, string>;
type SumColumn = keyof typeof TYPES;

const BOUNDS = { smallint: 32_767, int: 2_147_483_647 } as const;

/** Of a day its state and its workout say these. */
type MonthSumColumn = 'done' | 'skipped' | 'workouts';
export type DaySumColumn = Exclude<SumColumn, MonthSumColumn>;

/** A month has all of them. */
export const MONTH_SUMS = Object.keys(TYPES) as SumColumn[];

/** Those of a day. */
export const DAY_SUMS = MONTH_SUMS.filter(
  (name): name is DaySumColumn => !['done', 'skipped', 'workouts'].includes(name),
);

/** Those that a PATCH of one number moves. */
export const ADJUSTED_SUMS: readonly SumColumn[] = [
  'pages',
  'chapters',
  'lessons',
  'minutes',
  'study_minutes',
  'tasks',
];

/** @returns names, or what is made of each, with commas */
export const columnsOf = <Name extends string>(
  names: readonly Name[],
  each: (name: Name) => string = (name) => name,
): SQL => sql.raw(names.map(each).join(', '));

/** For `… as sums(…)`: whole numbers too are read as what they are in JSON, since they may be out of their bounds. */
export const sumDeclarations = (names: readonly SumColumn[]): SQL =>
  columnsOf(names, (name) => `${name} float8`);

/** What is beyond the bounds of its column stays at the bound: no change is refused for a sum. */
const bounded = (name: SumColumn, value: string): string => {
  const type = TYPES[name];
  // Sums of fractions keep six decimals, as the rules round them.
  if (type === 'float8') return `round((${value})::numeric, 6)::float8`;
  return `greatest(-${BOUNDS[type]}, least(${BOUNDS[type]}, ${value}))::${type}`;
};

/** @returns the sums as their columns hold them */
export const boundedSums = (sums: Sums): Sums => {
  const held = MONTH_SUMS.map((name) => {
    const type = TYPES[name];
    const value = sums[name];
    return [name, type === 'float8' ? value : Math.max(-BOUNDS[type], Math.min(BOUNDS[type], value))];
  });
  return Object.fromEntries(held);
};

/** For `insert`: what was declared by `sumDeclarations`. @param value the SQL of each */
export const sumValues = (names: readonly SumColumn[], value = (name: string) => name): SQL =>
  columnsOf(names, (name) => bounded(name, value(name)));

/** For `on conflict do update set`: adds what was to be inserted to what is there. @param table the alias of the table */
export const addSumsTo = (table: string, names: readonly SumColumn[]): SQL =>
  columnsOf(names, (name) => `${name} = ${bounded(name, `${table}.${name}::float8 + excluded.${name}`)}`);
