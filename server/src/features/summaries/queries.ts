// Sends each user a weekly summary as an event. `users.summary_due_at` says when the next one is due, and an index finds the
// users whose summary is due, some at a time. One statement reads the days of some users, of which the rules
// (domain/streak.ts) make the run at the end of the week. Another writes the events of those who have changed nothing in
// between, and moves these users to their next Monday, so no week is sent twice.
//
// The quiet hour is the middle of the longest daily silence of the user's own events, in UTC.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../../db/database.ts';
import { userFunction } from '../../db/distributed.ts';
import { sql } from '../../db/drizzle.ts';
import { json } from '../../db/rows.ts';
import {
  days,
  eventSequences,
  events,
  mentalPlanResources,
  mentalPlans,
  physicalPlans,
  profiles,
  schedules,
  tasks,
  users,
} from '../../db/schema/index.ts';
import { daysLeft } from '../../db/sql/daysLeft.ts';
import { appendEvent, appendEventPerUser, nextSequence } from '../../db/sql/eventLog.ts';
import { NOW } from '../../db/sql/localDate.ts';
import { resourceOfLink } from '../../db/sql/resourceOfLink.ts';
import { read, write } from '../../db/statement.ts';
import { addDays, type RunDay, type Schedule, streak } from '../../domain/index.ts';

/** The hour (UTC) for users without an event this week: it is night in Europe then. */
const DEFAULT_HOUR = 3;

/** The hour (UTC) in the middle of the longest daily silence of a user; null without any event. */
const quietHour = (now: SQL, user_id: SQL) => sql`(
  select ((hour + silence / 2) % 24)::int
  from (
    select hour, coalesce(lead(hour) over (order by hour), min(hour) over () + 24) - hour as silence
    from (
      select distinct extract(hour from event.at at time zone 'UTC')::int as hour
      from ${events} event
      where
        event.user_id = ${user_id}
        and event.at > ${now} - interval '7 days'
        and event.type <> 'summary.created') active_hours) silences
  order by silence desc, hour
  limit 1)`;

/** The number of tasks of a user with an event of the last seven days that meets the condition. */
const tasksOfWeek = (now: SQL, user_id: SQL, condition: SQL) => sql`(
  select count(distinct event.data->>'id')
  from ${events} event
  where event.user_id = ${user_id} and event.at > ${now} - interval '7 days' and ${condition})`;

const tasksThatAre = (user_id: SQL, status: boolean) =>
  sql`(
    select count(*)
    from ${tasks} task
    where task.user_id = ${user_id} and task.status = ${sql.raw(String(status))})`;

// It describes the last week, also if the summary is overdue by more than one.
const summary = (now: SQL, user_id: SQL) => sql`json_build_object(
  'week', to_char(${now} at time zone 'UTC' - interval '7 days', 'IYYY-"W"IW'),
  'streak', told.streak,
  'done', told.done,
  'tasks', json_build_object(
    'created', ${tasksOfWeek(now, user_id, sql`event.type = 'task.created'`)},
    'completed', ${tasksOfWeek(
      now,
      user_id,
      sql`event.type in ('task.created', 'task.changed') and event.data->>'status' = 'true'`,
    )},
    'open', ${tasksThatAre(user_id, false)},
    'done', ${tasksThatAre(user_id, true)}),
  'physical_plan', (
    select json_build_object('id', plan.id, 'day', plan.day, 'progress', plan.progress)
    from ${physicalPlans} plan
    where plan.user_id = ${user_id}
    order by plan.id desc
    limit 1),
  'mental_plan', (
    select json_build_object(
      'id', plan.id,
      'days_left', ${daysLeft('plan', user_id, sql`told.today`)},
      'resources', read.resources,
      'finished', read.finished,
      'percent', read.percent)
    from (
      select *
      from ${mentalPlans} newest
      where newest.user_id = ${user_id}
      order by newest.id desc
      limit 1) plan,
    lateral (
      select
        count(*) as resources,
        count(*) filter (where link.progress >= resource.volume) as finished,
        coalesce(floor(100 * avg(least(link.progress / resource.volume, 1)))::int, 100) as percent
      from ${mentalPlanResources} link
      ${resourceOfLink(user_id)}
      where link.user_id = ${user_id} and link.mental_plan_id = plan.id) read))`;

/** How far before the week a run is looked for: what a job reads of a user has a bound. */
const LOOK_BACK_DAYS = 366;

/**
 * What is read of the user `due`.
 * @param monday of the week that is told
 * @param start the first date that counts
 */
const dueColumns = (now: SQL, monday: SQL, start: SQL) => sql`  select
    due.id as user_id,
    sequence.last as seq,
    local_date(${now}, coalesce(profile.time_zone, 'UTC'), coalesce(profile.day_start, 0)) as today,
    ${monday} as monday,
    (
      select coalesce(json_agg(json_build_object('date', day.date, 'state', day.state, 'run', day.run)), '[]')
      from ${days} day
      where day.user_id = due.id
        and day.date between ${start} and ${monday} + 6
        and day.state <> 'open') as days,
    (
      select coalesce(json_agg(json_build_object(
        'from_date', schedule.from_date, 'training', schedule.training, 'study', schedule.study)), '[]')
      from ${schedules} schedule
      where schedule.user_id = due.id
        and schedule.from_date <= ${monday} + 6
        and schedule.from_date >= coalesce(
          (
            select max(earlier.from_date)
            from ${schedules} earlier
            where earlier.user_id = due.id and earlier.from_date <= ${start}),
          ${start})) as schedules`;

/** The Monday of the week in which the run began or was broken, at the latest `monday`. */
const runStart = (monday: SQL) => sql`coalesce(
      (
        select day.date - (extract(isodow from day.date)::int - 1)
        from ${days} day
        where day.user_id = due.id
          and day.date < ${monday}
          and day.date >= ${monday} - ${sql.raw(String(LOOK_BACK_DAYS))}
          and day.state <> 'open'
        order by day.date desc
        limit 1),
      ${monday})`;

const DUE_JOINS = sql`  join ${eventSequences} sequence on sequence.user_id = due.id
  left join ${profiles} profile on profile.user_id = due.id`;

// Rows that are not open, from the week of the last one before the told week on, and what was due from there on: what
// `streak` needs.
const findDue = read(
  'summary.due',
  { ...NOW, limit: 'int' },
  {
    user_id: users.id,
    seq: 'bigint',
    today: 'date',
    monday: 'date',
    days: json<readonly RunDay[]>(),
    schedules: json<readonly Schedule[]>(),
  },
  ({ now, limit }) => sql`
  with due as materialized (
    select id
    from ${users}
    where summary_due_at <= ${now}
    order by summary_due_at
    limit ${limit}),
  week as (
    select date_trunc('week', ${now} at time zone 'UTC')::date - 7 as monday)
${dueColumns(now, sql`week.monday`, sql`start.date`)}
  from due
  cross join week
${DUE_JOINS}
  cross join lateral (
    select ${runStart(sql`week.monday`)} as date) start`,
  {
    // Each node reads of its own users, as many as there is room for.
    build: ({ now, limit }) => {
      const monday = sql`(date_trunc('week', ${now} at time zone 'UTC')::date - 7)`;
      return sql`${dueColumns(now, monday, runStart(monday))}
  from ${users} due
${DUE_JOINS}
  where due.summary_due_at <= ${now}
  order by due.summary_due_at
  limit ${limit}`;
    },
  },
);

/** The next Monday of a user, at the quiet hour. */
const nextDue = (now: SQL, user_id: SQL) => sql`(
      date_trunc('week', ${now} at time zone 'UTC')
      + interval '7 days'
      + make_interval(hours => coalesce(${quietHour(now, user_id)}, ${sql.raw(String(DEFAULT_HOUR))}))) at time zone 'UTC'`;

/** The same for one user, as a function: of the user, the number of the last event, today, the streak, days done, and now. */
function tellOne() {
  const [user_id, seq, today, streak, done, now] = [1, 2, 3, 4, 5, 6].map((number) =>
    sql.raw(`$${number}`),
  ) as [SQL, SQL, SQL, SQL, SQL, SQL];
  return userFunction({
    name: 'tell_summary',
    parameters: ['bigint', 'bigint', 'date', 'int', 'int', 'timestamptz'],
    columns: '"user_id" bigint',
    body: sql`
  with locked as (
    select user_id
    from ${eventSequences}
    where user_id = ${user_id} and last = ${seq}
    for update skip locked),
  moved as (
    update ${users} account
    set summary_due_at = ${nextDue(now, user_id)}
    where account.id = ${user_id} and account.summary_due_at <= ${now} and exists (select from locked)
    returning account.id as user_id, ${today}::date as today, ${streak}::int as streak, ${done}::int as done),
  ${nextSequence(user_id, sql`exists (select from moved)`)},
  ${appendEvent(user_id, 'summary.created', sql`select ${summary(now, user_id)} as data from moved told`)}
  select user_id from moved`,
  });
}

// Users whose lock another statement holds are skipped until the next run: waiting for several locks could deadlock. So
// are those with an event since their days were read.
const tell = write(
  'summary.tell',
  { ...NOW, summaries: 'json' },
  { user_id: users.id },
  ({ now, summaries }) => sql`
  with sent as materialized (
    select *
    from json_to_recordset(${summaries}) as sent(user_id bigint, seq bigint, today date, streak int, done int)),
  locked as materialized (
    select user_id, last
    from ${eventSequences}
    where user_id = any(array(select user_id from sent))
    for update skip locked),
  moved as materialized (
    update ${users} account
    set summary_due_at = ${nextDue(now, sql`account.id`)}
    from sent
    join locked on locked.user_id = sent.user_id and locked.last = sent.seq
    where
      account.id = any(array(select user_id from locked))
      and account.id = sent.user_id
      and account.summary_due_at <= ${now}
    returning account.id as user_id, sent.today, sent.streak, sent.done),
  ${appendEventPerUser('summary.created', sql`select told.user_id, ${summary(now, sql`told.user_id`)} as data from moved told`)}
  select user_id from moved`,
  {
    // Each node tells its own users.
    build: ({ now, summaries }) => sql`
  select told.user_id
  from ${users} account
  join json_to_recordset(${summaries}) as sent(user_id bigint, seq bigint, today date, streak int, done int)
    on sent.user_id = account.id
  cross join lateral ${sql.raw(tellOne().name)}(
    account.id, sent.seq, sent.today, sent.streak, sent.done, ${now}) as told`,
    functions: () => tellOne().functions,
  },
);

const isDone = ({ state }: RunDay): boolean => state === 'done' || state === 'reported';

/** Sends the summaries of some users that are due. @returns who got one; nobody when no more are due */
export async function sendDueSummaries(db: Database, now: Date, limit: number): Promise<number[]> {
  const due = await findDue(db, { now, limit });
  if (due.length === 0) return [];
  const summaries = due.map(({ user_id, seq, today, monday, days, schedules }) => {
    const nextMonday = addDays(monday, 7);
    const isOver = today >= nextMonday;
    return {
      user_id,
      seq,
      today,
      // The run with which the week ended. Far in the west its Sunday is not over yet, and not missed.
      streak: streak(days, schedules, isOver ? nextMonday : today).current,
      done: days.filter((day) => day.date >= monday && isDone(day)).length,
    };
  });
  return (await tell(db, { now, summaries })).map(({ user_id }) => user_id);
}
