// What a change of a day reads, in one statement, under the user's lock (domain/day/state.ts says what each part is for).
import type { SQL } from 'drizzle-orm';
import type { Exercises, Language } from '../cache/exercises.ts';
import type { Database } from '../db/database.ts';
import { sql } from '../db/drizzle.ts';
import { json } from '../db/rows.ts';
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
} from '../db/schema/index.ts';
import { catalogueVersion } from '../db/sql/catalogueVersion.ts';
import { languageOf } from '../db/sql/language.ts';
import { mondayOf, NOW } from '../db/sql/localDate.ts';
import { isInForceSince } from '../db/sql/schedule.ts';
import { seriesOf } from '../db/sql/taskRow.ts';
import { unitOf } from '../db/sql/units.ts';
import { firstRow, read } from '../db/statement.ts';
import type {
  Day,
  DayTask,
  Link,
  MentalPlan,
  Progression,
  Schedule,
  SessionDay,
  State,
  TrainingPlan,
} from '../domain/index.ts';
import { currentBody, type StoredBody } from './body.ts';
import { traitsOf } from './catalogue.ts';
import { datesOfSessions, sessionsBefore, sessionsOf } from './sessions.ts';
import { type PlanDays, planDays, trainingPlanOf } from './trainingPlan.ts';

/** What the change names; rows of others are not found. */
export interface Named {
  readonly plans?: readonly number[];
  readonly resources?: readonly number[];
  readonly tasks?: readonly number[];
  /** The last date of a skip. */
  readonly until?: string | undefined;
}

/** A plan with what answers say of it. */
export type StoredPlan = Omit<TrainingPlan, 'slots' | 'generated' | 'deload'> & {
  readonly version: number;
  readonly level: number | null;
  /** A mask of weekdays. */
  readonly training_days: number;
  readonly days: PlanDays;
};
export type StoredMentalPlan = MentalPlan & { readonly version: number };

/** Of the date's fact: when and in which zone it was recorded. */
export interface StoredDay extends Day {
  readonly at: string | null;
  readonly zone: string | null;
}

interface StoredState {
  readonly today: string;
  readonly date: string;
  readonly time_zone: string;
  readonly minutes_per_page: number;
  readonly minutes_per_chapter: number;
  readonly minutes_per_lesson: number;
  readonly catalogue: number;
  readonly lang: Language | null;
  readonly body: StoredBody | null;
  readonly day: StoredDay | null;
  readonly session: SessionDay | null;
  readonly sessions: readonly SessionDay[];
  readonly plans: readonly StoredPlan[];
  readonly progressions: readonly Progression[];
  readonly mental_plans: readonly StoredMentalPlan[];
  readonly counted_plan_id: number | null;
  readonly links: readonly Link[];
  readonly tasks: readonly DayTask[];
  readonly schedules: readonly Schedule[];
  readonly rows: State['rows'];
}

const jsonList = (rows: SQL, order = sql`true`) => sql`
      (select coalesce(json_agg(listed order by ${order}), '[]') from (${rows}) as listed)`;

const readState = firstRow(
  read(
    'day.state',
    { ...NOW, user_id: 'bigint', date: 'date?', named: 'json' },
    { state: json<StoredState>() },
    ({ user_id, now, date, named }) => sql`
    with clock as (
      select
        coalesce(profile.time_zone, 'UTC') as time_zone,
        coalesce(profile.minutes_per_page, 2) as minutes_per_page,
        coalesce(profile.minutes_per_chapter, 20) as minutes_per_chapter,
        coalesce(profile.minutes_per_lesson, 30) as minutes_per_lesson,
        local_date(${now}, coalesce(profile.time_zone, 'UTC'), coalesce(profile.day_start, 0)) as today,
        coalesce(
          ${date},
          local_date(${now}, coalesce(profile.time_zone, 'UTC'), coalesce(profile.day_start, 0))) as date
      from ${eventSequences} sequence
      left join ${profiles} profile on profile.user_id = ${user_id}
      where sequence.user_id = ${user_id}
    ),
    own_day as (
      select
        day.date, day.state, day.revision, day.plan_id, day.slot, day.advanced, day.counted_down, day.workout, day.run,
        fact.data -> 'content' as content, fact.at, fact.zone
      from clock
      join ${days} day on day.user_id = ${user_id} and day.date = clock.date
      left join ${facts} fact on fact.user_id = ${user_id} and fact.seq = day.fact_seq
    ),
    ${sessionsBefore(user_id)},
    other_session as (${sessionsOf(user_id, sql`${datesOfSessions(user_id)} and day.date <> (select date from clock)`)}
    ),
    plan_ids as (
      select id::bigint from json_array_elements_text(${named} -> 'plans') as id
      union
      select (content #>> '{workout,plan_id}')::bigint from own_day
    ),
    resource_ids as (
      select id::bigint from json_array_elements_text(${named} -> 'resources') as id
      union
      select (item ->> 'resource_id')::bigint from own_day, jsonb_path_query(content, '$.resources[*]') as item
    ),
    task_ids as (
      select id::bigint from json_array_elements_text(${named} -> 'tasks') as id
      union
      select (item ->> 'task_id')::bigint from own_day, jsonb_path_query(content, '$.tasks[*]') as item
    ),
    current_mental_plan as (
      select id from ${mentalPlans} where user_id = ${user_id} order by id desc limit 1
    ),
    counted_plan as (
      select (jsonb_path_query_first(fact.data, '$.counters[*] ? (@.of == "days_left")') ->> 'id')::bigint as id
      from own_day
      join ${facts} fact on fact.user_id = ${user_id} and fact.date = own_day.date
      where own_day.counted_down and fact.data -> 'counted_down' = 'true'
      order by fact.seq desc
      limit 1
    ),
    mental_plan_ids as (
      select id from current_mental_plan
      union
      select id from counted_plan
      union
      select (content ->> 'mental_plan_id')::bigint from own_day
      union
      select (item ->> 'mental_plan_id')::bigint from own_day, jsonb_path_query(content, '$.resources[*]') as item
    ),
    week as (
      select ${mondayOf(sql`clock.date`)} as monday from clock
    ),
    first_row as (
      select coalesce(
        (
          select max(day.date) - (extract(isodow from max(day.date))::int - 1)
          from ${days} day
          where day.user_id = ${user_id} and day.date < week.monday and day.state <> 'open'
        ),
        week.monday) as date
      from week
    )
    select json_build_object(
      'today', clock.today,
      'date', clock.date,
      'time_zone', clock.time_zone,
      'minutes_per_page', clock.minutes_per_page,
      'minutes_per_chapter', clock.minutes_per_chapter,
      'minutes_per_lesson', clock.minutes_per_lesson,
      'catalogue', ${catalogueVersion},
      'lang', ${languageOf(user_id)},
      'body', ${currentBody(user_id)},
      'day', (select row_to_json(own_day) from own_day),
      'session', (select row_to_json(own_session) from own_session),
      'sessions', ${jsonList(sql`select * from other_session`, sql`listed.date`)},
      'plans', ${jsonList(sql`
        select
          plan.id, plan.day, plan.progress, plan.sessions, plan.schedule, plan.level, plan.training_days, plan.version,
          ${planDays('plan', user_id)} as days
        from ${physicalPlans} plan
        where plan.user_id = ${user_id} and plan.id = any(array(select id from plan_ids))`)},
      'progressions', ${jsonList(sql`
        select
          plan_id, exercise_id, opening_k, k, misses, held, because, last_date, since, since_seq
        from ${progressions}
        where user_id = ${user_id} and plan_id in (
          select id from plan_ids
          union
          select (item ->> 'plan_id')::bigint from own_session, jsonb_array_elements(before) as item)`)},
      'mental_plans', ${jsonList(
        sql`
        select plan.id, plan.progress as days_left, plan.deadline, plan.version
        from ${mentalPlans} plan
        where plan.user_id = ${user_id} and plan.id = any(array(select id from mental_plan_ids))`,
        sql`listed.id desc`,
      )},
      'counted_plan_id', (select id from counted_plan),
      'links', ${jsonList(sql`
        select
          resource.id, link.mental_plan_id, resource.type, resource.name, ${unitOf('resource')} as unit,
          resource.volume, link.progress
        from ${resources} resource
        join ${links} link on link.user_id = ${user_id} and link.resource_id = resource.id
        where resource.user_id = ${user_id}
          and resource.id = any(array(select id from resource_ids))
          and link.mental_plan_id = any(array(select id from mental_plan_ids))`)},
      'tasks', ${jsonList(sql`
        select
          task.id, task.title, task.status, task.done_on, task.due_on,
          ${seriesOf('task', user_id)} as series
        from ${tasks} task
        where task.user_id = ${user_id} and task.id = any(array(select id from task_ids))`)},
      'schedules', ${jsonList(sql`
        select schedule.from_date, schedule.training, schedule.study
        from ${schedules} schedule, first_row
        where schedule.user_id = ${user_id} and ${isInForceSince(user_id, sql`first_row.date`)}`)},
      'rows', ${jsonList(sql`
        select
          day.date, day.state, day.revision, day.plan_id, day.slot, day.advanced, day.counted_down, day.workout, day.run
        from ${days} day, first_row
        where day.user_id = ${user_id}
          and day.date >= first_row.date
          and (day.state <> 'open' or day.date between clock.date and (${named} ->> 'until')::date)`)}
      ) as state
    from clock`,
  ),
);

/** A state, with what is not for the rules. */
export interface ReadState extends State {
  readonly day: StoredDay | null;
  readonly plans: readonly (TrainingPlan & Pick<StoredPlan, 'version' | 'level'>)[];
  readonly mental_plans: readonly StoredMentalPlan[];
  readonly time_zone: string;
  /** The version of the catalogue. */
  readonly catalogue: number;
  /** The language that exercises are named in. */
  readonly lang: Language | null;
  readonly body: StoredBody | null;
}

/**
 * @param date the date that is changed; undefined: today
 * @param latest the latest date on Earth
 * @param exercisesOf gets the catalogue in a version
 * @returns undefined if there is no such user
 */
export async function readDayState(
  db: Database,
  user_id: number,
  { now, date, latest, named }: { now: Date; date: string | undefined; latest: string; named: Named },
  exercisesOf: (version: number) => Promise<Exercises>,
): Promise<ReadState | undefined> {
  const { plans = [], resources: resource_ids = [], tasks: task_ids = [], until } = named;
  const row = await readState(db, {
    user_id,
    now,
    date,
    named: { plans, resources: resource_ids, tasks: task_ids, until },
  });
  if (!row) return undefined;
  const { minutes_per_page, minutes_per_chapter, minutes_per_lesson, plans: stored, ...state } = row.state;
  const exercises = await exercisesOf(state.catalogue);
  return {
    ...state,
    latest,
    plans: stored.map(({ version, ...plan }) => ({ ...trainingPlanOf(plan, exercises), version })),
    exercises: [...exercises.values()].map(traitsOf),
    minutes_per_unit: {
      page: minutes_per_page,
      chapter: minutes_per_chapter,
      lesson: minutes_per_lesson,
      minute: 1,
    },
  };
}
