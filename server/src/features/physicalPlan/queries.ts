// Every statement is scoped to its owner.

import type { SQL } from 'drizzle-orm';
import type { ExerciseCache } from '../../cache/exercises.ts';
import type { ReadModelCache } from '../../cache/readModels.ts';
import { adjustPlan } from '../../dayRecord/adjustPlan.ts';
import type { DayServices } from '../../dayRecord/move.ts';
import { removalWithSchedule, updateRuns, withSchedule } from '../../dayRecord/schedule.ts';
import {
  type ShownExercise,
  type SlotExercise,
  shownExercises,
  slotExercise,
} from '../../dayRecord/trainingPlan.ts';
import type { Database } from '../../db/database.ts';
import { and, builder, eq, sql } from '../../db/drizzle.ts';
import { json, nullable, type RowOf } from '../../db/rows.ts';
import {
  eventSequences,
  exercises,
  physicalPlans as plans,
  profiles,
  workoutExercises,
  workouts,
} from '../../db/schema/index.ts';
import { userClock } from '../../db/sql/adjustment.ts';
import { catalogueVersion } from '../../db/sql/catalogueVersion.ts';
import { columnList } from '../../db/sql/columns.ts';
import { appendTypedEvents, lockUser, userLocked } from '../../db/sql/eventLog.ts';
import { languageOf } from '../../db/sql/language.ts';
import { NOW } from '../../db/sql/localDate.ts';
import { type PageRequest, pageReader } from '../../db/sql/paginate.ts';
import { PLAN_COLUMNS, planAsJson } from '../../db/sql/planRow.ts';
import { isBelowQuota, QUOTA_PARAMETER } from '../../db/sql/quota.ts';
import { revisionOf, revisionReader } from '../../db/sql/revision.ts';
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
import { recordWeighIn, weighInEvent } from '../../db/sql/weighIn.ts';
import { firstRow, groupedWrite, type Parameter, read, write } from '../../db/statement.ts';
import { type GeneratedPlan, maskOf, weekdaysOf } from '../../domain/index.ts';
import type { NewPhysicalPlan, PhysicalPlanChange, PhysicalPlanRow, PhysicalPlanView } from './contract.ts';

const columns = PLAN_COLUMNS;

type StoredPlan = RowOf<typeof columns>;

const toRow = ({ training_days: mask, ...plan }: StoredPlan): PhysicalPlanRow => {
  const training_days = weekdaysOf(mask);
  return { ...plan, training_days, days_per_week: training_days.length };
};

const page = pageReader('physicalPlan.page', plans, columns);

/** Newest first. */
export const listPlans = async (
  db: Database,
  user_id: number,
  request: PageRequest,
): Promise<PhysicalPlanRow[]> => (await page(db, user_id, request)).map(toRow);

/** Of each day the workout, the day of the week and its exercises, in order. */
type Days = [workout_id: number, day_of_week: number, exercises: SlotExercise[]][];
const VIEW_ROW = { ...columns, catalogue: 'int', lang: profiles.lang, days: json<Days>() } as const;

/** @returns an exercise of a day as clients see it: with the targets that it has in the plan */
export const toPlanExercise = ({
  exercise: { id, name, description, calories_burned, key },
  start: start_reps,
  end: end_reps,
  step,
  sets,
  because,
}: ShownExercise): PhysicalPlanView['days'][number]['exercises'][number] => ({
  id,
  name,
  description,
  calories_burned,
  start_reps,
  end_reps,
  step,
  key,
  sets,
  because: [...because],
});

/** Puts the exercises into their days. */
async function toView(
  db: Database,
  cache: ExerciseCache,
  { days, catalogue: version, lang, ...stored }: RowOf<typeof VIEW_ROW>,
): Promise<PhysicalPlanView> {
  const exercises = await cache.get(db, version, lang);
  return {
    data: toRow(stored),
    user_id: stored.user_id,
    days: days.map(([workout_id, day_of_week, listed]) => ({
      workout_id,
      day_of_week,
      exercises: shownExercises(listed, exercises).map(toPlanExercise),
    })),
  };
}

/** Of a row `plan`. */
const viewColumns = sql`
        ${columnList(columns, 'plan')},
        ${catalogueVersion} as catalogue,
        ${languageOf(sql.raw('plan.user_id'))} as lang,
        (
          select coalesce(
            json_agg(
              json_build_array(
                workout.id,
                workout.day_of_week,
                (
                  select coalesce(json_agg(${slotExercise('link')} order by link.id), '[]')
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
        ) as days`;

const REVISION = [catalogueVersion];
const readRevision = revisionReader('physicalPlan.revision', REVISION);

const current = firstRow(
  read(
    'physicalPlan.current',
    { user_id: 'int' },
    { ...VIEW_ROW, revision: 'text' },
    ({ user_id }) => sql`
      select ${viewColumns}, ${revisionOf(REVISION)} as revision
      from ${plans} plan
      join ${eventSequences} sequence on sequence.user_id = plan.user_id
      where plan.user_id = ${user_id}
      order by plan.id desc
      limit 1`,
  ),
);

const byId = firstRow(
  read(
    'physicalPlan.byId',
    { user_id: 'int', id: 'int' },
    VIEW_ROW,
    ({ user_id, id }) => sql`
      select ${viewColumns}
      from ${plans} plan
      where plan.user_id = ${user_id} and plan.id = ${id}`,
  ),
);

/** @returns the plan, whole, or undefined when the user has no such plan */
export async function findPlan(
  db: Database,
  cache: ExerciseCache,
  user_id: number,
  id: number,
): Promise<PhysicalPlanView | undefined> {
  const row = await byId(db, { user_id, id });
  return row && toView(db, cache, row);
}

/** @returns the plan with the greatest id, whole, or undefined when the user has none */
export function findCurrentPlan(
  db: Database,
  { readModels, exercises }: { readModels: ReadModelCache; exercises: ExerciseCache },
  user_id: number,
): Promise<PhysicalPlanView | undefined> {
  return readModels.revalidate('physicalPlan', user_id, {
    revision: async () => (await readRevision(db, { user_id }))?.revision,
    read: async () => {
      const row = await current(db, { user_id });
      if (!row) return undefined;
      const { revision, ...plan } = row;
      return { revision, view: await toView(db, exercises, plan), size: JSON.stringify(plan).length };
    },
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

interface Workouts {
  /** The condition on which the plan is made. */
  readonly exist: SQL;
  /** The columns of the plan that say what its workouts are made from, and their values. */
  readonly columns: SQL;
  readonly values: SQL;
  /** A select of the exercises of the CTE `workout`, in order. */
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
      insert into ${workoutExercises} (workout_id, exercise_id, sets, start_reps, end_reps, step, because)
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
      ${columnList(columns, 'plan')},
      ${catalogueVersion} as catalogue,
      ${languageOf(sql.raw('plan.user_id'))} as lang,
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
      select workout.id, defaults.id, 1, null::int, null::int, null::int, null::text[]
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
      select workout.id, chosen.exercise_id, chosen.sets, chosen.start, chosen."end", chosen.step, chosen.because
      from json_to_recordset(${chosen}) as chosen(
        slot int, place int, exercise_id int, sets smallint, start int, "end" int, step int, because text[])
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

const PLAN_CHANGE = {
  ...NOW,
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

// `before` locks the row, so that it has the weight that is replaced, whatever was committed since the statement began.
const update = firstRow(
  groupedWrite(
    'physicalPlan.update',
    PLAN_CHANGE,
    { plan: nullable(json<PhysicalPlanRow>()), found: 'boolean' },
    (p) => sql`
    with ${lockUser(p.user_id)},
    before as (
      select id, weight
      from ${plans}
      where id = ${p.id} and user_id = ${p.user_id} and ${p.weight} is not null and ${userLocked}
      for no key update
    ),
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
        and(
          eq(plans.user_id, p.user_id),
          eq(plans.id, p.id),
          ifMatch(plans.version, p.if_match),
          userLocked,
          sql`(select count(*) from before) >= 0`,
        ),
      )
      .returning(columns)},
    ${userClock(p.user_id, p.now)},
    ${recordWeighIn(
      p.user_id,
      p.now,
      'plan',
      sql`
        select clock.today as date, changed.weight, clock.zone
        from changed
        join before on before.id = changed.id and before.weight <> changed.weight,
        clock
        where not exists (select from ${plans} newer where newer.user_id = ${p.user_id} and newer.id > changed.id)`,
    )},
    ${appendTypedEvents(
      p.user_id,
      sql`
        select 1 as place, 'physicalPlan.changed' as type, ${planAsJson('changed')} as data
        from changed
        where ${p.has_changes}
        union all ${weighInEvent(2)}`,
    )}
    select
      (select ${planAsJson('changed')} from changed) as plan,
      exists (select from ${plans} where id = ${p.id} and user_id = ${p.user_id}) as found`,
  ),
);

export type PlanUpdate = { outcome: 'updated'; plan: PhysicalPlanRow } | { outcome: MissReason };

async function setPlan(
  db: Database,
  user_id: number,
  now: Date,
  change: PhysicalPlanChange,
  sessions?: number,
): Promise<PlanUpdate> {
  const { training_days } = change;
  const row = await update(db, {
    ...change,
    sets_aim: change.aim !== undefined,
    training_days: training_days && maskOf(training_days),
    user_id,
    now,
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
    setPlan(tx, user_id, now, change, sessions),
  );
  return typeof written === 'string' ? { outcome: written } : written;
}

/**
 * Changes a plan, and records a new weight of the current one as that of today: in one statement, unless more than its
 * row may follow from it.
 */
export async function updatePlan(
  db: Database,
  services: DayServices,
  user_id: number,
  change: PhysicalPlanChange,
): Promise<PlanUpdate> {
  const movesDay = change.day !== undefined || change.progress !== undefined;
  const movesSchedule = change.training_days !== undefined;
  const now = services.now();
  if (!movesDay && !movesSchedule) return setPlan(db, user_id, now, change);
  return withSchedule(
    db,
    user_id,
    now,
    (tx) => (movesDay ? setNumbers(tx, services, user_id, now, change) : setPlan(tx, user_id, now, change)),
    ({ outcome }) => movesSchedule && outcome === 'updated',
  );
}

export const removePlan = removalWithSchedule(versionedRemoval('physicalPlan', plans));
