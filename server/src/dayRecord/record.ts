// Writes what a change of a day has come to, in one statement, under the user's lock. It decides nothing.
import type { Database } from '../db/database.ts';
import { sql } from '../db/drizzle.ts';
import { json } from '../db/rows.ts';
import {
  days,
  eventSequences,
  events,
  facts,
  mentalPlanResources as links,
  mentalPlans,
  months,
  physicalPlans,
  progressions,
  resources,
  tasks,
} from '../db/schema/index.ts';
import { columnList } from '../db/sql/columns.ts';
import { daysLeft } from '../db/sql/daysLeft.ts';
import { NOW } from '../db/sql/localDate.ts';
import { PLAN_COLUMNS, planAsJson } from '../db/sql/planRow.ts';
import { isBelowQuota, QUOTA_PARAMETER } from '../db/sql/quota.ts';
import { addSumsTo, columnsOf, DAY_SUMS, MONTH_SUMS, sumDeclarations, sumValues } from '../db/sql/sums.ts';
import { TASK_COLUMNS, type TaskRow, taskRow } from '../db/sql/taskRow.ts';
import { unitOf } from '../db/sql/units.ts';
import { firstRow, write } from '../db/statement.ts';
import { type Effects, monthOf } from '../domain/index.ts';

export const DAY_COLUMNS = [
  'state',
  'revision',
  'plan_id',
  'slot',
  'advanced',
  'counted_down',
  'workout',
  'run',
] as const;
export const PROGRESSION_COLUMNS = [
  'opening_k',
  'k',
  'misses',
  'held',
  'because',
  'last_date',
  'since',
  'since_seq',
] as const;

export const replaced = (names: readonly string[]) =>
  columnsOf(names, (name) => `${name} = excluded.${name}`);

/** Numbers of a physical plan after the change; null leaves what is. `changes`: whether its row is another version then. */
interface PlanWrite {
  readonly id: number;
  readonly day: number | null;
  readonly progress: number | null;
  readonly sessions: number | null;
  readonly changes: boolean;
}

export interface Recorded {
  readonly physical_plans: readonly { id: number; day: number; progress: number; version: number }[];
  readonly mental_plans: readonly { id: number; progress: number; version: number }[];
  /** The tasks that it has made. */
  readonly next_tasks: readonly TaskRow[];
}

// Each list is a JSON parameter, so that the statement is the same for any number of rows. A null in a row that is a
// column's value stays one. Events are in the order of their kinds, and the dates' come last.
const record = firstRow(
  write(
    'day.record',
    {
      ...NOW,
      ...QUOTA_PARAMETER,
      user_id: 'bigint',
      zone: 'text',
      today: 'date',
      moves: 'json',
      runs: 'json',
      plans: 'json',
      mental_plans: 'json',
      links: 'json',
      tasks: 'json',
      next_tasks: 'json',
      progressions: 'json',
    },
    {
      physical_plans: json<Recorded['physical_plans']>(),
      mental_plans: json<Recorded['mental_plans']>(),
      next_tasks: json<Recorded['next_tasks']>(),
    },
    (sent) => sql`
    with move as (
      select *
      from json_to_recordset(${sent.moves}) as sent_move(
        place int, date date, kind text, data jsonb, moves_day boolean, month date,
        state text, revision int, plan_id bigint, slot smallint, advanced boolean, counted_down boolean, workout boolean,
        run int, ${sumDeclarations(MONTH_SUMS)})
    ),
    sent_plan as (
      select *
      from json_to_recordset(${sent.plans}) as plan(id bigint, day int, progress float8, sessions int, changes boolean)
    ),
    plan as (
      update ${physicalPlans} plan set
        day = coalesce(sent_plan.day, plan.day),
        progress = coalesce(sent_plan.progress, plan.progress),
        sessions = coalesce(sent_plan.sessions, plan.sessions),
        version = plan.version + sent_plan.changes::int
      from sent_plan
      where plan.user_id = ${sent.user_id} and plan.id = sent_plan.id
      returning ${columnList(PLAN_COLUMNS, 'plan')}, sent_plan.changes
    ),
    mental_plan as (
      update ${mentalPlans} plan set progress = sent_plan.days_left, version = plan.version + 1
      from json_to_recordset(${sent.mental_plans}) as sent_plan(id bigint, days_left int)
      where plan.user_id = ${sent.user_id} and plan.id = sent_plan.id
      returning plan.id, plan.user_id, plan.name, plan.goal, plan.progress, plan.deadline, plan.version
    ),
    link as (
      update ${links} link set progress = sent_link.progress
      from json_to_recordset(${sent.links}) as sent_link(resource_id bigint, mental_plan_id bigint, progress float8)
      where link.user_id = ${sent.user_id}
        and link.mental_plan_id = sent_link.mental_plan_id
        and link.resource_id = sent_link.resource_id
      returning link.resource_id, link.mental_plan_id, link.progress
    ),
    task as (
      update ${tasks} task set
        status = sent_task.status,
        done_on = case when sent_task.status then sent_task.date end
      from json_to_recordset(${sent.tasks}) as sent_task(id bigint, status boolean, date date)
      where task.user_id = ${sent.user_id} and task.id = sent_task.id
      returning ${columnList(TASK_COLUMNS, 'task')}
    ),
    sent_next as (
      select *
      from json_to_recordset(${sent.next_tasks}) as sent_task(series_id bigint, title text, due_on date)
    ),
    made_task as (
      insert into ${tasks} (user_id, title, due_on, series_id)
      select ${sent.user_id}, title, due_on, series_id
      from sent_next
      where ${isBelowQuota('tasks', sent.user_id, sent.quota, { added: sql`(select count(*) from sent_next)` })}
      order by due_on, series_id
      returning ${columnList(TASK_COLUMNS)}
    ),
    next_task as (select ${taskRow('made_task', sent.user_id)} from made_task),
    new_event as (
      select row_number() over (order by kind, key) as place, kind, key, type, data
      from (
        select 1 as kind, id as key, 'physicalPlan.changed' as type, ${planAsJson('plan')} as data
        from plan
        where changes
        union all
        select 2, plan.id, 'mentalPlan.changed', json_build_object(
          'id', plan.id, 'user_id', plan.user_id, 'name', plan.name, 'goal', plan.goal,
          'progress', ${daysLeft('plan', sent.user_id, sent.today)}, 'deadline', plan.deadline,
          'version', plan.version, 'resource_list', null)
        from mental_plan plan
        union all
        select 3, resource.id, 'resource.changed', json_build_object(
          'id', resource.id, 'type', resource.type, 'name', resource.name, 'description', resource.description,
          'volume', resource.volume, 'unit', ${unitOf('resource')}, 'links', json_agg(
            json_build_object('mental_plan_id', link.mental_plan_id, 'progress', link.progress)
            order by link.mental_plan_id))
        from link
        join ${resources} resource on resource.id = link.resource_id
        where resource.user_id = ${sent.user_id}
        group by resource.user_id, resource.id
        union all
        select 4, id, 'task.changed', row_to_json(told_task)
        from (select ${taskRow('task', sent.user_id)} from task) as told_task
        union all
        select 5, id, 'task.created', row_to_json(next_task) from next_task
        union all
        select 6, place, 'day.changed', json_build_object('date', date, 'state', state, 'revision', revision)
        from move
        where moves_day
      ) as told
    ),
    sequence as (
      update ${eventSequences} sequence set last = sequence.last + (select count(*) from new_event)
      where sequence.user_id = ${sent.user_id}
      returning sequence.last, sequence.last - (select count(*) from new_event) as before
    ),
    appended as (
      insert into ${events} (user_id, seq, type, data)
      select ${sent.user_id}, sequence.before + new_event.place, new_event.type, new_event.data
      from sequence, new_event
    ),
    numbered as (
      select move.*, coalesce(sequence.before + new_event.place, sequence.last) as seq
      from sequence, move
      left join new_event on new_event.kind = 6 and new_event.key = move.place
    ),
    fact as (
      insert into ${facts} (user_id, seq, kind, date, at, zone, data)
      select ${sent.user_id}, seq, kind, date, ${sent.now}, ${sent.zone}, data
      from numbered
    ),
    day as (
      insert into ${days} as day (user_id, date, fact_seq, ${columnsOf(DAY_COLUMNS)}, ${columnsOf(DAY_SUMS)})
      select
        ${sent.user_id}, date, case when moves_day then seq end, ${columnsOf(DAY_COLUMNS)}, ${sumValues(DAY_SUMS)}
      from numbered
      on conflict (user_id, date) do update set
        fact_seq = coalesce(excluded.fact_seq, day.fact_seq),
        ${replaced(DAY_COLUMNS)},
        ${addSumsTo('day', DAY_SUMS)}
    ),
    run as (
      update ${days} day set run = sent_run.run
      from json_to_recordset(${sent.runs}) as sent_run(date date, run int)
      where day.user_id = ${sent.user_id} and day.date = sent_run.date
    ),
    month as (
      insert into ${months} as month (user_id, month, ${columnsOf(MONTH_SUMS)})
      select ${sent.user_id}, month, ${sumValues(MONTH_SUMS, (name) => `sum(${name})`)}
      from move
      group by month
      on conflict (user_id, month) do update set ${addSumsTo('month', MONTH_SUMS)}
    ),
    progression as (
      insert into ${progressions} (user_id, plan_id, exercise_id, ${columnsOf(PROGRESSION_COLUMNS)})
      select ${sent.user_id}, plan_id, exercise_id, ${columnsOf(PROGRESSION_COLUMNS, (name) => `sent_progression.${name}`)}
      from json_to_recordset(${sent.progressions}) as sent_progression(
        plan_id bigint, exercise_id bigint, opening_k smallint, k smallint, misses smallint, held smallint, because text,
        last_date date, since date, since_seq bigint)
      where exists (
        select from ${physicalPlans} plan where plan.user_id = ${sent.user_id} and plan.id = sent_progression.plan_id)
      on conflict (user_id, plan_id, exercise_id) do update set ${replaced(PROGRESSION_COLUMNS)}
    )
    select
      (
        select coalesce(json_agg(json_build_object(
          'id', id, 'day', day, 'progress', progress, 'version', version)), '[]')
        from plan
      ) as physical_plans,
      (
        select coalesce(json_agg(json_build_object('id', id, 'progress', progress, 'version', version)), '[]')
        from mental_plan
      ) as mental_plans,
      (select coalesce(json_agg(next_task order by next_task.id), '[]') from next_task) as next_tasks`,
    { insertedRows: { outer_tasks: ({ next_tasks }) => sql`json_array_length(${next_tasks})` } },
  ),
);

interface RecordOptions {
  readonly now: Date;
  readonly today: string;
  readonly zone: string;
  /** The rows of physical plans are written by another statement. */
  readonly plansAreWritten?: boolean;
  /** How many tasks the user may have; it may be left out of a change that makes none. */
  readonly quota?: number;
}

/** Records the effects of a change. @returns the plans that it has changed */
export async function recordEffects(
  db: Database,
  user_id: number,
  { now, today, zone, plansAreWritten = false, quota = 0 }: RecordOptions,
  effects: Effects,
): Promise<Recorded> {
  const plans = new Map<number, PlanWrite>();
  const set = (id: number, numbers: Partial<PlanWrite>) =>
    plans.set(id, {
      day: null,
      progress: null,
      sessions: null,
      changes: false,
      ...plans.get(id),
      ...numbers,
      id,
    });
  if (!plansAreWritten)
    for (const { plan_id, sessions } of effects.sessions) set(plan_id, { sessions, changes: true });
  const date = effects.moves[0]?.fact.date;
  const lists: Record<'mental_plans' | 'links' | 'tasks', object[]> = {
    mental_plans: [],
    links: [],
    tasks: [],
  };
  for (const one of effects.counters) {
    if (one.of === 'resource')
      lists.links.push({ resource_id: one.id, mental_plan_id: one.plan_id, progress: one.after });
    else if (one.of === 'task') lists.tasks.push({ id: one.id, status: one.after, date });
    else if (one.of === 'days_left') lists.mental_plans.push({ id: one.id, days_left: one.after });
    else if (!plansAreWritten && one.before !== one.after)
      set(one.id, { [one.of]: one.after, changes: true });
  }
  const moves = effects.moves.map(({ fact: { kind, date, ...data }, day, sums }, place) => {
    const { content: _, ...row } = day;
    const moves_day = data.content !== undefined;
    // The date's own tasks column is a sum, as the others are.
    return { ...sums, ...row, place, date, kind, data, moves_day, month: monthOf(date) };
  });
  const runs = effects.runs.map(([date, run]) => ({ date, run }));
  const recorded = await record(db, {
    user_id,
    now,
    today,
    zone,
    moves,
    runs,
    plans: [...plans.values()],
    mental_plans: lists.mental_plans,
    links: lists.links,
    tasks: lists.tasks,
    next_tasks: effects.series,
    quota,
    progressions: effects.progressions,
  });
  return recorded ?? { physical_plans: [], mental_plans: [], next_tasks: [] };
}
