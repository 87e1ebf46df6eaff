// Changes and removes plans. Every statement is scoped to its owner.
import { adjustPlan } from '../../dayRecord/adjustPlan.ts';
import type { DayServices } from '../../dayRecord/move.ts';
import { removalWithSchedule, withSchedule } from '../../dayRecord/schedule.ts';
import type { Database } from '../../db/database.ts';
import { and, builder, eq, sql } from '../../db/drizzle.ts';
import { json, nullable } from '../../db/rows.ts';
import { physicalPlans as plans } from '../../db/schema/index.ts';
import { userClock } from '../../db/sql/adjustment.ts';
import { appendTypedEvents, lockUser, userLocked } from '../../db/sql/eventLog.ts';
import { NOW } from '../../db/sql/localDate.ts';
import { PLAN_COLUMNS, planAsJson } from '../../db/sql/planRow.ts';
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
import { firstRow, groupedWrite } from '../../db/statement.ts';
import { maskOf } from '../../domain/index.ts';
import type { PhysicalPlanChange, PhysicalPlanRow } from './contract.ts';

const PLAN_CHANGE = {
  ...NOW,
  user_id: 'bigint',
  id: 'bigint',
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
      .returning(PLAN_COLUMNS)},
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
