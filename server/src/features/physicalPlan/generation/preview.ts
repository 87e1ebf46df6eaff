// What would become of a plan: nothing is stored.
import type { CachedExercise, ExerciseCache } from '../../../cache/exercises.ts';
import { traitsOf } from '../../../dayRecord/catalogue.ts';
import { type ShownExercise, shownExercises } from '../../../dayRecord/trainingPlan.ts';
import type { Database } from '../../../db/database.ts';
import { addDays, bmiOf, maskOf, preview } from '../../../domain/index.ts';
import type { NewPhysicalPlan } from '../contract.ts';
import { findPlan, toPlanExercise } from '../queries.ts';
import type { PlanPreview, PreviewRequest } from './contract.ts';
import { type Basis, makeWeek, readBasis } from './made.ts';

type Sketch = Pick<PlanPreview, 'plan' | 'notes'>;

const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7];

/** @returns the plan as it would be if it were made */
function sketched(user_id: number, plan: NewPhysicalPlan, basis: Basis): Sketch {
  const { exercises } = basis;
  const { goal, age, gender, weight, height, aim = null, schedule = 'sequence', level } = plan;
  const made = level === undefined ? undefined : makeWeek({ ...plan, level }, basis);
  const training_days = [...(made?.training_days ?? plan.training_days ?? EVERY_DAY)];
  const defaults = [...exercises.values()]
    .filter(({ default_order }) => default_order !== null)
    .toSorted((a, b) => Number(a.default_order) - Number(b.default_order))
    .map(({ id }) => id);
  const shownOf = (day: number): ShownExercise[] =>
    made
      ? (made.slots[day - 1]?.exercises ?? []).map((one) => ({
          ...one,
          exercise: exercises.get(one.exercise_id) as CachedExercise,
        }))
      : shownExercises(defaults, exercises);
  return {
    plan: {
      data: {
        id: null,
        user_id,
        goal,
        age,
        gender,
        weight,
        height,
        bmi: Math.round(bmiOf(plan) * 100) / 100,
        progress: 0,
        day: 1,
        aim,
        schedule,
        training_days,
        days_per_week: training_days.length,
        level: made?.level ?? null,
        sessions: 0,
        version: 1,
      },
      user_id,
      days: EVERY_DAY.map((day_of_week) => ({
        workout_id: null,
        day_of_week,
        exercises: shownOf(day_of_week).map(toPlanExercise),
      })),
    },
    notes: [...(made?.notes ?? [])],
  };
}

/** @returns undefined when the user has no such plan */
export async function previewPlan(
  db: Database,
  cache: ExerciseCache,
  user_id: number,
  now: Date,
  { plan_id, sessions: outcomes, ...sent }: PreviewRequest,
): Promise<PlanPreview | undefined> {
  const basis = await readBasis(db, cache, user_id, now, plan_id);
  const stored = plan_id === undefined ? undefined : await findPlan(db, cache, user_id, plan_id);
  if (plan_id !== undefined && !stored) return undefined;
  // Without an id the contract has held what is sent against that of a new plan.
  const sketch = stored ? { plan: stored, notes: [] } : sketched(user_id, sent as NewPhysicalPlan, basis);
  const { data, days } = sketch.plan;
  const { training_days, ...numbers } = data;
  const sessions = preview(
    {
      ...numbers,
      id: data.id ?? 0,
      training_days: maskOf(training_days),
      generated: data.level !== null,
      slots: days.map(({ day_of_week, exercises }) => ({
        slot: day_of_week,
        exercises: exercises.map(({ id, sets, start_reps: start, end_reps: end, step }) => ({
          exercise_id: id,
          sets,
          start,
          end,
          step,
        })),
      })),
    },
    basis.progressions,
    [...basis.exercises.values()].map(traitsOf),
    stored && basis.isOver ? addDays(basis.today, 1) : basis.today,
    outcomes,
  );
  return {
    ...sketch,
    sessions: sessions.map(({ exercises, ...session }) => ({
      ...session,
      exercises: exercises.map((one) => ({ ...one, key: basis.exercises.get(one.exercise_id)?.key ?? null })),
    })),
  };
}
