import { z } from 'zod';
import {
  ById,
  id,
  message,
  RESOURCE_TEXTS,
  Resource,
  ResourceType,
  ResourceUnit,
  text,
  textOrEmpty,
  user_id,
  volume,
} from '../../trpc/fields.ts';

const fields = {
  type: ResourceType,
  name: text(500).meta(RESOURCE_TEXTS.name),
  description: textOrEmpty(5000).meta(RESOURCE_TEXTS.description),
  volume,
  unit: ResourceUnit.optional().describe(
    'What the volume counts. Left out of a new one: chapters of a book, lessons of a course, minutes of a video.',
  ),
};

const progress = z
  .number()
  .min(0)
  .max(1_000_000)
  .meta({
    description: 'How much of the volume is done, in the current mental plan. At most the volume.',
    examples: [25],
  });

export const NewResource = z
  .object({ user_id, ...fields })
  .meta({ id: 'NewResource', description: 'A book, a course or a video that does not exist here yet.' });
export const NewResources = z.object({
  resources: z
    .array(z.object(fields).meta({ id: 'BulkResource', description: 'One of many new resources.' }))
    .max(1000)
    .describe('All of them are added, or none.'),
});
export const ResourceChange = ById.extend({
  user_id,
  ...z.object({ ...fields, progress }).partial().shape,
}).meta({
  id: 'ResourceChange',
  description: 'What is to change in a resource. What is left out stays as it is.',
});

export const CreatedResource = z
  .object({ data: id.describe('The id of the resource.') })
  .meta({ id: 'CreatedResource', description: 'Where the new resource is.' });
export const UpdatedResource = z
  .object({ message, resource: Resource })
  .meta({ id: 'UpdatedResource', description: 'A resource after its change.' });
export const RemovedResource = z
  .object({
    detail: z.string().meta({ description: 'What was done, in words.', examples: ['Resource removed'] }),
    id,
  })
  .meta({ id: 'RemovedResource', description: 'Which resource was removed.' });

export type NewResource = z.output<typeof NewResource>;
export type NewResources = z.output<typeof NewResources>;
export type ResourceChange = z.output<typeof ResourceChange>;
