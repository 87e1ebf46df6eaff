import { z } from 'zod';
import { endpoint } from '../../trpc/endpoint.ts';
import { AppError, invalidField, notFound, requireSelf, throwMissed } from '../../trpc/errors.ts';
import { ById, Message, PageRequest } from '../../trpc/fields.ts';
import { protectedProcedure, router } from '../../trpc/procedures.ts';
import { throwIfQuotaReached } from '../../trpc/quota.ts';
import { removePlan, updatePlan } from './changeQueries.ts';
import {
  CreatedPhysicalPlan,
  ExerciseSwap,
  NewPhysicalPlan,
  PhysicalPlanChange,
  PhysicalPlanRemoval,
  PhysicalPlanRow,
  PhysicalPlanView,
  UpdatedPhysicalPlan,
} from './contract.ts';
import { createPlan } from './creationQueries.ts';
import { CatalogueExercise, ExerciseRequest } from './exercises/contract.ts';
import { listExercises } from './exercises/queries.ts';
import { PlanPreview, PreviewRequest } from './generation/contract.ts';
import { makeWeek, readBasis } from './generation/made.ts';
import { previewPlan } from './generation/preview.ts';
import { findCurrentPlan, listPlans } from './queries.ts';
import { type SwapMiss, swapExercise } from './swap/queries.ts';

const tag = 'Physical plans';

/** The plan, 7 workouts and their 8 exercises each. */
const ROWS_OF_PLAN = 1 + 7 + 7 * 8;

/** @throws why an exercise is not swapped */
function throwNotSwapped(miss: SwapMiss): never {
  switch (miss) {
    case 'no_exercise':
      return notFound('Exercise');
    case 'not_ready':
      throw new AppError('NOT_READY', 'The top is not held yet');
    case 'other_pattern':
      return invalidField('to', 'must be an exercise of the same pattern');
    case 'in_plan':
      return invalidField('to', 'must not be in the plan already');
    case 'impact':
      return invalidField('to', 'must have no jumps from 65 years on');
    case 'too_hard':
      return invalidField('to', 'must be at most one level above the plan');
    default:
      return throwMissed('Physical plan', miss);
  }
}

export const physicalPlanRouter = router({
  create: protectedProcedure
    .meta(
      endpoint('POST /physicalPlans', 'Make a plan of seven days, which becomes the current one', {
        description:
          'The server makes a week of workouts and computes `bmi`. With `level` the workouts are made for the user, the same for the same input, and `because` and `notes` say why they are so; without it each day has the same ones. Weight is in kilograms, height in centimetres, age in years. Workouts are due on `training_days`, from today on. The current plan is the one that was made last.',
        example: { message: 'Physical plan created' },
        tag,
        status: 201,
        errors: ['QUOTA_REACHED'],
        etag: (view: z.output<typeof PhysicalPlanView>) => view.data.version,
      }),
    )
    .input(NewPhysicalPlan)
    .output(CreatedPhysicalPlan)
    .mutation(async ({ ctx, input }) => {
      const { exercises, limits, quotas } = ctx.services;
      const now = ctx.services.now();
      await limits.consumeRows(ctx.user.id, ROWS_OF_PLAN);
      const { level } = input;
      const week =
        level === undefined
          ? undefined
          : makeWeek({ ...input, level }, await readBasis(ctx.db, exercises, ctx.user.id, now));
      const plan = await createPlan(ctx.db, exercises, ctx.user.id, now, quotas.physical_plans, input, week);
      if (!plan) await throwIfQuotaReached(ctx, 'physical_plans');
      if (!plan)
        throw new AppError('UNAVAILABLE', 'The exercise catalogue is empty: it has to be seeded first');
      return { message: 'Physical plan created', ...plan, notes: [...(week?.notes ?? [])] };
    }),

  preview: protectedProcedure
    .meta(
      endpoint('POST /physicalPlans/preview', 'Try a plan before it is made', {
        description:
          'Answers the plan that `create` would make of the same body, or the plan `plan_id` as it is, and the next sessions if they come out as in `sessions`: with their dates, targets, lighter weeks and reasons. Nothing is stored.',
        tag,
        errors: ['NOT_FOUND'],
      }),
    )
    .input(PreviewRequest)
    .output(PlanPreview)
    .query(
      async ({ ctx, input }) =>
        (await previewPlan(ctx.db, ctx.services.exercises, ctx.user.id, ctx.services.now(), input)) ??
        notFound('Physical plan'),
    ),

  update: protectedProcedure
    .meta(
      endpoint('PATCH /physicalPlans/{id}', 'Change a plan', {
        description:
          'Changes what is sent, and computes `bmi` again. Weight is in kilograms, height in centimetres, age in years. `day` one step on (from the last with `progress` + 7) reports that the workout of today was done, once a date; any other `day` or `progress` is only set. `training_days` are due from today on. With If-Match it changes only the version that is meant.',
        example: { message: 'Physical plan updated', resource: { version: 2 } },
        tag,
        recordsFacts: true,
        errors: ['PRECONDITION_FAILED'],
        etag: (answer: { resource: { version: number } }) => answer.resource.version,
      }),
    )
    .input(PhysicalPlanChange)
    .output(UpdatedPhysicalPlan)
    .mutation(async ({ ctx, input }) => {
      const update = await updatePlan(ctx.db, ctx.services, ctx.user.id, input);
      if (update.outcome !== 'updated') throwMissed('Physical plan', update.outcome);
      return { message: 'Physical plan updated', resource: update.plan };
    }),

  swap: protectedProcedure
    .meta(
      endpoint('POST /physicalPlans/{id}/swap', 'Take another exercise in the place of one', {
        description:
          'Replaces an exercise in all days of the plan by another of the same pattern: by a harder one when the top of it is held (`ready_for_next` of today), by an easier one of its chain at any time; otherwise 409. The new one begins at the bottom of its targets. With If-Match it changes only the version that is meant.',
        tag,
        recordsFacts: true,
        errors: ['PRECONDITION_FAILED', 'NOT_READY'],
        etag: (view: z.output<typeof PhysicalPlanView>) => view.data.version,
      }),
    )
    .input(ExerciseSwap)
    .output(PhysicalPlanView)
    .mutation(async ({ ctx, input }) => {
      const plan = await swapExercise(ctx.db, ctx.services, ctx.user.id, input);
      return typeof plan === 'string' ? throwNotSwapped(plan) : plan;
    }),

  remove: protectedProcedure
    .meta(
      endpoint('DELETE /physicalPlans/{id}', 'Remove a plan with its workouts', {
        description:
          'When it was the current plan, the one that was made before it becomes current. With If-Match it removes only the version that is meant.',
        example: { message: 'Physical plan removed' },
        tag,
        errors: ['PRECONDITION_FAILED'],
      }),
    )
    .input(PhysicalPlanRemoval)
    .output(Message)
    .mutation(async ({ ctx, input }) => {
      const outcome = await removePlan(ctx.db, ctx.user.id, input, ctx.services.now());
      if (outcome !== 'removed') throwMissed('Physical plan', outcome);
      return { message: 'Physical plan removed' };
    }),

  byUser: protectedProcedure
    .meta(
      endpoint('GET /users/{id}/physical-plan', 'My current plan with its days', {
        description:
          'The current plan is the one that was made last. It has seven days with their exercises. 404 when there is none.',
        tag,
        etag: (view: z.output<typeof PhysicalPlanView>) => view.data.version,
      }),
    )
    .input(ById)
    .output(PhysicalPlanView)
    .query(async ({ ctx, input }) => {
      requireSelf(ctx, input.id);
      return (await findCurrentPlan(ctx.db, ctx.services, ctx.user.id)) ?? notFound('Physical plan');
    }),

  list: protectedProcedure
    .meta(
      endpoint('GET /physicalPlans', 'My plans, newest first', {
        description: 'The first of them is the current one.',
        tag,
      }),
    )
    .input(PageRequest)
    .output(z.array(PhysicalPlanRow))
    .query(({ ctx, input }) => listPlans(ctx.db, ctx.user.id, input)),

  exercises: protectedProcedure
    .meta(
      endpoint('GET /exercises', 'The catalogue of exercises', {
        description:
          'By id. It is the same for all users. Names and descriptions are in the language of the request, else in that of the profile, else in Russian; `Accept-Language` is not read. `pattern`, `chain` and `level` (at most) leave out others, and exercises that have none. An exercise without a `key` is an own one of the operator.',
        tag,
      }),
    )
    .input(ExerciseRequest.optional())
    .output(z.array(CatalogueExercise))
    .query(({ ctx, input }) => listExercises(ctx.db, ctx.services.exercises, ctx.user.id, input)),
});
