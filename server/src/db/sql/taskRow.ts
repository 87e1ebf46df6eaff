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

const rule = sql`
  json_strip_nulls(json_build_object(
    'freq', series.freq,
    'interval', series.interval,
    'weekdays', case when series.weekdays is not null then ${weekdaysOfMask(sql`series.weekdays`)} end,
    'month_day', series.month_day))`;

// Of a task that is of no series the subquery is not run.
const ofSeries = (task: string, value: SQL, only = sql`not series.ended`): SQL => sql`
  case when ${sql.raw(task)}.series_id is not null then (
    select ${value}
    from ${taskSeries} series
    where series.user_id = ${sql.raw(task)}.user_id
      and series.id = ${sql.raw(task)}.series_id
      and ${only}
  ) end`;

/** @param task the alias of a task. @returns how it recurs, as JSON; null of one that does not, or not any more */
const recurrenceOf = (task: string): SQL => ofSeries(task, rule);

/** @param task the alias of a task. @returns the columns of an answer, for `select` */
export const taskRow = (task: string): SQL =>
  sql`${columnList(TASK_COLUMNS, task)}, ${recurrenceOf(task)} as recurrence`;

// Read backwards by index: in a series that goes on the last one is open.
const latestOther = (task: string, only: SQL): SQL => sql`(
      select max(other.due_on)
      from ${tasks} other
      where other.user_id = ${sql.raw(task)}.user_id
        and other.series_id = ${sql.raw(task)}.series_id
        and other.id <> ${sql.raw(task)}.id
        and ${only})`;

const series = (task: string): SQL => sql`
    json_build_object(
      'id', series.id, 'title', series.title, 'anchor', series.anchor, 'recurrence', ${rule}, 'ended', series.ended,
      'latest', ${latestOther(task, sql`true`)},
      'latest_open', ${latestOther(task, sql`not other.status`)})`;

/** @param task the alias of a task. @returns its series as JSON, for the rules; null where it recurs no more */
export const seriesOf = (task: string): SQL => ofSeries(task, series(task));

/** @param task the alias of a task. @returns the same, also of a series that has ended */
export const formerSeriesOf = (task: string): SQL => ofSeries(task, series(task), sql`true`);
