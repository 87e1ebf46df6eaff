import { z } from 'zod';
import { isTimeZone } from '../../domain/index.ts';
import { Activity, BmrFormula, Language, localDate, message, weekdays } from '../../trpc/fields.ts';

const NutritionMode = z.enum(['full', 'no_deficit', 'off']).meta({
  id: 'NutritionMode',
  description: 'Whether energy is shown: all of it, never below expenditure, or not at all.',
  examples: ['full'],
});

const fields = {
  time_zone: z
    .string()
    .max(64)
    .refine(isTimeZone, 'must be a name of the IANA time zone database')
    .meta({
      description: 'Where the user is: a name of the IANA time zone database. Offsets are refused.',
      examples: ['Europe/Berlin'],
    }),
  day_start: z
    .int()
    .min(0)
    .max(12)
    .meta({ description: 'The hour at which a day begins.', examples: [4] }),
  lang: Language.nullable().meta({
    description: 'The language of exercises. Null: Russian.',
    examples: ['en'],
  }),
  birth_date: localDate.nullable().meta({
    description: 'It decides the age, of 5 to 120 years. Null: the age that the plan was made with holds.',
    examples: ['1996-05-20'],
  }),
  bmr_formula: BmrFormula,
  activity: Activity.nullable().meta({
    description: 'How active the user is besides the workouts. Null: it is computed from the workouts.',
    examples: ['moderate'],
  }),
  nutrition: NutritionMode,
  study_days: weekdays
    .min(1)
    .meta({ description: 'The weekdays for learning, 1 is Monday.', examples: [[1, 2, 3, 4, 5]] }),
  daily_minutes: z
    .int()
    .min(5)
    .max(600)
    .nullable()
    .meta({ description: 'Minutes for learning on a day. Null: no limit.', examples: [60] }),
  minutes_per_page: z
    .number()
    .min(0.25)
    .max(60)
    .meta({ description: 'Minutes that a page takes.', examples: [2] }),
  minutes_per_chapter: z
    .number()
    .min(1)
    .max(600)
    .meta({ description: 'Minutes that a chapter takes.', examples: [20] }),
  minutes_per_lesson: z
    .number()
    .min(1)
    .max(600)
    .meta({ description: 'Minutes that a lesson takes.', examples: [30] }),
};

export const Profile = z
  .object({ ...fields, today: localDate.meta({ description: 'The date that it is for the user.' }) })
  .meta({ id: 'Profile', description: 'How the days of a user are computed. All keys have defaults.' });

/** Data concerning health, which no event holds. */
export const HEALTH_KEYS = { birth_date: true, activity: true, nutrition: true } as const;

export const ProfileChange = z
  .object(fields)
  .partial()
  .meta({ id: 'ProfileChange', description: 'What is to change. What is left out stays as it is.' });

export const UpdatedProfile = z
  .object({ message, resource: Profile })
  .meta({ id: 'UpdatedProfile', description: 'A profile after its change.' });

export type Profile = z.output<typeof Profile>;
export type ProfileChange = z.output<typeof ProfileChange>;
