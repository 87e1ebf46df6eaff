// Sends each user a weekly summary as an event. `users.summary_due_at` says when the next one is due, and an index finds the
// users whose summary is due, some at a time. One statement writes the events of some users and moves these users to their
// next Monday, so no week is sent twice.
//
// Nobody is asked for a time zone: the quiet hour is the middle of the longest silence of the user's own events.
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

/** The hour in the middle of the longest silence that the user `u` keeps on a day (UTC); null without any event. */
const quietHour = sql`(
  select ((hour + silence / 2) % 24)::int from (
    select hour, coalesce(lead(hour) over (order by hour), min(hour) over () + 24) - hour as silence from (
      select distinct extract(hour from e.at at time zone 'UTC')::int as hour from ${events} e
      where e.user_id = u.id and e.at > now() - interval '7 days' and e.type <> 'summary.created') active) silences
  order by silence desc, hour limit 1)`;

/** The number of tasks with an event of the last seven days that fulfils the condition. */
const tasksOfWeek = (condition: SQL) => sql`(
  select count(distinct e.data->>'id') from ${events} e
  where e.user_id = t.user_id and e.at > now() - interval '7 days' and ${condition})`;

const tasksThatAre = (status: boolean) =>
  sql`(select count(*) from ${tasks} k where k.user_id = t.user_id and k.status = ${sql.raw(String(status))})`;

// It describes the last week, also if the summary is overdue by more than one.
const summary = sql`json_build_object(
  'week', to_char(now() at time zone 'UTC' - interval '7 days', 'IYYY-"W"IW'),
  'tasks', json_build_object(
    'created', ${tasksOfWeek(sql`e.type = 'task.created'`)},
    'completed', ${tasksOfWeek(sql`e.type in ('task.created', 'task.changed') and e.data->>'status' = 'true'`)},
    'open', ${tasksThatAre(false)},
    'done', ${tasksThatAre(true)}),
  'physical_plan', (
    select json_build_object('id', p.id, 'day', p.day, 'progress', p.progress)
    from ${physicalPlans} p where p.user_id = t.user_id order by p.id desc limit 1),
  'mental_plan', (
    select json_build_object('id', p.id, 'days_left', p.progress, 'resources', l.many, 'finished', l.finished, 'percent', l.percent)
    from (select * from ${mentalPlans} m where m.user_id = t.user_id order by m.id desc limit 1) p, lateral (
      select count(*) as many, count(*) filter (where l.progress >= r.volume) as finished,
        coalesce(floor(100 * avg(least(l.progress / r.volume, 1)))::int, 100) as percent
      from ${mentalPlanResources} l join ${resources} r on r.id = l.resource_id where l.mental_plan_id = p.id) l))`;

// Users whose lock another statement holds are skipped until the next run: waiting for several locks could deadlock.
export const sendDueSummaries = write(
  'summary.tell',
  { limit: 'int' },
  { user_id: users.id },
  ({ limit }) => sql`
  with due as materialized (
    select id, summary_due_at as due from ${users} where summary_due_at <= now() order by summary_due_at limit ${limit}),
  locked as materialized (
    select user_id from ${eventSequences} where user_id = any(array(select id from due)) for update skip locked),
  moved as materialized (
    update ${users} u set summary_due_at =
      (date_trunc('week', now() at time zone 'UTC') + interval '7 days' + make_interval(hours => coalesce(${quietHour}, ${sql.raw(String(DEFAULT_HOUR))})))
      at time zone 'UTC'
    from due where u.id = any(array(select user_id from locked)) and u.id = due.id and u.summary_due_at = due.due
    returning u.id as user_id),
  ${appendEventPerUser('summary.created', sql`select t.user_id, ${summary} as data from moved t`)}
  select user_id from moved`,
);
