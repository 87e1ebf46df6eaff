import { z } from 'zod';
import { endpoint } from '../../trpc/endpoint.ts';
import { AppError, notFound } from '../../trpc/errors.ts';
import { ById, Message, NoInput } from '../../trpc/fields.ts';
import { protectedProcedure, router } from '../../trpc/procedures.ts';
import { Calendar, CreatedCalendar, DEFAULT_NAME, NewCalendar } from './contract.ts';
import { createCalendar, listCalendars, MAX_CALENDARS, revokeCalendar } from './queries.ts';

const tag = 'Calendars';

export const calendarRouter = router({
  create: protectedProcedure
    .meta(
      endpoint('POST /users/me/calendars', 'Give a calendar file of my days an address', {
        description: `A program subscribes to \`path\` with a plain GET, without signing in. The file is iCalendar (RFC 5545): training days and due tasks of the next 60 days, and done days of the last 90, as entries of whole days. An answer has an \`ETag\`; an unknown or revoked address is 404. A user has ${MAX_CALENDARS} at most.`,
        tag,
        status: 201,
        changesAccount: true,
        errors: ['QUOTA_REACHED'],
      }),
    )
    .input(NewCalendar.optional())
    .output(CreatedCalendar)
    .mutation(async ({ ctx, input: { name } = { name: DEFAULT_NAME } }) => {
      const made = await createCalendar(ctx.db, ctx.user.id, name, ctx.request.client);
      if (!made)
        throw new AppError('QUOTA_REACHED', `At most ${MAX_CALENDARS} calendars are kept for a user`, {
          quota: { name: 'calendars', limit: MAX_CALENDARS },
        });
      return { id: made.id, name, path: `/calendars/${made.token}.ics` };
    }),

  list: protectedProcedure
    .meta(
      endpoint('GET /users/me/calendars', 'My calendar files, newest first', {
        description: 'Their addresses are not told again.',
        tag,
      }),
    )
    .input(NoInput)
    .output(z.array(Calendar))
    .query(({ ctx }) => listCalendars(ctx.db, ctx.user.id)),

  revoke: protectedProcedure
    .meta(
      endpoint('DELETE /users/me/calendars/{id}', 'Take the address of one of my calendar files back', {
        description: 'It is 404 from then on. Programs keep what they have read.',
        example: { message: 'Calendar revoked' },
        tag,
        changesAccount: true,
      }),
    )
    .input(ById)
    .output(Message)
    .mutation(async ({ ctx, input }) => {
      (await revokeCalendar(ctx.db, ctx.user.id, input.id, ctx.request.client)) || notFound('Calendar');
      return { message: 'Calendar revoked' };
    }),
});
