// Every statement is scoped to its owner.

import type { Database } from '../../db/client.ts';
import { and, desc, eq, lt } from '../../db/orm.ts';
import { tasks } from '../../db/schema/index.ts';
import { assigned } from '../../db/update.ts';
import type { NewTask, TaskChange, TaskPage } from './contract.ts';

const columns = { id: tasks.id, user_id: tasks.user_id, title: tasks.title, status: tasks.status };

/** Newest first. */
export function listTasks(db: Database, user_id: number, { limit, before_id, status }: TaskPage) {
  const own = eq(tasks.user_id, user_id);
  const older = before_id === undefined ? undefined : lt(tasks.id, before_id);
  const alike = status === undefined ? undefined : eq(tasks.status, status);
  return db
    .select(columns)
    .from(tasks)
    .where(and(own, older, alike))
    .orderBy(desc(tasks.id))
    .limit(limit);
}

export async function createTask(db: Database, user_id: number, { title, status }: NewTask) {
  const [task] = await db.insert(tasks).values({ user_id, title, status }).returning(columns);
  return task;
}

export async function updateTask(db: Database, user_id: number, { id, title, status }: TaskChange) {
  const [task] = await db
    .update(tasks)
    .set({ title: assigned(tasks.title, title), status: assigned(tasks.status, status) })
    .where(and(eq(tasks.user_id, user_id), eq(tasks.id, id)))
    .returning(columns);
  return task;
}

export async function removeTask(db: Database, user_id: number, id: number) {
  const [task] = await db
    .delete(tasks)
    .where(and(eq(tasks.user_id, user_id), eq(tasks.id, id)))
    .returning({ id: tasks.id });
  return task;
}
