// The fields that more than one contract is made of.
import { z } from 'zod';
import { MAX_INTERVALS } from '../domain/index.ts';

const codePoints = (text: string): number => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

/** Text that survives the way to the database and back: no NUL (PostgreSQL refuses it), no half surrogate (it would become U+FFFD). */
const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/** Something a reader would see: not only white space, control or format characters. */
const isBlank = (text: string): boolean => !/[^\p{White_Space}\p{Cc}\p{Cf}]/u.test(text);

/** Text of at most `max` characters (code points), which may be empty. Kept byte for byte. */
export const textOrEmpty = (max: number) =>
  z
    .string()
    .refine(isStorable, 'must be well-formed Unicode without NUL')
    // A character is one or two units long: what is longer than that need not be counted.
    .refine(
      (text) => text.length <= max || (text.length <= 2 * max && codePoints(text) <= max),
      `must have at most ${max} characters`,
    )
    .meta({ maxLength: max });

/** Text of 1 to `max` characters (code points) that is not blank. Kept byte for byte. */
export const text = (max: number) =>
  textOrEmpty(max)
    .refine((value) => !isBlank(value), 'must not be blank')
    .meta({ minLength: 1, maxLength: max });

/** A password as it is chosen. The server's settings can ask for more characters. */
export const newPassword = z
  .string()
  .refine(isStorable, 'must be well-formed Unicode without NUL')
  .refine((value) => value.length <= 256 && codePoints(value) <= 128, 'must have at most 128 characters')
  .meta({
    minLength: 8,
    maxLength: 128,
    format: 'password',
    description: 'A new password. It must not be easy to guess, and the server can ask for more characters.',
    examples: ['correct horse battery'],
  });

/** A password as it is typed in again: its length is nobody's hint. */
export const password = z
  .string()
  .refine(isStorable, 'must be well-formed Unicode without NUL')
  .refine((value) => value.length > 0 && value.length <= 1024, 'must have 1 to 1024 characters')
  .meta({
    minLength: 1,
    maxLength: 1024,
    format: 'password',
    description: 'The password as it is.',
    examples: ['correct horse battery'],
  });

/** @returns whether `value` has at least `min` characters (code points) */
export const hasMinLength = (value: string, min: number): boolean => codePoints(value) >= min;

/** The largest `integer` of PostgreSQL. */
const MAX_INTEGER = 2_147_483_647;

/** The largest id: what a double holds exactly. */
export const MAX_ID = Number.MAX_SAFE_INTEGER;

const anyId = z.int().min(1).max(MAX_ID);

export const id = anyId.meta({ examples: [1] });

/** A number of things that are rows of a table. */
export const count = z
  .int()
  .min(0)
  .max(MAX_INTEGER)
  .meta({ examples: [0] });

/** A number that outgrows 32 bits: of bytes, of events, of lines of the audit trail. It has as many digits as the id of an event. */
export const longCount = z
  .int()
  .min(0)
  .max(999_999_999_999_999)
  .meta({ examples: [1] });

/** A moment in UTC: ISO 8601 with a `Z`. */
export const moment = z.iso.datetime().meta({ examples: ['2026-11-20T08:30:00.000Z'] });

/** The input of a procedure that is asked for nothing. */
export const NoInput = z.object({}).optional();

/** A date without a time: `YYYY-MM-DD`. */
export const localDate = z.iso
  .date()
  // PostgreSQL knows no year 0.
  .refine((date) => !date.startsWith('0000'), 'must be in the year 1 or later')
  .meta({ examples: ['2026-11-28'] });

/** Days of the week as ISO 8601 counts them, 1 is Monday; each stands once. */
export const weekdays = z
  .array(z.int().min(1).max(7))
  .max(7)
  .refine((days) => new Set(days).size === days.length, 'must name each weekday once');

/** `{ id }`: the object that a procedure is about. On REST it comes from the path. */
export const ById = z.object({ id });

/** A page of a list, newest first. */
export const PageRequest = z.object({
  limit: z
    .int()
    .min(1)
    .max(500)
    .default(100)
    .meta({
      description:
        'How many rows the answer has at most. Where texts are long it has fewer: only an empty page is the end.',
      examples: [100],
    }),
  before_id: anyId
    .meta({
      description:
        'Only rows that are older than this one: the last id of the page before. Left out for the first page.',
      examples: [101],
    })
    .optional(),
});

/** The caller's own id, which old clients send along; any other is "not found" (middlewares.ts). */
export const user_id = anyId.optional().describe('The id of the caller. It may be left out.');

/** In an answer: whose the object is. */
export const owner_id = id.describe('The id of the user whose it is.');

/** Of a version, where a client names one. */
export const MAX_VERSION = 999_999_999;

/** The version of an object that a change is meant for. On REST it is the header If-Match, which may name several. */
export const if_match = z
  .int()
  .min(1)
  .max(MAX_VERSION)
  .optional()
  .describe('Only if the version is still this one.');

export const version = z
  .int()
  .min(1)
  .max(MAX_INTEGER)
  .meta({
    description: 'It grows by 1 with each change. As an ETag it is what If-Match compares.',
    examples: [1],
  });

export const message = z.string().meta({ description: 'What was done, in words.', examples: ['Done'] });

/** The answer where there is nothing to tell but that it was done. */
export const Message = z.object({ message }).meta({ id: 'Message', description: 'Says that it was done.' });

/** `Resources` and `Mental plans` both answer with it. */
export const ResourceType = z
  .enum(['book', 'course', 'video'])
  .meta({ id: 'ResourceType', description: 'What a resource is.', examples: ['book'] });

/** What the fields of a resource say, in requests and in answers. */
export const RESOURCE_TEXTS = {
  name: { description: 'The title.', examples: ['The Pragmatic Programmer'] },
  description: {
    description: 'Anything else about it. It may be empty.',
    examples: ['20th anniversary edition'],
  },
};

/** What the volume of a resource counts. */
export const ResourceUnit = z
  .enum(['page', 'chapter', 'minute', 'lesson'])
  .meta({ id: 'ResourceUnit', description: 'What a volume counts.', examples: ['page'] });

export const volume = z
  .number()
  .positive()
  .max(1_000_000)
  .meta({ description: 'How much there is of it, counted in `unit`.', examples: [352] });

export const Resource = z
  .object({
    id,
    type: ResourceType,
    name: z.string().meta(RESOURCE_TEXTS.name),
    description: z.string().meta(RESOURCE_TEXTS.description),
    volume,
    unit: ResourceUnit,
  })
  .meta({ id: 'Resource', description: 'A book, a course or a video.' });
export type Resource = z.output<typeof Resource>;

export const TASK_TITLE = { description: 'What is to be done.', examples: ['Buy running shoes'] };
export const taskStatus = z.boolean().meta({ description: 'Whether it is done.', examples: [false] });

/** `Tasks` asks for it too. */
export const recurrenceInterval = z
  .int()
  .min(1)
  .max(MAX_INTERVALS.daily)
  .meta({
    description: `Every so many days, ISO weeks or months: at most ${MAX_INTERVALS.daily}, ${MAX_INTERVALS.weekly} and ${MAX_INTERVALS.monthly}.`,
    examples: [1],
  });

/** Dates that come again: they are counted from the date on which the task was due when it began to recur. */
export const Recurrence = z
  .object({
    freq: z
      .enum(['daily', 'weekly', 'monthly'])
      .meta({ id: 'RecurrenceFrequency', description: 'What an interval counts.', examples: ['weekly'] }),
    interval: recurrenceInterval,
    weekdays: weekdays
      .min(1)
      .optional()
      .meta({
        description: 'Of a weekly one: 1 is Monday. Left out: that of the date from which it recurs.',
        examples: [[1, 4]],
      }),
    month_day: z
      .int()
      .min(1)
      .max(31)
      .optional()
      .meta({
        description:
          'Of a monthly one; in a shorter month it is the last day. Left out: that of the date from which it recurs.',
        examples: [31],
      }),
  })
  .meta({
    id: 'Recurrence',
    description: 'How a task recurs.',
    examples: [{ freq: 'weekly', interval: 1, weekdays: [1, 4] }],
  });

/** `Tasks` and `Day` both answer with it. */
export const Task = z
  .object({
    id,
    user_id: owner_id,
    title: z.string().meta(TASK_TITLE),
    status: taskStatus,
    due_on: localDate.nullable().describe('The local date by which it is to be done. Null: at any time.'),
    series_id: id
      .nullable()
      .meta({ description: 'What it shares with the other tasks of its series.', examples: [1] }),
    recurrence: Recurrence.nullable().describe('How it recurs. Null: not, or not any more.'),
  })
  .meta({ id: 'Task', description: 'A thing to do.' });
export type Task = z.output<typeof Task>;

/** `Day` and `History` both answer with it, with `revision` and `kcal`. */
export const DayState = z.enum(['open', 'done', 'skipped', 'reported']).meta({
  id: 'DayState',
  description: 'What became of a day. `reported`: a client moved the day of the plan on and said no more.',
  examples: ['open'],
});

export const revision = count.meta({
  description: 'It grows with each change of the day. As an ETag it is what If-Match compares.',
  examples: [1],
});

export const kcal = z
  .number()
  .nullable()
  .meta({
    description: 'Kilocalories net of rest. Null without a weight, under 18, and where energy is off.',
    examples: [16.8],
  });

export const Gender = z
  .enum(['male', 'female'])
  .meta({ id: 'Gender', description: 'Whom the plan is for.', examples: ['female'] });

export const BmrFormula = z.enum(['mifflin', 'harris']).meta({
  id: 'BmrFormula',
  description: 'How the basal metabolic rate is computed: Mifflin–St Jeor, or Harris–Benedict as revised.',
  examples: ['mifflin'],
});
export const Activity = z
  .enum(['sedentary', 'light', 'moderate', 'very', 'extra'])
  .meta({ id: 'Activity', description: 'How active somebody is.', examples: ['moderate'] });

/** `Physical plans` and `Day` both answer with these three. */
export const Aim = z
  .enum(['lose', 'gain', 'maintain'])
  .meta({ id: 'NutritionAim', description: 'What energy is computed for.', examples: ['lose'] });
export const PlanSchedule = z.enum(['sequence', 'weekday']).meta({
  id: 'PlanSchedule',
  description: 'Whether a workout waits until it is done, or belongs to its weekday.',
  examples: ['sequence'],
});
export const TargetReason = z.enum(['opening', 'met', 'hold', 'backed_off', 'break', 'top', 'deload']).meta({
  id: 'TargetReason',
  description:
    'Why a target is what it is. `opening`: where the plan began. `met`: the last target was met. `hold`: it was not. `backed_off`: it was not, three times. `break`: after a rest of more than 14 days. `top`: the end is reached. `deload`: a lighter week.',
  examples: ['opening'],
});

/** `Profile` and `Physical plans` share it. */
export const Language = z
  .enum(['en', 'ru'])
  .meta({ id: 'Language', description: 'A language of the catalogue.', examples: ['en'] });

/** `Physical plans` and `Day` answer with these two. */
export const ExerciseUnit = z
  .enum(['reps', 'seconds'])
  .meta({ id: 'ExerciseUnit', description: 'What a target counts.', examples: ['reps'] });
export const ExerciseMet = z
  .object({
    value: z
      .number()
      .min(0)
      .max(100)
      .meta({ description: 'Metabolic equivalent of task.', examples: [8] }),
    code: z
      .string()
      .nullable()
      .meta({ description: 'The entry in the Compendium of Physical Activities.', examples: ['02020'] }),
    year: count.nullable().meta({ description: 'The edition of the Compendium.', examples: [2011] }),
  })
  .meta({ id: 'ExerciseMet', description: 'How much energy an exercise takes.' });
