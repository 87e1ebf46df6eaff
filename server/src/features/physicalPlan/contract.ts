import { z } from 'zod';
import { ById, id, if_match, text, user_id, version } from '../../trpc/fields.ts';

const fields = {
  goal: text(500).meta({ examples: ['Run 10 km'] }),
  age: z
    .int()
    .min(5)
    .max(120)
    .meta({ description: 'Years', examples: [30] }),
  gender: z.enum(['male', 'female']),
  weight: z
    .number()
    .min(20)
    .max(500)
    .meta({ description: 'Kilograms', examples: [70.5] }),
  height: z
    .number()
    .min(50)
    .max(300)
    .meta({ description: 'Centimetres', examples: [178] }),
};
const progress = z.number().min(0);
const newProgress = progress.max(1_000_000).meta({ examples: [0] });
const day = z
  .int()
  .min(1)
  .max(7)
  .meta({ examples: [1] });

/** Old clients send a body mass index of their own. The server computes it, so this is ignored whatever it is. */
const bmi = z.unknown().optional().describe('Ignored: the server computes it');

export const NewPhysicalPlan = z.object({ user_id, ...fields, bmi });

export const PhysicalPlanChange = ById.extend({
  user_id,
  if_match,
  ...z.object({ ...fields, progress: newProgress, day }).partial().shape,
  bmi,
});

export const PhysicalPlanRow = z.object({
  id,
  user_id: id,
  ...fields,
  goal: z.string(),
  bmi: z.number().describe('Body mass index, kg/m², rounded to 2 decimals'),
  // What was stored before there was a greatest one stays until it is changed.
  progress: progress.meta({ examples: [0] }),
  day,
  version,
});

export const PhysicalPlanRemoval = ById.extend({ if_match });

export const Exercise = z.object({
  id,
  name: z.string(),
  description: z.string(),
  calories_burned: z.number().describe('Kilocalories'),
  start_reps: z.int(),
  end_reps: z.int(),
  step: z.int(),
});

export const PhysicalPlanView = z.object({
  data: PhysicalPlanRow,
  user_id: id,
  days: z.array(z.object({ workout_id: id, day_of_week: day, exercises: z.array(Exercise) })),
});

export type NewPhysicalPlan = z.output<typeof NewPhysicalPlan>;
export type PhysicalPlanChange = z.output<typeof PhysicalPlanChange>;
export type PhysicalPlanRemoval = z.output<typeof PhysicalPlanRemoval>;
export type PhysicalPlanRow = z.output<typeof PhysicalPlanRow>;
export type PhysicalPlanView = z.output<typeof PhysicalPlanView>;
