import { z } from 'zod';
import { ById, id, text, textOrEmpty, user_id } from '../../trpc/fields.ts';

const ResourceType = z.enum(['book', 'course', 'video']);

const fields = {
  type: ResourceType,
  name: text(500).meta({ examples: ['The Pragmatic Programmer'] }),
  description: textOrEmpty(5000).meta({ examples: ['20th anniversary edition'] }),
  volume: z
    .number()
    .positive()
    .max(1_000_000)
    .meta({ description: 'Pages, lessons or minutes', examples: [352] }),
};

export const progress = z
  .number()
  .min(0)
  .max(1_000_000)
  .meta({ description: 'How much of the volume is done', examples: [25] });

export const NewResource = z.object({ user_id, ...fields });
export const NewResources = z.object({ resources: z.array(z.object(fields)).max(1000) });
export const ResourceChange = ById.extend({ user_id, ...z.object({ ...fields, progress }).partial().shape });
export const Resource = z.object({ id, ...fields, name: z.string(), description: z.string() });

export type NewResource = z.output<typeof NewResource>;
export type NewResources = z.output<typeof NewResources>;
export type ResourceChange = z.output<typeof ResourceChange>;
export type Resource = z.output<typeof Resource>;
