import { z } from 'zod';
import { endpoint } from '../../../trpc/endpoint.ts';
import { notFound } from '../../../trpc/errors.ts';
import { ById, Message, NoInput } from '../../../trpc/fields.ts';
import { protectedProcedure, router } from '../../../trpc/procedures.ts';
import { Session } from './contract.ts';
import { listSessions, revokeSession } from './queries.ts';

const tag = 'Auth';

export const sessionsRouter = router({
  list: protectedProcedure
    .meta(
      endpoint('GET /users/me/sessions', 'My open sessions, newest first', {
        description: 'Each is a place where the user is signed in.',
        tag,
      }),
    )
    .input(NoInput)
    .output(z.array(Session))
    .query(async ({ ctx }) => {
      const sessions = await listSessions(ctx.db, ctx.user.id);
      return sessions.map((session) => ({ ...session, current: session.id === ctx.user.session_id }));
    }),

  revoke: protectedProcedure
    .meta(
      endpoint('DELETE /users/me/sessions/{id}', 'End one of my sessions', {
        description: 'Its tokens are refused from then on.',
        example: { message: 'Session ended' },
        tag,
        changesAccount: true,
      }),
    )
    .input(ById)
    .output(Message)
    .mutation(async ({ ctx, input }) => {
      (await revokeSession(ctx.db, ctx.user.id, input.id, ctx.request.client)) || notFound('Session');
      ctx.services.sessionCache.invalidate([input.id]);
      return { message: 'Session ended' };
    }),
});
