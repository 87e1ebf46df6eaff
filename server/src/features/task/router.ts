import { z } from 'zod';
import { endpoint } from '../../trpc/endpoint.ts';
import { invalidField, notFound, requireSelf } from '../../trpc/errors.ts';
import { ById, Message, Task } from '../../trpc/fields.ts';
import { protectedProcedure, router } from '../../trpc/procedures.ts';
import { throwIfQuotaReached } from '../../trpc/quota.ts';
import { ChangedTask, NewTask, SkippedTask, TaskChange, TaskPage } from './contract.ts';
import { createTask, listTasks, removeTask, updateTask } from './queries.ts';
import {
  createOccurrence,
  removeOccurrence,
  skipOccurrence,
  updateOccurrence,
} from './series/occurrences.ts';

const tag = 'Tasks';

const RECURS =
  'With `recurrence` it recurs, counted from `due_on`: each date is a task of its own, and one of them is open.';

/** @throws 400 */
const refuseDateless = () => invalidField('due_on', 'must be a date where the task recurs');
const refuseDone = () => invalidField('recurrence', 'must be of a task that is not done');

/** Rows that `byUser`, which has no pages, answers with at most. */
const BY_USER_LIMIT = 1000;

export const taskRouter = router({
  list: protectedProcedure
    .meta(
      endpoint('GET /outherTasks', 'My tasks, newest first', {
        description:
          'All of them, or with `status` only those that are done or not done, or with `due` the open ones whose date has come.',
        tag,
      }),
    )
    .input(TaskPage)
    .output(z.array(Task))
    .query(({ ctx, input }) => {
      if (input.due !== undefined && input.status) invalidField('status', 'must not be true beside due');
      return listTasks(ctx.db, ctx.user.id, input);
    }),

  byUser: protectedProcedure
    .meta(
      endpoint('GET /users/{id}/outer-tasks', 'My newest 1000 tasks, oldest first', {
        description: "For all of a user's tasks ask GET /outherTasks page by page.",
        tag,
      }),
    )
    .input(ById)
    .output(z.array(Task))
    .query(async ({ ctx, input }) => {
      requireSelf(ctx, input.id);
      const newest = await listTasks(ctx.db, ctx.user.id, { limit: BY_USER_LIMIT });
      return newest.reverse();
    }),

  create: protectedProcedure
    .meta(
      endpoint('POST /outherTasks', 'Add a task', {
        description: `It is not done unless that is said. ${RECURS}`,
        tag,
        status: 201,
        errors: ['QUOTA_REACHED'],
      }),
    )
    .input(NewTask)
    .output(Task)
    .mutation(async ({ ctx, input }) => {
      const { title, status, due_on, recurrence } = input;
      if (recurrence && due_on === null) refuseDateless();
      if (recurrence && status) refuseDone();
      const user_id = ctx.user.id;
      const quota = ctx.services.quotas.tasks;
      const made =
        due_on === null
          ? await createTask(ctx.db, { user_id, quota, title, status })
          : await createOccurrence(ctx.db, user_id, quota, { title, status, due_on, recurrence });
      if (made) return made;
      await throwIfQuotaReached(ctx, 'tasks');
      notFound('User');
    }),

  update: protectedProcedure
    .meta(
      endpoint('PATCH /outherTasks/{id}', 'Change a task', {
        description:
          'Changes what is sent. One that recurs and becomes done makes the `next` task of its series: the first date after both its own and today. Where the quota leaves no room, none is made. Opened again, it keeps the one that came after it, and makes no other. `recurrence: null` ends the series.',
        tag,
        recordsFacts: true,
      }),
    )
    .input(TaskChange)
    .output(ChangedTask)
    .mutation(async ({ ctx, input }) => {
      const caller = { user_id: ctx.user.id, now: ctx.services.now() };
      const { id, title, status, due_on, recurrence } = input;
      // What is of no series has none to end.
      if (!recurrence) {
        const dates = due_on !== undefined;
        const task = await updateTask(ctx.db, { ...caller, id, title, status, due_on, dates });
        if (!task) notFound('Task');
        if (task.series_id === null) return task;
      }
      const update = await updateOccurrence(ctx.db, { ...caller, quota: ctx.services.quotas.tasks }, input);
      switch (update.outcome) {
        case 'updated':
          return { ...update.task, ...(update.next && { next: update.next }) };
        case 'date missing':
          return refuseDateless();
        case 'date taken':
          return invalidField('due_on', 'must be of no other task of the series');
        case 'done':
          return refuseDone();
        case 'missing':
          return notFound('Task');
      }
    }),

  skip: protectedProcedure
    .meta(
      endpoint('POST /outherTasks/{id}/skip', 'Skip a task that recurs', {
        description:
          'It is removed, and the next task of its series takes its place. 404 unless it is open and recurs.',
        example: { message: 'Task skipped' },
        tag,
      }),
    )
    .input(ById)
    .output(SkippedTask)
    .mutation(async ({ ctx, input }) => {
      const caller = { user_id: ctx.user.id, now: ctx.services.now() };
      const next = (await skipOccurrence(ctx.db, caller, input.id)) ?? notFound('Task');
      return { message: 'Task skipped', next };
    }),

  remove: protectedProcedure
    .meta(
      endpoint('DELETE /outherTasks/{id}', 'Remove a task', {
        description:
          'It can not be brought back. With an open one that recurs its series ends; one that is done was only kept.',
        example: { message: 'Task removed' },
        tag,
      }),
    )
    .input(ById)
    .output(Message)
    .mutation(async ({ ctx, input: { id } }) => {
      const caller = { user_id: ctx.user.id, now: ctx.services.now() };
      const found = (await removeTask(ctx.db, { user_id: ctx.user.id, id })) ?? notFound('Task');
      if (found.series_id !== null) (await removeOccurrence(ctx.db, caller, id)) ?? notFound('Task');
      return { message: 'Task removed' };
    }),
});
