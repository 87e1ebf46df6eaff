// Makes, changes and removes plans. Every statement is scoped to its owner.
import type { SQL } from 'drizzle-orm';
import { removalWithSchedule, updateRuns, withSchedule } from '../../dayRecord/schedule.ts';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import { json, nullable } from '../../db/rows.ts';
import {
  mentalPlanResources as links,
  mentalPlans as plans,
  profiles,
  resources,
} from '../../db/schema/index.ts';
import { recordAdjustment, userClock } from '../../db/sql/adjustment.ts';
import { columnList, jsonFields, pickColumns } from '../../db/sql/columns.ts';
import { daysLeft } from '../../db/sql/daysLeft.ts';
import { appendEvents, lockUser, userLocked } from '../../db/sql/eventLog.ts';
import { localToday, NOW } from '../../db/sql/localDate.ts';
import { isBelowQuota, QUOTA_PARAMETER } from '../../db/sql/quota.ts';
import { hasRuns, setSchedule } from '../../db/sql/schedule.ts';
import {
  hasChanges,
  ifMatch,
  type MissReason,
  versionedRemoval,
  versionsOf,
} from '../../db/sql/versionedUpdate.ts';
import { firstRow, groupedWrite, write } from '../../db/statement.ts';
import type { MentalPlanChange, MentalPlanRow, NewMentalPlan } from './contract.ts';
import { columns, withDaysLeft } from './queries.ts';

/** The data of an event of the CTE `shown`: the plan's row and, if the list of resources was `replaced`, the new list. */
const eventData = (replaced: SQL, wanted: SQL) => sql`
  select json_build_object(
    ${jsonFields(columns, 'shown')},
    'resource_list', case when ${replaced} then to_json(${wanted}) end) as data
  from shown`;

/** The last date that a deadline may be, in days from today on. */
const MAX_DEADLINE_DAYS = 3649;

/** The CTE that knows the user's date; it is only asked where there is a deadline. */
const clock = (user_id: SQL, now: SQL) => sql`
    clock as materialized (select ${localToday(user_id, now)} as today)`;

/** A condition: no deadline is sent, or one that is neither over nor too far away. */
const isDeadlineInRange = (deadline: SQL) => sql`(
          ${deadline} is null
          or ${deadline} between (select today from clock)
            and (select today + ${sql.raw(String(MAX_DEADLINE_DAYS))} from clock))`;

const rowColumns = pickColumns(plans, ['id', 'user_id', 'name', 'goal', 'deadline', 'version']);

/** The CTE of the plan as clients see it. */
const shownPlan = (user_id: SQL) => sql`
    shown as (
      select
        ${columnList(rowColumns, 'plan')},
        ${daysLeft('plan', user_id, sql`(select today from clock)`)} as progress
      from plan
    )`;

const NEW_PLAN = {
  ...QUOTA_PARAMETER,
  user_id: 'bigint',
  name: 'text',
  goal: 'text',
  progress: 'int',
  deadline: 'date?',
  wanted: 'bigint[]',
  ...NOW,
} as const;

const create = firstRow(
  write(
    'mentalPlan.create',
    NEW_PLAN,
    { id: 'bigint?', in_range: 'boolean', moves_runs: 'boolean' },
    ({ user_id, name, goal, progress, deadline, wanted, quota, now }) => sql`
    with ${lockUser(user_id)},
    ${clock(user_id, now)},
    mine as (
      select id
      from ${resources}
      where user_id = ${user_id} and id = any(${wanted})
    ),
    plan as (
      insert into ${plans} (user_id, name, goal, progress, deadline)
      select ${user_id}, ${name}, ${goal}, ${progress}, ${deadline}
      where (select count(*) from mine) = cardinality(${wanted})
        and ${userLocked}
        and ${isBelowQuota('mental_plans', user_id, quota)}
        and ${isDeadlineInRange(deadline)}
      returning ${columnList(columns)}
    ),
    link as (
      insert into ${links} (user_id, mental_plan_id, resource_id)
      select ${user_id}, plan.id, mine.id
      from plan, mine
    ),
    ${setSchedule(
      'study',
      user_id,
      now,
      sql`
        select case when exists (select from mine) then coalesce(profile.study_days, 127) else 0 end as days
        from plan
        left join ${profiles} profile on profile.user_id = ${user_id}`,
    )},
    ${shownPlan(user_id)},
    ${appendEvents(user_id, 'mentalPlan.created', eventData(sql`true`, wanted))}
    select
      (select id from plan) as id,
      ${isDeadlineInRange(deadline)} as in_range,
      ${hasRuns(user_id, now)} as moves_runs`,
  ),
);

export type PlanCreation =
  | { outcome: 'created'; id: number }
  | { outcome: 'deadline out of range' }
  /** One of the resources is not the user's, or there is no room. */
  | { outcome: 'refused' };

/** Makes the plan with its links, or nothing of it. */
export async function createPlan(
  db: Database,
  user_id: number,
  now: Date,
  quota: number,
  { resource_list, ...plan }: NewMentalPlan,
): Promise<PlanCreation> {
  const wanted = [...new Set(resource_list)];
  const row = await create(db, { ...plan, user_id, now, quota, wanted });
  if (row?.in_range === false) return { outcome: 'deadline out of range' };
  if (!row?.id) return { outcome: 'refused' };
  if (row.moves_runs) await updateRuns(db, user_id, now);
  return { outcome: 'created', id: row.id };
}

export type PlanUpdate =
  | { outcome: 'updated'; plan: MentalPlanRow }
  | { outcome: MissReason | 'resource missing' | 'deadline out of range' };

const PLAN_CHANGE = {
  ...NOW,
  user_id: 'bigint',
  id: 'bigint',
  if_match: 'int[]?',
  /** Whether anything is changed, and whether anything but `progress` is: with a deadline that is left alone. */
  has_changes: 'boolean',
  has_other_changes: 'boolean',
  name: 'text?',
  goal: 'text?',
  progress: 'int?',
  replaces_deadline: 'boolean',
  deadline: 'date?',
  replace: 'boolean',
  wanted: 'bigint[]',
} as const;

const UPDATE_ROW = {
  plan: nullable(json<MentalPlanRow>()),
  found: 'boolean',
  /** Null if it is not found. */
  matched: 'boolean?',
  in_range: 'boolean',
} as const;

// `before` locks the row, so that it has the values that are replaced, whatever was committed since the statement began.
const update = firstRow(
  groupedWrite(
    'mentalPlan.update',
    PLAN_CHANGE,
    UPDATE_ROW,
    (sent) => sql`
    with ${lockUser(sent.user_id)},
    ${userClock(sent.user_id, sent.now)},
    wanted as (select unnest(${sent.wanted}) as id),
    mine as (
      select resource.id
      from ${resources} resource
      join wanted using (id)
      where resource.user_id = ${sent.user_id}
    ),
    before as (
      select
        id,
        version,
        progress,
        case when ${sent.replaces_deadline} then ${sent.deadline} else deadline end as deadline
      from ${plans}
      where id = ${sent.id} and user_id = ${sent.user_id} and ${userLocked}
      for no key update
    ),
    plan as (
      update ${plans} plan set
        name = coalesce(${sent.name}, plan.name),
        goal = coalesce(${sent.goal}, plan.goal),
        progress = case
          when before.deadline is null then coalesce(${sent.progress}, plan.progress)
          else plan.progress
        end,
        deadline = before.deadline,
        version = plan.version
          + (case when before.deadline is null then ${sent.has_changes} else ${sent.has_other_changes} end)::int
      from before
      where plan.user_id = ${sent.user_id}
        and plan.id = before.id
        and ${ifMatch(sql`before.version`, sent.if_match)}
        and (select count(*) from mine) = cardinality(${sent.wanted})
        and ${isDeadlineInRange(sent.deadline)}
      returning ${columnList(columns, 'plan')}
    ),
    dropped as (
      delete from ${links} link using plan
      where ${sent.replace}
        and link.user_id = ${sent.user_id}
        and link.mental_plan_id = plan.id
        and not exists (select from wanted where wanted.id = link.resource_id)
      returning link.resource_id, link.mental_plan_id, link.progress
    ),
    added as (
      insert into ${links} (user_id, mental_plan_id, resource_id)
      select ${sent.user_id}, plan.id, mine.id
      from plan, mine
      where ${sent.replace}
      order by mine.id
      on conflict do nothing
    ),
    ${shownPlan(sent.user_id)},
    ${appendEvents(
      sent.user_id,
      'mentalPlan.changed',
      sql`${eventData(sent.replace, sent.wanted)}, before where shown.version <> before.version`,
    )},
    ${recordAdjustment(
      sent.user_id,
      sent.now,
      sql`
        select
          case when bool_or(of = 'days_left') then 'days_left.adjusted' else 'progress.adjusted' end as kind,
          jsonb_strip_nulls(jsonb_build_object(
            'counters', jsonb_agg(
              jsonb_build_object('of', of, 'id', id, 'plan_id', plan_id, 'before', before, 'after', after)
              order by of, id),
            'counted_down', bool_or(is_current and after = before - 1) filter (where of = 'days_left'),
            'reason', case when bool_or(of = 'resource') then 'unlinked' end)) as data
        from (
          select
            'days_left' as of,
            plan.id,
            null as plan_id,
            before.progress as before,
            plan.progress as after,
            plan.id = (
              select id from ${plans} where user_id = ${sent.user_id} order by id desc limit 1
            ) as is_current
          from plan, before
          where plan.progress <> before.progress
          union all
          select 'resource', resource_id, mental_plan_id, progress, 0, null
          from dropped
          where progress <> 0
        ) as counter
        having count(*) > 0`,
    )}
    select
      (select row_to_json(shown) from shown) as plan,
      exists (select from before) as found,
      (select ${ifMatch(sql`version`, sent.if_match)} from before) as matched,
      ${isDeadlineInRange(sent.deadline)} as in_range`,
  ),
);

/**
 * Changes a plan and, when `resource_list` is sent, makes its links exactly these: kept ones keep their progress.
 * All of it happens or nothing. Which links to add and drop is decided on what the statement sees, so it runs under the
 * user's lock then.
 */
export async function updatePlan(
  db: Database,
  user_id: number,
  now: Date,
  { resource_list, progress, ...change }: MentalPlanChange,
): Promise<PlanUpdate> {
  const run = (on: Database) =>
    update(on, {
      ...change,
      progress,
      user_id,
      now,
      if_match: versionsOf(change.if_match),
      has_changes: hasChanges({ ...change, progress, resource_list }),
      has_other_changes: hasChanges({ ...change, resource_list }),
      replaces_deadline: change.deadline !== undefined,
      replace: resource_list !== undefined,
      wanted: [...new Set(resource_list)],
    });
  const row = resource_list
    ? await withSchedule(db, user_id, now, run, (result) => result?.plan != null)
    : await run(db);
  if (!row?.found) return { outcome: 'missing' };
  if (!row.in_range) return { outcome: 'deadline out of range' };
  if (!row.plan && !row.matched) return { outcome: 'version_mismatch' };
  if (!row.plan) return { outcome: 'resource missing' };
  const [plan = row.plan] = await withDaysLeft(db, user_id, now, [row.plan]);
  return { outcome: 'updated', plan };
}

/** The resources stay the user's. */
export const removePlan = removalWithSchedule(versionedRemoval('mentalPlan', plans));
