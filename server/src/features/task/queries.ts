// Every statement is scoped to its owner.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import { tasks } from '../../db/schema/index.ts';
import { recordAdjustment, userClock } from '../../db/sql/adjustment.ts';
import { columnList, pickColumns } from '../../db/sql/columns.ts';
import {
  appendEvent,
  appendEvents,
  lockUser,
  nextSequence,
  sequenceTaken,
  userLocked,
} from '../../db/sql/eventLog.ts';
import { NOW } from '../../db/sql/localDate.ts';
import { pageReader, pageReaderByFlag } from '../../db/sql/paginate.ts';
import { isBelowQuota, isCertainlyBelowQuota, QUOTA_PARAMETER } from '../../db/sql/quota.ts';
import { firstRow, groupedWrite, type Input } from '../../db/statement.ts';
import type { Task } from '../../trpc/fields.ts';
import type { TaskPage } from './contract.ts';

const columns = pickColumns(tasks, ['id', 'user_id', 'title', 'status']);
const page = pageReader('task.page', tasks, columns);
const pageOfStatus = pageReaderByFlag('task.pageOfStatus', tasks, columns, tasks.status);

/** Newest first. */
export function listTasks(db: Database, user_id: number, { status, ...window }: TaskPage) {
  return status === undefined ? page(db, user_id, window) : pageOfStatus(db, user_id, status, window);
}

const NEW_TASK = { ...QUOTA_PARAMETER, user_id: 'int', title: 'text', status: 'boolean' } as const;

/** @param room a condition of the quota and the user's `last` number */
const taskCreation = (name: string, room: (user_id: SQL, quota: SQL, last: SQL) => SQL) =>
  firstRow(
    groupedWrite(
      name,
      NEW_TASK,
      columns,
      ({ user_id, title, status, quota }) => sql`
      with ${nextSequence(user_id, room(user_id, quota, sql`last`))},
      made as (
        insert into ${tasks} (user_id, title, status)
        select ${user_id}, ${title}, ${status}
        where ${sequenceTaken}
        returning ${columnList(columns)}
      ),
      ${appendEvent(user_id, 'task.created', sql`select row_to_json(made) as data from made`)}
      select * from made`,
    ),
  );
const create = taskCreation('task.create', (_, quota, last) => isCertainlyBelowQuota(quota, last));
const createCounted = taskCreation('task.createCounted', (user_id, quota, last) =>
  isBelowQuota('tasks', user_id, quota, { last }),
);

/** @returns the task; undefined, and nothing made, when there is no room or no such user */
export async function createTask(db: Database, task: Input<typeof NEW_TASK>): Promise<Task | undefined> {
  return (await create(db, task)) ?? createCounted(db, task);
}

const TASK_CHANGE = { ...NOW, user_id: 'int', id: 'int', title: 'text?', status: 'boolean?' } as const;

// `before` locks the row, so that it has the values that are replaced, whatever was committed since the statement began.
export const updateTask = firstRow(
  groupedWrite(
    'task.update',
    TASK_CHANGE,
    columns,
    ({ user_id, id, title, status, now }) => sql`
    with ${lockUser(user_id)},
    ${userClock(user_id, now)},
    before as (
      select id, title, status
      from ${tasks}
      where id = ${id} and user_id = ${user_id} and ${userLocked}
      for no key update
    ),
    after as (
      update ${tasks} task set
        title = coalesce(${title}, task.title),
        status = coalesce(${status}, task.status),
        done_on = case
          when coalesce(${status}, task.status) = task.status then task.done_on
          when ${status} then (select today from clock)
        end
      from before
      where task.id = before.id
      returning ${columnList(columns, 'task')}
    ),
    ${appendEvents(
      user_id,
      'task.changed',
      sql`
        select row_to_json(after) as data
        from after, before
        where (after.title, after.status) <> (before.title, before.status)`,
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
    select * from after`,
  ),
);

export const removeTask = firstRow(
  groupedWrite(
    'task.remove',
    { user_id: 'int', id: 'int' },
    { id: tasks.id },
    ({ user_id, id }) => sql`
    with ${lockUser(user_id)},
    removed as (
      delete from ${tasks}
      where id = ${id} and user_id = ${user_id} and ${userLocked}
      returning id
    ),
    ${appendEvents(user_id, 'task.removed', sql`select row_to_json(removed) as data from removed`)}
    select id from removed`,
  ),
);
