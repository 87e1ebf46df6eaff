import { z } from 'zod';
import { ById, id, Page, text, user_id } from '../../trpc/fields.ts';

const title = text(500).meta({ examples: ['Buy running shoes'] });
const status = z.boolean().meta({ description: 'Whether it is done', examples: [false] });

export const Task = z.object({ id, user_id: id, title: z.string(), status });
export const NewTask = z.object({ user_id, title, status: status.default(false) });
export const TaskChange = ById.extend({ user_id, title: title.optional(), status: status.optional() });
export const TaskPage = Page.extend({ status: status.optional() });

export type Task = z.output<typeof Task>;
export type NewTask = z.output<typeof NewTask>;
export type TaskChange = z.output<typeof TaskChange>;
export type TaskPage = z.output<typeof TaskPage>;
