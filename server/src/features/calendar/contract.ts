import { z } from 'zod';
import { id, moment, text } from '../../trpc/fields.ts';

export const DEFAULT_NAME = 'Stepwise';

const NAME = { description: 'What programs call the calendar.', examples: ['Training'] };

export const NewCalendar = z
  .object({ name: text(500).default(DEFAULT_NAME).meta(NAME) })
  .meta({ id: 'NewCalendar', description: 'An address for a calendar file.' });

export const CreatedCalendar = z
  .object({
    id,
    name: z.string().meta(NAME),
    path: z.string().meta({
      description:
        'Where the file is, below the address of this server. It is told this once: whoever knows it reads the file.',
      examples: ['/calendars/Zm9yIGV4YW1wbGUgb25seQ.ics'],
    }),
  })
  .meta({ id: 'CreatedCalendar', description: 'A calendar file that was given an address.' });

export const Calendar = z
  .object({
    id,
    name: z.string().meta(NAME),
    created_at: moment.describe('When the address was made.'),
    last_read_at: moment.nullable().describe('When the file was last read, to five minutes. Null: never.'),
  })
  .meta({ id: 'Calendar', description: 'A calendar file, without its address.' });
