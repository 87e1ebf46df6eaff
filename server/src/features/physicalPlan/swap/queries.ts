// Another exercise in the place of one of a plan: a fact of its own, which begins the exercise anew.
import type { ExerciseCache, Exercises } from '../../../cache/exercises.ts';
import { ageOf } from '../../../dayRecord/body.ts';
import { choosable } from '../../../dayRecord/catalogue.ts';
import { PROGRESSION_COLUMNS } from '../../../dayRecord/record.ts';
import { type ReadState, readDayState } from '../../../dayRecord/state.ts';
import type { Database } from '../../../db/database.ts';
import { sql } from '../../../db/drizzle.ts';
import {
  facts,
  physicalPlans as plans,
  progressions,
  workoutExercises,
  workouts,
} from '../../../db/schema/index.ts';
import { columnList } from '../../../db/sql/columns.ts';
import { appendEvent, nextSequence } from '../../../db/sql/eventLog.ts';
import { NOW } from '../../../db/sql/localDate.ts';
import { PLAN_COLUMNS, planAsJson } from '../../../db/sql/planRow.ts';
import { columnsOf } from '../../../db/sql/sums.ts';
import { type MissReason, missReason, versionsOf } from '../../../db/sql/versionedUpdate.ts';
import { firstRow, write } from '../../../db/statement.ts';
import { inUserTransaction } from '../../../db/userTransaction.ts';
import {
  isReady,
  latestDate,
  type Prescribed,
  prescribedOf,
  progressionOf,
  type SwapRefusal,
  startOf,
  swapEffects,
  swapRefusal,
  topOf,
} from '../../../domain/index.ts';
import type { ExerciseSwap, PhysicalPlanView } from '../contract.ts';
import { findPlan } from '../queries.ts';

const swap = firstRow(
  write(
    'physicalPlan.swap',
    {
      ...NOW,
      user_id: 'bigint',
      id: 'bigint',
      today: 'date',
      zone: 'text',
      from: 'bigint',
      to: 'bigint',
      start: 'int?',
      end: 'int?',
      step: 'int?',
      because: 'json',
      data: 'json',
      progressions: 'json',
    },
    { seq: 'bigint' },
    (sent) => sql`
    with ${nextSequence(sent.user_id, sql`true`)},
    link as (
      update ${workoutExercises} link set
        exercise_id = ${sent.to},
        start_reps = ${sent.start},
        end_reps = ${sent.end},
        step = ${sent.step},
        because = array(select json_array_elements_text(${sent.because}))
      from ${workouts} workout
      where workout.user_id = ${sent.user_id}
        and workout.physical_plan_id = ${sent.id}
        and link.user_id = ${sent.user_id}
        and link.workout_id = workout.id
        and link.exercise_id = ${sent.from}
    ),
    plan as (
      update ${plans} plan set version = plan.version + 1
      where plan.user_id = ${sent.user_id} and plan.id = ${sent.id}
      returning ${columnList(PLAN_COLUMNS, 'plan')}
    ),
    ${appendEvent(sent.user_id, 'physicalPlan.changed', sql`select ${planAsJson('plan')} as data from plan`)},
    fact as (
      insert into ${facts} (user_id, seq, kind, date, at, zone, data)
      select ${sent.user_id}, last, 'plan.swapped', ${sent.today}, ${sent.now}, ${sent.zone}, ${sent.data}
      from sequence
    ),
    progression as (
      insert into ${progressions} (user_id, plan_id, exercise_id, ${columnsOf(PROGRESSION_COLUMNS)})
      select
        ${sent.user_id}, ${sent.id}, one.exercise_id, one.opening_k, one.k, one.misses, one.held, one.because,
        one.last_date, one.since, case when one.since is null then 0 else sequence.last end
      from sequence, json_to_recordset(${sent.progressions}) as one(
        exercise_id bigint, opening_k smallint, k smallint, misses smallint, held smallint, because text, last_date date,
        since date)
      on conflict (user_id, plan_id, exercise_id) do update set
        ${columnsOf(PROGRESSION_COLUMNS, (name) => `${name} = excluded.${name}`)}
    )
    select last as seq from sequence`,
  ),
);

/** Why an exercise is not swapped. */
export type SwapMiss = MissReason | 'no_exercise' | SwapRefusal;

type Plan = ReadState['plans'][number];

/** What the swap comes to: the slots' ladder, and the progressions that are written with it. */
function swapped(state: ReadState, plan: Plan, from: Prescribed, to_id: number, exercises: Exercises) {
  const own = exercises.get(from.exercise_id);
  const other = exercises.get(to_id);
  if (!own || !other) return 'no_exercise';
  const [a, b] = [choosable(own), choosable(other)];
  if (!a || !b) return 'other_pattern';
  const standing = progressionOf(plan, state.progressions, from);
  const age = state.body ? ageOf(state.body, state.today) : 0;
  const refusal = swapRefusal(plan, a, b, { ready: isReady(standing, topOf(from)), age });
  if (refusal) return refusal;

  const { level } = plan;
  const because = [
    `pattern:${b.pattern}`,
    `chain:${b.chain}`,
    ...(level === null ? [] : [`level:${level}`]),
    `swapped:${a.key}`,
  ];
  const ladder = level === null ? {} : { start: startOf(b, level), end: b.end, step: b.step };
  const effects = swapEffects(plan, state.progressions, { from: a.id, to: b.id, date: state.today });
  const { kind: _, date: __, ...data } = effects.fact;
  return { because, ladder, data, progressions: effects.progressions };
}

/**
 * Takes another exercise in the place of one of a plan, in a transaction that holds the user's lock.
 * @returns the plan, or why it was not changed
 */
export function swapExercise(
  db: Database,
  { exercises: cache, now: clock }: { readonly exercises: ExerciseCache; readonly now: () => Date },
  user_id: number,
  { id, exercise_id, to, if_match }: ExerciseSwap,
): Promise<PhysicalPlanView | SwapMiss> {
  const now = clock();
  return inUserTransaction(db, user_id, async (tx) => {
    const read = { now, date: undefined, latest: latestDate(now), named: { plans: [id] } };
    const state = await readDayState(tx, user_id, read, (version) => cache.get(tx, version, null));
    const plan = state?.plans.find((one) => one.id === id);
    const isMeant = plan && (versionsOf(if_match)?.includes(plan.version) ?? true);
    if (!state || !isMeant) return missReason(plan !== undefined, if_match);
    const from = prescribedOf(plan, null, exercise_id);
    if (!from) return 'no_exercise';
    const effects = swapped(state, plan, from, to, await cache.get(tx, state.catalogue, null));
    if (typeof effects === 'string') return effects;
    const { ladder, ...lists } = effects;
    const { today, time_zone: zone } = state;
    await swap(tx, { user_id, id, now, today, zone, from: exercise_id, to, ...ladder, ...lists });
    return (await findPlan(tx, cache, user_id, id)) ?? 'missing';
  });
}
