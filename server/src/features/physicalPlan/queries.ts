// Every statement is scoped to its owner.
import type { CachedExercise, ExerciseCache } from '../../cache/exercises.ts';
import type { ReadModelCache } from '../../cache/readModels.ts';
import { adjustPlan } from '../../dayRecord/adjustPlan.ts';
import type { DayServices } from '../../dayRecord/move.ts';
import { removalWithSchedule, updateRuns, withSchedule } from '../../dayRecord/schedule.ts';
import type { Database } from '../../db/database.ts';
import { and, builder, eq, sql } from '../../db/drizzle.ts';
import { json, nullable, type RowOf } from '../../db/rows.ts';
import { exercises, physicalPlans as plans, workoutExercises, workouts } from '../../db/schema/index.ts';
import { catalogueVersion } from '../../db/sql/catalogueVersion.ts';
import { columnList } from '../../db/sql/columns.ts';
import { conditionalRead, conditionalRow } from '../../db/sql/conditionalRead.ts';
import { appendEvents, lockUser, userLocked } from '../../db/sql/eventLog.ts';
import { NOW } from '../../db/sql/localDate.ts';
import { type PageRequest, pageReader } from '../../db/sql/paginate.ts';
import { PLAN_COLUMNS, planAsJson } from '../../db/sql/planRow.ts';
import { isBelowQuota, QUOTA_PARAMETER } from '../../db/sql/quota.ts';
import { hasRuns, setSchedule } from '../../db/sql/schedule.ts';
import {
  coalesceInto,
  hasChanges,
  ifMatch,
  type MissReason,
  missReason,
  versionedRemoval,
  versionsOf,
} from '../../db/sql/versionedUpdate.ts';
import { firstRow, groupedWrite, read, write } from '../../db/statement.ts';
import { maskOf, weekdaysOf } from '../../domain/index.ts';
import type { NewPhysicalPlan, PhysicalPlanChange, PhysicalPlanRow, PhysicalPlanView } from './contract.ts';

const columns = PLAN_COLUMNS;

type StoredPlan = RowOf<typeof columns>;

const toRow = ({ training_days, ...plan }: StoredPlan): PhysicalPlanRow => ({
  ...plan,
  level: null,
  training_days: weekdaysOf(training_days),
});

const page = pageReader('physicalPlan.page', plans, columns);

/** Newest first. */
export const listPlans = async (
  db: Database,
  user_id: number,
  request: PageRequest,
): Promise<PhysicalPlanRow[]> => (await page(db, user_id, request)).map(toRow);

/** Of each day the workout, the day of the week and the ids of its exercises, in order. */
type Days = [workout_id: number, day_of_week: number, exercise_ids: number[]][];
const VIEW_ROW = { ...columns, catalogue: 'int', days: json<Days>() } as const;

/** Puts the exercises into their days. */
async function toView(
  db: Database,
  cache: ExerciseCache,
  { days, catalogue: version, ...stored }: RowOf<typeof VIEW_ROW>,
): Promise<PhysicalPlanView> {
  const exercises = await cache.get(db, version);
  const exercise = (id: number) => exercises.get(id) as CachedExercise;
  return {
    data: toRow(stored),
    user_id: stored.user_id,
    days: days.map(([workout_id, day_of_week, ids]) => ({
      workout_id,
      day_of_week,
      exercises: ids.map(exercise),
    })),
  };
}

const current = firstRow(
  read(
    'physicalPlan.current',
    { user_id: 'int', known_revision: 'text?' },
    conditionalRow(VIEW_ROW),
    ({ user_id, known_revision }) =>
      conditionalRead(
        user_id,
        known_revision,
        (isMine) => sql`
      select
        ${columnList(columns, 'plan')},
        ${catalogueVersion} as catalogue,
        (
          select coalesce(
            json_agg(
              json_build_array(
                workout.id,
                workout.day_of_week,
                (
                  select coalesce(json_agg(link.exercise_id order by link.id), '[]')
                  from ${workoutExercises} link
                  where link.workout_id = workout.id
                )
              )
              order by workout.day_of_week
            ),
            '[]'
          )
          from ${workouts} workout
          where workout.physical_plan_id = plan.id
        ) as days
      from ${plans} plan
      where ${isMine}
      order by plan.id desc
      limit 1`,
        [catalogueVersion],
      ),
  ),
);

/** @returns the plan with the greatest id, whole, or undefined when the user has none */
export function findCurrentPlan(
  db: Database,
  { readModels, exercises }: { readModels: ReadModelCache; exercises: ExerciseCache },
  user_id: number,
): Promise<PhysicalPlanView | undefined> {
  return readModels.revalidate('physicalPlan', user_id, async (known_revision) => {
    const row = await current(db, { user_id, known_revision });
    if (!row) return undefined;
    const { revision, ...plan } = row;
    if (plan.id === null) return { revision, view: undefined, size: 0 };
    return { revision, view: await toView(db, exercises, plan), size: JSON.stringify(plan).length };
  });
}

const NEW_PLAN = {
  ...QUOTA_PARAMETER,
  ...NOW,
  user_id: 'int',
  goal: 'text',
  age: 'int',
  gender: 'gender',
  weight: 'float8',
  height: 'float8',
  aim: 'text?',
  schedule: 'text?',
  training_days: 'int?',
} as const;

const create = firstRow(
  write(
    'physicalPlan.create',
    NEW_PLAN,
    { ...VIEW_ROW, moves_runs: 'boolean' },
    ({ user_id, quota, now, ...plan }) => sql`
    with ${lockUser(user_id)},
    defaults as (
      select id, default_order
      from ${exercises}
      where default_order is not null
    ),
    plan as (
      insert into ${plans} (user_id, goal, age, gender, weight, height, aim, schedule, training_days)
      select
        ${user_id}, ${plan.goal}, ${plan.age}, ${plan.gender}, ${plan.weight}, ${plan.height}, ${plan.aim},
        coalesce(${plan.schedule}, 'sequence'), coalesce(${plan.training_days}, 127)
      where exists (select from defaults)
        and ${userLocked}
        and ${isBelowQuota('physical_plans', user_id, quota)}
      returning ${columnList(columns)}
    ),
    workout as (
      insert into ${workouts} (physical_plan_id, day_of_week)
      select plan.id, week_day
      from plan, generate_series(1, 7) as week_day
      order by week_day
      returning id, day_of_week
    ),
    link as (
      insert into ${workoutExercises} (workout_id, exercise_id)
      select workout.id, defaults.id
      from workout, defaults
      order by workout.day_of_week, defaults.default_order
      returning id, workout_id, exercise_id
    ),
    ${setSchedule('training', user_id, now, sql`select training_days as days from plan`)},
    ${appendEvents(user_id, 'physicalPlan.created', sql`select ${planAsJson('plan')} as data from plan`)}
    select
      ${columnList(columns, 'plan')},
      ${catalogueVersion} as catalogue,
      (
        select json_agg(
          json_build_array(
            workout.id,
            workout.day_of_week,
            (
              select json_agg(link.exercise_id order by link.id)
              from link
              where link.workout_id = workout.id
            )
          )
          order by workout.day_of_week
        )
        from workout
      ) as days,
      ${hasRuns(user_id, now)} as moves_runs
    from plan`,
  ),
);

/**
 * Makes the plan, its 7 workouts and their exercises, and what is due by it, in one statement: all of it or nothing.
 * @returns the plan, or undefined when there is no room for it or there are no default exercises
 */
export async function createPlan(
  db: Database,
  cache: ExerciseCache,
  user_id: number,
  now: Date,
  quota: number,
  { training_days, ...plan }: NewPhysicalPlan,
): Promise<PhysicalPlanView | undefined> {
  const row = await create(db, {
    ...plan,
    training_days: training_days && maskOf(training_days),
    user_id,
    now,
    quota,
  });
  if (!row) return undefined;
  const { moves_runs, ...made } = row;
  if (moves_runs) await updateRuns(db, user_id, now);
  return toView(db, cache, made);
}

const PLAN_CHANGE = {
  user_id: 'int',
  id: 'int',
  if_match: 'int[]?',
  has_changes: 'boolean',
  goal: 'text?',
  age: 'int?',
  gender: 'gender?',
  weight: 'float8?',
  height: 'float8?',
  progress: 'float8?',
  day: 'int?',
  sets_aim: 'boolean',
  aim: 'text?',
  schedule: 'text?',
  training_days: 'int?',
  sessions: 'int?',
} as const;

const update = firstRow(
  groupedWrite(
    'physicalPlan.update',
    PLAN_CHANGE,
    { plan: nullable(json<PhysicalPlanRow>()), found: 'boolean' },
    (p) => sql`
    with ${lockUser(p.user_id)},
    changed as ${builder
      .update(plans)
      .set({
        goal: coalesceInto(plans.goal, p.goal),
        age: coalesceInto(plans.age, p.age),
        gender: coalesceInto(plans.gender, p.gender),
        weight: coalesceInto(plans.weight, p.weight),
        height: coalesceInto(plans.height, p.height),
        progress: coalesceInto(plans.progress, p.progress),
        day: coalesceInto(plans.day, p.day),
        aim: sql`case when ${p.sets_aim} then ${p.aim} else ${plans.aim} end`,
        schedule: coalesceInto(plans.schedule, p.schedule),
        training_days: coalesceInto(plans.training_days, p.training_days),
        sessions: coalesceInto(plans.sessions, p.sessions),
        version: sql`${plans.version} + ${p.has_changes}::int`,
      })
      .where(
        and(eq(plans.user_id, p.user_id), eq(plans.id, p.id), ifMatch(plans.version, p.if_match), userLocked),
      )
      .returning(columns)},
    ${appendEvents(p.user_id, 'physicalPlan.changed', sql`select ${planAsJson('changed')} as data from changed where ${p.has_changes}`)}
    select
      (select ${planAsJson('changed')} from changed) as plan,
      exists (select from ${plans} where id = ${p.id} and user_id = ${p.user_id}) as found`,
  ),
);

export type PlanUpdate = { outcome: 'updated'; plan: PhysicalPlanRow } | { outcome: MissReason };

async function setPlan(
  db: Database,
  user_id: number,
  change: PhysicalPlanChange,
  sessions?: number,
): Promise<PlanUpdate> {
  const { training_days } = change;
  const row = await update(db, {
    ...change,
    sets_aim: change.aim !== undefined,
    training_days: training_days && maskOf(training_days),
    user_id,
    sessions,
    if_match: versionsOf(change.if_match),
    has_changes: hasChanges(change),
  });
  return row?.plan
    ? { outcome: 'updated', plan: row.plan }
    : { outcome: missReason(row?.found, change.if_match) };
}

/** The same as an act of today, which a `day` or `progress` may be. */
async function setNumbers(
  tx: Database,
  services: DayServices,
  user_id: number,
  now: Date,
  change: PhysicalPlanChange,
): Promise<PlanUpdate> {
  const written = await adjustPlan(tx, services, user_id, now, change, (sessions) =>
    setPlan(tx, user_id, change, sessions),
  );
  return typeof written === 'string' ? { outcome: written } : written;
}

/** Changes a plan: in one statement, unless more than its row may follow from it. */
export async function updatePlan(
  db: Database,
  services: DayServices,
  user_id: number,
  change: PhysicalPlanChange,
): Promise<PlanUpdate> {
  const movesDay = change.day !== undefined || change.progress !== undefined;
  const movesSchedule = change.training_days !== undefined;
  if (!movesDay && !movesSchedule) return setPlan(db, user_id, change);
  const now = services.now();
  return withSchedule(
    db,
    user_id,
    now,
    (tx) => (movesDay ? setNumbers(tx, services, user_id, now, change) : setPlan(tx, user_id, change)),
    ({ outcome }) => movesSchedule && outcome === 'updated',
  );
}

export const removePlan = removalWithSchedule(versionedRemoval('physicalPlan', plans));
