// Reads of plans. Every statement is scoped to its owner.
import type { SQL } from 'drizzle-orm';
import type { ExerciseCache } from '../../cache/exercises.ts';
import type { ReadModelCache } from '../../cache/readModels.ts';
import {
  type ShownExercise,
  type SlotExercise,
  shownExercises,
  slotExercise,
} from '../../dayRecord/trainingPlan.ts';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import { json, type RowOf } from '../../db/rows.ts';
import {
  eventSequences,
  physicalPlans as plans,
  profiles,
  workoutExercises,
  workouts,
} from '../../db/schema/index.ts';
import { catalogueVersion } from '../../db/sql/catalogueVersion.ts';
import { columnList } from '../../db/sql/columns.ts';
import { languageOf } from '../../db/sql/language.ts';
import { type PageRequest, pageReader } from '../../db/sql/paginate.ts';
import { PLAN_COLUMNS } from '../../db/sql/planRow.ts';
import { revisionOf, revisionReader } from '../../db/sql/revision.ts';
import { firstRow, read } from '../../db/statement.ts';
import { weekdaysOf } from '../../domain/index.ts';
import type { PhysicalPlanRow, PhysicalPlanView } from './contract.ts';

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
export const VIEW_ROW = { ...columns, catalogue: 'int', lang: profiles.lang, days: json<Days>() } as const;

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
export async function toView(
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

/** Of a row `plan` of the user. */
const viewColumns = (user_id: SQL) => sql`
        ${columnList(columns, 'plan')},
        ${catalogueVersion} as catalogue,
        ${languageOf(user_id)} as lang,
        (
          select coalesce(
            json_agg(
              json_build_array(
                workout.id,
                workout.day_of_week,
                (
                  select coalesce(json_agg(${slotExercise('link')} order by link.id), '[]')
                  from ${workoutExercises} link
                  where link.user_id = ${user_id} and link.workout_id = workout.id
                )
              )
              order by workout.day_of_week
            ),
            '[]'
          )
          from ${workouts} workout
          where workout.user_id = ${user_id} and workout.physical_plan_id = plan.id
        ) as days`;

const REVISION = [catalogueVersion];
const readRevision = revisionReader('physicalPlan.revision', REVISION);

const current = firstRow(
  read(
    'physicalPlan.current',
    { user_id: 'bigint' },
    { ...VIEW_ROW, revision: 'text' },
    ({ user_id }) => sql`
      select ${viewColumns(user_id)}, ${revisionOf(REVISION)} as revision
      from ${plans} plan
      join ${eventSequences} sequence on sequence.user_id = ${user_id}
      where plan.user_id = ${user_id}
      order by plan.id desc
      limit 1`,
  ),
);

const byId = firstRow(
  read(
    'physicalPlan.byId',
    { user_id: 'bigint', id: 'bigint' },
    VIEW_ROW,
    ({ user_id, id }) => sql`
      select ${viewColumns(user_id)}
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
