import { z } from 'zod';
import { MAX_INTERVALS } from '../../domain/index.ts';
import {
  ById,
  localDate,
  message,
  PageRequest,
  Recurrence,
  recurrenceInterval,
  taskStatus as status,
  TASK_TITLE,
  Task,
  text,
  user_id,
} from '../../trpc/fields.ts';

const title = text(500).meta(TASK_TITLE);
const due_on = localDate
  .nullable()
  .describe('The local date by which it is to be done. Null: at any time; what recurs has a date.');

const UNITS = { daily: 'days', weekly: 'weeks', monthly: 'months' } as const;

const NewRecurrence = Recurrence.extend({
  interval: recurrenceInterval.optional().describe(`${recurrenceInterval.description} Left out, it is 1.`),
})
  .superRefine(({ freq, interval = 1, weekdays, month_day }, { addIssue }) => {
    const refuse = (key: string, message: string) => addIssue({ code: 'custom', path: [key], message });
    // What is above the greatest is refused already.
    if (interval > MAX_INTERVALS[freq] && interval <= MAX_INTERVALS.daily)
      refuse('interval', `must be at most ${MAX_INTERVALS[freq]} ${UNITS[freq]}`);
    if (weekdays && freq !== 'weekly') refuse('weekdays', 'must be left out of what is not weekly');
    if (month_day !== undefined && freq !== 'monthly')
      refuse('month_day', 'must be left out of what is not monthly');
  })
  .meta({
    id: 'NewRecurrence',
    description: 'How a task is to recur.',
    examples: [{ freq: 'weekly', weekdays: [1, 4] }],
  });

export const NewTask = z
  .object({
    user_id,
    title,
    status: status.default(false),
    due_on: due_on.default(null),
    recurrence: NewRecurrence.nullable()
      .default(null)
      .describe('How it recurs, counted from `due_on`. Null: not.'),
  })
  .meta({ id: 'NewTask', description: 'A task that does not exist yet.' });
export const TaskChange = ById.extend({
  user_id,
  title: title.optional(),
  status: status.optional(),
  due_on: due_on.optional(),
  recurrence: NewRecurrence.nullable()
    .optional()
    .describe('How it recurs from now on, counted from `due_on`. Null ends its series.'),
}).meta({
  id: 'TaskChange',
  description: 'What is to change in a task. What is left out stays as it is.',
});
export const TaskPage = PageRequest.extend({
  status: z
    .boolean()
    .meta({ description: 'Only tasks that are done, or only those that are not.', examples: [false] })
    .optional(),
  due: localDate
    .describe('Only open tasks that are due on this local date or were before. Those without a date are not.')
    .optional(),
});

export const ChangedTask = Task.extend({
  next: Task.optional().describe('The next task of the series: where the change has finished one of it.'),
}).meta({ id: 'ChangedTask', description: 'A task as it is now.' });

export const SkippedTask = z
  .object({ message, next: Task.describe('The next task of the series.') })
  .meta({ id: 'SkippedTask', description: 'What comes after a task that was skipped.' });

export type NewRecurrence = z.output<typeof NewRecurrence>;
export type NewTask = z.output<typeof NewTask>;
export type TaskChange = z.output<typeof TaskChange>;
export type TaskPage = z.output<typeof TaskPage>;
