// The one contract that speaks of all features: what happened to their rows, which look as those features answer them.
import { z } from 'zod';
import { count, DayState, id, localDate, Resource, Task } from '../../trpc/fields.ts';
import { AccountExport } from '../auth/exports/contract.ts';
import { MentalPlanRow } from '../mentalPlan/contract.ts';
import { PhysicalPlanRow } from '../physicalPlan/contract.ts';
import { HEALTH_KEYS, Profile } from '../profile/contract.ts';

const ChangedMentalPlan = MentalPlanRow.extend({
  resource_list: z
    .array(id)
    .nullable()
    .meta({ description: 'Its resources from now on. Null where they stayed.', examples: [[1]] }),
}).meta({ id: 'ChangedMentalPlan', description: 'A mental plan as it is now.' });

const ResourceLink = z
  .object({
    mental_plan_id: id.describe('The id of the mental plan.'),
    progress: z
      .number()
      .min(0)
      .meta({ description: 'How much of the volume is done in it.', examples: [25] }),
  })
  .meta({ id: 'ResourceLink', description: 'How much of a resource is done in one mental plan.' });

const ChangedResource = Resource.extend({
  links: z
    .array(ResourceLink)
    .describe('How much of it is done, in those of my mental plans where that was written.'),
}).meta({ id: 'ChangedResource', description: 'A resource as it is now.' });

const Removed = z.object({ id }).meta({ id: 'RemovedObject', description: 'What is not there any more.' });

const SummaryOfTasks = z
  .object({
    created: count.describe('Those that were made.'),
    completed: count.describe('Those that were done when they were made or changed.'),
    open: count.describe('Of all that there are now.'),
    done: count.describe('Of all that there are now.'),
  })
  .meta({ id: 'SummaryOfTasks', description: 'The tasks of the week.' });

const SummaryOfPhysicalPlan = z
  .object({
    id,
    day: PhysicalPlanRow.shape.day,
    progress: PhysicalPlanRow.shape.progress,
  })
  .meta({ id: 'SummaryOfPhysicalPlan', description: 'The current physical plan, as it stands.' });

const SummaryOfMentalPlan = z
  .object({
    id,
    days_left: MentalPlanRow.shape.progress,
    resources: count.describe('Its resources.'),
    finished: count.describe('Resources whose whole volume is done.'),
    percent: z
      .int()
      .min(0)
      .max(100)
      .meta({ description: 'Done, on the mean of its resources. 100 when it has none.', examples: [40] }),
  })
  .meta({ id: 'SummaryOfMentalPlan', description: 'The current mental plan, as it stands.' });

/** How a user's week went, told once in it (features/summaries/job.ts). Counts are of the seven days before it was made. */
export const Summary = z
  .object({
    week: z
      .string()
      .regex(/^\d{4}-W\d\d$/)
      .meta({ description: 'The ISO 8601 week that has ended.', examples: ['2026-W47'] }),
    streak: count.meta({
      description:
        'Days that were done in a row when the week ended. Skipped days and those on which nothing was due are neutral, and a missed day may be made good within the week.',
      examples: [12],
    }),
    done: count.meta({ description: 'Days of the week that were done or reported.', examples: [5] }),
    tasks: SummaryOfTasks,
    physical_plan: SummaryOfPhysicalPlan.nullable().describe(
      'The current one, as it stands. Null when there is none.',
    ),
    mental_plan: SummaryOfMentalPlan.nullable().describe(
      'The current one, as it stands. Null when there is none.',
    ),
  })
  .meta({ id: 'Summary', description: 'How a week went.' });

const ChangedProfile = Profile.omit({ today: true, ...HEALTH_KEYS }).meta({
  id: 'ChangedProfile',
  description:
    'A profile as it is now, without birth date, activity and nutrition: read the profile for these.',
});

const ChangedDay = z
  .object({
    date: localDate.describe('Which day.'),
    state: DayState,
    revision: count.meta({ description: 'Its revision now.', examples: [1] }),
  })
  .meta({ id: 'ChangedDay', description: 'A date, and what became of it.' });

const ChangedBody = z
  .object({
    date: localDate.describe('The date that was weighed on.'),
    removed: z.boolean().meta({ description: 'Whether its weight is gone.', examples: [false] }),
  })
  .meta({ id: 'ChangedBody', description: 'A date whose weight is another. The weight is not told.' });

/** @param name of the component in the OpenAPI document */
const change = <Type extends string, Data extends z.ZodType>(
  type: Type,
  name: string,
  data: Data,
  description: string,
) => z.object({ type: z.literal(type), data }).meta({ id: name, description });

/** What a stream brings, told apart by `type`. */
export const StreamEvent = z
  .discriminatedUnion('type', [
    z
      .object({ type: z.literal('ready') })
      .meta({ id: 'ReadyEvent', description: 'Whatever is committed from now on will be heard.' }),
    z.object({ type: z.literal('resync') }).meta({
      id: 'ResyncEvent',
      description: 'Something was missed that can not be told any more: read everything anew.',
    }),
    z
      .object({
        type: z.literal('end'),
        reason: z
          .enum(['session_ended', 'token_expired', 'user_removed', 'server_closing'])
          .meta({ id: 'EndReason', description: 'Why a stream ends.' }),
      })
      .meta({ id: 'EndEvent', description: 'The last event of the stream, and why.' }),
    change('task.created', 'TaskCreatedEvent', Task, 'A task was made.'),
    change('task.changed', 'TaskChangedEvent', Task, 'A task was changed.'),
    change('task.removed', 'TaskRemovedEvent', Removed, 'A task was removed.'),
    change(
      'physicalPlan.created',
      'PhysicalPlanCreatedEvent',
      PhysicalPlanRow,
      'A physical plan was made, and is the current one.',
    ),
    change(
      'physicalPlan.changed',
      'PhysicalPlanChangedEvent',
      PhysicalPlanRow,
      'A physical plan was changed.',
    ),
    change('physicalPlan.removed', 'PhysicalPlanRemovedEvent', Removed, 'A physical plan was removed.'),
    change(
      'mentalPlan.created',
      'MentalPlanCreatedEvent',
      ChangedMentalPlan,
      'A mental plan was made, and is the current one.',
    ),
    change('mentalPlan.changed', 'MentalPlanChangedEvent', ChangedMentalPlan, 'A mental plan was changed.'),
    change('mentalPlan.removed', 'MentalPlanRemovedEvent', Removed, 'A mental plan was removed.'),
    change('resource.created', 'ResourceCreatedEvent', ChangedResource, 'A resource was added.'),
    change(
      'resource.changed',
      'ResourceChangedEvent',
      ChangedResource,
      'A resource was changed, or the progress in it.',
    ),
    change(
      'resource.removed',
      'ResourceRemovedEvent',
      Removed,
      'A resource was removed, from the plans too.',
    ),
    change('export.created', 'ExportCreatedEvent', AccountExport, 'An export was asked for.'),
    change(
      'export.changed',
      'ExportChangedEvent',
      AccountExport,
      'An export has begun, has another tenth of it, or has ended.',
    ),
    change(
      'profile.changed',
      'ProfileChangedEvent',
      ChangedProfile,
      'How the days are computed was changed.',
    ),
    change(
      'day.changed',
      'DayChangedEvent',
      ChangedDay,
      'A day was changed. What else changed with it was told before.',
    ),
    change(
      'body.changed',
      'BodyChangedEvent',
      ChangedBody,
      'A weight was recorded or removed: read the weights.',
    ),
    change('summary.created', 'SummaryCreatedEvent', Summary, 'A week has ended: how it went.'),
  ])
  .meta({ id: 'StreamEvent', description: 'What a stream brings, told apart by `type`.' });

/** The last event that the reader has: what came after it is told first. Without it the stream begins now. */
export const Subscription = z
  .object({
    lastEventId: z
      .string()
      .regex(/^(0|[1-9]\d{0,14})$/, 'must be the id of an event')
      .optional(),
  })
  .optional();
