import { z } from 'zod';
import { ById, id, owner_id, PageRequest, text, user_id } from '../../trpc/fields.ts';

const TITLE = { description: 'What is to be done.', examples: ['Buy running shoes'] };
const title = text(500).meta(TITLE);
const status = z.boolean().meta({ description: 'Whether it is done.', examples: [false] });

export const Task = z
  .object({ id, user_id: owner_id, title: z.string().meta(TITLE), status })
  .meta({ id: 'Task', description: 'A thing to do.' });
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

export type Task = z.output<typeof Task>;
export type NewTask = z.output<typeof NewTask>;
export type TaskChange = z.output<typeof TaskChange>;
export type TaskPage = z.output<typeof TaskPage>;
