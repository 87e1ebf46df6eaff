// What to do on a date: one statement reads what the rules need (view.ts computes it). The result is kept as a view for the
// user's date, so that while nothing changed the database answers the revision alone.
import type { ReadModelCache } from '../../../cache/readModels.ts';
import { currentBody } from '../../../dayRecord/body.ts';
import type { DayServices } from '../../../dayRecord/move.ts';
import { planDays } from '../../../dayRecord/trainingPlan.ts';
import type { Database } from '../../../db/database.ts';
import { sql } from '../../../db/drizzle.ts';
import { json, nullable } from '../../../db/rows.ts';
import {
  days,
  eventSequences,
  facts,
  mentalPlanResources as links,
  mentalPlans,
  physicalPlans,
  profiles,
  progressions,
  resources,
  schedules,
  tasks,
} from '../../../db/schema/index.ts';
import { catalogueVersion } from '../../../db/sql/catalogueVersion.ts';
import { NOW } from '../../../db/sql/localDate.ts';
import { progressDeltas } from '../../../db/sql/progressDeltas.ts';
import { unitOf } from '../../../db/sql/units.ts';
import { firstRow, read } from '../../../db/statement.ts';
import { SESSION_DAYS, WRITABLE_DAYS } from '../../../domain/index.ts';
import { MAX_LISTED, type Today } from './contract.ts';
import { type StoredToday, toToday } from './view.ts';

const readToday = firstRow(
  read(
    'day.today',
    { ...NOW, user_id: 'int', date: 'date?', known_revision: 'text?' },
    {
      revision: 'text',
      catalogue: 'int',
      in_range: 'boolean',
      known: nullable(json<StoredToday>()),
    },
    ({ user_id, now, date, known_revision }) => sql`
    with own as (
      select
        sequence.last as seq,
        coalesce(profile.time_zone, 'UTC') as time_zone,
        coalesce(profile.day_start, 0) as day_start,
        coalesce(profile.bmr_formula, 'mifflin') as bmr_formula,
        profile.activity,
        coalesce(profile.study_days, 127) as study_days,
        profile.daily_minutes,
        coalesce(profile.minutes_per_page, 2) as minutes_per_page,
        coalesce(profile.minutes_per_chapter, 20) as minutes_per_chapter,
        coalesce(profile.minutes_per_lesson, 30) as minutes_per_lesson,
        local_date(${now}, coalesce(profile.time_zone, 'UTC'), coalesce(profile.day_start, 0)) as today,
        coalesce(${catalogueVersion}, 0) as catalogue
      from ${eventSequences} sequence
      left join ${profiles} profile on profile.user_id = sequence.user_id
      where sequence.user_id = ${user_id}
    ),
    clock as materialized (
      select
        own.*,
        coalesce(${date}, own.today) as date,
        coalesce(${date} between own.today - ${sql.raw(String(WRITABLE_DAYS))} and own.today, true) as in_range,
        concat_ws(' ', own.seq, own.today, own.catalogue) as revision
      from own
    ),
    own_day as (
      select day.date, day.state, day.revision, day.plan_id, day.slot, day.workout, day.kcal_per_kg
      from clock
      join ${days} day on day.user_id = ${user_id} and day.date = clock.date
    ),
    plan as (
      select
        plan.id, plan.day, plan.progress, plan.sessions, plan.schedule, ${planDays('plan')} as days
      from ${physicalPlans} plan
      where plan.user_id = ${user_id}
      order by plan.id desc
      limit 1
    ),
    standing as (
      select
        progression.plan_id, progression.exercise_id, progression.opening_k, progression.k, progression.misses,
        progression.held, progression.because, progression.last_date, progression.since, progression.since_seq
      from plan
      join ${progressions} progression on progression.user_id = ${user_id} and progression.plan_id = plan.id
    ),
    own_or_later as (
      select fact.date
      from ${facts} fact
      where fact.user_id = ${user_id} and fact.date >= (select date from clock) and fact.data ? 'before'
      order by fact.date
      limit 1
    ),
    session_date as (
      select last_date as date from standing
      union
      select fact.date
      from clock
      join ${facts} fact
        on fact.user_id = ${user_id}
        and fact.date >= clock.date - ${sql.raw(String(SESSION_DAYS))}
      where (select date from own_or_later) is not null
    ),
    session as (
      select distinct on (fact.date)
        fact.date, fact.seq, fact.data #> '{content,workout}' as workout, fact.data -> 'before' as before
      from ${facts} fact
      where fact.user_id = ${user_id}
        and fact.date = any(array(select date from session_date))
        and fact.data ? 'before'
      order by fact.date, fact.seq desc
    ),
    mental_plan as (
      select id, progress as days_left, deadline
      from ${mentalPlans}
      where user_id = ${user_id}
      order by id desc
      limit 1
    ),
    moved as (${progressDeltas(user_id, sql`(select date from clock)`)}),
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
      join ${links} link on link.mental_plan_id = mental_plan.id
      join ${resources} resource on resource.id = link.resource_id and resource.user_id = ${user_id}
      where link.progress < resource.volume
    ),
    task as (
      select id, user_id, title, status
      from ${tasks}
      where user_id = ${user_id} and not status
      order by id
      limit ${sql.raw(String(MAX_LISTED))}
    ),
    monday as (
      select clock.date - (extract(isodow from clock.date)::int - 1) as date from clock
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
      where day.date between first_row.date - (extract(isodow from first_row.date)::int - 1) and clock.date
        and day.state <> 'open'
    ),
    in_force as (
      select schedule.from_date, schedule.training, schedule.study
      from clock, first_row
      join ${schedules} schedule on schedule.user_id = ${user_id}
      where schedule.from_date <= clock.date
        and schedule.from_date >= coalesce(
          (
            select max(earlier.from_date)
            from ${schedules} earlier
            where earlier.user_id = ${user_id}
              and earlier.from_date <= first_row.date - (extract(isodow from first_row.date)::int - 1)
          ),
          first_row.date - 7)
    )
    select
      clock.revision,
      clock.catalogue,
      clock.in_range,
      stored.state as known
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
        'day', (select row_to_json(own_day) from own_day),
        'plan', (select row_to_json(plan) from plan),
        'progressions', (select coalesce(json_agg(standing), '[]') from standing),
        'sessions', (select coalesce(json_agg(session order by session.date), '[]') from session),
        'mental_plan', (select row_to_json(mental_plan) from mental_plan),
        'finished', (
          select count(*)
          from mental_plan
          join ${links} link on link.mental_plan_id = mental_plan.id
          join ${resources} resource on resource.id = link.resource_id and resource.user_id = ${user_id}
          where link.progress >= resource.volume
        ),
        'resources', (select coalesce(json_agg(resource order by resource.id), '[]') from resource),
        'tasks', (select coalesce(json_agg(task order by task.id), '[]') from task),
        'rows', (select coalesce(json_agg(run_row order by run_row.date), '[]') from run_row),
        'schedules', (select coalesce(json_agg(in_force), '[]') from in_force)
      ) as state
      where clock.in_range and clock.revision is distinct from ${known_revision}
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
  const ask = async (known_revision?: string) => {
    const row = await readToday(db, { user_id, now: services.now(), date, known_revision });
    if (!row) return undefined;
    if (!row.in_range) return { revision: row.revision, view: undefined, size: 0, in_range: false };
    const view = row.known ? toToday(row.known, await services.exercises.get(db, row.catalogue)) : undefined;
    return {
      revision: row.revision,
      view,
      size: row.known ? JSON.stringify(view).length : 0,
      in_range: true,
    };
  };
  if (date === undefined) return services.readModels.revalidate('today', user_id, ask);
  const found = await ask();
  return found && (found.in_range ? found.view : 'date out of range');
}
