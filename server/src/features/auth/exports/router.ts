import { z } from 'zod';
import { endpoint } from '../../../trpc/endpoint.ts';
import { notFound, unauthenticated } from '../../../trpc/errors.ts';
import { ById, NoInput } from '../../../trpc/fields.ts';
import { protectedProcedure, router } from '../../../trpc/procedures.ts';
import { Export } from '../contract.ts';
import { AccountExport, ExportFile } from './contract.ts';
import { findExport, findFile, listExports, readFile, startExport } from './queries.ts';

const tag = 'Exports';

/** For the documents: an export that has not begun. */
const QUEUED = {
  state: 'queued',
  percent: 0,
  rows_done: 0,
  rows_total: 0,
  bytes: 0,
  finished_at: null,
  expires_at: null,
};

export const exportsRouter = router({
  start: protectedProcedure
    .meta(
      endpoint('POST /users/me/exports', 'Have everything that is kept of me written into a file', {
        description:
          'The file is written after the answer. Where one is being written already, the answer is that one.',
        tag,
        example: QUEUED,
        status: 202,
      }),
    )
    .input(NoInput)
    .output(AccountExport)
    .mutation(({ ctx }) => startExport(ctx.db, ctx.user.id)),

  list: protectedProcedure
    .meta(
      endpoint('GET /users/me/exports', 'My exports, newest first', {
        description: 'Each with how far it is.',
        tag,
      }),
    )
    .input(NoInput)
    .output(z.array(AccountExport))
    .query(({ ctx }) => listExports(ctx.db, ctx.user.id)),

  byId: protectedProcedure
    .meta(
      endpoint('GET /users/me/exports/{id}', 'How far an export of mine is', {
        description:
          '`percent` goes from 0 to 100. The file can be fetched when `state` is `done`, until `expires_at`.',
        tag,
      }),
    )
    .input(ById)
    .output(AccountExport)
    .query(async ({ ctx, input }) => (await findExport(ctx.db, ctx.user.id, input.id)) ?? notFound('Export')),

  file: protectedProcedure
    .meta(
      endpoint('GET /users/me/exports/{id}/file', 'The file of an export of mine, while it is kept', {
        description: 'JSON of everything that is kept of the user.',
        tag,
        file: {
          content: Export,
          async read({ db, request }, { id }: z.output<typeof ExportFile>) {
            const user = (await request.authenticate()) ?? unauthenticated();
            return readFile(db, user.id, id);
          },
        },
      }),
    )
    .input(ById)
    .output(ExportFile)
    .query(async ({ ctx, input }) => {
      const { id, bytes, date } =
        (await findFile(ctx.db, ctx.user.id, input.id, ctx.request.client)) ?? notFound('File');
      return {
        id,
        name: `stepwise-${date}.json`,
        type: 'application/json',
        bytes,
        path: `/users/me/exports/${id}/file`,
      } as const;
    }),
});
