import { z } from 'zod';
import { endpoint } from '../../../trpc/endpoint.ts';
import { notFound, unauthenticated } from '../../../trpc/errors.ts';
import { ById } from '../../../trpc/fields.ts';
import { protectedProcedure, router } from '../../../trpc/procedures.ts';
import { Export } from '../contract.ts';
import { AccountExport, ExportFile } from './contract.ts';
import { findExport, findFile, listExports, readFile, startExport } from './queries.ts';

const tag = 'Exports';

export const exportsRouter = router({
  start: protectedProcedure
    .meta(endpoint('POST /users/me/exports', 'Have everything that is kept of me written into a file', { tag, status: 202 }))
    .input(z.object({}).optional())
    .output(AccountExport)
    .mutation(({ ctx }) => startExport(ctx.db, ctx.user.id)),

  list: protectedProcedure
    .meta(endpoint('GET /users/me/exports', 'My exports, newest first', { tag }))
    .input(z.object({}).optional())
    .output(z.array(AccountExport))
    .query(({ ctx }) => listExports(ctx.db, ctx.user.id)),

  byId: protectedProcedure
    .meta(endpoint('GET /users/me/exports/{id}', 'How far an export of mine is', { tag }))
    .input(ById)
    .output(AccountExport)
    .query(async ({ ctx, input }) => (await findExport(ctx.db, ctx.user.id, input.id)) ?? notFound('Export')),

  file: protectedProcedure
    .meta(
      endpoint('GET /users/me/exports/{id}/file', 'The file of an export of mine, while it is kept', {
        tag,
        file: {
          content: Export,
          async read({ db, request }, { id }: z.output<typeof ExportFile>) {
            const user = (await request.caller()) ?? unauthenticated();
            return readFile(db, user.id, id);
          },
        },
      }),
    )
    .input(ById)
    .output(ExportFile)
    .query(async ({ ctx, input }) => {
      const { id, bytes, date } = (await findFile(ctx.db, ctx.user.id, input.id, ctx.request.client)) ?? notFound('File');
      return { id, name: `stepwise-${date}.json`, type: 'application/json', bytes, path: `/users/me/exports/${id}/file` } as const;
    }),
});
