// Reads what a calendar file shows, in one statement.
import type { ExerciseCache } from '../../../cache/exercises.ts';
import { planDays, standingOfPlan } from '../../../dayRecord/trainingPlan.ts';
import type { Database } from '../../../db/database.ts';
import { sql } from '../../../db/drizzle.ts';
import { json } from '../../../db/rows.ts';
import {
  calendars,
  days,
  facts,
  physicalPlans,
  profiles,
  schedules,
  tasks,
} from '../../../db/schema/index.ts';
import { catalogueVersion } from '../../../db/sql/catalogueVersion.ts';
import { languageOf } from '../../../db/sql/language.ts';
import { localToday, NOW } from '../../../db/sql/localDate.ts';
import { firstRow, read } from '../../../db/statement.ts';
import { calendarNamespace, hashCalendarToken, isCalendarToken } from '../../../security/calendarToken.ts';
import { findCalendar } from '../queries.ts';
import { entriesOf, LAST_DAYS, NEXT_DAYS, type StoredCalendar } from './entries.ts';
import { writeCalendar } from './iCalendar.ts';

/** Tasks that one file has at most: the first that are due. */
const MAX_TASKS = 200;

// What changes the days to come leaves a fact or makes a plan, and both last. So the newest of them is the time of the
// last change, also long after the events of that time are gone.
const readCalendar = firstRow(
  read(
    'calendar.file',
    { ...NOW, user_id: 'bigint', id: 'bigint' },
    {
      catalogue: 'int?',
      lang: profiles.lang,
      changed_at: json<string>(),
      stored: json<StoredCalendar>(),
    },
    ({ user_id, id, now }) => sql`
    with clock as materialized (
      select ${localToday(user_id, now)} as today
    ),
    plan as (
      select
        plan.id, plan.day, plan.progress, plan.sessions, plan.schedule, plan.level, plan.training_days,
        plan.created_at, ${planDays('plan', user_id)} as days
      from ${physicalPlans} plan
      where plan.user_id = ${user_id}
      order by plan.id desc
      limit 1
    ),
    ${standingOfPlan(user_id)},
    in_force as (
      select schedule.from_date, schedule.training, schedule.study
      from clock
      join ${schedules} schedule on schedule.user_id = ${user_id}
      where schedule.from_date < clock.today + ${sql.raw(String(NEXT_DAYS))}
        and schedule.from_date >= coalesce(
          (
            select max(earlier.from_date)
            from ${schedules} earlier
            where earlier.user_id = ${user_id} and earlier.from_date <= clock.today
          ),
          clock.today)
    ),
    closed as (
      select
        day.date, day.state, day.workout, day.met, day.exercises, day.pages, day.chapters, day.lessons,
        day.minutes, day.tasks
      from clock
      join ${days} day on day.user_id = ${user_id}
      where day.date > clock.today - ${sql.raw(String(LAST_DAYS))}
        and day.date < clock.today + ${sql.raw(String(NEXT_DAYS))}
        and day.state <> 'open'
    ),
    due as (
      select task.id, task.title, task.due_on
      from clock
      join ${tasks} task on task.user_id = ${user_id}
      where task.due_on >= clock.today
        and task.due_on < clock.today + ${sql.raw(String(NEXT_DAYS))}
        and task.due_on is not null
        and not task.status
      order by task.due_on, task.id
      limit ${sql.raw(String(MAX_TASKS))}
    ),
    changed as (
      select greatest(
        calendar.created_at,
        (select plan.created_at from plan),
        (select fact.at from ${facts} fact where fact.user_id = ${user_id} order by fact.seq desc limit 1)) as at
      from ${calendars} calendar
      where calendar.user_id = ${user_id} and calendar.id = ${id}
    )
    select
      ${catalogueVersion} as catalogue,
      ${languageOf(user_id)} as lang,
      to_json(changed.at) as changed_at,
      json_build_object(
        'today', clock.today,
        'plan', (select row_to_json(plan) from plan),
        'progressions', (select coalesce(json_agg(standing), '[]') from standing),
        'schedules', (select coalesce(json_agg(in_force), '[]') from in_force),
        'days', (select coalesce(json_agg(closed order by closed.date), '[]') from closed),
        'tasks', (select coalesce(json_agg(due order by due.due_on, due.id), '[]') from due)) as stored
    from clock, changed`,
  ),
);

/** @returns the text of the file at the address; undefined for an unknown or revoked one, and while the user is blocked */
export async function readCalendarFile(
  {
    db,
    exercises,
    now,
  }: { readonly db: Database; readonly exercises: ExerciseCache; readonly now: () => Date },
  token: string,
): Promise<string | undefined> {
  if (!isCalendarToken(token)) return undefined;
  const token_hash = hashCalendarToken(token);
  const calendar = await findCalendar(db, token_hash);
  if (!calendar) return undefined;
  const { user_id, id, name } = calendar;
  const found = await readCalendar(db, { user_id, id, now: now() });
  if (!found) return undefined;
  const { catalogue, lang, changed_at, stored } = found;
  return writeCalendar({
    name,
    changed_at: new Date(changed_at),
    entries: entriesOf(
      stored,
      await exercises.get(db, catalogue ?? 0, lang),
      lang ?? 'ru',
      calendarNamespace(token_hash),
    ),
  });
}
