import { tracked } from '@trpc/server';
import { z } from 'zod';
import type { StreamItem } from '../../trpc/context.ts';
import { streamEndpoint } from '../../trpc/endpoint.ts';
import { unauthenticated } from '../../trpc/errors.ts';
import { protectedProcedure, router } from '../../trpc/procedures.ts';
import { StreamEvent, Subscription } from './contract.ts';

const DESCRIPTION = `Server-sent events. \`id\` is where the stream stands; whoever comes back with it in \`Last-Event-ID\` gets exactly what
was missed, as long as that is kept (a week), otherwise \`resync\`. Without it the stream begins with \`ready\`. A comment every 20 s is a sign of life.
A user may have ten streams open. In a terminal \`curl -N\` shows one.`;

export const eventsRouter = router({
  stream: protectedProcedure
    .meta(
      streamEndpoint('/events', 'What happens to my tasks, plans and resources, as it happens', {
        tag: 'Events',
        description: DESCRIPTION,
        event: StreamEvent,
      }),
    )
    .input(Subscription)
    .subscription(async ({ ctx, input }) => {
      const { exp } = ctx.request.knownClaims ?? unauthenticated();
      const after = input?.lastEventId === undefined ? undefined : Number(input.lastEventId);
      return ctx.services.streams.open(ctx.user, exp, after, toTrackedEvent);
    }),
});

const contract = z.compile(StreamEvent);

/**
 * An event of a newer server, during an upgrade, may be unknown here: it becomes `resync`.
 * @returns an event that tRPC sends with its id; the type is what clients get, because tRPC's envelope type is internal
 */
function toTrackedEvent({ id, ...event }: StreamItem) {
  const parsed = contract.safeParse(event);
  const data = parsed.success ? parsed.data : { type: 'resync' as const };
  return tracked(String(id), data) as unknown as { id: string; data: typeof data };
}
