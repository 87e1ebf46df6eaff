// Mental plans, the resources in them, and the links between the two.
import type postgres from 'postgres';
import { resourceType } from '../../src/db/schema/index.ts';
import { lookup, type Targets, targetsOf } from './owners.ts';
import { type RowSanitizer, refuseRow } from './sanitize.ts';
import { convertAll, type Item, itemOf, type Step } from './step.ts';

/** The greatest volume that the contract allows. */
const MAX_VOLUME = 1_000_000;

export const mentalPlans: Step = {
  table: 'mental_plans',
  select: `
    select id::bigint::text as id, user_id::bigint::text as user_id, name::text, goal::text, progress::text
    from mental_plans order by mental_plans.id`,
  async prepare(target, rows, refused) {
    const user = await lookup(target, rows, 'users', 'user_id');
    return convertAll(rows, refused, (row, sanitizer) => {
      const { id: user_id } = user.get(row);
      const progress = sanitizer.number('progress', { min: 0, max: 3650, whole: true, fallback: 30 });
      return itemOf(row, sanitizer, {
        user_id,
        name: sanitizer.text('name', 500),
        goal: sanitizer.text('goal', 500),
        progress,
      });
    });
  },
};

/**
 * The source's resources have no owner. Whose plans link one gets it: the user of the first link the resource itself,
 * each other user a copy. So a row here is a resource and a user (`owner`).
 */
export const resources: Step = {
  table: 'resources',
  select: `
    select r.id::bigint::text as id, u.user_id::bigint::text as owner, u.user_id::bigint::text as user_id,
      r.type::text, r.name::text, r.description::text, r.volume::text, u.reached::text
    from resources r
    left join (
      select l.resource_id, p.user_id, min(l.id) as first, max(nullif(l.progress::float8, 'NaN')) as reached
      from mental_plan_resources l join mental_plans p on p.id = l.mental_plan_id
      where p.user_id is not null
      group by 1, 2) u on u.resource_id = r.id
    order by r.id, u.first`,
  async prepare(target, rows, refused) {
    const user = await lookup(target, rows, 'users', 'user_id');
    const mapped = await target<{ id: string }[]>`
      select distinct source_id::text as id from stepwise_import.kept
      where of = 'resources' and source_id = any(${rows.map((row) => row.id)}::bigint[])`;
    const given = new Set(mapped.map((row) => row.id));
    return convertAll(rows, refused, (row, sanitizer) => {
      if (row.user_id == null) refuseRow('no mental plan links it, so it is nobody’s');
      const { id: user_id } = user.get(row);
      const type = sanitizer.choice('type', resourceType.enumValues);
      const name = sanitizer.text('name', 500);
      const values = {
        user_id,
        type,
        name,
        description: sanitizer.textOrEmpty('description', 5000),
        volume: volumeOf(sanitizer),
      };
      const copy = given.has(row.id);
      given.add(row.id);
      return { ...itemOf(row, sanitizer, values), copy };
    });
  },
};

/** A volume that says nothing becomes what its reader has reached, so that the progress stays. */
function volumeOf(sanitizer: RowSanitizer): number {
  const volume = sanitizer.finite('volume');
  if (volume !== undefined && volume > 0) return sanitizer.number('volume', { min: 0, max: MAX_VOLUME });
  const reached = Math.min(sanitizer.finite('reached') ?? 0, MAX_VOLUME);
  const made = reached > 0 ? reached : 1;
  sanitizer.repairs.push(
    `volume was ${volume === undefined ? 'missing' : 'not above 0'}, made ${reached > 0 ? 'what was reached of it' : '1'}`,
  );
  return made;
}

/** Of several links between one plan and one resource the first stays, with the greatest progress. */
export const mentalPlanResources: Step = {
  table: 'mental_plan_resources',
  select: `
    select l.id::bigint::text as id, l.mental_plan_id::bigint::text as mental_plan_id, l.resource_id::bigint::text as resource_id,
      p.user_id::bigint::text as user_id, l.progress::text
    from mental_plan_resources l left join mental_plans p on p.id = l.mental_plan_id
    order by l.id`,
  async prepare(target, rows, refused) {
    const plan = await lookup(target, rows, 'mental_plans', 'mental_plan_id');
    const resource = await lookup(target, rows, 'resources', 'resource_id', 'user_id');
    const plans = targetsOf(rows, plan);
    const linked = await target<{ id: number; mental_plan_id: number; resource_id: number }[]>`
      select l.id, l.mental_plan_id, l.resource_id
      from mental_plan_resources l
      join unnest(${plans.user_ids}::bigint[], ${plans.ids}::bigint[]) as wanted (user_id, mental_plan_id)
        using (user_id, mental_plan_id)`;
    const links = new Map<string, Item | number>(
      linked.map((link) => [`${link.mental_plan_id}/${link.resource_id}`, link.id]),
    );
    const volumes = await volumesOf(target, targetsOf(rows, resource));

    const raised: {
      user_id: number | null;
      mental_plan_id: number;
      resource_id: number;
      progress: number;
    }[] = [];
    const items = convertAll(rows, refused, (row, sanitizer) => {
      const { id: mental_plan_id, user_id } = plan.get(row);
      const ids = { user_id, mental_plan_id, resource_id: resource.get(row).id };
      const progress = sanitizer.number('progress', {
        min: 0,
        max: volumes.get(ids.resource_id) ?? 0,
        fallback: 0,
      });
      const item = itemOf(row, sanitizer, { ...ids, progress });
      const name = `${ids.mental_plan_id}/${ids.resource_id}`;
      const first = links.get(name);
      if (first === undefined) {
        links.set(name, item);
        return item;
      }
      sanitizer.repairs.push('joined with the first link between the same two, the greater progress stays');
      if (typeof first === 'number') raised.push({ ...ids, progress });
      else first.values.progress = Math.max(first.values.progress as number, progress);
      return { ...item, mergedInto: first };
    });
    for (const { user_id, mental_plan_id, resource_id, progress } of raised)
      await target`
        update mental_plan_resources
        set progress = greatest(progress, ${progress})
        where user_id = ${user_id} and mental_plan_id = ${mental_plan_id} and resource_id = ${resource_id}`;
    return items;
  },
};

async function volumesOf(
  target: postgres.TransactionSql,
  { user_ids, ids }: Targets,
): Promise<Map<number, number>> {
  const rows = await target<{ id: number; volume: number }[]>`
    select r.id, r.volume
    from resources r
    join unnest(${user_ids}::bigint[], ${ids}::bigint[]) as wanted (user_id, id) using (user_id, id)`;
  return new Map(rows.map((row) => [row.id, row.volume]));
}
