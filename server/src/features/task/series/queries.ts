// Tasks that recur: what reads and writes one task, its series and the task that comes next. Every statement is scoped to its
// owner. A change of such a task is a transaction: what comes next is computed from what stands behind the user's lock.
import type { SQL } from 'drizzle-orm';
import { sql } from '../../../db/drizzle.ts';
import { json, nullable } from '../../../db/rows.ts';
import { taskSeries, tasks } from '../../../db/schema/index.ts';
import { recordAdjustment, userClock } from '../../../db/sql/adjustment.ts';
import { columnList } from '../../../db/sql/columns.ts';
import { appendEvent, appendTypedEvents, nextSequence, sequenceTaken } from '../../../db/sql/eventLog.ts';
import { localToday, NOW } from '../../../db/sql/localDate.ts';
import { isBelowQuota, QUOTA_PARAMETER } from '../../../db/sql/quota.ts';
import { formerSeriesOf, TASK_COLUMNS, TASK_ROW, type TaskRow, taskRow } from '../../../db/sql/taskRow.ts';
import { firstRow, groupedWrite, read, write } from '../../../db/statement.ts';
import type { Series } from '../../../domain/index.ts';

const RULE = sql.raw('title text, freq text, "interval" smallint, weekdays smallint, month_day smallint');
const RULE_COLUMNS = sql.raw('title, freq, "interval", weekdays, month_day');
const NEXT = sql.raw('title text, due_on date');

/** A series as its row is written. */
export interface SeriesWrite {
  /** Undefined: a new one. */
  readonly id?: number;
  readonly title: string;
  readonly freq: Series['recurrence']['freq'];
  readonly interval: number;
  /** A mask: bit 0 is Monday. */
  readonly weekdays: number | null;
  readonly month_day: number | null;
  readonly anchor: string;
  readonly ended: boolean;
}

/** @returns the task, which has a date; undefined, and nothing made, when there is no room or no such user */
export const createDatedTask = firstRow(
  groupedWrite(
    'task.createDated',
    {
      ...QUOTA_PARAMETER,
      user_id: 'bigint',
      title: 'text',
      status: 'boolean',
      due_on: 'date',
      series: 'json?',
      recurrence: 'json?',
    },
    TASK_ROW,
    ({ user_id, title, status, due_on, series, recurrence, quota }) => sql`
    with ${nextSequence(user_id, isBelowQuota('tasks', user_id, quota, { last: sql`last` }))},
    series as (
      insert into ${taskSeries} (user_id, anchor, ${RULE_COLUMNS})
      select ${user_id}, ${due_on}, ${RULE_COLUMNS}
      from json_to_record(${series}) as sent_series(${RULE})
      where ${sequenceTaken} and freq is not null
      returning id
    ),
    made as (
      insert into ${tasks} (user_id, title, status, due_on, series_id)
      select ${user_id}, ${title}, ${status}, ${due_on}, (select id from series)
      where ${sequenceTaken}
      returning ${columnList(TASK_COLUMNS)}, ${recurrence} as recurrence
    ),
    ${appendEvent(user_id, 'task.created', sql`select row_to_json(made) as data from made`)}
    select * from made`,
  ),
);

/** What a change of a task is decided by. */
export interface StoredOccurrence {
  readonly today: string;
  readonly task: TaskRow;
  /** Null: it has never recurred. */
  readonly series: (Series & { readonly ended: boolean }) | null;
  /** Whether another task of its series has the date that is asked for. */
  readonly is_taken: boolean;
  /** The open task of its series that is due last, after it. */
  readonly last_open: TaskRow | null;
  /** Other open tasks of its series, if they are asked for. */
  readonly open: readonly TaskRow[];
}

/** Open tasks of a series that hear of its end: there are more only of who has opened so many again. */
const MAX_TOLD = 200;

/**
 * Reads a task behind the user's lock. `due_on`: the date that it is to have; `tells`: whether `open` is asked for, which
 * reads all tasks of the series.
 */
export const readOccurrence = firstRow(
  read(
    'task.occurrence',
    { ...NOW, user_id: 'bigint', id: 'bigint', due_on: 'date?', tells: 'boolean' },
    { found: json<StoredOccurrence>() },
    ({ user_id, id, due_on, tells, now }) => sql`
    with task as (
      select ${taskRow('task', user_id)}, ${formerSeriesOf('task', user_id, due_on)} as series
      from ${tasks} task
      where task.user_id = ${user_id} and task.id = ${id}
    ),
    last_open as (
      select ${taskRow('other', user_id)}
      from ${tasks} other
      where other.user_id = ${user_id}
        and other.series_id = (select series_id from task)
        and other.due_on > (select due_on from task)
        and not other.status
      order by other.due_on desc
      limit 1
    ),
    open as (
      select ${taskRow('other', user_id)}
      from ${tasks} other
      where ${tells}
        and other.user_id = ${user_id}
        and not other.status
        and other.due_on is not null
        and other.series_id = (select series_id from task)
        and other.id <> ${id}
      order by other.due_on
      limit ${sql.raw(String(MAX_TOLD))}
    )
    select json_build_object(
      'today', ${localToday(user_id, now)},
      'task', json_build_object(
        'id', task.id, 'user_id', task.user_id, 'title', task.title, 'status', task.status, 'due_on', task.due_on,
        'series_id', task.series_id, 'recurrence', task.recurrence),
      'series', task.series,
      'is_taken', exists (
        select
        from ${tasks} other
        where other.user_id = ${user_id}
          and other.series_id = task.series_id
          and other.due_on = ${due_on}
          and other.id <> task.id
      ),
      'last_open', (select row_to_json(last_open) from last_open),
      'open', (select coalesce(json_agg(open), '[]') from open)
      ) as found
    from task`,
  ),
);

const WRITTEN = { task: json<TaskRow>(), next: nullable(json<TaskRow>()) } as const;

/** The CTE `empty`: the series that has no task any more when the task `id` leaves it. @param left what it leaves */
const emptySeries = (user_id: SQL, id: SQL, left: SQL): SQL => sql`
    empty as (
      select series.id
      from ${taskSeries} series
      where series.user_id = ${user_id}
        and series.id = ${left}
        and not exists (
          select
          from ${tasks} other
          where other.user_id = ${user_id} and other.series_id = series.id and other.id <> ${id}
        )
    )`;

/** Removes it, so that there is no row that no quota counts. @param written the CTE in which the task leaves it: that comes first */
const forget = (user_id: SQL, written: 'task' | 'removed'): SQL => sql`
    forgotten as (
      delete from ${taskSeries}
      where user_id = ${user_id}
        and id = (select id from empty)
        and exists (select from ${sql.raw(written)})
    )`;

/** Tells, after the task itself, of other tasks whose recurrence is another now, and of the next one. */
const toldOf = (told: SQL): SQL => sql`
        select 1 + place, 'task.changed', value
        from json_array_elements(${told}) with ordinality as others(value, place)
        union all
        select 1e9, 'task.created', row_to_json(next)
        from next`;

/**
 * Writes a task whole, with its series and the next task, in a transaction that holds the user's lock. Without a date it is of
 * no series any more: `left` is the one that it was of. `series` is left out where it stays, `next` where there is none; the next task is not made either when there is no room for it.
 */
export const writeOccurrence = firstRow(
  write(
    'task.writeOccurrence',
    {
      ...NOW,
      ...QUOTA_PARAMETER,
      user_id: 'bigint',
      id: 'bigint',
      title: 'text',
      was_done: 'boolean',
      status: 'boolean',
      due_on: 'date?',
      series: 'json?',
      recurrence: 'json?',
      next: 'json?',
      told: 'json',
      left: 'bigint?',
    },
    WRITTEN,
    ({
      user_id,
      id,
      title,
      was_done,
      status,
      due_on,
      series,
      recurrence,
      next,
      told,
      left,
      now,
      quota,
    }) => sql`
    with ${userClock(user_id, now)},
    ${emptySeries(user_id, id, left)},
    sent as (
      select *
      from json_to_record(${series}) as sent_series(id bigint, ${RULE}, anchor date, ended boolean)
      where freq is not null
    ),
    made_series as (
      insert into ${taskSeries} (user_id, anchor, ended, ${RULE_COLUMNS})
      select ${user_id}, anchor, ended, ${RULE_COLUMNS}
      from sent
      where id is null
      returning id
    ),
    changed_series as (
      update ${taskSeries} series set
        title = sent.title,
        freq = sent.freq,
        "interval" = sent."interval",
        weekdays = sent.weekdays,
        month_day = sent.month_day,
        anchor = sent.anchor,
        ended = sent.ended
      from sent
      where series.user_id = ${user_id} and series.id = sent.id and not exists (select from empty)
    ),
    task as (
      update ${tasks} task set
        title = ${title},
        status = ${status},
        due_on = ${due_on},
        series_id = case when ${due_on} is not null then coalesce((select id from made_series), task.series_id) end,
        done_on = case when ${was_done} = ${status} then task.done_on when ${status} then (select today from clock) end
      where task.user_id = ${user_id} and task.id = ${id}
      returning ${columnList(TASK_COLUMNS, 'task')}, ${recurrence} as recurrence
    ),
    ${forget(user_id, 'task')},
    next as (
      insert into ${tasks} (user_id, title, due_on, series_id)
      select ${user_id}, sent_next.title, sent_next.due_on, task.series_id
      from task, json_to_record(${next}) as sent_next(${NEXT})
      where sent_next.due_on is not null and ${isBelowQuota('tasks', user_id, quota)}
      returning ${columnList(TASK_COLUMNS)}, ${recurrence} as recurrence
    ),
    ${appendTypedEvents(
      user_id,
      sql`
        select 1 as place, 'task.changed' as type, row_to_json(task) as data
        from task
        union all ${toldOf(told)}`,
    )},
    ${recordAdjustment(
      user_id,
      now,
      sql`
        select 'task.adjusted' as kind, jsonb_build_object(
          'counters', jsonb_build_array(jsonb_build_object(
            'of', 'task', 'id', task.id, 'before', ${was_done}, 'after', task.status)),
          'sums', jsonb_build_object('tasks', case when task.status then 1 else -1 end)) as data
        from task
        where task.status <> ${was_done}`,
    )}
    select row_to_json(task) as task, (select row_to_json(next) from next) as next
    from task`,
  ),
);

/**
 * Removes a task of a series, in a transaction that holds the user's lock: with `ends` the series ends, and with `next` the
 * next task takes the place, so that there is room for it.
 */
export const dropOccurrence = firstRow(
  write(
    'task.dropOccurrence',
    { user_id: 'bigint', id: 'bigint', ends: 'boolean', recurrence: 'json?', next: 'json?', told: 'json' },
    { id: tasks.id, next: nullable(json<TaskRow>()) },
    ({ user_id, id, ends, recurrence, next, told }) => sql`
    with removed as (
      delete from ${tasks}
      where user_id = ${user_id} and id = ${id}
      returning id, series_id
    ),
    ${emptySeries(user_id, id, sql`(select series_id from removed where ${next} is null)`)},
    ${forget(user_id, 'removed')},
    ended as (
      update ${taskSeries} series set ended = true
      from removed
      where ${ends} and series.user_id = ${user_id} and series.id = removed.series_id and not exists (select from empty)
    ),
    next as (
      insert into ${tasks} (user_id, title, due_on, series_id)
      select ${user_id}, sent_next.title, sent_next.due_on, removed.series_id
      from removed, json_to_record(${next}) as sent_next(${NEXT})
      where sent_next.due_on is not null
      returning ${columnList(TASK_COLUMNS)}, ${recurrence} as recurrence
    ),
    ${appendTypedEvents(
      user_id,
      sql`
        select 1 as place, 'task.removed' as type, json_build_object('id', id) as data
        from removed
        union all ${toldOf(told)}`,
    )}
    select id, (select row_to_json(next) from next) as next
    from removed`,
  ),
);
