import { check, date, doublePrecision, pgTable, primaryKey, smallint, sql, text } from '../drizzle.ts';
import { owner } from './users.ts';

/** How a user's days are to be computed. A user without a row has the defaults; the first change makes the row. */
export const profiles = pgTable(
  'profiles',
  {
    user_id: owner(),
    /** A name of the IANA time zone database. */
    time_zone: text('time_zone').notNull().default('UTC'),
    /** The hour at which a day begins: 0 to 12. */
    day_start: smallint('day_start').notNull().default(0),
    lang: text('lang', { enum: ['en', 'ru'] }),
    birth_date: date('birth_date', { mode: 'string' }),
    bmr_formula: text('bmr_formula', { enum: ['mifflin', 'harris'] })
      .notNull()
      .default('mifflin'),
    /** Null: it is computed from the workouts. */
    activity: text('activity', { enum: ['sedentary', 'light', 'moderate', 'very', 'extra'] }),
    nutrition: text('nutrition', { enum: ['full', 'no_deficit', 'off'] })
      .notNull()
      .default('full'),
    /** The weekdays on which the user learns: bit 0 is Monday. */
    study_days: smallint('study_days').notNull().default(127),
    /** Minutes for learning on a day; null: no limit. */
    daily_minutes: smallint('daily_minutes'),
    minutes_per_page: doublePrecision('minutes_per_page').notNull().default(2),
    minutes_per_chapter: doublePrecision('minutes_per_chapter').notNull().default(20),
    minutes_per_lesson: doublePrecision('minutes_per_lesson').notNull().default(30),
  },
  (t) => [
    primaryKey({ columns: [t.user_id] }),
    check('profiles_day_start', sql`${t.day_start} between 0 and 12`),
    check('profiles_lang', sql`${t.lang} in ('en', 'ru')`),
    check('profiles_bmr_formula', sql`${t.bmr_formula} in ('mifflin', 'harris')`),
    check('profiles_activity', sql`${t.activity} in ('sedentary', 'light', 'moderate', 'very', 'extra')`),
    check('profiles_nutrition', sql`${t.nutrition} in ('full', 'no_deficit', 'off')`),
    check('profiles_study_days', sql`${t.study_days} between 1 and 127`),
    check('profiles_daily_minutes', sql`${t.daily_minutes} between 5 and 600`),
    check('profiles_minutes_per_page', sql`${t.minutes_per_page} between 0.25 and 60`),
    check('profiles_minutes_per_chapter', sql`${t.minutes_per_chapter} between 1 and 600`),
    check('profiles_minutes_per_lesson', sql`${t.minutes_per_lesson} between 1 and 600`),
  ],
);
