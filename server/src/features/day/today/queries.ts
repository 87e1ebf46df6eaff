// What to do on a date: one statement reads what the rules need (view.ts computes it). The result is kept as a view for the
// user's date. While nothing changed the database answers its revision alone, by a statement of its own: to begin the other
// one takes PostgreSQL longer than all of this.
import type { SQL } from 'drizzle-orm';
import type { ReadModelCache } from '../../../cache/readModels.ts';
import { currentBody } from '../../../dayRecord/body.ts';
import type { DayServices } from '../../../dayRecord/move.ts';
import { datesOfSessions, sessionsBefore, sessionsOf } from '../../../dayRecord/sessions.ts';
import { planDays, standingOfPlan } from '../../../dayRecord/trainingPlan.ts';
import type { Database } from '../../../db/database.ts';
import { sql } from '../../../db/drizzle.ts';
import { json, nullable } from '../../../db/rows.ts';
import {
  days,
  eventSequences,
  mentalPlanResources as links,
  mentalPlans,
  physicalPlans,
  profiles,
  resources,
  schedules,
  tasks,
} from '../../../db/schema/index.ts';
import { catalogueVersion } from '../../../db/sql/catalogueVersion.ts';
import { localToday, mondayOf, NOW } from '../../../db/sql/localDate.ts';
import { progressDeltas } from '../../../db/sql/progressDeltas.ts';
import { isInForceSince } from '../../../db/sql/schedule.ts';
import { taskRow } from '../../../db/sql/taskRow.ts';
import { unitOf } from '../../../db/sql/units.ts';
import { lastWeighIns } from '../../../db/sql/weighIn.ts';
import { firstRow, read } from '../../../db/statement.ts';
import { WRITABLE_DAYS } from '../../../domain/index.ts';
import { MAX_LISTED, type Today } from './contract.ts';
import { type StoredToday, toToday } from './view.ts';

const revision = (seq: SQL, today: SQL) => sql`concat_ws(' ', ${seq}, ${today}, ${catalogueVersion})`;

const readRevision = firstRow(
  read(
    'day.revision',
    { ...NOW, user_id: 'bigint' },
    { revision: 'text' },
    ({ user_id, now }) => sql`
    select ${revision(sql`sequence.last`, localToday(user_id, now))} as revision
    from ${eventSequences} sequence
    where sequence.user_id = ${user_id}`,
  ),
);

// Tasks without a date are sorted by their status too, which is always the same: so the index that begins with it is taken,
// and no done task is read.
const readToday = firstRow(
  read(
    'day.today',
    { ...NOW, user_id: 'bigint', date: 'date?' },
    {
      revision: 'text',
      catalogue: 'int',
      lang: profiles.lang,
      in_range: 'boolean',
      stored: nullable(json<StoredToday>()),
    },
    ({ user_id, now, date }) => sql`
    with own as (
      select
        sequence.last as seq,
        coalesce(profile.time_zone, 'UTC') as time_zone,
        coalesce(profile.day_start, 0) as day_start,
        coalesce(profile.bmr_formula, 'mifflin') as bmr_formula,
        profile.lang,
        profile.activity,
        coalesce(profile.study_days, 127) as study_days,
        profile.daily_minutes,
        coalesce(profile.minutes_per_page, 2) as minutes_per_page,
        coalesce(profile.minutes_per_chapter, 20) as minutes_per_chapter,
        coalesce(profile.minutes_per_lesson, 30) as minutes_per_lesson,
        local_date(${now}, coalesce(profile.time_zone, 'UTC'), coalesce(profile.day_start, 0)) as today,
        coalesce(${catalogueVersion}, 0) as catalogue
      from ${eventSequences} sequence
      left join ${profiles} profile on profile.user_id = ${user_id}
      where sequence.user_id = ${user_id}
    ),
    clock as materialized (
      select
        own.*,
        coalesce(${date}, own.today) as date,
        coalesce(${date} between own.today - ${sql.raw(String(WRITABLE_DAYS))} and own.today, true) as in_range,
        ${revision(sql`own.seq`, sql`own.today`)} as revision
      from own
    ),
    own_day as (
      select day.date, day.state, day.revision, day.plan_id, day.slot, day.workout, day.kcal_per_kg
      from clock
      join ${days} day on day.user_id = ${user_id} and day.date = clock.date
    ),
    plan as (
      select
        plan.id, plan.day, plan.progress, plan.sessions, plan.schedule, plan.level, plan.training_days,
        ${planDays('plan', user_id)} as days
      from ${physicalPlans} plan
      where plan.user_id = ${user_id}
      order by plan.id desc
      limit 1
    ),
    ${standingOfPlan(user_id)},
    ${sessionsBefore(user_id)},
    session_date as (
      select last_date as date from standing
      union
      select (standing_before ->> 'last_date')::date
      from own_session, jsonb_array_elements(own_session.before) as standing_before
      union
      ${datesOfSessions(user_id)}
    ),
    session as (${sessionsOf(user_id, sql`select date from session_date`)}
    ),
    mental_plan as (
      select id, progress as days_left, deadline
      from ${mentalPlans}
      where user_id = ${user_id}
      order by id desc
      limit 1
    ),
    moved as materialized (${progressDeltas(user_id, sql`(select date from clock)`)}),
    resource as (
      select
        resource.id, resource.type, ${unitOf('resource')} as unit, resource.volume, link.progress,
        case when row_number() over (order by resource.id) <= ${sql.raw(String(MAX_LISTED))} then resource.name end as name,
        (
          select coalesce(json_agg(json_build_object('date', moved.date, 'delta', moved.delta)), '[]')
          from moved
          where moved.mental_plan_id = mental_plan.id and moved.resource_id = resource.id
        ) as deltas
      from mental_plan
      join ${links} link on link.user_id = ${user_id} and link.mental_plan_id = mental_plan.id
      join ${resources} resource on resource.id = link.resource_id and resource.user_id = ${user_id}
      where link.progress < resource.volume
    ),
    task as (
      select ${taskRow('due', user_id)}
      from (
        (
          select *
          from ${tasks}
          where user_id = ${user_id} and not status and due_on <= (select date from clock)
          order by due_on, id
          limit ${sql.raw(String(MAX_LISTED))}
        )
        union all
        (
          select *
          from ${tasks}
          where user_id = ${user_id} and not status and due_on is null
          order by status, id
          limit ${sql.raw(String(MAX_LISTED))}
        )
        order by due_on, id
        limit ${sql.raw(String(MAX_LISTED))}
      ) as due
    ),
    monday as (
      select ${mondayOf(sql`clock.date`)} as date from clock
    ),
    first_row as (
      select coalesce(
        (
          select max(day.date)
          from ${days} day
          where day.user_id = ${user_id} and day.date < monday.date and day.state <> 'open'
        ),
        monday.date) as date
      from monday
    ),
    run_row as (
      select day.date, day.state, day.run
      from clock, first_row
      join ${days} day on day.user_id = ${user_id}
      where day.date between ${mondayOf(sql`first_row.date`)} and clock.date
        and day.state <> 'open'
    ),
    in_force as (
      select schedule.from_date, schedule.training, schedule.study
      from clock, first_row
      join ${schedules} schedule on schedule.user_id = ${user_id}
      where schedule.from_date <= clock.date
        and ${isInForceSince(user_id, mondayOf(sql`first_row.date`))}
    )
    select
      clock.revision,
      clock.catalogue,
      clock.lang,
      clock.in_range,
      stored.state as stored
    from clock
    left join lateral (
      select json_build_object(
        'seq', clock.seq,
        'date', clock.date,
        'time_zone', clock.time_zone,
        'day_start', clock.day_start,
        'bmr_formula', clock.bmr_formula,
        'activity', clock.activity,
        'study_days', clock.study_days,
        'daily_minutes', clock.daily_minutes,
        'minutes_per_page', clock.minutes_per_page,
        'minutes_per_chapter', clock.minutes_per_chapter,
        'minutes_per_lesson', clock.minutes_per_lesson,
        'body', ${currentBody(user_id)},
        'weights', ${lastWeighIns(user_id, sql`clock.date`)},
        'day', (select row_to_json(own_day) from own_day),
        'plan', (select row_to_json(plan) from plan),
        'progressions', (select coalesce(json_agg(standing), '[]') from standing),
        'sessions', (select coalesce(json_agg(session order by session.date), '[]') from session),
        'mental_plan', (select row_to_json(mental_plan) from mental_plan),
        'finished', (
          select count(*)
          from mental_plan
          join ${links} link on link.user_id = ${user_id} and link.mental_plan_id = mental_plan.id
          join ${resources} resource on resource.id = link.resource_id and resource.user_id = ${user_id}
          where link.progress >= resource.volume
        ),
        'resources', (select coalesce(json_agg(resource order by resource.id), '[]') from resource),
        'tasks', (select coalesce(json_agg(task order by task.due_on, task.id), '[]') from task),
        'rows', (select coalesce(json_agg(run_row order by run_row.date), '[]') from run_row),
        'schedules', (select coalesce(json_agg(in_force), '[]') from in_force)
      ) as state
      where clock.in_range
    ) stored on true`,
  ),
);

/** What a request that names a date out of range gets. */
export type TodayResult = Today | 'date out of range' | undefined;

/**
 * @param date one of the last 30 days; undefined: the date that it is for the user, which is kept as a view
 * @returns undefined if there is no such user
 */
export async function findToday(
  db: Database,
  services: DayServices & { readonly readModels: ReadModelCache },
  user_id: number,
  date: string | undefined,
): Promise<TodayResult> {
  const now = services.now();
  const ask = async () => {
    const row = await readToday(db, { user_id, now, date });
    if (!row) return undefined;
    const view = row.stored
      ? toToday(row.stored, await services.exercises.get(db, row.catalogue, row.lang))
      : undefined;
    return { revision: row.revision, view, in_range: row.in_range };
  };
  if (date === undefined)
    return services.readModels.revalidate('today', user_id, {
      revision: async () => (await readRevision(db, { user_id, now }))?.revision,
      read: async () => {
        const found = await ask();
        return found?.view && { ...found, view: found.view, size: JSON.stringify(found.view).length };
      },
    });
  const found = await ask();
  return found && (found.in_range ? found.view : 'date out of range');
}
