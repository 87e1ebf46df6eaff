import { z } from 'zod';
import { count, id, localDate, TargetReason } from '../../../trpc/fields.ts';
import {
  day,
  NewPhysicalPlan,
  newPlan,
  notes,
  PhysicalPlanDay,
  PhysicalPlanRow,
  PhysicalPlanView,
} from '../contract.ts';
import { exerciseKey, exerciseSets } from '../exercises/contract.ts';

const PreviewOutcome = z.enum(['met', 'missed', 'none']).meta({
  id: 'PreviewOutcome',
  description:
    'How a session comes out. `met`: every set reaches its target. `none`: nobody does it, and in `sequence` it waits.',
  examples: ['met'],
});

/** A dry run of a plan that is sent as for `create`, or of one that exists. */
export const PreviewRequest = z
  .object({
    ...z.object(newPlan).partial().shape,
    plan_id: id.optional().describe('A plan of mine. Without it the plan that is sent, as for `create`.'),
    sessions: z
      .array(PreviewOutcome)
      .max(120)
      .default([])
      .meta({ description: 'How the next sessions come out, in order.', examples: [['met', 'met']] }),
  })
  .superRefine((request, context) => {
    if (request.plan_id !== undefined) return;
    for (const issue of NewPhysicalPlan.safeParse(request).error?.issues ?? [])
      context.addIssue({ code: 'custom', path: issue.path, message: issue.message });
  })
  .meta({ id: 'PlanPreviewRequest', description: 'A plan, and how its next sessions come out.' });

const PreviewedExercise = z
  .object({
    exercise_id: id.describe('The id of the exercise.'),
    key: exerciseKey,
    sets: exerciseSets,
    target: count.meta({ description: 'Repetitions, or seconds, of each set.', examples: [8] }),
    because: TargetReason,
  })
  .meta({ id: 'PreviewedExercise', description: 'An exercise of a session to come.' });

const PreviewedSession = z
  .object({
    date: localDate.describe('A date on which a workout is due.'),
    slot: day.describe('The day of the plan.'),
    exercises: z.array(PreviewedExercise).describe('In the order in which they are done.'),
    estimated_s: count.meta({
      description: 'Seconds with a minute of rest between sets.',
      examples: [1014],
    }),
  })
  .meta({ id: 'PreviewedSession', description: 'A session to come.' });

const unmade = { examples: [null] };
const PreviewedPlan = PhysicalPlanView.extend({
  data: PhysicalPlanRow.extend({
    id: id.nullable().meta({ description: 'Null: it does not exist.', ...unmade }),
  }).meta({ id: 'PreviewedPlanRow', description: 'A physical plan that may not exist.' }),
  days: z
    .array(
      PhysicalPlanDay.extend({
        workout_id: id.nullable().meta({ description: 'Null: it does not exist.', ...unmade }),
      }).meta({ id: 'PreviewedPlanDay', description: 'A day of a plan that may not exist.' }),
    )
    .describe('Seven, in their order.'),
}).meta({ id: 'PreviewedPlan', description: 'The plan, in the form of a plan that exists.' });

export const PlanPreview = z
  .object({
    plan: PreviewedPlan,
    notes,
    sessions: z.array(PreviewedSession).describe('As many as outcomes were sent, from today on.'),
  })
  .meta({ id: 'PlanPreview', description: 'What would become of a plan.' });

export type PreviewRequest = z.output<typeof PreviewRequest>;
export type PlanPreview = z.output<typeof PlanPreview>;
