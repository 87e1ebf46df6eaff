import { z } from 'zod';
import { endpoint } from '../../trpc/endpoint.ts';
import { invalidField, notFound } from '../../trpc/errors.ts';
import { ById, id, PageRequest, Resource } from '../../trpc/fields.ts';
import { protectedProcedure, router } from '../../trpc/procedures.ts';
import { throwIfQuotaReached } from '../../trpc/quota.ts';
import {
  CreatedResource,
  NewResource,
  NewResources,
  RemovedResource,
  ResourceChange,
  UpdatedResource,
} from './contract.ts';
import { createResource, createResources, listResources, removeResource, updateResource } from './queries.ts';

const tag = 'Resources';

const BULK_BODY_LIMIT_BYTES = 1024 * 1024;

export const resourceRouter = router({
  create: protectedProcedure
    .meta(
      endpoint('POST /resources', 'Add a resource to my current mental plan', {
        description:
          'The current mental plan is the one that was made last; 404 when there is none. `volume` is counted in `unit`: chapters of a book, lessons of a course and minutes of a video, unless another is sent.',
        tag,
        status: 201,
        errors: ['QUOTA_REACHED'],
      }),
    )
    .input(NewResource)
    .output(CreatedResource)
    .mutation(async ({ ctx, input }) => {
      const data = await createResource(
        ctx.db,
        ctx.user.id,
        ctx.services.now(),
        ctx.services.quotas.resources,
        input,
      );
      if (data === undefined) await throwIfQuotaReached(ctx, 'resources');
      return { data: data ?? notFound('Mental plan') };
    }),

  createMany: protectedProcedure
    .meta(
      endpoint('POST /resources/bulk', 'Add resources, all or none', {
        description:
          'They belong to no plan until one names them in its `resource_list`. The answer is their ids, in the order in which they were sent.',
        tag,
        status: 201,
        bareArray: 'resources',
        bodyLimit: BULK_BODY_LIMIT_BYTES,
        errors: ['QUOTA_REACHED'],
      }),
    )
    .input(NewResources)
    .output(z.array(id))
    .mutation(async ({ ctx, input: { resources } }) => {
      await ctx.services.limits.consumeRows(ctx.user.id, resources.length);
      const ids = await createResources(ctx.db, ctx.user.id, ctx.services.quotas.resources, resources);
      if (ids.length < resources.length) await throwIfQuotaReached(ctx, 'resources', resources.length);
      return ids;
    }),

  update: protectedProcedure
    .meta(
      endpoint('PATCH /resources/{id}', 'Change a resource, or my progress in it', {
        description:
          '`progress` is that in the current mental plan, and at most the volume; 404 when the resource is not in it. A smaller volume makes progress smaller too.',
        example: { message: 'Resource updated' },
        tag,
        recordsFacts: true,
      }),
    )
    .input(ResourceChange)
    .output(UpdatedResource)
    .mutation(async ({ ctx, input }) => {
      const update = await updateResource(ctx.db, ctx.user.id, ctx.services.now(), input);
      if (update.outcome === 'progress above volume')
        invalidField('progress', 'must not be above the volume');
      if (update.outcome !== 'updated') notFound('Resource');
      return { message: 'Resource updated', resource: update.resource };
    }),

  remove: protectedProcedure
    .meta(
      endpoint('DELETE /resources/{id}', 'Remove a resource, from my plans too', {
        description: 'The progress in it goes too.',
        tag,
      }),
    )
    .input(ById)
    .output(RemovedResource)
    .mutation(async ({ ctx, input }) => {
      const removed =
        (await removeResource(ctx.db, ctx.user.id, ctx.services.now(), input.id)) ?? notFound('Resource');
      return { detail: 'Resource removed', id: removed.id };
    }),

  list: protectedProcedure
    .meta(
      endpoint('GET /resources', 'My resources, newest first', {
        description: 'Those that are in no plan too.',
        tag,
      }),
    )
    .input(PageRequest)
    .output(z.array(Resource))
    .query(({ ctx, input }) => listResources(ctx.db, ctx.user.id, input)),
});
