// Every statement is scoped to its owner.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import { json } from '../../db/rows.ts';
import { taskSeries, tasks } from '../../db/schema/index.ts';
import { recordAdjustment, userClock } from '../../db/sql/adjustment.ts';
import { columnList } from '../../db/sql/columns.ts';
import {
  appendEvent,
  appendEvents,
  lockUser,
  nextSequence,
  sequenceTaken,
  userLocked,
} from '../../db/sql/eventLog.ts';
import { NOW } from '../../db/sql/localDate.ts';
import { ABOVE_ALL_IDS } from '../../db/sql/paginate.ts';
import { isBelowQuota, isCertainlyBelowQuota, QUOTA_PARAMETER } from '../../db/sql/quota.ts';
import { ruleOf, TASK_COLUMNS, TASK_ROW, type TaskRecurrence, type TaskRow } from '../../db/sql/taskRow.ts';
import { firstRow, groupedWrite, type Input, read } from '../../db/statement.ts';
import type { TaskPage } from './contract.ts';

const PAGE = { user_id: 'bigint', before_id: 'bigint', limit: 'int' } as const;

/** @param only a condition of the rows of the list */
const taskList = <const S extends Record<string, 'boolean' | 'date'>>(
  name: string,
  more: S,
  only: (sent: Record<keyof S, SQL>) => SQL,
) =>
  read(
    name,
    { ...PAGE, ...more },
    TASK_ROW,
    ({ user_id, before_id, limit, ...sent }) => sql`
    select ${columnList(TASK_COLUMNS, 'task')}, null::json as recurrence
    from ${tasks} task
    where task.user_id = ${user_id} and task.id < ${before_id} and ${only(sent as unknown as Record<keyof S, SQL>)}
    order by task.id desc
    limit ${limit}`,
  );
const page = taskList('task.page', {}, () => sql`true`);
const pageOfStatus = taskList(
  'task.pageOfStatus',
  { status: 'boolean' },
  ({ status }) => sql`task.status = ${status}`,
);
const pageOfDue = taskList(
  'task.pageOfDue',
  { due: 'date' },
  ({ due }) => sql`not task.status and task.due_on <= ${due}`,
);

const readRecurrences = read(
  'task.recurrences',
  { user_id: 'bigint', ids: 'bigint[]' },
  { id: taskSeries.id, recurrence: json<TaskRecurrence>() },
  ({ user_id, ids }) => sql`
    select series.id, ${ruleOf('series')} as recurrence
    from ${taskSeries} series
    where series.user_id = ${user_id} and series.id = any(${ids}) and not series.ended`,
);

// How tasks recur is read by a statement of its own, where there are such: in the same one it takes PostgreSQL half as long
// again to list 20 tasks of which none recurs.
/** Newest first. */
export async function listTasks(
  db: Database,
  user_id: number,
  { status, due, limit, before_id = ABOVE_ALL_IDS }: TaskPage,
): Promise<TaskRow[]> {
  const window = { user_id, limit, before_id };
  const rows = await (due !== undefined
    ? pageOfDue(db, { ...window, due })
    : status === undefined
      ? page(db, window)
      : pageOfStatus(db, { ...window, status }));
  const listed = rows as TaskRow[];
  if (rows.some(({ series_id }) => series_id !== null)) await addRecurrences(db, user_id, listed);
  return listed;
}

async function addRecurrences(db: Database, user_id: number, listed: TaskRow[]): Promise<void> {
  const ids = [...new Set(listed.flatMap(({ series_id }) => series_id ?? []))];
  const series = await readRecurrences(db, { user_id, ids });
  const recurrences = new Map<number | null, TaskRecurrence>(series.map((one) => [one.id, one.recurrence]));
  for (const task of listed) task.recurrence = recurrences.get(task.series_id) ?? null;
}

/** Of a row that is of no series, for `returning`. */
const returned = (alias?: string) => sql`${columnList(TASK_COLUMNS, alias)}, null::json as recurrence`;

const NEW_TASK = { ...QUOTA_PARAMETER, user_id: 'bigint', title: 'text', status: 'boolean' } as const;

/** @param room a condition of the quota and the user's `last` number */
const taskCreation = (name: string, room: (user_id: SQL, quota: SQL, last: SQL) => SQL) =>
  firstRow(
    groupedWrite(
      name,
      NEW_TASK,
      TASK_ROW,
      ({ user_id, title, status, quota }) => sql`
      with ${nextSequence(user_id, room(user_id, quota, sql`last`))},
      made as (
        insert into ${tasks} (user_id, title, status)
        select ${user_id}, ${title}, ${status}
        where ${sequenceTaken}
        returning ${returned()}
      ),
      ${appendEvent(user_id, 'task.created', sql`select row_to_json(made) as data from made`)}
      select * from made`,
    ),
  );
const create = taskCreation('task.create', (_, quota, last) => isCertainlyBelowQuota(quota, last));
const createCounted = taskCreation('task.createCounted', (user_id, quota, last) =>
  isBelowQuota('tasks', user_id, quota, { last }),
);

/** @returns the task, without a date; undefined, and nothing made, when there is no room or no such user */
export async function createTask(db: Database, task: Input<typeof NEW_TASK>): Promise<TaskRow | undefined> {
  return (await create(db, task)) ?? createCounted(db, task);
}

const TASK_CHANGE = {
  ...NOW,
  user_id: 'bigint',
  id: 'bigint',
  title: 'text?',
  status: 'boolean?',
  due_on: 'date?',
  /** Whether `due_on` was sent: it can be null. */
  dates: 'boolean',
} as const;

// `before` locks the row, so that it has the values that are replaced, whatever was committed since the statement began.
/** Changes a task that is of no series. @returns it; one of a series is answered as it stands, and not changed */
export const updateTask = firstRow(
  groupedWrite(
    'task.update',
    TASK_CHANGE,
    TASK_ROW,
    ({ user_id, id, title, status, due_on, dates, now }) => sql`
    with ${lockUser(user_id)},
    ${userClock(user_id, now)},
    before as (
      select ${columnList(TASK_COLUMNS)}
      from ${tasks}
      where id = ${id} and user_id = ${user_id} and ${userLocked}
      for no key update
    ),
    after as (
      update ${tasks} task set
        title = coalesce(${title}, task.title),
        status = coalesce(${status}, task.status),
        due_on = case when ${dates} then ${due_on} else task.due_on end,
        done_on = case
          when coalesce(${status}, task.status) = task.status then task.done_on
          when ${status} then (select today from clock)
        end
      from before
      where task.user_id = ${user_id} and task.id = before.id and before.series_id is null
      returning ${returned('task')}
    ),
    ${appendEvents(
      user_id,
      'task.changed',
      sql`
        select row_to_json(after) as data
        from after, before
        where (after.title, after.status, after.due_on) is distinct from (before.title, before.status, before.due_on)`,
    )},
    ${recordAdjustment(
      user_id,
      now,
      sql`
        select 'task.adjusted' as kind, jsonb_build_object(
          'counters', jsonb_build_array(jsonb_build_object(
            'of', 'task', 'id', after.id, 'before', before.status, 'after', after.status)),
          'sums', jsonb_build_object('tasks', case when after.status then 1 else -1 end)) as data
        from after, before
        where after.status <> before.status`,
    )}
    select * from after
    union all
    select *, null from before where series_id is not null`,
  ),
);

/** Removes a task that is of no series. @returns it; one of a series is answered, and not removed */
export const removeTask = firstRow(
  groupedWrite(
    'task.remove',
    { user_id: 'bigint', id: 'bigint' },
    { id: tasks.id, series_id: tasks.series_id },
    ({ user_id, id }) => sql`
    with ${lockUser(user_id)},
    removed as (
      delete from ${tasks}
      where id = ${id} and user_id = ${user_id} and series_id is null and ${userLocked}
      returning id
    ),
    ${appendEvents(user_id, 'task.removed', sql`select row_to_json(removed) as data from removed`)}
    select id, null as series_id from removed
    union all
    select id, series_id from ${tasks} where id = ${id} and user_id = ${user_id} and series_id is not null`,
  ),
);
