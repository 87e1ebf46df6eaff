// A physical plan as the rules of the day take it.
import type { SQL } from 'drizzle-orm';
import type { CachedExercise, Exercises } from '../cache/exercises.ts';
import { sql } from '../db/drizzle.ts';
import { progressions, workoutExercises, workouts } from '../db/schema/index.ts';
import { isDeloadWeek, isDue, type Prescribed, type Schedule, type TrainingPlan } from '../domain/index.ts';

/**
 * An exercise of a day: its id alone where it is as the catalogue has it, one set; otherwise what the plan was made with.
 * A ladder of nulls is the catalogue's.
 */
export type SlotExercise =
  | number
  | readonly [
      exercise_id: number,
      sets: number,
      start: number | null,
      end: number | null,
      step: number | null,
      because: readonly string[] | null,
    ];

/** @param row the alias of a row of `workout_exercises`. @returns it as JSON */
export const slotExercise = (row: string): SQL =>
  sql.raw(`case
    when ${row}.sets = 1 and ${row}.start_reps is null and ${row}.because is null then to_json(${row}.exercise_id)
    else json_build_array(
      ${row}.exercise_id, ${row}.sets, ${row}.start_reps, ${row}.end_reps, ${row}.step, ${row}.because)
  end`);

/** Of each day of a plan the number, and its exercises in order. */
export type PlanDays = readonly (readonly [day: number, exercises: readonly SlotExercise[]])[];

/** @param plan the alias of a row of `physical_plans` of the user. @returns its days as JSON */
export const planDays = (plan: string, user_id: SQL): SQL => sql`
  (select coalesce(json_agg(json_build_array(
      workout.day_of_week,
      (
        select coalesce(json_agg(${slotExercise('exercise')} order by exercise.id), '[]')
        from ${workoutExercises} exercise
        where exercise.user_id = ${user_id} and exercise.workout_id = workout.id
      )) order by workout.day_of_week), '[]')
  from ${workouts} workout
  where workout.user_id = ${user_id} and workout.physical_plan_id = ${sql.identifier(plan)}.id)`;

/** The CTE `standing`: the progressions of the plan of the CTE `plan`. */
export const standingOfPlan = (user_id: SQL): SQL => sql`
    standing as (
      select
        progression.plan_id, progression.exercise_id, progression.opening_k, progression.k, progression.misses,
        progression.held, progression.because, progression.last_date, progression.since, progression.since_seq
      from plan
      join ${progressions} progression on progression.user_id = ${user_id} and progression.plan_id = plan.id
    )`;

/** An exercise of a day with the catalogue's, and why it was chosen. */
export interface ShownExercise extends Prescribed {
  readonly exercise: CachedExercise;
  readonly because: readonly string[];
}

/** @returns the exercises with their ladders; one that is no longer in the catalogue is left out */
export const shownExercises = (listed: readonly SlotExercise[], exercises: Exercises): ShownExercise[] =>
  listed.flatMap((one) => {
    const [exercise_id, sets, start, end, step, because] =
      typeof one === 'number' ? [one, 1, null, null, null, null] : one;
    const exercise = exercises.get(exercise_id);
    if (!exercise) return [];
    return [
      {
        exercise_id,
        sets,
        start: start ?? exercise.start_reps,
        end: end ?? exercise.end_reps,
        step: step ?? exercise.step,
        exercise,
        because: because ?? [],
      },
    ];
  });

/** What of a stored plan decides about its targets. */
interface StoredTraining {
  readonly days: PlanDays;
  readonly level: number | null;
  readonly sessions: number;
  /** A mask of weekdays. */
  readonly training_days: number;
}

/** Puts the ladders in. */
export function trainingPlanOf<Stored extends StoredTraining>(
  { days, ...plan }: Stored,
  exercises: Exercises,
): Omit<Stored, 'days'> & Pick<TrainingPlan, 'slots' | 'generated' | 'deload'> {
  return {
    ...plan,
    generated: plan.level !== null,
    deload: isDeloadWeek(plan),
    slots: days.map(([slot, listed]) => ({
      slot,
      exercises: shownExercises(listed, exercises).map(({ exercise: _, because: __, ...one }) => one),
    })),
  };
}

/** @returns whether a workout is due on the date, by the schedule in force */
export const isTrainingDay = (schedules: readonly Schedule[], date: string): boolean =>
  isDue(
    schedules.map((one) => ({ ...one, study: 0 })),
    date,
  );
