import { z } from 'zod';
import {
  count,
  DayState,
  ExerciseUnit,
  id,
  if_match,
  kcal,
  localDate,
  message,
  ResourceType,
  ResourceUnit,
  revision,
  Task,
  version,
} from '../../trpc/fields.ts';

const MAX_AMOUNT = 1_000_000;
const MAX_TARGET = 10_000;

const date = localDate.describe('A local date of the user.');
export const seconds = count.meta({ description: 'Seconds of exercise, without rest.', examples: [219] });
export const amount = z.number().min(0).max(MAX_AMOUNT);
export const key = z
  .string()
  .nullable()
  .meta({
    description: "The name of the exercise that never changes. Null for one of the operator's own.",
    examples: ['push_up'],
  });
export const exerciseName = z.string().meta({ description: 'What it is called.', examples: ['Отжимания'] });
export const exercise_id = id.describe('The id of the exercise.');
export const plan_id = id.describe('The id of the physical plan.');
export const resource_id = id.describe('The id of the resource.');
const task_id = id.describe('The id of the task.');
export const resourceName = z.string().meta({ description: 'The title.', examples: ['SICP'] });
export const planDay = z
  .int()
  .min(1)
  .max(7)
  .meta({ description: 'The day of the plan: 1 to 7.', examples: [1] });
export const sets = z
  .int()
  .min(1)
  .max(10)
  .meta({ description: 'How many sets are asked for.', examples: [1] });
export const target = z
  .int()
  .min(1)
  .max(MAX_TARGET)
  .meta({ description: 'Repetitions or seconds of each set.', examples: [5] });
export const daysLeft = z
  .int()
  .min(0)
  .max(3650)
  .meta({ description: 'Days that are left.', examples: [20] });
const DoneExercise = z
  .object({
    exercise_id,
    key,
    name: exerciseName,
    unit: ExerciseUnit,
    sets,
    target: target
      .nullable()
      .meta({ description: 'The target that was shown. Null if it is not of the plan.', examples: [5] }),
    done: z
      .array(z.int().min(0).max(1000))
      .meta({ description: 'Repetitions or seconds of each set.', examples: [[5]] }),
    met: z
      .boolean()
      .nullable()
      .meta({ description: 'Whether each set reached the target. Null without a target.', examples: [true] }),
  })
  .meta({ id: 'DoneExercise', description: 'An exercise that was done.' });

const DoneWorkout = z
  .object({
    exercises: z.array(DoneExercise).describe('In the order in which they were sent.'),
    active_s: seconds,
    kcal,
  })
  .meta({ id: 'DoneWorkout', description: 'A workout that was done.' });

const DoneResource = z
  .object({
    resource_id,
    name: resourceName,
    type: ResourceType,
    unit: ResourceUnit,
    volume: amount.meta({ description: 'How much there was of it, in its unit.', examples: [10] }),
    before: amount.meta({ description: 'The progress before.', examples: [0] }),
    after: amount.meta({ description: 'The progress afterwards.', examples: [2] }),
    delta: z
      .number()
      .min(-MAX_AMOUNT)
      .max(MAX_AMOUNT)
      .meta({
        description: 'How much was asked for: more than was added, if the volume was less.',
        examples: [2],
      }),
  })
  .meta({ id: 'DoneResource', description: 'What was done of a resource, named as it was then.' });

const DoneTask = z
  .object({ task_id, title: z.string().meta({ description: 'What was done.', examples: ['Shop'] }) })
  .meta({ id: 'DoneTask', description: 'A task that was finished, named as it was then.' });

export const Day = z
  .object({
    date,
    state: DayState,
    revision,
    plan_id: plan_id
      .nullable()
      .meta({ description: 'The physical plan that was trained. Null without a workout.', examples: [1] }),
    slot: planDay
      .nullable()
      .meta({ description: 'The day of the plan that was trained. Null without a workout.', examples: [1] }),
    workout: DoneWorkout.nullable().describe('Null when none was done.'),
    resources: z.array(DoneResource).describe('What was done of resources.'),
    tasks: z.array(DoneTask).describe('Tasks that were finished.'),
    zone: z
      .string()
      .nullable()
      .meta({ description: 'The time zone in which it was reported.', examples: ['Europe/Berlin'] }),
    updated_at: z.iso
      .datetime()
      .nullable()
      .meta({ description: 'When it was reported.', examples: ['2026-11-28T18:30:00.000Z'] }),
  })
  .meta({ id: 'Day', description: 'What was done on a date.' });

const ExerciseContent = z
  .object({
    exercise_id: exercise_id.describe('Any of the catalogue. Those of the plan move on by it.'),
    done: z
      .array(z.int().min(0).max(1000))
      .min(1)
      .max(10)
      .meta({ description: 'Repetitions or seconds of each set.', examples: [[5]] }),
    target: target
      .optional()
      .meta({ description: 'The target that was shown. Left out: the one of the server.', examples: [5] }),
  })
  .meta({ id: 'ExerciseContent', description: 'An exercise that was done.' });

const WorkoutContent = z
  .object({
    plan_id,
    exercises: z.array(ExerciseContent).min(1).max(40).describe('Those that were done, each once.'),
  })
  .meta({ id: 'WorkoutContent', description: 'A workout that was done.' });

const ResourceContent = z
  .object({
    resource_id: resource_id.describe('One of the current mental plan.'),
    delta: z
      .number()
      .min(-MAX_AMOUNT)
      .max(MAX_AMOUNT)
      .refine((delta) => delta !== 0, 'must not be 0')
      .optional()
      .meta({ description: 'How much was done, in its unit. Several devices add up.', examples: [2] }),
    progress: amount
      .optional()
      .meta({ description: 'How far it is now, instead of `delta`.', examples: [12] }),
  })
  .refine((one) => (one.delta === undefined) !== (one.progress === undefined), 'must have delta or progress')
  .meta({
    id: 'ResourceContent',
    description: 'What was done of a resource: `delta` or `progress`.',
    examples: [{ resource_id: 1, delta: 2 }],
  });

/** As for other objects, but that an untouched date has revision 0. */
const match = {
  date,
  if_match: if_match.unwrap().min(0).optional().describe('Only if the revision is still this one.'),
};

export const DayContent = z
  .object({
    ...match,
    workout: WorkoutContent.nullable().default(null).describe('Null when none was done.'),
    resources: z
      .array(ResourceContent)
      .max(100)
      .default([])
      .describe('What was done of resources, each once.'),
    tasks: z
      .array(task_id)
      .max(100)
      .default([])
      .meta({ description: 'Tasks that were finished.', examples: [[1]] }),
  })
  .meta({ id: 'DayContent', description: 'What was done on a date. What is left out was not done.' });

export const ByDate = z.object({ date });

export const Skip = z
  .object({
    ...match,
    until: date.optional().describe('The last date to skip. Left out: the one of the path.'),
  })
  .meta({ id: 'DaySkip', description: 'Which dates are skipped.' });

export const Reopening = z
  .object(match)
  .meta({ id: 'DayReopening', description: 'Which date is opened again.' });

const MovedPhysicalPlan = z
  .object({
    id,
    day: planDay.describe('The day that comes next.'),
    progress: z
      .number()
      .min(0)
      .meta({ description: 'How far the user is.', examples: [0] }),
    version,
  })
  .meta({ id: 'MovedPhysicalPlan', description: 'Where the physical plan stands.' });

const MovedMentalPlan = z
  .object({ id, progress: daysLeft, version })
  .meta({ id: 'MovedMentalPlan', description: 'Where the mental plan stands.' });

export const Done = z
  .object({
    message,
    day: Day,
    physical_plan: MovedPhysicalPlan.nullable().describe('The plan of the workout. Null without one.'),
    mental_plan: MovedMentalPlan.nullable().describe('The current one. Null when there is none.'),
    ready: z.array(exercise_id).meta({ description: 'Exercises whose top was held twice.', examples: [[]] }),
    next_tasks: z.array(Task).describe('The next tasks of those that recur.'),
  })
  .meta({ id: 'DoneDay', description: 'A date after its change, and where the plans stand.' });

export const Skipped = z
  .object({ message, days: z.array(Day).describe('The dates of the range, by date.') })
  .meta({ id: 'SkippedDays', description: 'The dates of a range after they were skipped.' });

export type Day = z.output<typeof Day>;
export type DayContent = z.output<typeof DayContent>;
