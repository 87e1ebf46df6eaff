import { endpoint } from '../../trpc/endpoint.ts';
import { invalidField, notFound } from '../../trpc/errors.ts';
import { Message } from '../../trpc/fields.ts';
import { protectedProcedure, router } from '../../trpc/procedures.ts';
import {
  AddedWeight,
  ByDate,
  NewWeight,
  TrendRequest,
  WeightRequest,
  Weights,
  WeightTrend,
} from './contract.ts';
import { addWeight, findTrend, listWeights, removeWeight } from './queries.ts';

const tag = 'Body';

export const bodyRouter = router({
  add: protectedProcedure
    .meta(
      endpoint('POST /users/me/body', 'Add what I weigh', {
        description:
          'One weight a date: a second one replaces it. The weight of the newest date becomes that of the current physical plan, as another version. `trend` and `rate` are those of the date.',
        tag,
        status: 201,
      }),
    )
    .input(NewWeight)
    .output(AddedWeight)
    .mutation(async ({ ctx, input }) => {
      const added = await addWeight(ctx.db, ctx.user.id, ctx.services.now(), input);
      if (added === 'date out of range')
        invalidField('date', 'must be from ten years ago to the latest date that it is anywhere');
      return added ?? notFound('User');
    }),

  list: protectedProcedure
    .meta(
      endpoint('GET /users/me/body', 'My weights, newest first', {
        description: 'Those that were added, and those that a physical plan was made or changed with.',
        tag,
      }),
    )
    .input(WeightRequest)
    .output(Weights)
    .query(({ ctx, input }) => listWeights(ctx.db, ctx.user.id, input)),

  trend: protectedProcedure
    .meta(
      endpoint('GET /users/me/body/trend', 'How my weight goes', {
        description:
          'The weights of the last dates, each with the trend: an exponentially smoothed average of 10 % a day. Nothing is projected.',
        tag,
      }),
    )
    .input(TrendRequest)
    .output(WeightTrend)
    .query(({ ctx, input }) => findTrend(ctx.db, ctx.user.id, ctx.services.now(), input.days)),

  remove: protectedProcedure
    .meta(
      endpoint('DELETE /users/me/body/{date}', 'Remove the weight of a date', {
        description:
          'It is deleted, and can not be brought back. Physical plans keep their weight. A date without a weight stays so.',
        example: { message: 'Weight removed' },
        tag,
      }),
    )
    .input(ByDate)
    .output(Message)
    .mutation(async ({ ctx, input }) => {
      await removeWeight(ctx.db, { user_id: ctx.user.id, date: input.date });
      return { message: 'Weight removed' };
    }),
});
