// Every statement is scoped to its owner.

import { type Database, rowsOf } from '../../db/client.ts';
import { and, asc, desc, eq, lt, sql } from '../../db/orm.ts';
import { exercises, physicalPlans as plans, workoutExercises, workouts } from '../../db/schema/index.ts';
import { assigned, changesSomething, ifMatch } from '../../db/update.ts';
import type { NewPhysicalPlan, PhysicalPlanChange, PhysicalPlanRemoval, PhysicalPlanRow, PhysicalPlanView } from './contract.ts';

const columns = {
  id: plans.id,
  user_id: plans.user_id,
  goal: plans.goal,
  age: plans.age,
  gender: plans.gender,
  weight: plans.weight,
  height: plans.height,
  bmi: plans.bmi,
  progress: plans.progress,
  day: plans.day,
  version: plans.version,
};

const exerciseColumns = {
  id: exercises.id,
  name: exercises.name,
  description: exercises.description,
  calories_burned: exercises.calories_burned,
  start_reps: exercises.start_reps,
  end_reps: exercises.end_reps,
  step: exercises.step,
};

export function listExercises(db: Database) {
  return db.select(exerciseColumns).from(exercises).orderBy(asc(exercises.id));
}

/** Newest first. */
export function listPlans(db: Database, user_id: number, page: { limit: number; before_id?: number | undefined }) {
  const older = page.before_id === undefined ? undefined : lt(plans.id, page.before_id);
  return db
    .select(columns)
    .from(plans)
    .where(and(eq(plans.user_id, user_id), older))
    .orderBy(desc(plans.id))
    .limit(page.limit);
}

/** The days of a plan, as one JSON value: statements that make or read a plan answer with the whole of it in one row. */
type ViewRow = PhysicalPlanRow & { days: PhysicalPlanView['days'] };

function view({ days, ...data }: ViewRow): PhysicalPlanView {
  return { data, user_id: data.user_id, days };
}

/** @returns the plan with the greatest id, whole, or undefined when the user has none */
export async function findCurrentPlan(db: Database, user_id: number): Promise<PhysicalPlanView | undefined> {
  const [row] = await rowsOf<ViewRow>(
    db,
    sql`
    select p.id, p.user_id, p.goal, p.age, p.gender, p.weight, p.height, p.bmi, p.progress, p.day, p.version,
      (select coalesce(json_agg(json_build_object('workout_id', w.id, 'day_of_week', w.day_of_week, 'exercises',
          (select coalesce(json_agg(json_build_object('id', e.id, 'name', e.name, 'description', e.description,
              'calories_burned', e.calories_burned, 'start_reps', e.start_reps, 'end_reps', e.end_reps, 'step', e.step) order by x.id), '[]')
            from ${workoutExercises} x join ${exercises} e on e.id = x.exercise_id where x.workout_id = w.id)
        ) order by w.day_of_week), '[]')
      from ${workouts} w where w.physical_plan_id = p.id) as days
    from ${plans} p where p.user_id = ${user_id} order by p.id desc limit 1`,
  );
  return row && view(row);
}

/**
 * Makes the plan, its 7 workouts and their exercises in one statement: all of it or nothing.
 * @returns the plan, or undefined when the catalogue holds no default exercises
 */
export async function createPlan(db: Database, user_id: number, plan: NewPhysicalPlan): Promise<PhysicalPlanView | undefined> {
  const [row] = await rowsOf<ViewRow>(
    db,
    sql`
    with defaults as (select * from ${exercises} where default_order is not null),
    p as (
      insert into ${plans} (user_id, goal, age, gender, weight, height)
      select ${user_id}::int, ${plan.goal}::text, ${plan.age}::int, ${plan.gender}::gender, ${plan.weight}::float8, ${plan.height}::float8
      where exists (select from defaults)
      returning *),
    w as (
      insert into ${workouts} (physical_plan_id, day_of_week)
      select p.id, n from p, generate_series(1, 7) as n order by n
      returning id, day_of_week),
    x as (
      insert into ${workoutExercises} (workout_id, exercise_id)
      select w.id, d.id from w, defaults d order by w.day_of_week, d.default_order
      returning id, workout_id, exercise_id)
    select p.id, p.user_id, p.goal, p.age, p.gender, p.weight, p.height, p.bmi, p.progress, p.day, p.version,
      (select json_agg(json_build_object('workout_id', w.id, 'day_of_week', w.day_of_week, 'exercises',
          (select json_agg(json_build_object('id', d.id, 'name', d.name, 'description', d.description,
              'calories_burned', d.calories_burned, 'start_reps', d.start_reps, 'end_reps', d.end_reps, 'step', d.step) order by x.id)
            from x join defaults d on d.id = x.exercise_id where x.workout_id = w.id)
        ) order by w.day_of_week)
      from w) as days
    from p`,
  );
  return row && view(row);
}

export async function updatePlan(db: Database, user_id: number, { id, ...change }: PhysicalPlanChange) {
  const [plan] = await db
    .update(plans)
    .set({
      goal: assigned(plans.goal, change.goal),
      age: assigned(plans.age, change.age),
      gender: assigned(plans.gender, change.gender),
      weight: assigned(plans.weight, change.weight),
      height: assigned(plans.height, change.height),
      progress: assigned(plans.progress, change.progress),
      day: assigned(plans.day, change.day),
      version: changesSomething(change) ? sql`${plans.version} + 1` : plans.version,
    })
    .where(and(eq(plans.user_id, user_id), eq(plans.id, id), ifMatch(plans.version, change.if_match)))
    .returning(columns);
  return plan;
}

export async function removePlan(db: Database, user_id: number, { id, if_match }: PhysicalPlanRemoval) {
  const own = and(eq(plans.user_id, user_id), eq(plans.id, id), ifMatch(plans.version, if_match));
  const [plan] = await db.delete(plans).where(own).returning({ id: plans.id });
  return plan;
}

/** Tells, after a change found nothing, whether the plan is there in another version. */
export async function planExists(db: Database, user_id: number, id: number): Promise<boolean> {
  const rows = await db
    .select({ id: plans.id })
    .from(plans)
    .where(and(eq(plans.user_id, user_id), eq(plans.id, id)));
  return rows.length > 0;
}
