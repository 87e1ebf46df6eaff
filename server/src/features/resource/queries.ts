// Every statement is scoped to its owner.

import { type Database, rowsOf } from '../../db/client.ts';
import { and, desc, eq, lt, sql } from '../../db/orm.ts';
import { mentalPlanResources as links, mentalPlans, resources } from '../../db/schema/index.ts';
import type { NewResource, NewResources, Resource, ResourceChange } from './contract.ts';

const columns = {
  id: resources.id,
  type: resources.type,
  name: resources.name,
  description: resources.description,
  volume: resources.volume,
};

/** Newest first. */
export function listResources(db: Database, user_id: number, page: { limit: number; before_id?: number | undefined }) {
  const older = page.before_id === undefined ? undefined : lt(resources.id, page.before_id);
  return db
    .select(columns)
    .from(resources)
    .where(and(eq(resources.user_id, user_id), older))
    .orderBy(desc(resources.id))
    .limit(page.limit);
}

const currentPlan = (user_id: number) => sql`select id from ${mentalPlans} where user_id = ${user_id} order by id desc limit 1`;

/** @returns the id of the new resource, linked to the current plan; undefined, and nothing made, when there is no plan */
export async function createResource(db: Database, user_id: number, resource: NewResource) {
  const [row] = await rowsOf<{ id: number }>(
    db,
    sql`
    with plan as (${currentPlan(user_id)}),
    r as (
      insert into ${resources} (user_id, type, name, description, volume)
      select ${user_id}::int, ${resource.type}::resource_type, ${resource.name}::text, ${resource.description}::text, ${resource.volume}::float8
      from plan
      returning id),
    l as (insert into ${links} (mental_plan_id, resource_id) select plan.id, r.id from plan, r)
    select id from r`,
  );
  return row?.id;
}

/** All or none. @returns the new ids in the order of the given resources */
export async function createResources(db: Database, user_id: number, list: NewResources['resources']): Promise<number[]> {
  // One JSON parameter, so that the statement is the same for any number of rows. Ids are given in the order of `at`.
  const rows = await rowsOf<{ id: number }>(
    db,
    sql`
    with made as (
      insert into ${resources} (user_id, type, name, description, volume)
      select ${user_id}::int, (item->>'type')::resource_type, item->>'name', item->>'description', (item->>'volume')::float8
      from json_array_elements(${JSON.stringify(list)}::text::json) with ordinality as sent(item, at)
      order by at
      returning id)
    select id from made order by id`,
  );
  return rows.map((row) => row.id);
}

export type ResourceUpdate =
  | { outcome: 'updated'; resource: Resource }
  | { outcome: 'missing' | 'not linked' | 'progress above volume' | 'raced' };

/**
 * Changes a resource and, when `progress` is sent, its link in the current plan; a lower volume lowers the progress in
 * every plan to it. One statement: the row of the resource is its lock, so the volume that it is compared with is the
 * one that stands. 'raced': somebody else changed it between reading and writing, nothing was written.
 */
export async function updateResource(db: Database, user_id: number, change: ResourceChange): Promise<ResourceUpdate> {
  const progress = sql`${change.progress ?? null}::float8`;
  const volume = sql`${change.volume ?? null}::float8`;
  const [row] = await rowsOf<{ resource: Resource | null; found: boolean; linked: boolean; fits: boolean }>(
    db,
    sql`
    with plan as (${currentPlan(user_id)}),
    link as (select l.id from ${links} l join plan on plan.id = l.mental_plan_id where l.resource_id = ${change.id}),
    before as (select id, volume from ${resources} where id = ${change.id} and user_id = ${user_id}),
    r as (
      update ${resources} set
        type = coalesce(${change.type ?? null}::resource_type, type),
        name = coalesce(${change.name ?? null}::text, name),
        description = coalesce(${change.description ?? null}::text, description),
        volume = coalesce(${volume}, volume)
      where id = ${change.id} and user_id = ${user_id}
        and (${progress} is null or (exists (select from link) and ${progress} <= coalesce(${volume}, volume)))
      returning id, type, name, description, volume),
    l as (
      update ${links} l set
        progress = case when l.id in (select id from link) and ${progress} is not null then ${progress} else least(l.progress, r.volume) end
      from r
      where l.resource_id = r.id and (${volume} is not null or (${progress} is not null and l.id in (select id from link)))
      returning l.id)
    select (select row_to_json(r) from r) as resource,
      exists (select from before) as found,
      exists (select from link) as linked,
      coalesce(${progress} <= coalesce(${volume}, (select volume from before)), true) as fits`,
  );
  if (!row?.found) return { outcome: 'missing' };
  if (row.resource) return { outcome: 'updated', resource: row.resource };
  if (!row.linked) return { outcome: 'not linked' };
  return { outcome: row.fits ? 'raced' : 'progress above volume' };
}

/** Its links go with it. */
export async function removeResource(db: Database, user_id: number, id: number) {
  const [row] = await db
    .delete(resources)
    .where(and(eq(resources.user_id, user_id), eq(resources.id, id)))
    .returning({ id: resources.id });
  return row;
}
