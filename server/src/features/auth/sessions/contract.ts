import { z } from 'zod';
import { id, moment } from '../../../trpc/fields.ts';

export const Session = z
  .object({
    id,
    device: z.string().meta({
      description: 'The User-Agent that signed in.',
      examples: ['Mozilla/5.0 (X11; Linux x86_64) Firefox/148.0'],
    }),
    created_at: moment.describe('When it signed in.'),
    last_seen_at: moment.describe('When it was used last, to five minutes.'),
    current: z.boolean().meta({ description: 'Whether it is the session of this call.', examples: [true] }),
  })
  .meta({ id: 'Session', description: 'Somewhere that the user is signed in.' });
