import { z } from 'zod';
import type { Database } from '../../db/client.ts';
import type { Caller } from '../../trpc/context.ts';
import { endpoint } from '../../trpc/endpoint.ts';
import { AppError, changedMeanwhile, notFound } from '../../trpc/errors.ts';
import { ById, message, Page } from '../../trpc/fields.ts';
import { protectedProcedure, router } from '../../trpc/procedures.ts';
import { Exercise, NewPhysicalPlan, PhysicalPlanChange, PhysicalPlanRemoval, PhysicalPlanRow, PhysicalPlanView } from './contract.ts';
import { createPlan, findCurrentPlan, listExercises, listPlans, planExists, removePlan, updatePlan } from './queries.ts';

const tag = 'Physical plans';

export const physicalPlanRouter = router({
  create: protectedProcedure
    .meta(
      endpoint('POST /physicalPlans', 'Make a plan of seven days, which becomes the current one', {
        tag,
        status: 201,
        etag: (view: z.output<typeof PhysicalPlanView>) => view.data.version,
      }),
    )
    .input(NewPhysicalPlan)
    .output(PhysicalPlanView.extend({ message }))
    .mutation(async ({ ctx, input }) => {
      const plan = await createPlan(ctx.db, ctx.user.id, input);
      if (!plan) throw new AppError('UNAVAILABLE', 'The exercise catalogue is empty: it has to be seeded first');
      return { message: 'Physical plan created', ...plan };
    }),

  update: protectedProcedure
    .meta(
      endpoint('PATCH /physicalPlans/{id}', 'Change a plan', {
        tag,
        errors: ['PRECONDITION_FAILED'],
        etag: (answer: { resource: { version: number } }) => answer.resource.version,
      }),
    )
    .input(PhysicalPlanChange)
    .output(z.object({ message, resource: PhysicalPlanRow }))
    .mutation(async ({ ctx, input }) => {
      const resource = (await updatePlan(ctx.db, ctx.user.id, input)) ?? (await absent(ctx, input));
      return { message: 'Physical plan updated', resource };
    }),

  remove: protectedProcedure
    .meta(endpoint('DELETE /physicalPlans/{id}', 'Remove a plan with its workouts', { tag, errors: ['PRECONDITION_FAILED'] }))
    .input(PhysicalPlanRemoval)
    .output(z.object({ message }))
    .mutation(async ({ ctx, input }) => {
      (await removePlan(ctx.db, ctx.user.id, input)) ?? (await absent(ctx, input));
      return { message: 'Physical plan removed' };
    }),

  byUser: protectedProcedure
    .meta(
      endpoint('GET /users/{id}/physical-plan', 'My current plan with its days', {
        tag,
        etag: (view: z.output<typeof PhysicalPlanView>) => view.data.version,
      }),
    )
    .input(ById)
    .output(PhysicalPlanView)
    .query(async ({ ctx, input }) => {
      if (input.id !== ctx.user.id) notFound('User');
      return (await findCurrentPlan(ctx.db, ctx.user.id)) ?? notFound('Physical plan');
    }),

  list: protectedProcedure
    .meta(endpoint('GET /physicalPlans', 'My plans, newest first', { tag }))
    .input(Page)
    .output(z.array(PhysicalPlanRow))
    .query(({ ctx, input }) => listPlans(ctx.db, ctx.user.id, input)),

  exercises: protectedProcedure
    .meta(endpoint('GET /exercises', 'The catalogue of exercises', { tag }))
    .input(z.object({}).optional())
    .output(z.array(Exercise))
    .query(({ ctx }) => listExercises(ctx.db)),
});

/** Nothing had this id, this owner and this version. @throws 412 when only the version was another, otherwise 404 */
async function absent(ctx: { db: Database; user: Caller }, { id, if_match }: PhysicalPlanRemoval): Promise<never> {
  if (if_match !== undefined && (await planExists(ctx.db, ctx.user.id, id))) changedMeanwhile();
  return notFound('Physical plan');
}
