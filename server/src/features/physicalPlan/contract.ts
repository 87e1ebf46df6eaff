import { z } from 'zod';
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
const day = z
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

export const NewPhysicalPlan = z
  .object({ user_id, ...fields, bmi, ...z.object(settings).partial().shape })
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
    level: z
      .int()
      .min(1)
      .max(5)
      .nullable()
      .meta({
        description: 'The level that the plan was made for. Null: for none.',
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

const repetitions = count.min(1).meta({ description: 'Repetitions.' });

export const Exercise = z
  .object({
    id,
    name: z.string().meta({ description: 'What it is called, in Russian.', examples: ['Отжимания'] }),
    description: z.string().meta({
      description: 'What it trains and how it is done, in Russian.',
      examples: [
        'Укрепляют грудь, трицепсы и передние дельты: в упоре лёжа держите тело прямой линией, опускайтесь и выжимайте себя вверх.',
      ],
    }),
    calories_burned: z.number().meta({ description: 'Kilocalories.', examples: [7.5] }),
    start_reps: repetitions.meta({ description: 'Repetitions to begin with.', examples: [5] }),
    end_reps: repetitions.meta({ description: 'Repetitions to arrive at.', examples: [25] }),
    step: repetitions.meta({ description: 'Repetitions to add from one time to the next.', examples: [2] }),
  })
  .meta({ id: 'Exercise', description: 'An exercise of the catalogue, which is the same for all users.' });

const PhysicalPlanDay = z
  .object({
    workout_id: id.describe('The id of the workout of this day.'),
    day_of_week: day.describe('1 to 7.'),
    exercises: z.array(Exercise).describe('In the order in which they are done.'),
  })
  .meta({ id: 'PhysicalPlanDay', description: 'A day of a physical plan with its exercises.' });

export const PhysicalPlanView = z
  .object({
    data: PhysicalPlanRow,
    user_id: owner_id,
    days: z.array(PhysicalPlanDay).describe('Seven, in their order.'),
  })
  .meta({ id: 'PhysicalPlanView', description: 'A physical plan with its seven days.' });

export const CreatedPhysicalPlan = PhysicalPlanView.extend({ message }).meta({
  id: 'CreatedPhysicalPlan',
  description: 'A new physical plan with its seven days.',
});
export const UpdatedPhysicalPlan = z
  .object({ message, resource: PhysicalPlanRow })
  .meta({ id: 'UpdatedPhysicalPlan', description: 'A physical plan after its change.' });

export type NewPhysicalPlan = z.output<typeof NewPhysicalPlan>;
export type PhysicalPlanChange = z.output<typeof PhysicalPlanChange>;
export type PhysicalPlanRemoval = z.output<typeof PhysicalPlanRemoval>;
export type PhysicalPlanRow = z.output<typeof PhysicalPlanRow>;
export type PhysicalPlanView = z.output<typeof PhysicalPlanView>;
