import { z } from 'zod';
import { count, id, longCount, moment } from '../../../trpc/fields.ts';

/** A file with everything that is kept of me, and how far it is. */
export const AccountExport = z
  .object({
    id,
    state: z.enum(['queued', 'running', 'done', 'failed', 'expired']).meta({
      id: 'AccountExportState',
      description: 'How far it is. The file can be fetched of one that is done.',
      examples: ['done'],
    }),
    percent: z
      .int()
      .min(0)
      .max(100)
      .meta({ description: 'How much of it is written.', examples: [100] }),
    rows_done: count.meta({ description: 'Rows that are written.', examples: [240] }),
    rows_total: count.meta({
      description: 'Rows as they were counted when it began. More can have come since.',
      examples: [240],
    }),
    bytes: longCount.meta({
      description: 'Bytes that are written: of one that is done the size of the file.',
      examples: [48_213],
    }),
    created_at: moment.describe('When it was asked for.'),
    finished_at: moment.nullable().meta({
      description: 'When it ended. Null as long as it has not.',
      examples: ['2026-11-20T08:30:02.000Z'],
    }),
    expires_at: moment.nullable().meta({
      description: 'Until then the file can be fetched. Null as long as there is none.',
      examples: ['2026-11-27T08:30:02.000Z'],
    }),
  })
  .meta({
    id: 'AccountExport',
    description: 'A file with everything that is kept of me, and how far it is.',
  });
export type AccountExport = z.output<typeof AccountExport>;

/** Where the file is. Over REST the same call brings the file itself. */
export const ExportFile = z
  .object({
    id,
    name: z
      .string()
      .meta({ description: 'What to call it where it is saved.', examples: ['stepwise-2026-11-20.json'] }),
    type: z.literal('application/json').describe('Its media type.'),
    bytes: longCount.meta({ description: 'Its size in bytes.', examples: [48_213] }),
    path: z.string().meta({
      description: 'Where it is on this server, to be fetched with GET and the same token.',
      examples: ['/users/me/exports/1/file'],
    }),
  })
  .meta({ id: 'ExportFile', description: 'Where the file of an export is.' });
