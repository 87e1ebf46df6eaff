// A physical plan as the rules of the day take it.
import type { SQL } from 'drizzle-orm';
import type { Exercises } from '../cache/exercises.ts';
import { sql } from '../db/drizzle.ts';
import { workoutExercises, workouts } from '../db/schema/index.ts';
import type { TrainingPlan } from '../domain/index.ts';

/** Of each day of a plan the number, and the ids of its exercises in order. */
export type PlanDays = readonly (readonly [day: number, exercise_ids: readonly number[]])[];

/** @param plan the alias of a row of `physical_plans`. @returns its days as JSON */
export const planDays = (plan: string): SQL => sql`
  (select coalesce(json_agg(json_build_array(
      workout.day_of_week,
      (
        select coalesce(json_agg(exercise.exercise_id order by exercise.id), '[]')
        from ${workoutExercises} exercise
        where exercise.workout_id = workout.id
      )) order by workout.day_of_week), '[]')
  from ${workouts} workout
  where workout.physical_plan_id = ${sql.identifier(plan)}.id)`;

/** Puts the ladders of the catalogue in; an exercise that is no longer there is left out. */
export function trainingPlanOf<Stored extends { readonly days: PlanDays }>(
  { days, ...plan }: Stored,
  exercises: Exercises,
): Omit<Stored, 'days'> & Pick<TrainingPlan, 'slots' | 'generated'> {
  return {
    ...plan,
    generated: false,
    slots: days.map(([slot, ids]) => ({
      slot,
      exercises: ids.flatMap((exercise_id) => {
        const exercise = exercises.get(exercise_id);
        if (!exercise) return [];
        const { start_reps: start, end_reps: end, step } = exercise;
        return [{ exercise_id, sets: 1, start, end, step }];
      }),
    })),
  };
}
