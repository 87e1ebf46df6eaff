// Physical plans, their days, and the exercises of a day.
import type postgres from 'postgres';
import { gender } from '../../src/db/schema/index.ts';
import { lookup, targetsOf } from './owners.ts';
import { type RowSanitizer, refuseRow } from './sanitize.ts';
import { convertAll, type Item, itemOf, type Step } from './step.ts';

export const physicalPlans: Step = {
  table: 'physical_plans',
  select: `
    select id::bigint::text as id, user_id::bigint::text as user_id, goal::text, age::text, gender::text, weight::text, height::text,
      progress::text, day::text
    from physical_plans order by physical_plans.id`,
  async prepare(target, rows, refused) {
    const user = await lookup(target, rows, 'users', 'user_id');
    return convertAll(rows, refused, (row, sanitizer) =>
      itemOf(row, sanitizer, {
        user_id: user.get(row).id,
        // Whom a plan is for is never guessed: without it the row is refused.
        age: sanitizer.number('age', { min: 5, max: 120, whole: true }),
        gender: sanitizer.choice('gender', gender.enumValues),
        weight: sanitizer.number('weight', { min: 20, max: 500 }),
        height: heightOf(sanitizer),
        goal: sanitizer.text('goal', 500),
        progress: sanitizer.number('progress', { min: 0, max: Number.MAX_VALUE, fallback: 0 }),
        day: sanitizer.number('day', { min: 1, max: 7, whole: true, fallback: 1 }),
      }),
    );
  },
};

/** Centimetres. A height of 0.5 to 3 was given in metres. */
function heightOf(sanitizer: RowSanitizer): number {
  const height = sanitizer.finite('height');
  if (height === undefined || height < 0.5 || height > 3)
    return sanitizer.number('height', { min: 50, max: 300 });
  sanitizer.repairs.push('height was in metres, made centimetres');
  return Math.round(height * 10_000) / 100;
}

const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

/** A plan has one workout a day here: what the others of that day hold comes into the first. */
export const workouts: Step = {
  table: 'workouts',
  select: `
    select id::bigint::text as id, physical_plan_id::bigint::text as physical_plan_id, day_of_week::text
    from workouts order by workouts.id`,
  async prepare(target, rows, refused) {
    const plan = await lookup(target, rows, 'physical_plans', 'physical_plan_id');
    const plans = targetsOf(rows, plan);
    const found = await target<{ id: number; physical_plan_id: number; day_of_week: number }[]>`
      select w.id, w.physical_plan_id, w.day_of_week
      from workouts w
      join unnest(${plans.user_ids}::bigint[], ${plans.ids}::bigint[]) as wanted (user_id, physical_plan_id)
        using (user_id, physical_plan_id)`;
    const days = new Map<string, Item | number>(
      found.map((day) => [`${day.physical_plan_id}/${day.day_of_week}`, day.id]),
    );
    return convertAll(rows, refused, (row, sanitizer) => {
      const { id: physical_plan_id, user_id } = plan.get(row);
      const day_of_week = dayOf(sanitizer);
      const item = itemOf(row, sanitizer, { user_id, physical_plan_id, day_of_week });
      return mergeDuplicate(
        item,
        days,
        `${physical_plan_id}/${day_of_week}`,
        'joined with the first workout of the same day',
      );
    });
  },
};

function dayOf(sanitizer: RowSanitizer): number {
  const day = sanitizer.finite('day_of_week');
  if (day === undefined) return 1 + DAYS.indexOf(sanitizer.choice('day_of_week', DAYS));
  return Number.isInteger(day) && day >= 1 && day <= 7 ? day : refuseRow('day_of_week is not 1 to 7');
}

export const workoutExercises: Step = {
  table: 'workout_exercises',
  select: `
    select id::bigint::text as id, workout_id::bigint::text as workout_id, exercise_id::bigint::text as exercise_id
    from workout_exercises order by workout_exercises.id`,
  async prepare(target, rows, refused) {
    const workout = await lookup(target, rows, 'workouts', 'workout_id');
    const exercise = await lookup(target, rows, 'exercises', 'exercise_id');
    const days = targetsOf(rows, workout);
    const found = await target<{ id: number; workout_id: number; exercise_id: number }[]>`
      select x.id, x.workout_id, x.exercise_id
      from workout_exercises x
      join unnest(${days.user_ids}::bigint[], ${days.ids}::bigint[]) as wanted (user_id, workout_id)
        using (user_id, workout_id)`;
    const held = new Map<string, Item | number>(
      found.map((link) => [`${link.workout_id}/${link.exercise_id}`, link.id]),
    );
    return convertAll(rows, refused, (row, sanitizer) => {
      const { id: workout_id, user_id } = workout.get(row);
      const { id: exercise_id } = exercise.get(row);
      const item = itemOf(row, sanitizer, { user_id, workout_id, exercise_id });
      return mergeDuplicate(item, held, `${workout_id}/${exercise_id}`, 'the day has this exercise already');
    });
  },
};

/** @returns the item itself when it is the first of its name, otherwise what comes into the first */
function mergeDuplicate(item: Item, firsts: Map<string, Item | number>, name: string, repair: string): Item {
  const first = firsts.get(name);
  if (first === undefined) {
    firsts.set(name, item);
    return item;
  }
  item.repairs.push(repair);
  return { ...item, mergedInto: first };
}

/**
 * Gives every day of the copied plans that has no exercises the default ones: a plan has seven days with exercises.
 * @returns the plans that it changed, by the source's id, and their days
 */
export async function fillDays(target: postgres.Sql): Promise<{ source_id: string; days: number[] }[]> {
  return target<{ source_id: string; days: number[] }[]>`
    with plans as (
      select k.source_id, p.user_id, p.id
      from stepwise_import.kept k
      join physical_plans p on p.user_id = k.user_id and p.id = k.target_id
      where k.of = 'physical_plans'),
    empty as (
      select plans.source_id, plans.user_id, plans.id as plan_id, day, w.id as workout_id
      from plans cross join generate_series(1, 7) as day
      left join workouts w on w.user_id = plans.user_id and w.physical_plan_id = plans.id and w.day_of_week = day
      where not exists (select from workout_exercises x where x.user_id = w.user_id and x.workout_id = w.id)),
    made as (
      insert into workouts (user_id, physical_plan_id, day_of_week)
      select user_id, plan_id, day from empty where workout_id is null order by plan_id, day
      returning id, physical_plan_id, day_of_week),
    filled as (
      insert into workout_exercises (user_id, workout_id, exercise_id)
      select empty.user_id, coalesce(empty.workout_id, made.id), e.id
      from empty
      left join made on made.physical_plan_id = empty.plan_id and made.day_of_week = empty.day
      cross join exercises e
      where e.default_order is not null
      order by empty.plan_id, empty.day, e.default_order)
    select source_id::text, array_agg(day order by day) as days from empty group by source_id order by source_id::bigint`;
}
