// Makes plans. Every statement is scoped to its owner.
import type { SQL } from 'drizzle-orm';
import type { ExerciseCache } from '../../cache/exercises.ts';
import { updateRuns } from '../../dayRecord/schedule.ts';
import { slotExercise } from '../../dayRecord/trainingPlan.ts';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import { exercises, physicalPlans as plans, workoutExercises, workouts } from '../../db/schema/index.ts';
import { userClock } from '../../db/sql/adjustment.ts';
import { catalogueVersion } from '../../db/sql/catalogueVersion.ts';
import { columnList } from '../../db/sql/columns.ts';
import { appendTypedEvents, lockUser, userLocked } from '../../db/sql/eventLog.ts';
import { languageOf } from '../../db/sql/language.ts';
import { NOW } from '../../db/sql/localDate.ts';
import { PLAN_COLUMNS, planAsJson } from '../../db/sql/planRow.ts';
import { isBelowQuota, QUOTA_PARAMETER } from '../../db/sql/quota.ts';
import { hasRuns, setSchedule } from '../../db/sql/schedule.ts';
import { recordWeighIn, weighInEvent } from '../../db/sql/weighIn.ts';
import { firstRow, type Parameter, write } from '../../db/statement.ts';
import { type GeneratedPlan, maskOf } from '../../domain/index.ts';
import type { NewPhysicalPlan, PhysicalPlanView } from './contract.ts';
import { toView, VIEW_ROW } from './queries.ts';

const NEW_PLAN = {
  ...QUOTA_PARAMETER,
  ...NOW,
  user_id: 'bigint',
  goal: 'text',
  age: 'int',
  gender: 'gender',
  weight: 'float8',
  height: 'float8',
  aim: 'text?',
  schedule: 'text?',
  training_days: 'int?',
} as const;

interface Workouts {
  /** The condition on which the plan is made. */
  readonly exist: SQL;
  /** The columns of the plan that say what its workouts are made from, and their values. */
  readonly columns: SQL;
  readonly values: SQL;
  /** A select of the user, and of the exercises of the CTE `workout` with what each has in the plan, in order. */
  readonly links: SQL;
}

/** Makes a plan in one statement, with workouts of one kind. */
const creation = (
  { user_id, quota, now, ...plan }: Readonly<Record<keyof typeof NEW_PLAN, Parameter>>,
  made: Workouts,
): SQL => sql`
    with ${lockUser(user_id)},
    plan as (
      insert into ${plans} (
        user_id, goal, age, gender, weight, height, aim, schedule, training_days${made.columns})
      select
        ${user_id}, ${plan.goal}, ${plan.age}, ${plan.gender}, ${plan.weight}, ${plan.height}, ${plan.aim},
        coalesce(${plan.schedule}, 'sequence'), coalesce(${plan.training_days}, 127)${made.values}
      where ${made.exist}
        and ${userLocked}
        and ${isBelowQuota('physical_plans', user_id, quota)}
      returning ${columnList(PLAN_COLUMNS)}
    ),
    workout as (
      insert into ${workouts} (user_id, physical_plan_id, day_of_week)
      select ${user_id}, plan.id, week_day
      from plan, generate_series(1, 7) as week_day
      order by week_day
      returning id, day_of_week
    ),
    link as (
      insert into ${workoutExercises} (
        user_id, workout_id, exercise_id, sets, start_reps, end_reps, step, because)
      ${made.links}
      returning id, workout_id, exercise_id, sets, start_reps, end_reps, step, because
    ),
    ${setSchedule('training', user_id, now, sql`select training_days as days from plan`)},
    ${userClock(user_id, now)},
    ${recordWeighIn(user_id, now, 'plan', sql`select clock.today as date, plan.weight, clock.zone from plan, clock`)},
    ${appendTypedEvents(
      user_id,
      sql`
        select 1 as place, 'physicalPlan.created' as type, ${planAsJson('plan')} as data from plan
        union all ${weighInEvent(2)}`,
    )}
    select
      ${columnList(PLAN_COLUMNS, 'plan')},
      ${catalogueVersion} as catalogue,
      ${languageOf(user_id)} as lang,
      (
        select json_agg(
          json_build_array(
            workout.id,
            workout.day_of_week,
            (
              select coalesce(json_agg(${slotExercise('link')} order by link.id), '[]')
              from link
              where link.workout_id = workout.id
            )
          )
          order by workout.day_of_week
        )
        from workout
      ) as days,
      ${hasRuns(user_id, now)} as moves_runs
    from plan`;

const CREATED = { ...VIEW_ROW, moves_runs: 'boolean' } as const;

const create = firstRow(
  write('physicalPlan.create', NEW_PLAN, CREATED, (sent) =>
    creation(sent, {
      exist: sql`exists (select from ${exercises} where default_order is not null)`,
      columns: sql``,
      values: sql``,
      links: sql`
      select ${sent.user_id}, workout.id, defaults.id, 1, null::int, null::int, null::int, null::text[]
      from workout, ${exercises} defaults
      where defaults.default_order is not null
      order by workout.day_of_week, defaults.default_order`,
    }),
  ),
);

const createForLevel = firstRow(
  write(
    'physicalPlan.createForLevel',
    { ...NEW_PLAN, level: 'int', seed: 'int', generator: 'int', exercises: 'json' },
    CREATED,
    ({ level, seed, generator, exercises: chosen, ...sent }) =>
      creation(sent, {
        exist: sql`exists (select from ${exercises} where key is not null)`,
        columns: sql`, level, seed, generator`,
        values: sql`, ${level}, ${seed}, ${generator}`,
        links: sql`
      select
        ${sent.user_id}, workout.id, chosen.exercise_id, chosen.sets, chosen.start, chosen."end", chosen.step,
        chosen.because
      from json_to_recordset(${chosen}) as chosen(
        slot int, place int, exercise_id bigint, sets smallint, start int, "end" int, step int, because text[])
      join workout on workout.day_of_week = chosen.slot
      join ${exercises} exercise on exercise.id = chosen.exercise_id
      order by chosen.slot, chosen.place`,
      }),
  ),
);

/**
 * Makes the plan, its 7 workouts and their exercises, and what is due by it, in one statement: all of it or nothing.
 * @param made the week that was made for a level; undefined: the default one
 * @returns the plan, or undefined when there is no room for it or there are no exercises
 */
export async function createPlan(
  db: Database,
  cache: ExerciseCache,
  user_id: number,
  now: Date,
  quota: number,
  { training_days, ...plan }: NewPhysicalPlan,
  made?: GeneratedPlan,
): Promise<PhysicalPlanView | undefined> {
  const days = made?.training_days ?? training_days;
  const sent = { ...plan, training_days: days && maskOf(days), user_id, now, quota };
  const row = made
    ? await createForLevel(db, {
        ...sent,
        level: made.level,
        seed: made.seed,
        generator: made.generator,
        exercises: made.slots.flatMap(({ slot, exercises: all }) =>
          all.map((one, place) => ({ slot, place, ...one })),
        ),
      })
    : await create(db, sent);
  if (!row) return undefined;
  const { moves_runs, ...created } = row;
  if (moves_runs) await updateRuns(db, user_id, now);
  return toView(db, cache, created);
}
