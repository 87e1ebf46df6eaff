import { z } from 'zod';
import { ById, id, if_match, text, user_id, version } from '../../trpc/fields.ts';

const progress = z
  .int()
  .min(0)
  .max(3650)
  .meta({ description: 'Days left', examples: [30] });
const resource_list = z.array(id).max(1000).describe('Ids of my resources; repeats count once');
const fields = { name: text(500).meta({ examples: ['Spring'] }), goal: text(500).meta({ examples: ['Read more'] }) };

export const NewMentalPlan = z.object({
  user_id,
  ...fields,
  resource_list: resource_list.meta({ examples: [[]] }),
  progress: progress.default(30),
});
export const MentalPlanRemoval = ById.extend({ if_match });
export const MentalPlanChange = ById.extend({ user_id, if_match, ...z.object({ ...fields, progress, resource_list }).partial().shape });
export const MentalPlanRow = z.object({ id, user_id: id, name: z.string(), goal: z.string(), progress, version });

export const MentalPlanView = z.object({
  data: MentalPlanRow,
  user_id: id,
  resources: z.array(
    z.object({
      resource: z.object({
        id,
        type: z.enum(['book', 'course', 'video']),
        name: z.string(),
        description: z.string(),
        volume: z.number().describe('Pages, lessons or minutes'),
      }),
      progress: z.number().describe('How much of the volume is done'),
    }),
  ),
});

export type NewMentalPlan = z.output<typeof NewMentalPlan>;
export type MentalPlanChange = z.output<typeof MentalPlanChange>;
export type MentalPlanRemoval = z.output<typeof MentalPlanRemoval>;
export type MentalPlanRow = z.output<typeof MentalPlanRow>;
export type MentalPlanView = z.output<typeof MentalPlanView>;
