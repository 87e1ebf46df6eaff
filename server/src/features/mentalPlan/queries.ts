// Reads of plans. Every statement is scoped to its owner.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import { json, nullable } from '../../db/rows.ts';
import {
  eventSequences,
  mentalPlanResources as links,
  mentalPlans as plans,
  resources,
} from '../../db/schema/index.ts';
import { columnList, jsonFields, pickColumns } from '../../db/sql/columns.ts';
import { daysLeft } from '../../db/sql/daysLeft.ts';
import { localToday, NOW } from '../../db/sql/localDate.ts';
import { type PageRequest, pageReader } from '../../db/sql/paginate.ts';
import { resourceOfLink } from '../../db/sql/resourceOfLink.ts';
import { revisionOf, revisionReader } from '../../db/sql/revision.ts';
import { unitOf } from '../../db/sql/units.ts';
import { firstRow, read } from '../../db/statement.ts';
import type { Services } from '../../trpc/context.ts';
import type { MentalPlanRow, MentalPlanView } from './contract.ts';

export const columns = pickColumns(plans, [
  'id',
  'user_id',
  'name',
  'goal',
  'progress',
  'deadline',
  'version',
]);
const resourceColumns = pickColumns(resources, ['id', 'type', 'name', 'description', 'volume']);

const page = pageReader('mentalPlan.page', plans, columns, ['name', 'goal']);

/** Newest first. */
export async function listPlans(
  db: Database,
  user_id: number,
  now: Date,
  window: PageRequest,
): Promise<MentalPlanRow[]> {
  return withDaysLeft(db, user_id, now, await page(db, user_id, window));
}

const readDaysLeft = read(
  'mentalPlan.daysLeft',
  { ...NOW, user_id: 'bigint', ids: 'bigint[]' },
  { id: plans.id, days_left: 'int' },
  ({ user_id, now, ids }) => sql`
  select plan.id, ${daysLeft('plan', user_id, sql`clock.today`)} as days_left
  from (select ${localToday(user_id, now)} as today) as clock, ${plans} plan
  where plan.user_id = ${user_id} and plan.id = any(${ids})`,
);

/** Computes the days left of the plans that have a deadline. They change with the date, and no event tells of that. */
export async function withDaysLeft<Plan extends Pick<MentalPlanRow, 'id' | 'progress' | 'deadline'>>(
  db: Database,
  user_id: number,
  now: Date,
  stored: readonly Plan[],
): Promise<Plan[]> {
  const ids = stored.filter(({ deadline }) => deadline !== null).map(({ id }) => id);
  if (ids.length === 0) return [...stored];
  const rows = await readDaysLeft(db, { user_id, now, ids });
  const found = new Map(rows.map(({ id, days_left }) => [id, days_left]));
  return stored.map((plan) => ({ ...plan, progress: found.get(plan.id) ?? plan.progress }));
}

/** Bytes of resources as JSON above which a view is read when no other large one is. */
const LARGE_BYTES = 1024 * 1024;

type LinkedResource = MentalPlanView['resources'][number];

const currentPlan = (user_id: SQL) => sql`
  select ${columnList(columns, 'plan')}, ${revisionOf()} as revision
  from ${plans} plan
  join ${eventSequences} sequence on sequence.user_id = ${user_id}
  where plan.user_id = ${user_id}
  order by plan.id desc
  limit 1`;

const linkedResource = sql`
  json_build_object(
    'resource', json_build_object(${jsonFields(resourceColumns, 'resource')}, 'unit', ${unitOf('resource')}),
    'progress', link.progress)`;

/** Large resources stay away: then there are only their bytes. */
const VIEW_ROW = {
  ...columns,
  revision: 'text',
  bytes: 'int',
  resources: nullable(json<LinkedResource[]>()),
} as const;
const LARGE_VIEW_ROW = { ...columns, revision: 'text', resource: nullable(json<LinkedResource>()) } as const;

const readRevision = revisionReader('mentalPlan.revision');

const current = firstRow(
  read(
    'mentalPlan.current',
    { user_id: 'bigint' },
    VIEW_ROW,
    ({ user_id }) => sql`
    select
      plan.*,
      octet_length(linked.list::text) as bytes,
      case when octet_length(linked.list::text) <= ${sql.raw(String(LARGE_BYTES))} then linked.list end as resources
    from (${currentPlan(user_id)}) plan,
    lateral (
      select coalesce(json_agg(${linkedResource} order by resource.id), '[]') as list
      from ${links} link
      ${resourceOfLink(user_id)}
      where link.user_id = ${user_id} and link.mental_plan_id = plan.id
    ) linked`,
  ),
);

/** A row for each resource: in one piece it would take its whole size several times, on its way through the driver. */
const largeCurrent = read(
  'mentalPlan.largeCurrent',
  { user_id: 'bigint' },
  LARGE_VIEW_ROW,
  ({ user_id }) => sql`
    select plan.*, case when resource.id is not null then ${linkedResource} end as resource
    from (${currentPlan(user_id)}) plan
    left join ${links} link on link.user_id = ${user_id} and link.mental_plan_id = plan.id
    left join ${resources} resource on resource.user_id = ${user_id} and resource.id = link.resource_id`,
);

/** @returns the plan with the greatest id and its resources by id, or undefined when the user has none */
export async function findCurrentPlan(
  db: Database,
  services: Pick<Services, 'readModels' | 'runLargeRead' | 'now'>,
  user_id: number,
): Promise<MentalPlanView | undefined> {
  const view = await findStoredPlan(db, services, user_id);
  if (!view || view.data.deadline === null) return view;
  const [data = view.data] = await withDaysLeft(db, user_id, services.now(), [view.data]);
  return { ...view, data };
}

/** The same with the days left as they are stored. */
function findStoredPlan(
  db: Database,
  { readModels, runLargeRead }: Pick<Services, 'readModels' | 'runLargeRead'>,
  user_id: number,
): Promise<MentalPlanView | undefined> {
  return readModels.revalidate('mentalPlan', user_id, {
    revision: async () => (await readRevision(db, { user_id }))?.revision,
    read: async () => {
      const row = await current(db, { user_id });
      if (!row) return undefined;
      const { revision, resources: linked, bytes, ...data } = row;
      if (linked === null) return runLargeRead(user_id, bytes, () => readLarge(db, user_id, bytes));
      return { revision, view: { data, user_id, resources: linked }, size: bytes };
    },
  });
}

async function readLarge(db: Database, user_id: number, size: number) {
  const rows = await largeCurrent(db, { user_id });
  const [first] = rows;
  if (!first) return undefined;
  const { revision, resource: _, ...data } = first;
  const linked = rows.flatMap(({ resource }) => resource ?? []).sort((a, b) => a.resource.id - b.resource.id);
  return { revision, view: { data, user_id, resources: linked }, size };
}
