// Every statement is scoped to its owner.
import type { SQL } from 'drizzle-orm';
import { updateSchedule, withSchedule } from '../../dayRecord/schedule.ts';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import { json, nullable } from '../../db/rows.ts';
import { mentalPlanResources as links, mentalPlans, resources } from '../../db/schema/index.ts';
import { recordAdjustment, round6, studyMinutes, userClock } from '../../db/sql/adjustment.ts';
import { columnList, jsonFields, pickColumns } from '../../db/sql/columns.ts';
import { appendEvents, lockUser, userLocked } from '../../db/sql/eventLog.ts';
import { NOW } from '../../db/sql/localDate.ts';
import { type PageRequest, pageReader } from '../../db/sql/paginate.ts';
import { isBelowQuota, QUOTA_PARAMETER } from '../../db/sql/quota.ts';
import { USUAL_UNITS, unitOf } from '../../db/sql/units.ts';
import { firstRow, groupedWrite, write } from '../../db/statement.ts';
import type { Resource } from '../../trpc/fields.ts';
import type { NewResource, NewResources, ResourceChange } from './contract.ts';

const columns = pickColumns(resources, ['id', 'type', 'name', 'description', 'volume', 'unit']);
const columnsWithoutUnit = pickColumns(resources, ['id', 'type', 'name', 'description', 'volume']);

const page = pageReader('resource.page', resources, columns, ['name', 'description']);

/** Newest first. */
export async function listResources(db: Database, user_id: number, window: PageRequest): Promise<Resource[]> {
  const rows = await page(db, user_id, window);
  return rows.map((row) => ({
    ...row,
    unit: (row.unit as Resource['unit'] | null) ?? USUAL_UNITS[row.type],
  }));
}

const currentPlan = (user_id: SQL) => sql`
      select id
      from ${mentalPlans}
      where user_id = ${user_id}
      order by id desc
      limit 1`;

/** The data of an event of the CTE `resource`: its row, and the progress in those plans where the change wrote it. */
const eventData = (linked: SQL) => sql`
  json_build_object(
    ${jsonFields(columnsWithoutUnit, 'resource')},
    'unit', ${unitOf('resource')},
    'links', coalesce(${linked}, '[]'::json))`;

const NEW_RESOURCE = {
  ...QUOTA_PARAMETER,
  user_id: 'bigint',
  type: 'resource_type',
  name: 'text',
  description: 'text',
  volume: 'float8',
  unit: 'text?',
} as const;

const CREATION_ROW = {
  id: resources.id,
  /** Whether everything else in the plan is finished. */
  is_only_unfinished: 'boolean',
} as const;

const create = firstRow(
  write(
    'resource.create',
    NEW_RESOURCE,
    CREATION_ROW,
    ({ user_id, type, name, description, volume, unit, quota }) => sql`
    with ${lockUser(user_id)},
    plan as (${currentPlan(user_id)}),
    resource as (
      insert into ${resources} (user_id, type, name, description, volume, unit)
      select ${user_id}, ${type}, ${name}, ${description}, ${volume}, ${unit}
      from plan
      where ${userLocked} and ${isBelowQuota('resources', user_id, quota)}
      returning ${columnList(columns)}
    ),
    link as (
      insert into ${links} (user_id, mental_plan_id, resource_id)
      select ${user_id}, plan.id, resource.id
      from plan, resource
      returning mental_plan_id, progress
    ),
    ${appendEvents(
      user_id,
      'resource.created',
      sql`select ${eventData(sql.raw('(select json_agg(link) from link)'))} as data from resource`,
    )}
    select id, not exists (
        select from plan
        join ${links} other_link on other_link.user_id = ${user_id} and other_link.mental_plan_id = plan.id
        join ${resources} other on other.user_id = ${user_id} and other.id = other_link.resource_id
        where other_link.progress < other.volume
      ) as is_only_unfinished
    from resource`,
  ),
);

/** @returns the id of the new resource, linked to the current plan; undefined, and nothing made, when there is no plan or no room */
export async function createResource(
  db: Database,
  user_id: number,
  now: Date,
  quota: number,
  resource: NewResource,
): Promise<number | undefined> {
  const row = await create(db, { ...resource, user_id, quota });
  if (row?.is_only_unfinished) await updateSchedule(db, user_id, now);
  return row?.id;
}

// One JSON parameter, so that the statement is the same for any number of rows. Ids are given in the order of `at`.
const createMany = write(
  'resource.createMany',
  { ...QUOTA_PARAMETER, user_id: 'bigint', list: 'json', added: 'int' },
  { id: resources.id },
  ({ user_id, list, quota, added }) => sql`
    with ${lockUser(user_id)},
    resource as (
      insert into ${resources} (user_id, type, name, description, volume, unit)
      select
        ${user_id},
        (item->>'type')::resource_type,
        item->>'name',
        item->>'description',
        (item->>'volume')::float8,
        item->>'unit'
      from json_array_elements(${list}) with ordinality as sent(item, at)
      where ${userLocked} and ${isBelowQuota('resources', user_id, quota, { added })}
      order by at
      returning ${columnList(columns)}
    ),
    ${appendEvents(
      user_id,
      'resource.created',
      sql`select ${eventData(sql`null`)} as data from resource order by id`,
    )}
    select id from resource order by id`,
  { insertedRows: { resources: ({ added }) => added } },
);

/** All, or none when there is no room. @returns the new ids in the order of the given resources */
export async function createResources(
  db: Database,
  user_id: number,
  quota: number,
  list: NewResources['resources'],
): Promise<number[]> {
  const rows = await createMany(db, { user_id, quota, list, added: list.length });
  return rows.map((row) => row.id);
}

export type ResourceUpdate =
  | { outcome: 'updated'; resource: Resource }
  | { outcome: 'missing' | 'not linked' | 'progress above volume' };

const RESOURCE_CHANGE = {
  ...NOW,
  user_id: 'bigint',
  id: 'bigint',
  type: 'resource_type?',
  name: 'text?',
  description: 'text?',
  volume: 'float8?',
  progress: 'float8?',
  unit: 'text?',
} as const;

const UPDATE_ROW = {
  resource: nullable(json<Resource>()),
  found: 'boolean',
  linked: 'boolean',
  /** Whether the change finished the resource in the current plan, or opened it again. */
  crossed: 'boolean',
} as const;

const update = firstRow(
  groupedWrite(
    'resource.update',
    RESOURCE_CHANGE,
    UPDATE_ROW,
    ({ user_id, id, type, name, description, volume, progress, unit, now }) => sql`
    with ${lockUser(user_id)},
    ${userClock(user_id, now)},
    plan as (${currentPlan(user_id)}),
    link_of_plan as (
      select link.mental_plan_id
      from ${links} link
      join plan on plan.id = link.mental_plan_id
      where link.user_id = ${user_id} and link.resource_id = ${id}
    ),
    before as (
      select ${columnList(columns)}
      from ${resources}
      where id = ${id} and user_id = ${user_id} and ${userLocked}
      for no key update
    ),
    resource as (
      update ${resources} resource set
        type = coalesce(${type}, resource.type),
        name = coalesce(${name}, resource.name),
        description = coalesce(${description}, resource.description),
        volume = coalesce(${volume}, resource.volume),
        unit = coalesce(${unit}, resource.unit)
      from before
      where resource.user_id = ${user_id}
        and resource.id = before.id
        and (
          ${progress} is null
          or (exists (select from link_of_plan) and ${progress} <= coalesce(${volume}, before.volume))
        )
      returning ${columnList(columnsWithoutUnit, 'resource')}, ${unitOf('resource')} as unit
    ),
    locked_link as (
      select link.mental_plan_id, link.progress
      from ${links} link
      join resource on link.resource_id = resource.id
      where link.user_id = ${user_id}
        and (
          ${volume} is not null
          or (${progress} is not null and link.mental_plan_id in (select mental_plan_id from link_of_plan)))
      for no key update of link
    ),
    written_link as (
      update ${links} link set
        progress = case
          when link.mental_plan_id in (select mental_plan_id from link_of_plan) and ${progress} is not null
            then ${progress}
          else least(link.progress, resource.volume)
        end
      from resource, locked_link
      where link.user_id = ${user_id}
        and link.resource_id = resource.id
        and link.mental_plan_id = locked_link.mental_plan_id
      returning link.mental_plan_id, link.progress
    ),
    moved as (
      select mental_plan_id, locked_link.progress as before, written_link.progress as after
      from written_link
      join locked_link using (mental_plan_id)
      where written_link.progress <> locked_link.progress
    ),
    changed as (select mental_plan_id, after as progress from moved),
    ${appendEvents(
      user_id,
      'resource.changed',
      sql`
        select ${eventData(sql.raw('(select json_agg(changed) from changed)'))} as data
        from resource, before
        where (resource.type, resource.name, resource.description, resource.volume, resource.unit)
            <> (before.type, before.name, before.description, before.volume, ${unitOf('before')})
          or exists (select from changed)`,
    )},
    ${recordAdjustment(
      user_id,
      now,
      sql`
        select 'progress.adjusted' as kind, jsonb_strip_nulls(jsonb_build_object(
          'counters', jsonb_agg(
            jsonb_build_object(
              'of', 'resource', 'id', delta.id, 'plan_id', delta.plan_id, 'before', before, 'after', after)
            order by plan_id),
          'sums', case when is_same_unit then jsonb_build_object(
            unit || 's', ${round6(sql`sum(amount)`)}, 'study_minutes', sum(study_minutes)) end,
          'reason', case when not is_same_unit then 'unit' when bool_and(is_clamped) then 'volume' end)) as data
        from (
          select
            resource.id,
            resource.unit,
            resource.unit = ${unitOf('before')} as is_same_unit,
            moved.mental_plan_id as plan_id,
            moved.before,
            moved.after,
            ${progress} is null
              or moved.mental_plan_id not in (select mental_plan_id from link_of_plan) as is_clamped,
            ${round6(sql`moved.after - moved.before`)} as amount,
            ${studyMinutes(round6(sql`moved.after - moved.before`), sql`resource.unit`)} as study_minutes
          from moved, resource, before, clock
        ) as delta
        group by id, unit, is_same_unit`,
    )}
    select
      (select row_to_json(resource) from resource) as resource,
      exists (select from before) as found,
      exists (select from link_of_plan) as linked,
      exists (
        select from written_link
        join locked_link using (mental_plan_id), resource, before
        where mental_plan_id in (select mental_plan_id from link_of_plan)
          and (written_link.progress >= resource.volume) <> (locked_link.progress >= before.volume)
      ) as crossed`,
  ),
);

/**
 * Changes a resource and, when `progress` is sent, its link in the current plan; a lower volume lowers the progress in
 * every plan to it. One statement: the row of the resource is its lock, so the volume that it is compared with is the
 * one that stands, and a row that was found is changed unless its progress is refused.
 */
export async function updateResource(
  db: Database,
  user_id: number,
  now: Date,
  change: ResourceChange,
): Promise<ResourceUpdate> {
  const row = await update(db, { ...change, user_id, now });
  if (!row?.found) return { outcome: 'missing' };
  if (row.crossed) await updateSchedule(db, user_id, now);
  if (row.resource) return { outcome: 'updated', resource: row.resource };
  if (!row.linked) return { outcome: 'not linked' };
  return { outcome: 'progress above volume' };
}

/** Its links go with it. */
const remove = firstRow(
  write(
    'resource.remove',
    { user_id: 'bigint', id: 'bigint' },
    { id: resources.id },
    ({ user_id, id }) => sql`
    with ${lockUser(user_id)},
    removed as (
      delete from ${resources}
      where id = ${id} and user_id = ${user_id} and ${userLocked}
      returning id
    ),
    ${appendEvents(user_id, 'resource.removed', sql`select row_to_json(removed) as data from removed`)}
    select id from removed`,
  ),
);

/** Removes it from the user's plans too, and what was due by it. @returns its id, or undefined if there is none */
export function removeResource(
  db: Database,
  user_id: number,
  now: Date,
  id: number,
): Promise<{ id: number } | undefined> {
  return withSchedule(
    db,
    user_id,
    now,
    (tx) => remove(tx, { user_id, id }),
    (removed) => removed !== undefined,
  );
}
