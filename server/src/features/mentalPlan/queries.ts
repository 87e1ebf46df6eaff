// Every statement is scoped to its owner.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import { mentalPlanResources as links, mentalPlans as plans, resources } from '../../db/schema/index.ts';
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

const columns = {
  id: plans.id,
  user_id: plans.user_id,
  name: plans.name,
  goal: plans.goal,
  progress: plans.progress,
  version: plans.version,
};

/** Newest first. */
export const listPlans = pageReader('mentalPlan.page', plans, columns, ['name', 'goal']);

/** Bytes of resources as JSON above which a view is read when no other large one is. */
const LARGE_BYTES = 1024 * 1024;

type LinkedResource = MentalPlanView['resources'][number];

const currentPlan = (isMine: SQL) => sql`
  select p.id, p.user_id, p.name, p.goal, p.progress, p.version from ${plans} p where ${isMine} order by p.id desc limit 1`;

const linkedResource = sql`
  json_build_object(
    'resource', json_build_object('id', r.id, 'type', r.type, 'name', r.name, 'description', r.description, 'volume', r.volume),
    'progress', l.progress)`;

/** Large resources stay away: then there are only their bytes. */
type ViewRow = MentalPlanRow & { readonly bytes: number; readonly resources: LinkedResource[] | null };

const current = firstRow(
  read('mentalPlan.current', { user_id: 'int', known_revision: 'text?' }, ({ user_id, known_revision }) =>
    conditionalRead(
      user_id,
      known_revision,
      (isMine): SQL<ViewRow> => sql`
      select p.*, octet_length(linked.list::text) as bytes,
        case when octet_length(linked.list::text) <= ${sql.raw(String(LARGE_BYTES))} then linked.list end as resources
      from (${currentPlan(isMine)}) p,
      lateral (
        select coalesce(json_agg(${linkedResource} order by r.id), '[]') as list
        from ${links} l join ${resources} r on r.id = l.resource_id where l.mental_plan_id = p.id) linked`,
    ),
  ),
);

/** A row for each resource: in one piece it would take its whole size several times, on its way through the driver. */
const largeCurrent = read('mentalPlan.largeCurrent', { user_id: 'int' }, ({ user_id }) =>
  conditionalRead(
    user_id,
    sql`null`,
    (isMine): SQL<MentalPlanRow & { readonly resource: LinkedResource | null }> => sql`
    select p.*, case when r.id is not null then ${linkedResource} end as resource
    from (${currentPlan(isMine)}) p
    left join ${links} l on l.mental_plan_id = p.id left join ${resources} r on r.id = l.resource_id`,
  ),
);

/** @returns the plan with the greatest id and its resources by id, or undefined when the user has none */
export function findCurrentPlan(
  db: Database,
  { readModels, largeReads }: Pick<Services, 'readModels' | 'largeReads'>,
  user_id: number,
): Promise<MentalPlanView | undefined> {
  return readModels.revalidate('mentalPlan', user_id, async (known_revision) => {
    const row = await current(db, { user_id, known_revision });
    if (!row) return undefined;
    const { revision, ...plan } = row;
    if (plan.id === null) return { revision, view: undefined, size: 0 };
    const { resources: linked, bytes, ...data } = plan;
    if (linked === null) return largeReads(user_id, bytes, () => readLarge(db, user_id, bytes));
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

/** What an event says of the plan `p`: besides the row, the resources that it has from now on, where they were `replaced`. */
const eventData = (replaced: SQL, wanted: SQL) => sql`
  select json_build_object('id', p.id, 'user_id', p.user_id, 'name', p.name, 'goal', p.goal, 'progress', p.progress,
    'version', p.version, 'resource_list', case when ${replaced} then to_json(${wanted}) end) as data from p`;

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
    mine as (select id from ${resources} where user_id = ${user_id} and id = any(${wanted})),
    p as (
      insert into ${plans} (user_id, name, goal, progress)
      select ${user_id}, ${name}, ${goal}, ${progress}
      where (select count(*) from mine) = cardinality(${wanted}) and ${userLocked} and ${isBelowQuota('mental_plans', user_id, quota)}
      returning id, user_id, name, goal, progress, version),
    l as (insert into ${links} (mental_plan_id, resource_id) select p.id, mine.id from p, mine),
    ${appendEvents(user_id, 'mentalPlan.created', eventData(sql`true`, wanted))}
    select id from p`,
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
    mine as (select r.id from ${resources} r join wanted using (id) where r.user_id = ${sent.user_id}),
    before as (select id, version from ${plans} where id = ${sent.id} and user_id = ${sent.user_id} and ${userLocked}),
    p as (
      update ${plans} p set
        name = coalesce(${sent.name}, p.name),
        goal = coalesce(${sent.goal}, p.goal),
        progress = coalesce(${sent.progress}, p.progress),
        version = p.version + ${sent.has_changes}::int
      from before
      where p.id = before.id and p.version = before.version and ${ifMatch(sql`before.version`, sent.if_match)}
        and (select count(*) from mine) = cardinality(${sent.wanted})
      returning p.id, p.user_id, p.name, p.goal, p.progress, p.version),
    dropped as (
      delete from ${links} l using p
      where ${sent.replace} and l.mental_plan_id = p.id and not exists (select from wanted where wanted.id = l.resource_id)),
    added as (
      insert into ${links} (mental_plan_id, resource_id)
      select p.id, mine.id from p, mine where ${sent.replace} order by mine.id
      on conflict (mental_plan_id, resource_id) do nothing),
    ${appendEvents(sent.user_id, 'mentalPlan.changed', sql`${eventData(sent.replace, sent.wanted)} where ${sent.has_changes}`)}
    select (select row_to_json(p) from p) as plan,
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
