// Sends each user a weekly summary as an event. `users.summary_due_at` says when the next one is due, and an index finds the
// users whose summary is due, some at a time. One statement writes the events of some users and moves these users to their
// next Monday, so no week is sent twice.
//
// The quiet hour is the middle of the longest daily silence of the user's own events, in UTC.
import type { SQL } from 'drizzle-orm';
import { sql } from '../../db/drizzle.ts';
import {
  eventSequences,
  events,
  mentalPlanResources,
  mentalPlans,
  physicalPlans,
  resources,
  tasks,
  users,
} from '../../db/schema/index.ts';
import { appendEventPerUser } from '../../db/sql/eventLog.ts';
import { write } from '../../db/statement.ts';

/** The hour (UTC) for users without an event this week: it is night in Europe then. */
const DEFAULT_HOUR = 3;

/** The hour (UTC) in the middle of the longest daily silence of the user `account`; null without any event. */
const quietHour = sql`(
  select ((hour + silence / 2) % 24)::int
  from (
    select hour, coalesce(lead(hour) over (order by hour), min(hour) over () + 24) - hour as silence
    from (
      select distinct extract(hour from event.at at time zone 'UTC')::int as hour
      from ${events} event
      where
        event.user_id = account.id
        and event.at > now() - interval '7 days'
        and event.type <> 'summary.created') active_hours) silences
  order by silence desc, hour
  limit 1)`;

/** The number of tasks of the user `told` with an event of the last seven days that meets the condition. */
const tasksOfWeek = (condition: SQL) => sql`(
  select count(distinct event.data->>'id')
  from ${events} event
  where event.user_id = told.user_id and event.at > now() - interval '7 days' and ${condition})`;

const tasksThatAre = (status: boolean) =>
  sql`(
    select count(*)
    from ${tasks} task
    where task.user_id = told.user_id and task.status = ${sql.raw(String(status))})`;

// It describes the last week, also if the summary is overdue by more than one.
const summary = sql`json_build_object(
  'week', to_char(now() at time zone 'UTC' - interval '7 days', 'IYYY-"W"IW'),
  'tasks', json_build_object(
    'created', ${tasksOfWeek(sql`event.type = 'task.created'`)},
    'completed', ${tasksOfWeek(sql`event.type in ('task.created', 'task.changed') and event.data->>'status' = 'true'`)},
    'open', ${tasksThatAre(false)},
    'done', ${tasksThatAre(true)}),
  'physical_plan', (
    select json_build_object('id', plan.id, 'day', plan.day, 'progress', plan.progress)
    from ${physicalPlans} plan
    where plan.user_id = told.user_id
    order by plan.id desc
    limit 1),
  'mental_plan', (
    select json_build_object(
      'id', plan.id,
      'days_left', plan.progress,
      'resources', read.resources,
      'finished', read.finished,
      'percent', read.percent)
    from (
      select *
      from ${mentalPlans} newest
      where newest.user_id = told.user_id
      order by newest.id desc
      limit 1) plan,
    lateral (
      select
        count(*) as resources,
        count(*) filter (where link.progress >= resource.volume) as finished,
        coalesce(floor(100 * avg(least(link.progress / resource.volume, 1)))::int, 100) as percent
      from ${mentalPlanResources} link
      join ${resources} resource on resource.id = link.resource_id
      where link.mental_plan_id = plan.id) read))`;

// Users whose lock another statement holds are skipped until the next run: waiting for several locks could deadlock.
export const sendDueSummaries = write(
  'summary.tell',
  { limit: 'int' },
  { user_id: users.id },
  ({ limit }) => sql`
  with due as materialized (
    select id, summary_due_at as due
    from ${users}
    where summary_due_at <= now()
    order by summary_due_at
    limit ${limit}),
  locked as materialized (
    select user_id
    from ${eventSequences}
    where user_id = any(array(select id from due))
    for update skip locked),
  moved as materialized (
    update ${users} account
    set summary_due_at = (
      date_trunc('week', now() at time zone 'UTC')
      + interval '7 days'
      + make_interval(hours => coalesce(${quietHour}, ${sql.raw(String(DEFAULT_HOUR))}))) at time zone 'UTC'
    from due
    where
      account.id = any(array(select user_id from locked))
      and account.id = due.id
      and account.summary_due_at = due.due
    returning account.id as user_id),
  ${appendEventPerUser('summary.created', sql`select told.user_id, ${summary} as data from moved told`)}
  select user_id from moved`,
);
