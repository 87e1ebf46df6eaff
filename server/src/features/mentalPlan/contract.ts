import { z } from 'zod';
import {
  ById,
  id,
  if_match,
  localDate,
  message,
  owner_id,
  Resource,
  text,
  user_id,
  version,
} from '../../trpc/fields.ts';

const progress = z
  .int()
  .min(0)
  .max(3650)
  .meta({ description: 'Days that are left.', examples: [30] });
const deadline = localDate.nullable().meta({
  description:
    'The date by which all is to be done: from today to 3649 days later. Days that are left are computed from it then, whatever else is sent. Null: they are counted down.',
  examples: [null],
});
const resource_list = z
  .array(id)
  .max(1000)
  .meta({
    description: 'The ids of my resources that belong to the plan. Repeats count once.',
    examples: [[1]],
  });

const NAME = { description: 'What the plan is called.', examples: ['Spring'] };
const GOAL = { description: 'What the plan is for.', examples: ['Read more'] };
const fields = { name: text(500).meta(NAME), goal: text(500).meta(GOAL) };

export const NewMentalPlan = z
  .object({
    user_id,
    ...fields,
    resource_list: resource_list.meta({ examples: [[]] }),
    progress: progress.default(30),
    deadline: deadline.optional(),
  })
  .meta({ id: 'NewMentalPlan', description: 'A mental plan that does not exist yet.' });
export const MentalPlanRemoval = ById.extend({ if_match });
export const MentalPlanChange = ById.extend({
  user_id,
  if_match,
  ...z.object({ ...fields, progress, deadline, resource_list }).partial().shape,
}).meta({
  id: 'MentalPlanChange',
  description:
    'What is to change in a mental plan. What is left out stays as it is. A list of resources replaces the one before: what stays in it keeps its progress.',
});
export const MentalPlanRow = z
  .object({
    id,
    user_id: owner_id,
    name: z.string().meta(NAME),
    goal: z.string().meta(GOAL),
    progress,
    deadline: deadline.meta({ description: 'The date by which all is to be done. Null: there is none.' }),
    version,
  })
  .meta({ id: 'MentalPlan', description: 'Books, courses and videos to finish in so many days.' });

export const CreatedMentalPlan = z
  .object({ message, mental_plan_id: id.describe('The id of the plan.') })
  .meta({ id: 'CreatedMentalPlan', description: 'Where the new plan is.' });
export const UpdatedMentalPlan = z
  .object({ message, resource: MentalPlanRow })
  .meta({ id: 'UpdatedMentalPlan', description: 'A mental plan after its change.' });

const PlannedResource = z
  .object({
    resource: Resource,
    progress: z
      .number()
      .min(0)
      .meta({ description: 'How much of the volume is done.', examples: [25] }),
  })
  .meta({ id: 'PlannedResource', description: 'A resource in a mental plan, and how much of it is done.' });

export const MentalPlanView = z
  .object({ data: MentalPlanRow, user_id: owner_id, resources: z.array(PlannedResource).describe('By id.') })
  .meta({ id: 'MentalPlanView', description: 'A mental plan with its resources.' });

export type NewMentalPlan = z.output<typeof NewMentalPlan>;
export type MentalPlanChange = z.output<typeof MentalPlanChange>;
export type MentalPlanRemoval = z.output<typeof MentalPlanRemoval>;
export type MentalPlanRow = z.output<typeof MentalPlanRow>;
export type MentalPlanView = z.output<typeof MentalPlanView>;
