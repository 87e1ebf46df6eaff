// The catalogue. Our eight default exercises are in the target already: one of the source with such a name is the same
// exercise, and ours takes its id.
import type postgres from 'postgres';
import { DEFAULT_EXERCISES } from '../../src/db/migrations/catalogue.ts';
import { GREATEST_ID, newIds } from './copy.ts';
import type { RowSanitizer } from './sanitize.ts';
import { convertAll, itemOf, type Step } from './step.ts';

interface Exercise {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly calories_burned: number;
  readonly start_reps: number;
  readonly end_reps: number;
  readonly step: number;
}

const MAX_REPS = 100_000;

export const exercises: Step = {
  table: 'exercises',
  select: `
    select id::bigint::text as id, name::text, description::text, calories_burned::text, start_reps::text, end_reps::text, step::text
    from exercises order by exercises.id`,
  async prepare(target, rows, refused) {
    const ours = await target<(Exercise & { default_order: number; taken: boolean })[]>`
      select e.id, e.name, e.description, e.calories_burned, e.start_reps, e.end_reps, e.step, e.default_order,
        exists (select from stepwise_import.kept k where k.of = 'exercises' and k.target_id = e.id) as taken
      from exercises e where e.default_order is not null order by e.default_order`;
    const defaults = new Map(
      ours
        .filter((exercise) => !exercise.taken)
        .flatMap((exercise) => {
          const original = DEFAULT_EXERCISES[exercise.default_order - 1]?.name ?? exercise.name;
          return [exercise.name, original].map((name) => [nameKey(name), exercise] as const);
        }),
    );
    const moves: { from: number; to: number }[] = [];
    const items = convertAll(rows, refused, (row, sanitizer) => {
      const values = valuesOf(sanitizer);
      const id = Number(row.id);
      const same = defaults.get(nameKey(values.name));
      if (!same) return itemOf(row, sanitizer, values);
      for (const [name, exercise] of defaults) if (exercise === same) defaults.delete(name);
      const differs = (['description', 'calories_burned', 'start_reps', 'end_reps', 'step'] as const).filter(
        (key) => values[key] !== same[key],
      );
      sanitizer.repairs.splice(0);
      if (differs.length > 0)
        sanitizer.repairs.push(
          `it is one of our default exercises, whose ${differs.join(', ')} ${differs.length > 1 ? 'stay' : 'stays'}`,
        );
      const finalId = id > 0 && id <= GREATEST_ID ? id : same.id;
      if (finalId !== same.id) moves.push({ from: same.id, to: finalId });
      return { ...itemOf(row, sanitizer, values), mergedInto: finalId };
    });
    await freeIds(
      target,
      rows.map((row) => Number(row.id)),
      moves,
    );
    return items;
  },
};

function valuesOf(sanitizer: RowSanitizer) {
  const start_reps = sanitizer.number('start_reps', { min: 1, max: MAX_REPS, whole: true, fallback: 1 });
  return {
    name: sanitizer.text('name', 500),
    description: sanitizer.textOrEmpty('description', 5000),
    calories_burned: sanitizer.number('calories_burned', { min: 0, max: MAX_REPS, fallback: 0 }),
    start_reps,
    end_reps: sanitizer.number('end_reps', {
      min: start_reps,
      max: MAX_REPS,
      whole: true,
      fallback: start_reps,
    }),
    step: sanitizer.number('step', { min: 1, max: MAX_REPS, whole: true, fallback: 1 }),
  };
}

/** Names that a reader takes for the same: upper case, ё, and white space do not count. */
function nameKey(name: string): string {
  return name.normalize('NFKC').toLowerCase().replaceAll('ё', 'е').replaceAll(/\s+/g, ' ').trim();
}

/** First every default exercise that stands where one of the source belongs goes aside, then those that moved come in. */
async function freeIds(
  target: postgres.TransactionSql,
  wanted: readonly number[],
  moves: readonly { from: number; to: number }[],
): Promise<void> {
  const inTheWay = await target<{ id: number }[]>`
    select id from exercises e
    where id = any(${wanted.filter((id) => id > 0 && id <= GREATEST_ID)}::bigint[])
      and not exists (select from stepwise_import.kept k where k.of = 'exercises' and k.target_id = e.id)`;
  const aside = await newIds(target, 'exercises', inTheWay.length);
  const movedTo = new Map(inTheWay.map(({ id }, at) => [id, aside[at] as number]));
  for (const [from, to] of movedTo) await moveExercise(target, from, to);
  for (const { from, to } of moves) await moveExercise(target, movedTo.get(from) ?? from, to);
}

/** Gives an exercise another id, also in the days that it is part of. */
async function moveExercise(target: postgres.TransactionSql, from: number, to: number): Promise<void> {
  await target`
    insert into exercises (
      id, name, description, name_en, description_en, calories_burned, start_reps, end_reps, step, unit, unilateral,
      alternating, impact, seconds_per_rep, met, met_code, met_year, pattern, muscles, chain, chain_order, level, equipment,
      starts_by_level)
    select
      ${to}::bigint, name, description, name_en, description_en, calories_burned, start_reps, end_reps, step, unit, unilateral,
      alternating, impact, seconds_per_rep, met, met_code, met_year, pattern, muscles, chain, chain_order, level, equipment,
      starts_by_level
    from exercises where id = ${from}`;
  await target`update workout_exercises set exercise_id = ${to} where exercise_id = ${from}`;
  await target`update progressions set exercise_id = ${to} where exercise_id = ${from}`;
  const [gone] = await target<
    { default_order: number | null; key: string | null }[]
  >`delete from exercises where id = ${from} returning default_order, key`;
  // No two exercises have one of these at the same time.
  await target`
    update exercises set default_order = ${gone?.default_order ?? null}, key = ${gone?.key ?? null} where id = ${to}`;
}
