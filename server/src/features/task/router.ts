import { z } from 'zod';
import { endpoint } from '../../trpc/endpoint.ts';
import { notFound, requireSelf } from '../../trpc/errors.ts';
import { ById, Message, Task } from '../../trpc/fields.ts';
import { protectedProcedure, router } from '../../trpc/procedures.ts';
import { throwIfQuotaReached } from '../../trpc/quota.ts';
import { NewTask, TaskChange, TaskPage } from './contract.ts';
import { createTask, listTasks, removeTask, updateTask } from './queries.ts';

const tag = 'Tasks';

/** Rows that `byUser`, which has no pages, answers with at most. */
const BY_USER_LIMIT = 1000;

export const taskRouter = router({
  list: protectedProcedure
    .meta(
      endpoint('GET /outherTasks', 'My tasks, newest first', {
        description: 'All of them, or with `status` only those that are done or not done.',
        tag,
      }),
    )
    .input(TaskPage)
    .output(z.array(Task))
    .query(({ ctx, input }) => listTasks(ctx.db, ctx.user.id, input)),

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
        description: 'It is not done unless that is said.',
        tag,
        status: 201,
        errors: ['QUOTA_REACHED'],
      }),
    )
    .input(NewTask)
    .output(Task)
    .mutation(async ({ ctx, input }) => {
      const made = await createTask(ctx.db, {
        ...input,
        user_id: ctx.user.id,
        quota: ctx.services.quotas.tasks,
      });
      if (made) return made;
      await throwIfQuotaReached(ctx, 'tasks');
      notFound('User');
    }),

  update: protectedProcedure
    .meta(
      endpoint('PATCH /outherTasks/{id}', 'Change a task', {
        description: 'Changes what is sent.',
        tag,
        recordsFacts: true,
      }),
    )
    .input(TaskChange)
    .output(Task)
    .mutation(
      async ({ ctx, input }) =>
        (await updateTask(ctx.db, { ...input, user_id: ctx.user.id, now: ctx.services.now() })) ??
        notFound('Task'),
    ),

  remove: protectedProcedure
    .meta(
      endpoint('DELETE /outherTasks/{id}', 'Remove a task', {
        description: 'It can not be brought back.',
        example: { message: 'Task removed' },
        tag,
      }),
    )
    .input(ById)
    .output(Message)
    .mutation(async ({ ctx, input }) => {
      (await removeTask(ctx.db, { user_id: ctx.user.id, id: input.id })) ?? notFound('Task');
      return { message: 'Task removed' };
    }),
});
