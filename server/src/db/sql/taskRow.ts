// A task as it is answered: its columns, and how it recurs.
import type { SQL } from 'drizzle-orm';
import type { Recurrence } from '../../domain/index.ts';
import { sql } from '../drizzle.ts';
import { json, nullable, type RowOf } from '../rows.ts';
import { taskSeries, tasks } from '../schema/index.ts';
import { columnList, pickColumns } from './columns.ts';
import { weekdaysOfMask } from './localDate.ts';

export const TASK_COLUMNS = pickColumns(tasks, ['id', 'user_id', 'title', 'status', 'due_on', 'series_id']);

/** How a task recurs, as it is answered. */
export type TaskRecurrence = Omit<Recurrence, 'weekdays'> & { readonly weekdays?: number[] };

/** The columns of an answer. */
export const TASK_ROW = { ...TASK_COLUMNS, recurrence: nullable(json<TaskRecurrence>()) };
export type TaskRow = RowOf<typeof TASK_ROW>;

/** @param series the alias of a series. @returns its rule as it is answered, as JSON */
export const ruleOf = (series: string): SQL => sql`
  json_strip_nulls(json_build_object(
    'freq', ${sql.raw(series)}.freq,
    'interval', ${sql.raw(series)}.interval,
    'weekdays', case
      when ${sql.raw(series)}.weekdays is not null then ${weekdaysOfMask(sql.raw(`${series}.weekdays`))}
    end,
    'month_day', ${sql.raw(series)}.month_day))`;
const rule = ruleOf('series');

// Of a task that is of no series the subquery is not run.
const ofSeries = (task: string, user_id: SQL, value: SQL, only = sql`not series.ended`): SQL => sql`
  case when ${sql.raw(task)}.series_id is not null then (
    select ${value}
    from ${taskSeries} series
    where series.user_id = ${user_id}
      and series.id = ${sql.raw(task)}.series_id
      and ${only}
  ) end`;

/** @param task the alias of a task. @returns how it recurs, as JSON; null of one that does not, or not any more */
const recurrenceOf = (task: string, user_id: SQL): SQL => ofSeries(task, user_id, rule);

/** @param task the alias of a task. @returns the columns of an answer, for `select` */
export const taskRow = (task: string, user_id: SQL): SQL =>
  sql`${columnList(TASK_COLUMNS, task)}, ${recurrenceOf(task, user_id)} as recurrence`;

const latestOther = (task: string, user_id: SQL, only: SQL): SQL => sql`(
      select max(other.due_on)
      from ${tasks} other
      where other.user_id = ${user_id}
        and other.series_id = ${sql.raw(task)}.series_id
        and other.id <> ${sql.raw(task)}.id
        and ${only})`;

// Both dates are read by index from the last one backwards. Open ones are looked for after the task alone: before it there
// may be ten years of those that are done.
const series = (task: string, user_id: SQL, due_on: SQL): SQL => sql`
    json_build_object(
      'id', series.id, 'title', series.title, 'anchor', series.anchor, 'recurrence', ${rule}, 'ended', series.ended,
      'latest', ${latestOther(task, user_id, sql`true`)},
      'latest_open', ${latestOther(task, user_id, sql`not other.status and other.due_on > ${due_on}`)})`;

/** @param task the alias of a task. @returns its series as JSON, for the rules; null where it recurs no more */
export const seriesOf = (task: string, user_id: SQL): SQL =>
  ofSeries(task, user_id, series(task, user_id, sql.raw(`${task}.due_on`)));

/**
 * @param task the alias of a task
 * @param due_on the date that it is to have; null: it stays
 * @returns the same, also of a series that has ended
 */
export const formerSeriesOf = (task: string, user_id: SQL, due_on: SQL): SQL =>
  ofSeries(task, user_id, series(task, user_id, sql`least(${sql.raw(task)}.due_on, ${due_on})`), sql`true`);
