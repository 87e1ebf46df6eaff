// Changes of tasks that recur, or have recurred: what stands is read behind the user's lock, and the rules say what comes next.
import type { Database } from '../../../db/database.ts';
import type { TaskRecurrence, TaskRow } from '../../../db/sql/taskRow.ts';
import { inUserTransaction } from '../../../db/userTransaction.ts';
import { isFollowed, maskOf, type NextTask, nextTask, type Series } from '../../../domain/index.ts';
import type { NewRecurrence, NewTask, TaskChange } from '../contract.ts';
import {
  createDatedTask,
  dropOccurrence,
  readOccurrence,
  type SeriesWrite,
  type StoredOccurrence,
  writeOccurrence,
} from './queries.ts';

/** Whose change it is. */
interface Caller {
  readonly user_id: number;
  readonly now: Date;
}

/** @returns a recurrence as it is kept and answered: its weekdays in order */
const normalized = ({ freq, interval = 1, weekdays, month_day }: NewRecurrence): TaskRecurrence => ({
  freq,
  interval,
  ...(weekdays && { weekdays: weekdays.toSorted((a, b) => a - b) }),
  ...(month_day !== undefined && { month_day }),
});

/** @returns the columns of a rule, null where it says nothing */
const columnsOf = ({ freq, interval, weekdays, month_day }: Series['recurrence']) => ({
  freq,
  interval,
  weekdays: weekdays ? maskOf(weekdays) : null,
  month_day: month_day ?? null,
});

/** @param task has a date. @returns it; undefined, and nothing made, when there is no room or no such user */
export function createOccurrence(
  db: Database,
  user_id: number,
  quota: number,
  { title, status, due_on, recurrence }: Omit<NewTask, 'due_on'> & { readonly due_on: string },
): Promise<TaskRow | undefined> {
  const rule = recurrence ? normalized(recurrence) : undefined;
  const series = rule && { title, ...columnsOf(rule) };
  return createDatedTask(db, { user_id, quota, title, status, due_on, series, recurrence: rule });
}

export type TaskUpdate =
  | { readonly outcome: 'updated'; readonly task: TaskRow; readonly next: TaskRow | null }
  | { readonly outcome: 'missing' | 'date missing' | 'date taken' | 'done' };

interface Decision {
  readonly task: Pick<TaskRow, 'title' | 'status' | 'due_on'>;
  readonly recurrence: TaskRecurrence | null;
  readonly isRuleNew: boolean;
  /** Undefined: it stays. */
  readonly series: SeriesWrite | undefined;
  readonly next: NextTask | null;
}

/** @returns what a change makes of a task and its series, or why it does not */
function decide(
  { task: before, series: former, today }: StoredOccurrence,
  change: Omit<TaskChange, 'id' | 'user_id'>,
): Decision | 'date missing' | 'done' {
  const task = {
    title: change.title ?? before.title,
    status: change.status ?? before.status,
    due_on: change.due_on === undefined ? before.due_on : change.due_on,
  };
  const { due_on } = task;
  const rule = before.recurrence && normalized(before.recurrence);
  const recurrence =
    change.recurrence === undefined ? rule : change.recurrence && normalized(change.recurrence);
  const isRuleNew = JSON.stringify(recurrence) !== JSON.stringify(rule);
  if (recurrence && due_on === null) return 'date missing';
  if (recurrence && !rule && before.status && task.status) return 'done';

  const series = former && !former.ended ? former : null;
  // Tasks to come are called as the last one is.
  const title = series && due_on !== null && isFollowed(due_on, series) ? series.title : task.title;
  const after: Series | null = recurrence && {
    ...(former ?? { id: 0, latest: null, latest_open: null }),
    title,
    recurrence,
    anchor: series && !isRuleNew ? series.anchor : (due_on as string),
  };
  const kept = after ?? series;
  const isSeriesNew = isRuleNew || after?.title !== series?.title;
  return {
    task,
    recurrence,
    isRuleNew,
    series:
      kept && isSeriesNew
        ? {
            ...(former && { id: former.id }),
            ...columnsOf(kept.recurrence),
            title: kept.title,
            anchor: kept.anchor,
            ended: after === null,
          }
        : undefined,
    next: task.status && !before.status ? nextTask({ due_on, series: after }, today) : null,
  };
}

/** Changes any task: of a series, or one that is to recur. @returns it, and the next one if the change has made it */
export function updateOccurrence(
  db: Database,
  { user_id, now, quota }: Caller & { readonly quota: number },
  { id, ...change }: TaskChange,
): Promise<TaskUpdate> {
  return inUserTransaction(db, user_id, async (tx): Promise<TaskUpdate> => {
    const tells = change.recurrence !== undefined;
    const found = (await readOccurrence(tx, { user_id, id, now, due_on: change.due_on, tells }))?.found;
    if (!found) return { outcome: 'missing' };
    if (found.is_taken) return { outcome: 'date taken' };
    const decision = decide(found, change);
    if (typeof decision === 'string') return { outcome: decision };
    const { task: before, open } = found;
    const { task, recurrence, isRuleNew, series, next } = decision;
    const isChanged = Object.entries(task).some(([key, value]) => before[key as keyof typeof task] !== value);
    if (!isChanged && !series) return { outcome: 'updated', task: before, next: null };
    const written = await writeOccurrence(tx, {
      ...task,
      ...{ user_id, id, now, quota, series },
      was_done: before.status,
      recurrence: recurrence ?? undefined,
      next: next ?? undefined,
      left: task.due_on === null ? before.series_id : undefined,
      told: isRuleNew ? open.map((other) => ({ ...other, recurrence })) : [],
    });
    return written ? { outcome: 'updated', ...written } : { outcome: 'missing' };
  });
}

/**
 * Removes a task of a series. An open one ends it; one that is done was only kept.
 * @returns its id, or undefined if there is none
 */
export function removeOccurrence(
  db: Database,
  { user_id, now }: Caller,
  id: number,
): Promise<{ id: number } | undefined> {
  return inUserTransaction(db, user_id, async (tx) => {
    const found = (await readOccurrence(tx, { user_id, id, now, tells: true }))?.found;
    if (!found) return undefined;
    const ends = found.task.recurrence !== null && !found.task.status;
    const told = ends ? found.open.map((other) => ({ ...other, recurrence: null })) : [];
    return dropOccurrence(tx, { user_id, id, ends, told });
  });
}

/** Passes over an open task that recurs: it is removed. @returns the one that comes after it, or undefined if none does */
export function skipOccurrence(
  db: Database,
  { user_id, now }: Caller,
  id: number,
): Promise<TaskRow | undefined> {
  return inUserTransaction(db, user_id, async (tx) => {
    const found = (await readOccurrence(tx, { user_id, id, now, tells: false }))?.found;
    if (!found?.series || found.series.ended || found.task.status) return undefined;
    const { task, series, today, last_open } = found;
    const follower = isFollowed(task.due_on as string, series) ? (last_open ?? undefined) : undefined;
    const next = nextTask({ due_on: task.due_on, series }, today);
    if (!next && !follower) return undefined;
    const dropped = await dropOccurrence(tx, {
      ...{ user_id, id, ends: false, told: [] },
      recurrence: task.recurrence ?? undefined,
      next: next ?? undefined,
    });
    return dropped?.next ?? follower;
  });
}
