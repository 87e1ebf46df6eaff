import { endpoint } from '../../trpc/endpoint.ts';
import { notFound } from '../../trpc/errors.ts';
import { NoInput } from '../../trpc/fields.ts';
import { protectedProcedure, router } from '../../trpc/procedures.ts';
import { HistoryDays, HistoryMonths, HistoryRequest, HistorySummary, MonthsRequest } from './contract.ts';
import { listDays, listMonths, summarize } from './queries.ts';

const tag = 'History';

export const historyRouter = router({
  days: protectedProcedure
    .meta(
      endpoint('GET /users/me/history', 'My days, newest first', {
        description:
          'Days on which something was done, skipped or changed. Dates without any of that are not told. Kilocalories are those for the weight of the current physical plan.',
        tag,
      }),
    )
    .input(HistoryRequest)
    .output(HistoryDays)
    .query(({ ctx, input }) => listDays(ctx.db, ctx.user.id, ctx.services.now(), input)),

  months: protectedProcedure
    .meta(
      endpoint('GET /users/me/history/months', 'My months, newest first', {
        description:
          'What the days of each month came to. Months in which no day has a row are not told. Kilocalories are those for the weight of the current physical plan.',
        tag,
      }),
    )
    .input(MonthsRequest)
    .output(HistoryMonths)
    .query(({ ctx, input }) => listMonths(ctx.db, ctx.user.id, ctx.services.now(), input)),

  summary: protectedProcedure
    .meta(
      endpoint('GET /users/me/history/summary', 'What my days came to', {
        description:
          'Days in a row, what was due and what was done in the last 7, 30 and 90 days, and sums of everything.',
        tag,
      }),
    )
    .input(NoInput)
    .output(HistorySummary)
    .query(async ({ ctx }) => (await summarize(ctx.db, ctx.user.id, ctx.services.now())) ?? notFound('User')),
});
