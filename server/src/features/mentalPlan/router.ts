import { z } from 'zod';
import { endpoint } from '../../trpc/endpoint.ts';
import { invalidField, notFound, requireSelf, throwMissed } from '../../trpc/errors.ts';
import { ById, Message, PageRequest } from '../../trpc/fields.ts';
import { protectedProcedure, router } from '../../trpc/procedures.ts';
import { throwIfQuotaReached } from '../../trpc/quota.ts';
import { createPlan, removePlan, updatePlan } from './changeQueries.ts';
import {
  CreatedMentalPlan,
  MentalPlanChange,
  MentalPlanRemoval,
  MentalPlanRow,
  MentalPlanView,
  NewMentalPlan,
  UpdatedMentalPlan,
} from './contract.ts';
import { findCurrentPlan, listPlans } from './queries.ts';

const tag = 'Mental plans';

function refuseDeadline(): never {
  invalidField('deadline', 'must be from today to 3649 days later');
}

export const mentalPlanRouter = router({
  create: protectedProcedure
    .meta(
      endpoint('POST /mentalPlans', 'Make a plan of my resources, which becomes the current one', {
        description:
          '`progress` is the number of days that are left. The current plan is the one that was made last.',
        example: { message: 'Mental plan created' },
        tag,
        status: 201,
        errors: ['QUOTA_REACHED'],
      }),
    )
    .input(NewMentalPlan)
    .output(CreatedMentalPlan)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.limits.consumeRows(ctx.user.id, 1 + input.resource_list.length);
      const { services, user } = ctx;
      const quota = services.quotas.mental_plans;
      const creation = await createPlan(ctx.db, user.id, services.now(), quota, input);
      if (creation.outcome === 'deadline out of range') refuseDeadline();
      if (creation.outcome === 'refused') await throwIfQuotaReached(ctx, 'mental_plans');
      if (creation.outcome !== 'created') notFound('Resource');
      return { message: 'Mental plan created', mental_plan_id: creation.id };
    }),

  update: protectedProcedure
    .meta(
      endpoint('PATCH /mentalPlans/{id}', 'Change a plan or replace its list of resources', {
        description:
          'Changes what is sent. A list of resources replaces the one before: what stays in it keeps its progress. With If-Match it changes only the version that is meant.',
        example: { message: 'Mental plan updated', resource: { version: 2 } },
        tag,
        recordsFacts: true,
        errors: ['PRECONDITION_FAILED'],
        etag: (answer: { resource: { version: number } }) => answer.resource.version,
      }),
    )
    .input(MentalPlanChange)
    .output(UpdatedMentalPlan)
    .mutation(async ({ ctx, input }) => {
      if (input.resource_list) await ctx.services.limits.consumeRows(ctx.user.id, input.resource_list.length);
      const update = await updatePlan(ctx.db, ctx.user.id, ctx.services.now(), input);
      if (update.outcome === 'deadline out of range') refuseDeadline();
      if (update.outcome === 'resource missing') notFound('Resource');
      if (update.outcome !== 'updated') throwMissed('Mental plan', update.outcome);
      return { message: 'Mental plan updated', resource: update.plan };
    }),

  remove: protectedProcedure
    .meta(
      endpoint('DELETE /mentalPlans/{id}', 'Remove a plan; its resources stay mine', {
        description:
          'When it was the current plan, the one that was made before it becomes current. With If-Match it removes only the version that is meant.',
        example: { message: 'Mental plan removed' },
        tag,
        errors: ['PRECONDITION_FAILED'],
      }),
    )
    .input(MentalPlanRemoval)
    .output(Message)
    .mutation(async ({ ctx, input }) => {
      const outcome = await removePlan(ctx.db, ctx.user.id, input, ctx.services.now());
      if (outcome !== 'removed') throwMissed('Mental plan', outcome);
      return { message: 'Mental plan removed' };
    }),

  byUser: protectedProcedure
    .meta(
      endpoint('GET /users/{id}/mental-plan', 'My current plan with its resources', {
        description:
          'The current plan is the one that was made last. Each resource stands with how much of it is done. 404 when there is none.',
        tag,
        etag: (view: z.output<typeof MentalPlanView>) => view.data.version,
      }),
    )
    .input(ById)
    .output(MentalPlanView)
    .query(async ({ ctx, input }) => {
      requireSelf(ctx, input.id);
      return (await findCurrentPlan(ctx.db, ctx.services, ctx.user.id)) ?? notFound('Mental plan');
    }),

  list: protectedProcedure
    .meta(
      endpoint('GET /mentalPlans', 'My plans, newest first', {
        description: 'The first of them is the current one.',
        tag,
      }),
    )
    .input(PageRequest)
    .output(z.array(MentalPlanRow))
    .query(({ ctx, input }) => listPlans(ctx.db, ctx.user.id, ctx.services.now(), input)),
});
