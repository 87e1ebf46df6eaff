// The one contract that speaks of all features: what happened to their rows, which look as those features answer them.
import { z } from 'zod';
import { ById, id } from '../../trpc/fields.ts';
import { AccountExport } from '../auth/exports/contract.ts';
import { MentalPlanRow } from '../mentalPlan/contract.ts';
import { PhysicalPlanRow } from '../physicalPlan/contract.ts';
import { Resource } from '../resource/contract.ts';
import { Task } from '../task/contract.ts';

const mentalPlan = MentalPlanRow.extend({
  resource_list: z.array(id).nullable().describe('Its resources from now on; null where they stayed'),
});

const resource = Resource.extend({
  links: z
    .array(z.object({ mental_plan_id: id, progress: z.number() }))
    .describe('How much of it is done, in those of my mental plans where that was written'),
});

/** How a user's week went, told once in it (jobs/summaries.ts). Counts are of the seven days before it was made. */
export const Summary = z.object({
  week: z
    .string()
    .regex(/^\d{4}-W\d\d$/)
    .describe('The ISO 8601 week that has ended'),
  tasks: z.object({
    created: z.int(),
    completed: z.int().describe('Those that were done when they were made or changed'),
    open: z.int().describe('Of all that there are now'),
    done: z.int().describe('Of all that there are now'),
  }),
  physical_plan: z.object({ id, day: z.int(), progress: z.number() }).nullable().describe('The current one, as it stands'),
  mental_plan: z
    .object({
      id,
      days_left: z.int(),
      resources: z.int(),
      finished: z.int().describe('Resources whose whole volume is done'),
      percent: z.int().describe('Done, on the mean of its resources; 100 when it has none'),
    })
    .nullable()
    .describe('The current one, as it stands'),
});

const change = <Type extends string, Data extends z.ZodType>(type: Type, data: Data) => z.object({ type: z.literal(type), data });

/** What a stream brings, told apart by `type`. */
export const StreamEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }).describe('Whatever is committed from now on will be heard'),
  z.object({ type: z.literal('resync') }).describe('Something was missed that can not be told any more: read everything anew'),
  z
    .object({ type: z.literal('end'), reason: z.enum(['session_ended', 'token_expired', 'user_removed', 'server_closing']) })
    .describe('The last of the stream, and why'),
  change('task.created', Task),
  change('task.changed', Task),
  change('task.removed', ById),
  change('physicalPlan.created', PhysicalPlanRow),
  change('physicalPlan.changed', PhysicalPlanRow),
  change('physicalPlan.removed', ById),
  change('mentalPlan.created', mentalPlan),
  change('mentalPlan.changed', mentalPlan),
  change('mentalPlan.removed', ById),
  change('resource.created', resource),
  change('resource.changed', resource),
  change('resource.removed', ById),
  change('export.created', AccountExport),
  change('export.changed', AccountExport).describe('When it begins, at each tenth of it, and when it ends'),
  change('summary.created', Summary),
]);

/** The last event that the reader has: what came after it is told first. Without it the stream begins now. */
export const Subscription = z
  .object({
    lastEventId: z
      .string()
      .regex(/^(0|[1-9]\d{0,14})$/, 'must be the id of an event')
      .optional(),
  })
  .optional();
