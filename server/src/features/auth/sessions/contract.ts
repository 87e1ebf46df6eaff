import { z } from 'zod';
import { id } from '../../../trpc/fields.ts';

export const Session = z.object({
  id,
  device: z.string().describe('The User-Agent that signed in'),
  created_at: z.iso.datetime(),
  last_seen_at: z.iso.datetime().describe('To five minutes'),
  current: z.boolean().describe('Whether it is the session of this call'),
});
