import { z } from 'zod';
import { id } from '../../../trpc/fields.ts';

const moment = z.iso.datetime();

/** A file with everything that is kept of me, and how far it is. */
export const AccountExport = z.object({
  id,
  state: z.enum(['queued', 'running', 'done', 'failed', 'expired']),
  percent: z.int().min(0).max(100),
  rows_done: z.int(),
  rows_total: z.int().describe('As counted when it began; more can have come since'),
  bytes: z.int().describe('Written so far; of one that is done the size of the file'),
  created_at: moment,
  finished_at: moment.nullable(),
  expires_at: moment.nullable().describe('Until then the file can be fetched'),
});
export type AccountExport = z.output<typeof AccountExport>;

/** Where the file is. Over REST the same call brings the file itself. */
export const ExportFile = z.object({
  id,
  name: z.string(),
  type: z.literal('application/json'),
  bytes: z.int(),
  path: z.string().describe('On this server, to be fetched with GET and the same token'),
});
