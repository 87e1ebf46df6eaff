// Every statement is scoped to its owner.
import type { SQL } from 'drizzle-orm';
import type { Database } from '../../db/client.ts';
import { inNumber, inTurn, noted, notedUnder, numbered, turn } from '../../db/events.ts';
import { sql } from '../../db/orm.ts';
import { pagesByFlag, pagesOf } from '../../db/page.ts';
import { hasRoom, QUOTA, surelyHasRoom } from '../../db/quota.ts';
import { tasks } from '../../db/schema/index.ts';
import { type Input, one, smallChange } from '../../db/statement.ts';
import type { Task, TaskPage } from './contract.ts';

const columns = { id: tasks.id, user_id: tasks.user_id, title: tasks.title, status: tasks.status };
const page = pagesOf('task.page', tasks, columns);
const pageOfStatus = pagesByFlag('task.pageOfStatus', tasks, columns, tasks.status);

/** Newest first. */
export function listTasks(db: Database, user_id: number, { status, ...window }: TaskPage) {
  return status === undefined ? page(db, user_id, window) : pageOfStatus(db, user_id, status, window);
}

const NEW = { ...QUOTA, user_id: 'int', title: 'text', status: 'boolean' } as const;

/** @param room a condition of the quota and the user's `last` number */
const creation = (name: string, room: (user_id: SQL, quota: SQL, last: SQL) => SQL) =>
  one(
    smallChange(
      name,
      NEW,
      ({ user_id, title, status, quota }): SQL<Task> => sql`
      with ${numbered(user_id, room(user_id, quota, sql`last`))},
      made as (
        insert into ${tasks} (user_id, title, status) select ${user_id}, ${title}, ${status} where ${inNumber}
        returning id, user_id, title, status),
      ${notedUnder(user_id, 'task.created', sql`select row_to_json(made) as data from made`)}
      select * from made`,
    ),
  );
const create = creation('task.create', (_, quota, last) => surelyHasRoom(quota, last));
const createCounted = creation('task.createCounted', (user_id, quota, last) =>
  hasRoom('tasks', user_id, quota, { last }),
);

/** @returns the task; undefined, and nothing made, when there is no room or no such user */
export async function createTask(db: Database, task: Input<typeof NEW>): Promise<Task | undefined> {
  return (await create(db, task)) ?? createCounted(db, task);
}

const CHANGE = { user_id: 'int', id: 'int', title: 'text?', status: 'boolean?' } as const;

// `before` locks the row, so that it has the values that are replaced, whatever was committed since the statement began.
export const updateTask = one(
  smallChange(
    'task.update',
    CHANGE,
    ({ user_id, id, title, status }): SQL<Task> => sql`
    with ${turn(user_id)},
    before as (select id, title, status from ${tasks} where id = ${id} and user_id = ${user_id} and ${inTurn} for no key update),
    after as (
      update ${tasks} t set title = coalesce(${title}, t.title), status = coalesce(${status}, t.status)
      from before where t.id = before.id
      returning t.id, t.user_id, t.title, t.status),
    ${noted(
      user_id,
      'task.changed',
      sql`select row_to_json(after) as data from after, before where (after.title, after.status) <> (before.title, before.status)`,
    )}
    select * from after`,
  ),
);

export const removeTask = one(
  smallChange(
    'task.remove',
    { user_id: 'int', id: 'int' },
    ({ user_id, id }): SQL<{ id: number }> => sql`
    with ${turn(user_id)},
    gone as (delete from ${tasks} where id = ${id} and user_id = ${user_id} and ${inTurn} returning id),
    ${noted(user_id, 'task.removed', sql`select row_to_json(gone) as data from gone`)}
    select id from gone`,
  ),
);
