import { z } from 'zod';
import { ById, PageRequest, taskStatus as status, TASK_TITLE, text, user_id } from '../../trpc/fields.ts';

const title = text(500).meta(TASK_TITLE);

export const NewTask = z
  .object({ user_id, title, status: status.default(false) })
  .meta({ id: 'NewTask', description: 'A task that does not exist yet.' });
export const TaskChange = ById.extend({ user_id, title: title.optional(), status: status.optional() }).meta({
  id: 'TaskChange',
  description: 'What is to change in a task. What is left out stays as it is.',
});
export const TaskPage = PageRequest.extend({
  status: z
    .boolean()
    .meta({ description: 'Only tasks that are done, or only those that are not.', examples: [false] })
    .optional(),
});

export type NewTask = z.output<typeof NewTask>;
export type TaskChange = z.output<typeof TaskChange>;
export type TaskPage = z.output<typeof TaskPage>;
