import { z } from 'zod';
import {
  DayState,
  id,
  if_match,
  kcal,
  localDate,
  message,
  ResourceType,
  ResourceUnit,
  revision,
  Task,
} from '../../trpc/fields.ts';

const MAX_AMOUNT = 1_000_000;
const seconds = z
  .int()
  .min(0)
  .meta({ description: 'Seconds.', examples: [219] });
const amount = z.number().min(0).max(MAX_AMOUNT);
const key = z
  .string()
  .nullable()
  .meta({
    description: 'The name of the exercise that never changes. Null for one of the operator’s own.',
    examples: ['push_up'],
  });
const exerciseUnit = z
  .enum(['reps', 'seconds'])
  .meta({ id: 'ExerciseUnit', description: 'What a target counts.', examples: ['reps'] });

const NextExercise = z
  .object({ exercise_id: id, key, name: z.string() })
  .meta({ id: 'NextExercise', description: 'A harder exercise of the same kind.' });

const DayExercise = z
  .object({
    exercise_id: id,
    key,
    name: z.string(),
    unit: exerciseUnit,
    sets: z.int().min(1),
    target: z
      .int()
      .min(1)
      .meta({ description: 'Repetitions or seconds for each set.', examples: [5] }),
    previous: z
      .int()
      .nullable()
      .meta({
        description: 'The target of the session before. Null before the first.',
        examples: [5],
      }),
    k: z
      .int()
      .min(0)
      .meta({ description: 'Steps above the start.', examples: [0] }),
    top: z
      .int()
      .min(0)
      .meta({ description: 'Steps from the start to the end.', examples: [10] }),
    because: z.enum(['opening', 'met', 'hold', 'backed_off', 'break', 'top', 'deload']).meta({
      description:
        '`opening`: where the plan began. `met`: the last target was met. `hold`: it was not. `backed_off`: it was not, three times. `break`: after a rest of more than 14 days. `top`: the end is reached. `deload`: a lighter week.',
      examples: ['opening'],
    }),
    ready_for_next: z.boolean().meta({ description: 'Whether the top was held twice.' }),
    next_exercise: NextExercise.nullable().describe('What comes next when it is ready.'),
    met: z
      .object({ value: z.number(), code: z.string(), year: z.int() })
      .nullable()
      .meta({ description: 'Its metabolic equivalent and the entry in the Compendium. Null: unknown.' }),
    active_s: seconds,
    kcal,
  })
  .meta({ id: 'DayExercise', description: 'An exercise of the date with its target.' });

const Workout = z
  .object({
    plan_id: id,
    slot: z
      .int()
      .min(1)
      .max(7)
      .meta({ description: 'The day of the plan.', examples: [1] }),
    due: z.boolean().meta({ description: 'Whether it is due on this date. If not, it is offered.' }),
    schedule: z.enum(['sequence', 'weekday']),
    deload: z.boolean(),
    session: z
      .int()
      .min(0)
      .meta({ description: 'Sessions of the plan that are done.', examples: [0] }),
    exercises: z.array(DayExercise),
    active_s: seconds,
    estimated_s: seconds,
    kcal,
  })
  .meta({ id: 'Workout', description: 'The workout of a date.' });

const Nutrition = z
  .object({
    kcal: z.int(),
    protein: z.int().meta({ description: 'Grams.' }),
    fat: z.int().meta({ description: 'Grams.' }),
    carbohydrate: z.int().meta({ description: 'Grams.' }),
    bmr: z.number(),
    tdee: z.number(),
    adjustment: z.number(),
    requested_adjustment: z.number(),
    floor: z.number(),
    max_deficit_percent: z.number(),
    bmi: z.number(),
    bmi_class: z
      .enum(['underweight', 'normal', 'overweight', 'obese_1', 'obese_2', 'obese_3'])
      .nullable()
      .describe('Null under 20 years.'),
    aim: z.enum(['lose', 'gain', 'maintain']),
    aim_from: z.enum(['plan', 'goal', 'default']),
    workout_kcal: z.number(),
    workout_kcal_from: z.enum(['planned', 'done', 'factor']),
    formula: z.enum(['mifflin', 'harris']),
    inputs: z.object({
      weight: z.number(),
      height: z.number(),
      age: z.int(),
      age_from: z.enum(['birth_date', 'plan']),
      gender: z.enum(['male', 'female']),
      activity: z.enum(['sedentary', 'light', 'moderate', 'very', 'extra']).nullable(),
    }),
    clamped_by: z
      .array(
        z.enum([
          'no_deficit',
          'underweight',
          'losing_fast',
          'floor',
          'protein_share',
          'protein_reference_weight',
          'carbohydrate_low',
        ]),
      )
      .describe('What held the numbers back, in the order in which it was applied.'),
    extrapolated: z.boolean().describe('Whether the age is outside those that the formula was made from.'),
    notice: z.literal('not_medical_advice'),
  })
  .meta({
    id: 'Nutrition',
    description: 'Energy in kilocalories a day and macronutrients in grams, with what they were made from.',
  });

const LearningResource = z
  .object({
    resource_id: id,
    type: ResourceType,
    name: z.string(),
    unit: ResourceUnit,
    volume: z.number(),
    progress: z.number(),
    remaining: z.number(),
    quota: z.number().meta({ description: 'For this date, in `unit`.', examples: [12] }),
    minutes: z.int(),
    pace: z
      .number()
      .nullable()
      .meta({
        description: 'A study day, over the last 14 dates. Null below three study days.',
        examples: [10.5],
      }),
    estimated_finish: localDate.nullable(),
    state: z.enum(['done', 'overdue', 'unknown', 'ahead', 'on_track', 'behind']),
  })
  .meta({ id: 'LearningResource', description: 'An unfinished resource with what is to be done of it.' });

const Learning = z
  .object({
    plan_id: id,
    days_left: z.int(),
    study_days_left: z.int(),
    deadline: localDate.nullable(),
    end: localDate,
    rest: z.boolean().describe('Whether the date is no study day.'),
    minutes: z.int(),
    fits: z.boolean().describe('Whether it fits into `daily_minutes` of the profile.'),
    suggested_deadline: localDate.nullable(),
    finished: z.int().describe('How many resources are finished.'),
    resources: z.array(LearningResource).describe('Those that are not finished, by id.'),
  })
  .meta({ id: 'Learning', description: 'What to learn on a date.' });

const DueTask = Task.extend({
  due_on: localDate.nullable().describe('Null: on any date.'),
  series_id: id.nullable().describe('Null: it does not recur.'),
  recurrence: z.null(),
  overdue: z.boolean(),
}).meta({ id: 'DueTask', description: 'A task to do.' });

export const Today = z
  .object({
    date: localDate,
    time_zone: z.string(),
    day_start: z.int(),
    seq: z.int().meta({ description: 'The id of the last event that this was computed from.' }),
    day: z.object({ state: DayState, revision, streak: z.int().describe('Days in a row.') }),
    workout: Workout.nullable(),
    workout_reason: z.enum(['no_plan', 'rest']).nullable().describe('Why there is no workout.'),
    nutrition: Nutrition.nullable(),
    nutrition_reason: z
      .enum(['no_plan', 'minor', 'off', 'implausible'])
      .nullable()
      .describe('Why there is no energy.'),
    learning: Learning.nullable(),
    learning_reason: z.enum(['no_plan', 'finished']).nullable().describe('Why there is nothing to learn.'),
    tasks: z.array(DueTask).describe('Open ones that are due by the date, or on any; 200 at most.'),
  })
  .meta({ id: 'Today', description: 'What to do on a date, and why.' });

const DoneExercise = z
  .object({
    exercise_id: id,
    key,
    name: z.string(),
    unit: exerciseUnit,
    sets: z.int(),
    target: z.int(),
    done: z.array(z.int()).describe('Repetitions or seconds of each set.'),
    met: z.boolean().describe('Whether each set reached the target.'),
  })
  .meta({ id: 'DoneExercise', description: 'An exercise that was done.' });

export const Day = z
  .object({
    date: localDate,
    state: DayState,
    revision,
    plan_id: id.nullable(),
    slot: z.int().nullable(),
    workout: z
      .object({ exercises: z.array(DoneExercise), active_s: seconds, kcal })
      .nullable()
      .meta({ id: 'DoneWorkout', description: 'A workout that was done.' }),
    resources: z.array(
      z
        .object({
          resource_id: id,
          name: z.string(),
          type: ResourceType,
          unit: ResourceUnit,
          volume: z.number(),
          before: z.number(),
          after: z.number(),
          delta: z.number(),
        })
        .meta({ id: 'DoneResource', description: 'What was done of a resource.' }),
    ),
    tasks: z.array(
      z.object({ task_id: id, title: z.string() }).meta({ id: 'DoneTask', description: 'A finished task.' }),
    ),
    zone: z.string().nullable().describe('The time zone in which it was reported.'),
    updated_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Day', description: 'What was done on a date.' });

const set = z.int().min(0).max(1000);
const content = {
  workout: z
    .object({
      plan_id: id,
      exercises: z
        .array(
          z.object({
            exercise_id: id,
            done: z
              .array(set)
              .min(1)
              .max(10)
              .meta({ description: 'Repetitions or seconds of each set.', examples: [[5]] }),
            target: z
              .int()
              .min(1)
              .max(10_000)
              .optional()
              .meta({
                description: 'The target that was shown. Left out: the one of the server.',
                examples: [5],
              }),
          }),
        )
        .min(1)
        .max(40),
    })
    .nullable()
    .default(null)
    .meta({ id: 'WorkoutContent', description: 'The exercises that were done.' }),
  resources: z
    .array(
      z.union([
        z.object({
          resource_id: id,
          delta: z
            .number()
            .min(-MAX_AMOUNT)
            .max(MAX_AMOUNT)
            .refine((delta) => delta !== 0, 'must not be 0'),
        }),
        z.object({ resource_id: id, progress: amount }),
      ]),
    )
    .max(100)
    .default([])
    .meta({
      description: 'What was done of resources: by how much, or to where. Each stands once.',
    }),
  tasks: z
    .array(id)
    .max(100)
    .default([])
    .meta({ description: 'Tasks that were finished.', examples: [[1]] }),
};
const match = { date: localDate, if_match };

export const DayContent = z
  .object({ ...match, ...content })
  .meta({ id: 'DayContent', description: 'What was done on a date. What is left out was not done.' });
export const ByDate = z.object({ date: localDate });
export const TodayQuestion = z.object({ date: localDate.optional() }).optional();
export const Skip = z.object({ ...match, until: localDate.optional() });
export const Reopening = z.object(match);

export const Done = z
  .object({
    message,
    day: Day,
    physical_plan: z.object({ id, day: z.int(), progress: z.number(), version: z.int() }).nullable(),
    mental_plan: z.object({ id, progress: z.int(), version: z.int() }).nullable(),
    ready: z.array(id).describe('Exercises whose top is held.'),
    next_tasks: z.array(Task),
  })
  .meta({ id: 'Done', description: 'A date after its change, and where the plans stand.' });
export const Skipped = z
  .object({ message, days: z.array(Day) })
  .meta({ id: 'SkippedDays', description: 'The dates that are skipped now.' });

export type Today = z.output<typeof Today>;
export type Day = z.output<typeof Day>;
export type DayContent = z.output<typeof DayContent>;
