import { z } from 'zod';
import {
  Activity,
  Aim,
  BmrFormula,
  count,
  DayState,
  ExerciseMet,
  ExerciseUnit,
  Gender,
  id,
  kcal,
  localDate,
  longCount,
  PlanSchedule,
  ResourceType,
  ResourceUnit,
  revision,
  TargetReason,
  Task,
} from '../../../trpc/fields.ts';
import {
  amount,
  daysLeft,
  exercise_id,
  exerciseName,
  key,
  plan_id,
  planDay,
  resource_id,
  resourceName,
  seconds,
  sets,
  target,
} from '../contract.ts';

/** Unfinished resources, and open tasks, that one answer names at most. */
export const MAX_LISTED = 200;

const rung = count.max(10_000);
const number = (description: string, example: number) =>
  z
    .number()
    .min(-1_000_000)
    .max(1_000_000)
    .meta({ description, examples: [example] });
const grams = (description: string, example: number) => count.meta({ description, examples: [example] });
const flag = (description: string, example = false) => z.boolean().meta({ description, examples: [example] });

const NextExercise = z
  .object({ exercise_id, key, name: exerciseName })
  .meta({ id: 'NextExercise', description: 'A harder exercise of the same kind.' });

const PlannedExercise = z
  .object({
    exercise_id,
    key,
    name: exerciseName,
    unit: ExerciseUnit,
    sets,
    target,
    previous: target
      .nullable()
      .meta({ description: 'The target of the session before. Null before the first.', examples: [5] }),
    k: rung.meta({ description: 'Steps above the start.', examples: [0] }),
    top: rung.meta({ description: 'Steps from the start to the end.', examples: [10] }),
    because: TargetReason,
    ready_for_next: flag('Whether the top was held twice.'),
    next_exercise: NextExercise.nullable().describe('What comes next, when it is ready and there is one.'),
    met: ExerciseMet.nullable().describe('Null: unknown, then it adds no kilocalories.'),
    active_s: seconds,
    kcal,
  })
  .meta({ id: 'PlannedExercise', description: 'An exercise of the date with its target.' });

const PlannedWorkout = z
  .object({
    plan_id,
    slot: planDay.describe('The day of the plan: of a date that is done, the one that was trained.'),
    due: flag('Whether it is due on the date. If not, it is offered.', true),
    schedule: PlanSchedule,
    deload: flag('Whether it is of a lighter week, with half of the sets.'),
    session: count.meta({ description: 'The number of the session in the plan, from 1.', examples: [1] }),
    exercises: z.array(PlannedExercise).describe('In the order of the plan.'),
    active_s: seconds,
    estimated_s: seconds.describe('Seconds with a minute of rest between sets.'),
    kcal,
  })
  .meta({ id: 'PlannedWorkout', description: 'The workout of a date.' });

const Clamp = z
  .enum([
    'no_deficit',
    'underweight',
    'losing_fast',
    'floor',
    'protein_share',
    'protein_reference_weight',
    'carbohydrate_low',
  ])
  .meta({ id: 'NutritionClamp', description: 'What held a number back.', examples: ['floor'] });

const BmiClass = z
  .enum(['underweight', 'normal', 'overweight', 'obese_1', 'obese_2', 'obese_3'])
  .meta({ id: 'BmiClass', description: 'The class of a body mass index.', examples: ['normal'] });

const NutritionInputs = z
  .object({
    weight: number('Kilograms.', 80),
    height: number('Centimetres.', 180),
    age: count.meta({ description: 'Years on the date.', examples: [30] }),
    age_from: z.enum(['birth_date', 'plan']).meta({
      id: 'AgeSource',
      description: 'Where the age is from: the profile, or the plan.',
      examples: ['plan'],
    }),
    gender: Gender,
    activity: Activity.nullable().describe('Null: the workout of the date is added.'),
  })
  .meta({ id: 'NutritionInputs', description: 'What energy was computed from.' });

const Nutrition = z
  .object({
    kcal: grams('Kilocalories of the date.', 1780),
    protein: grams('Grams.', 134),
    fat: grams('Grams.', 49),
    carbohydrate: grams('Grams.', 201),
    bmr: number('Basal metabolic rate: kilocalories a day.', 1780),
    tdee: number('Total expenditure: kilocalories of the date.', 2136),
    adjustment: number('What is added to the expenditure.', -356),
    requested_adjustment: number('What the aim asks for.', -427.2),
    floor: number('Kilocalories that a deficit does not go below.', 1780),
    max_deficit_percent: number('The largest deficit that the floor leaves, of the expenditure.', 16.7),
    bmi: number('Kilograms for a square metre.', 24.69),
    bmi_class: BmiClass.nullable().describe('Null under 20 years.'),
    aim: Aim,
    aim_from: z.enum(['plan', 'goal', 'default']).meta({
      id: 'AimSource',
      description: 'Where the aim is from: the plan, the words of its goal, or neither.',
      examples: ['goal'],
    }),
    workout_kcal: number('Kilocalories that were added for the workout.', 16.8),
    workout_kcal_from: z.enum(['planned', 'done', 'factor']).meta({
      id: 'WorkoutEnergySource',
      description: 'Of the workout that is planned, of what was done, or part of the activity.',
      examples: ['planned'],
    }),
    formula: BmrFormula,
    inputs: NutritionInputs,
    clamped_by: z.array(Clamp).describe('What held the numbers back, in the order in which it was applied.'),
    extrapolated: flag('Whether the age is outside those that the formula was made from.'),
    notice: z.enum(['not_medical_advice']).meta({
      id: 'NutritionNotice',
      description: 'To be shown with the numbers: they are no medical advice.',
      examples: ['not_medical_advice'],
    }),
  })
  .meta({
    id: 'Nutrition',
    description: 'Energy in kilocalories and macronutrients in grams, with what they were made from.',
  });

const LearningResource = z
  .object({
    resource_id,
    type: ResourceType,
    name: resourceName,
    unit: ResourceUnit,
    volume: amount.meta({ description: 'How much there is of it, in its unit.', examples: [304] }),
    progress: amount.meta({ description: 'How much is done.', examples: [10] }),
    remaining: amount.meta({ description: 'How much is left.', examples: [294] }),
    quota: amount.meta({ description: 'How much to do on the date. 0 on a day of rest.', examples: [12] }),
    minutes: count.meta({ description: 'Minutes that the quota takes.', examples: [24] }),
    pace: amount.nullable().meta({
      description: 'A study day, over the last 14 dates. Null below three study days.',
      examples: [10.5],
    }),
    estimated_finish: localDate.nullable().describe('At this pace. Null without one.'),
    state: z.enum(['done', 'overdue', 'unknown', 'ahead', 'on_track', 'behind']).meta({
      id: 'PaceState',
      description: 'How it stands: `unknown` without a pace, `overdue` after the deadline.',
      examples: ['on_track'],
    }),
  })
  .meta({ id: 'LearningResource', description: 'An unfinished resource, and what is to be done of it.' });

const Learning = z
  .object({
    plan_id: id.describe('The id of the mental plan.'),
    days_left: daysLeft,
    study_days_left: daysLeft.describe('Study days among them, the date included; at least 1.'),
    deadline: localDate.nullable().describe('The deadline of the plan. Null: it has days left.'),
    end: localDate.describe('The date by which all is to be finished.'),
    rest: flag('Whether the date is no study day.'),
    minutes: count.meta({ description: 'Minutes of all quotas.', examples: [24] }),
    fits: flag('Whether they fit into `daily_minutes` of the profile.', true),
    suggested_deadline: localDate
      .nullable()
      .describe('The first date by which it would fit. Null if it does.'),
    finished: count.describe('How many resources are finished.'),
    resources: z
      .array(LearningResource)
      .describe(`Those that are not finished, by id; the first ${MAX_LISTED}.`),
  })
  .meta({ id: 'Learning', description: 'What to learn on a date.' });

const DueTask = Task.extend({
  overdue: flag('Whether it was due before the date.'),
}).meta({ id: 'DueTask', description: 'A task to do.' });

const TodayState = z
  .object({
    state: DayState,
    revision,
    streak: count.meta({ description: 'Days done in a row up to the date.', examples: [3] }),
  })
  .meta({ id: 'TodayState', description: 'What became of the date so far.' });

export const TodayRequest = z
  .object({
    date: localDate
      .describe('A local date of the last 30 days. Left out: the one that it is for the user.')
      .optional(),
  })
  .optional();

export const Today = z
  .object({
    date: localDate.describe('The local date.'),
    time_zone: z.string().meta({ description: 'The zone of the date.', examples: ['Europe/Berlin'] }),
    day_start: z
      .int()
      .min(0)
      .max(12)
      .meta({ description: 'The hour at which a day begins.', examples: [4] }),
    seq: longCount.describe("The id of the user's last event that this was computed from."),
    day: TodayState,
    workout: PlannedWorkout.nullable().describe('Null: `workout_reason` says why.'),
    workout_reason: z
      .enum(['no_plan', 'rest'])
      .meta({ id: 'NoWorkoutReason', description: 'Why there is no workout.', examples: ['rest'] })
      .nullable()
      .describe('Why there is no workout.'),
    nutrition: Nutrition.nullable().describe('Null: `nutrition_reason` says why.'),
    nutrition_reason: z
      .enum(['no_plan', 'minor', 'off', 'implausible'])
      .meta({ id: 'NoNutritionReason', description: 'Why no energy is told.', examples: ['off'] })
      .nullable()
      .describe('Why no energy is told.'),
    learning: Learning.nullable().describe('Null: `learning_reason` says why.'),
    learning_reason: z
      .enum(['no_plan', 'finished'])
      .meta({ id: 'NoLearningReason', description: 'Why there is nothing to learn.', examples: ['finished'] })
      .nullable()
      .describe('Why there is nothing to learn.'),
    tasks: z
      .array(DueTask)
      .describe(
        `Open tasks that are due by the date or at any time, by \`due_on\`, those at any time last, and id; the first ${MAX_LISTED}.`,
      ),
  })
  .meta({ id: 'Today', description: 'What to do on a date, and why.' });

export type Today = z.output<typeof Today>;
