// Every statement is scoped to its owner.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import { mentalPlanResources as links, mentalPlans as plans, resources } from '../../db/schema/index.ts';
import { columnList, jsonFields, pickColumns } from '../../db/sql/columns.ts';
import { conditionalRead } from '../../db/sql/conditionalRead.ts';
import { appendEvents, lockUser, userLocked } from '../../db/sql/eventLog.ts';
import { pageReader } from '../../db/sql/paginate.ts';
import { isBelowQuota, QUOTA_PARAMETER } from '../../db/sql/quota.ts';
import {
  hasChanges,
  ifMatch,
  type MissReason,
  versionedRemoval,
  versionsOf,
} from '../../db/sql/versionedUpdate.ts';
import { firstRow, groupedWrite, read, write } from '../../db/statement.ts';
import type { Services } from '../../trpc/context.ts';
import type { MentalPlanChange, MentalPlanRow, MentalPlanView, NewMentalPlan } from './contract.ts';

const columns = pickColumns(plans, ['id', 'user_id', 'name', 'goal', 'progress', 'version']);
const resourceColumns = pickColumns(resources, ['id', 'type', 'name', 'description', 'volume']);

/** Newest first. */
export const listPlans = pageReader('mentalPlan.page', plans, columns, ['name', 'goal']);

/** Bytes of resources as JSON above which a view is read when no other large one is. */
const LARGE_BYTES = 1024 * 1024;

type LinkedResource = MentalPlanView['resources'][number];

const currentPlan = (isMine: SQL) => sql`
  select ${columnList(columns, 'plan')}
  from ${plans} plan
  where ${isMine}
  order by plan.id desc
  limit 1`;

const linkedResource = sql`
  json_build_object(
    'resource', json_build_object(${jsonFields(resourceColumns, 'resource')}),
    'progress', link.progress)`;

/** Large resources stay away: then there are only their bytes. */
type ViewRow = MentalPlanRow & { readonly bytes: number; readonly resources: LinkedResource[] | null };

const current = firstRow(
  read('mentalPlan.current', { user_id: 'int', known_revision: 'text?' }, ({ user_id, known_revision }) =>
    conditionalRead(
      user_id,
      known_revision,
      (isMine): SQL<ViewRow> => sql`
      select
        plan.*,
        octet_length(linked.list::text) as bytes,
        case when octet_length(linked.list::text) <= ${sql.raw(String(LARGE_BYTES))} then linked.list end as resources
      from (${currentPlan(isMine)}) plan,
      lateral (
        select coalesce(json_agg(${linkedResource} order by resource.id), '[]') as list
        from ${links} link
        join ${resources} resource on resource.id = link.resource_id
        where link.mental_plan_id = plan.id
      ) linked`,
    ),
  ),
);

/** A row for each resource: in one piece it would take its whole size several times, on its way through the driver. */
const largeCurrent = read('mentalPlan.largeCurrent', { user_id: 'int' }, ({ user_id }) =>
  conditionalRead(
    user_id,
    sql`null`,
    (isMine): SQL<MentalPlanRow & { readonly resource: LinkedResource | null }> => sql`
    select plan.*, case when resource.id is not null then ${linkedResource} end as resource
    from (${currentPlan(isMine)}) plan
    left join ${links} link on link.mental_plan_id = plan.id
    left join ${resources} resource on resource.id = link.resource_id`,
  ),
);

/** @returns the plan with the greatest id and its resources by id, or undefined when the user has none */
export function findCurrentPlan(
  db: Database,
  { readModels, runLargeRead }: Pick<Services, 'readModels' | 'runLargeRead'>,
  user_id: number,
): Promise<MentalPlanView | undefined> {
  return readModels.revalidate('mentalPlan', user_id, async (known_revision) => {
    const row = await current(db, { user_id, known_revision });
    if (!row) return undefined;
    const { revision, ...plan } = row;
    if (plan.id === null) return { revision, view: undefined, size: 0 };
    const { resources: linked, bytes, ...data } = plan;
    if (linked === null) return runLargeRead(user_id, bytes, () => readLarge(db, user_id, bytes));
    return { revision, view: { data, user_id, resources: linked }, size: bytes };
  });
}

async function readLarge(db: Database, user_id: number, size: number) {
  const rows = await largeCurrent(db, { user_id });
  const [first] = rows;
  if (!first) return undefined;
  const { revision, resource: _, ...data } = first;
  if (data.id === null) return { revision, view: undefined, size: 0 };
  const linked = rows.flatMap(({ resource }) => resource ?? []).sort((a, b) => a.resource.id - b.resource.id);
  return { revision, view: { data, user_id, resources: linked }, size };
}

/** The data of an event of the CTE `plan`: its row and, if the list of resources was `replaced`, the new list. */
const eventData = (replaced: SQL, wanted: SQL) => sql`
  select json_build_object(
    ${jsonFields(columns, 'plan')},
    'resource_list', case when ${replaced} then to_json(${wanted}) end) as data
  from plan`;

const NEW_PLAN = {
  ...QUOTA_PARAMETER,
  user_id: 'int',
  name: 'text',
  goal: 'text',
  progress: 'int',
  wanted: 'int[]',
} as const;

const create = firstRow(
  write(
    'mentalPlan.create',
    NEW_PLAN,
    ({ user_id, name, goal, progress, wanted, quota }): SQL<{ id: number }> => sql`
    with ${lockUser(user_id)},
    mine as (
      select id
      from ${resources}
      where user_id = ${user_id} and id = any(${wanted})
    ),
    plan as (
      insert into ${plans} (user_id, name, goal, progress)
      select ${user_id}, ${name}, ${goal}, ${progress}
      where (select count(*) from mine) = cardinality(${wanted})
        and ${userLocked}
        and ${isBelowQuota('mental_plans', user_id, quota)}
      returning ${columnList(columns)}
    ),
    link as (
      insert into ${links} (mental_plan_id, resource_id)
      select plan.id, mine.id
      from plan, mine
    ),
    ${appendEvents(user_id, 'mentalPlan.created', eventData(sql`true`, wanted))}
    select id from plan`,
  ),
);

/** @returns the id of the new plan; undefined, and nothing made, when one of the resources is not the user's or there is no room */
export async function createPlan(
  db: Database,
  user_id: number,
  quota: number,
  { resource_list, ...plan }: NewMentalPlan,
) {
  return (await create(db, { ...plan, user_id, quota, wanted: [...new Set(resource_list)] }))?.id;
}

export type PlanUpdate =
  | { outcome: 'updated'; plan: MentalPlanRow }
  | { outcome: MissReason | 'resource missing' }
  | { outcome: 'conflict' };

const PLAN_CHANGE = {
  user_id: 'int',
  id: 'int',
  if_match: 'int[]?',
  has_changes: 'boolean',
  name: 'text?',
  goal: 'text?',
  progress: 'int?',
  replace: 'boolean',
  wanted: 'int[]',
} as const;

const update = firstRow(
  groupedWrite(
    'mentalPlan.update',
    PLAN_CHANGE,
    (sent): SQL<{ plan: MentalPlanRow | null; found: boolean; matched: boolean; owned: boolean }> => sql`
    with ${lockUser(sent.user_id)},
    wanted as (select unnest(${sent.wanted}) as id),
    mine as (
      select resource.id
      from ${resources} resource
      join wanted using (id)
      where resource.user_id = ${sent.user_id}
    ),
    before as (
      select id, version
      from ${plans}
      where id = ${sent.id} and user_id = ${sent.user_id} and ${userLocked}
    ),
    plan as (
      update ${plans} plan set
        name = coalesce(${sent.name}, plan.name),
        goal = coalesce(${sent.goal}, plan.goal),
        progress = coalesce(${sent.progress}, plan.progress),
        version = plan.version + ${sent.has_changes}::int
      from before
      where plan.id = before.id
        and plan.version = before.version
        and ${ifMatch(sql`before.version`, sent.if_match)}
        and (select count(*) from mine) = cardinality(${sent.wanted})
      returning ${columnList(columns, 'plan')}
    ),
    dropped as (
      delete from ${links} link using plan
      where ${sent.replace}
        and link.mental_plan_id = plan.id
        and not exists (select from wanted where wanted.id = link.resource_id)
    ),
    added as (
      insert into ${links} (mental_plan_id, resource_id)
      select plan.id, mine.id
      from plan, mine
      where ${sent.replace}
      order by mine.id
      on conflict (mental_plan_id, resource_id) do nothing
    ),
    ${appendEvents(sent.user_id, 'mentalPlan.changed', sql`${eventData(sent.replace, sent.wanted)} where ${sent.has_changes}`)}
    select
      (select row_to_json(plan) from plan) as plan,
      exists (select from before) as found,
      (select ${ifMatch(sql`version`, sent.if_match)} from before) as matched,
      (select count(*) from mine) = cardinality(${sent.wanted}) as owned`,
  ),
);

/**
 * Changes a plan and, when `resource_list` is sent, makes its links exactly these: kept ones keep their progress.
 * One statement, so that all of it happens or nothing. Which links to add and drop is decided on the state at its
 * start; `version` tells whether another change came in between ('conflict': nothing was written).
 */
export async function updatePlan(
  db: Database,
  user_id: number,
  { resource_list, ...change }: MentalPlanChange,
): Promise<PlanUpdate> {
  const row = await update(db, {
    ...change,
    user_id,
    if_match: versionsOf(change.if_match),
    has_changes: hasChanges({ ...change, resource_list }),
    replace: resource_list !== undefined,
    wanted: [...new Set(resource_list)],
  });
  if (!row?.found) return { outcome: 'missing' };
  if (row.plan) return { outcome: 'updated', plan: row.plan };
  if (!row.matched) return { outcome: 'version_mismatch' };
  return row.owned ? { outcome: 'conflict' } : { outcome: 'resource missing' };
}

/** The resources stay the user's. */
export const removePlan = versionedRemoval('mentalPlan', plans);
