import { z } from 'zod';
import { EQUIPMENT, PATTERNS } from '../../domain/index.ts';
import {
  Aim,
  ById,
  count,
  Gender,
  id,
  if_match,
  message,
  owner_id,
  PlanSchedule,
  text,
  user_id,
  version,
  weekdays,
} from '../../trpc/fields.ts';
import { Equipment, level, PlanExercise } from './exercises/contract.ts';

const GOAL = { description: 'What the plan is for.', examples: ['Run 10 km'] };
const fields = {
  goal: text(500).meta(GOAL),
  age: z
    .int()
    .min(5)
    .max(120)
    .meta({ description: 'Years.', examples: [30] }),
  gender: Gender,
  weight: z
    .number()
    .min(20)
    .max(500)
    .meta({ description: 'Kilograms.', examples: [70.5] }),
  height: z
    .number()
    .min(50)
    .max(300)
    .meta({ description: 'Centimetres.', examples: [178] }),
};
const progress = z
  .number()
  .min(0)
  .meta({ description: 'How far the user is, as the user counts it. A new plan has 0.', examples: [0] });
const newProgress = progress
  .max(1_000_000)
  .meta({ description: 'How far the user is, as the user counts it.', examples: [0] });
export const day = z
  .int()
  .min(1)
  .max(7)
  .meta({ description: 'The day of the week that the user is at: 1 to 7. A new plan has 1.', examples: [1] });

const AIM = 'What energy is computed for. Null: what the words of `goal` say.';
const TRAINING_DAYS = { description: 'The weekdays for workouts, 1 is Monday.', examples: [[1, 3, 5]] };
const settings = {
  aim: Aim.nullable().describe(AIM),
  schedule: PlanSchedule,
  training_days: weekdays.min(1).meta(TRAINING_DAYS),
};

/** Old clients send a body mass index of their own. The server computes it, so this is ignored whatever it is. */
const bmi = z.unknown().optional().describe('It is ignored: the server computes it.');

/** What the workouts are made from. Without `level` they are the default ones, and the rest is ignored. */
const generation = {
  level: level.meta({
    description: '1 (beginner) to 5 (advanced). With it the workouts are made for the user.',
    examples: [1],
  }),
  days_per_week: z
    .int()
    .min(2)
    .max(6)
    .meta({
      description:
        'Days with a workout, when `training_days` are left out: 3 below level 3, else 4. Only with `level`.',
      examples: [3],
    }),
  session_minutes: z
    .int()
    .min(10)
    .max(90)
    .meta({
      description: 'How long a workout may take, with a minute of rest between sets: 30. Only with `level`.',
      examples: [30],
    }),
  equipment: z
    .array(Equipment)
    .max(EQUIPMENT.length)
    .meta({
      description: 'What is at hand: a wall and a chair. Only with `level`.',
      examples: [['wall', 'chair']],
    }),
  excluded: z
    .array(id)
    .max(100)
    .meta({ description: 'Ids of exercises that are not to be in it. Only with `level`.', examples: [[5]] }),
  low_impact: z
    .boolean()
    .meta({ description: 'Whether to leave out jumps: no. Only with `level`.', examples: [false] }),
  seed: z
    .int()
    .min(0)
    .max(2_147_483_647)
    .meta({
      description:
        'The same again makes the same plan, another chooses other exercises: 1. Only with `level`.',
      examples: [1],
    }),
};

export const newPlan = {
  user_id,
  ...fields,
  bmi,
  ...z.object({ ...settings, ...generation }).partial().shape,
};

/** Muscles want two days a week or more (WHO 2020), and one of rest. */
const MADE_DAYS = 'must be 2 to 6 days with `level`';
const hasMadeDays = (plan: {
  readonly level?: number | undefined;
  readonly training_days?: readonly number[] | undefined;
}): boolean => {
  const days = plan.level === undefined ? undefined : plan.training_days?.length;
  return days === undefined || (days >= 2 && days <= 6);
};

export const NewPhysicalPlan = z
  .object(newPlan)
  .refine(hasMadeDays, { path: ['training_days'], message: MADE_DAYS })
  .meta({ id: 'NewPhysicalPlan', description: 'A physical plan that does not exist yet.' });

export const PhysicalPlanChange = ById.extend({
  user_id,
  if_match,
  ...z.object({ ...fields, progress: newProgress, day, ...settings }).partial().shape,
  bmi,
}).meta({
  id: 'PhysicalPlanChange',
  description: 'What is to change in a physical plan. What is left out stays as it is.',
});

export const PhysicalPlanRow = z
  .object({
    id,
    user_id: owner_id,
    ...fields,
    goal: z.string().meta(GOAL),
    bmi: z
      .number()
      .meta({ description: 'Body mass index: kg/m², rounded to 2 decimals.', examples: [22.25] }),
    // What was stored before there was a greatest one stays until it is changed.
    progress,
    day,
    ...settings,
    training_days: weekdays.meta(TRAINING_DAYS),
    days_per_week: z
      .int()
      .min(0)
      .max(7)
      .meta({ description: 'How many `training_days` there are.', examples: [3] }),
    level: level.nullable().meta({
      description: 'The level that the workouts were made for. Null: for none, they are the default ones.',
      examples: [null],
    }),
    sessions: count.describe('Workouts of the plan that were done.'),
    version,
  })
  .meta({
    id: 'PhysicalPlan',
    description: 'A week of workouts for somebody of this age, weight and height.',
  });

export const PhysicalPlanRemoval = ById.extend({ if_match });

export const PhysicalPlanDay = z
  .object({
    workout_id: id.describe('The id of the workout of this day.'),
    day_of_week: day.describe('1 to 7.'),
    exercises: z.array(PlanExercise).describe('In the order in which they are done. Empty on a day of rest.'),
  })
  .meta({ id: 'PhysicalPlanDay', description: 'A day of a physical plan with its exercises.' });

export const PhysicalPlanView = z
  .object({
    data: PhysicalPlanRow,
    user_id: owner_id,
    days: z.array(PhysicalPlanDay).describe('Seven, in their order.'),
  })
  .meta({ id: 'PhysicalPlanView', description: 'A physical plan with its seven days.' });

const PlanNote = z
  .enum([
    'minor_limits',
    'more_than_recommended',
    'too_long',
    ...PATTERNS.map((pattern) => `no_exercise:${pattern}` as const),
    ...EQUIPMENT.map((item) => `equipment:${item}` as const),
    'cut:core',
    'cut:calf',
    'cut:conditioning',
  ])
  .meta({
    id: 'PlanNote',
    description:
      'What to know of a plan that was made. `minor_limits`: level or days were lowered, under 18. `more_than_recommended`: more days than ACSM names for the level. `no_exercise:push`: no exercise fits; `equipment:wall`: with it one would. `cut:calf`: left out of the week for want of time. `too_long`: a workout takes longer all the same.',
    examples: ['more_than_recommended'],
  });
export const notes = z
  .array(PlanNote)
  .describe('What to know of it. Empty where it is not made for a level.');

export const CreatedPhysicalPlan = PhysicalPlanView.extend({ message, notes }).meta({
  id: 'CreatedPhysicalPlan',
  description: 'A new physical plan with its seven days.',
});
export const ExerciseSwap = ById.extend({
  if_match,
  exercise_id: id.meta({ description: 'The id of an exercise of the plan.', examples: [36] }),
  to: id.meta({ description: 'The id of the exercise that takes its place.', examples: [35] }),
}).meta({ id: 'ExerciseSwap', description: 'Another exercise in the place of one of the plan.' });

export const UpdatedPhysicalPlan = z
  .object({ message, resource: PhysicalPlanRow })
  .meta({ id: 'UpdatedPhysicalPlan', description: 'A physical plan after its change.' });

export type NewPhysicalPlan = z.output<typeof NewPhysicalPlan>;
export type PhysicalPlanChange = z.output<typeof PhysicalPlanChange>;
export type PhysicalPlanRemoval = z.output<typeof PhysicalPlanRemoval>;
export type PhysicalPlanRow = z.output<typeof PhysicalPlanRow>;
export type ExerciseSwap = z.output<typeof ExerciseSwap>;
export type PhysicalPlanView = z.output<typeof PhysicalPlanView>;
