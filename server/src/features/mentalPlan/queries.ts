// Every statement is scoped to its owner.

import { type Database, idArray, rowsOf } from '../../db/client.ts';
import { and, desc, eq, lt, sql } from '../../db/orm.ts';
import { mentalPlanResources as links, mentalPlans as plans, resources } from '../../db/schema/index.ts';
import { changesSomething, ifMatch } from '../../db/update.ts';
import type { MentalPlanChange, MentalPlanRemoval, MentalPlanRow, MentalPlanView, NewMentalPlan } from './contract.ts';

const columns = {
  id: plans.id,
  user_id: plans.user_id,
  name: plans.name,
  goal: plans.goal,
  progress: plans.progress,
  version: plans.version,
};

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

/** @returns the plan with the greatest id and its resources by id, or undefined when the user has none */
export async function findCurrentPlan(db: Database, user_id: number): Promise<MentalPlanView | undefined> {
  const [row] = await rowsOf<MentalPlanRow & Pick<MentalPlanView, 'resources'>>(
    db,
    sql`
    select p.id, p.user_id, p.name, p.goal, p.progress, p.version,
      (select coalesce(json_agg(json_build_object(
          'resource', json_build_object('id', r.id, 'type', r.type, 'name', r.name, 'description', r.description, 'volume', r.volume),
          'progress', l.progress) order by r.id), '[]')
        from ${links} l join ${resources} r on r.id = l.resource_id where l.mental_plan_id = p.id) as resources
    from ${plans} p where p.user_id = ${user_id} order by p.id desc limit 1`,
  );
  if (!row) return undefined;
  const { resources: linked, ...data } = row;
  return { data, user_id: data.user_id, resources: linked };
}

/** @returns the id of the new plan; undefined, and nothing made, when one of the resources is not the user's */
export async function createPlan(db: Database, user_id: number, plan: NewMentalPlan) {
  const wanted = [...new Set(plan.resource_list)];
  const [row] = await rowsOf<{ id: number }>(
    db,
    sql`
    with mine as (select id from ${resources} where user_id = ${user_id} and id = any(${idArray(wanted)})),
    p as (
      insert into ${plans} (user_id, name, goal, progress)
      select ${user_id}::int, ${plan.name}::text, ${plan.goal}::text, ${plan.progress}::int
      where (select count(*) from mine) = ${wanted.length}::int
      returning id),
    l as (insert into ${links} (mental_plan_id, resource_id) select p.id, mine.id from p, mine)
    select id from p`,
  );
  return row?.id;
}

export type PlanUpdate =
  | { outcome: 'updated'; plan: MentalPlanRow }
  | { outcome: 'missing' | 'changed meanwhile' | 'resource missing' | 'raced' };

/**
 * Changes a plan and, when `resource_list` is sent, makes its links exactly these: kept ones keep their progress.
 * One statement, so that all of it happens or nothing. Which links to add and drop is decided on the state at its
 * start; `version` tells whether another change came in between ('raced': nothing was written).
 */
export async function updatePlan(db: Database, user_id: number, change: MentalPlanChange): Promise<PlanUpdate> {
  const wanted = [...new Set(change.resource_list)];
  const changed = changesSomething(change) ? 1 : 0;
  const ifMatched = sql`${change.if_match ?? null}::int`;
  const replace = sql`${change.resource_list !== undefined}::boolean`;
  const [row] = await rowsOf<{ plan: MentalPlanRow | null; found: boolean; matched: boolean; owned: boolean }>(
    db,
    sql`
    with wanted as (select unnest(${idArray(wanted)}) as id),
    mine as (select r.id from ${resources} r join wanted using (id) where r.user_id = ${user_id}),
    before as (select id, version from ${plans} where id = ${change.id} and user_id = ${user_id}),
    p as (
      update ${plans} p set
        name = coalesce(${change.name ?? null}::text, p.name),
        goal = coalesce(${change.goal ?? null}::text, p.goal),
        progress = coalesce(${change.progress ?? null}::int, p.progress),
        version = p.version + ${changed}::int
      from before
      where p.id = before.id and p.version = before.version and before.version = coalesce(${ifMatched}, before.version) and (select count(*) from mine) = ${wanted.length}::int
      returning p.id, p.user_id, p.name, p.goal, p.progress, p.version),
    dropped as (
      delete from ${links} l using p
      where ${replace} and l.mental_plan_id = p.id and not exists (select from wanted where wanted.id = l.resource_id)),
    added as (
      insert into ${links} (mental_plan_id, resource_id)
      select p.id, mine.id from p, mine where ${replace} order by mine.id
      on conflict (mental_plan_id, resource_id) do nothing)
    select (select row_to_json(p) from p) as plan,
      exists (select from before) as found,
      (select version = coalesce(${ifMatched}, version) from before) as matched,
      (select count(*) from mine) = ${wanted.length}::int as owned`,
  );
  if (!row?.found) return { outcome: 'missing' };
  if (row.plan) return { outcome: 'updated', plan: row.plan };
  if (!row.matched) return { outcome: 'changed meanwhile' };
  return { outcome: row.owned ? 'raced' : 'resource missing' };
}

/** The resources stay the user's. */
export async function removePlan(db: Database, user_id: number, { id, if_match }: MentalPlanRemoval) {
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
