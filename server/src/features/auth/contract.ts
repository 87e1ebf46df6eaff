import { z } from 'zod';
import { hasInvisibleCharacter } from '../../security/loginKey.ts';
import {
  ById,
  hasMinLength,
  id,
  localDate,
  longCount,
  message,
  moment,
  newPassword,
  password,
  textOrEmpty,
} from '../../trpc/fields.ts';

/** No white space, no control characters, nothing that nobody can see, and something that stands by itself (not only combining marks). */
const login = textOrEmpty(254)
  .refine((value) => value.length > 0, 'must not be empty')
  .refine(
    (value) => !/[\p{White_Space}\p{Cc}]/u.test(value),
    'must not hold white space or control characters',
  )
  .refine(
    (value) => !hasInvisibleCharacter(value),
    'must not hold invisible, private-use or unassigned characters',
  )
  .refine((value) => /[^\p{M}]/u.test(value), 'must hold more than combining marks')
  .meta({
    minLength: 1,
    maxLength: 254,
    description: 'The name to sign in with. Logins that differ in case alone are the same.',
    examples: ['ann'],
  });

/** A login as it is typed in again: it is not held to the rules of one, as whatever was never a login is just a wrong credential. */
const givenLogin = textOrEmpty(1024)
  .refine((value) => hasMinLength(value, 1), 'must not be empty')
  .meta({ minLength: 1, maxLength: 1024, description: 'The login.', examples: ['ann'] });

/** In an answer. */
const ownLogin = z.string().meta({ description: 'The name that the user signs in with.', examples: ['ann'] });

export const Registration = z
  .object({ login, password: newPassword })
  .meta({ id: 'Registration', description: 'A user who does not exist yet.' });

export const SignIn = z
  .object({ username: givenLogin, password })
  .meta({ id: 'SignIn', description: 'Who signs in.' });

/** At most a year, by the settings. */
const seconds = z.int().min(1).max(31_536_000);

export const TokenAnswer = z
  .object({
    access_token: z.string().meta({
      description: 'Goes with each request, as `Authorization: Bearer <access_token>`.',
      examples: [
        'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIiwic2lkIjoxfQ.c2lnbmF0dXJlIG9mIHRoZSBzZXJ2ZXI',
      ],
    }),
    token_type: z.literal('Bearer').describe('What kind of token it is.'),
    user_id: id.describe('The id of the user who is signed in.'),
    expires_in: seconds.meta({ description: 'Seconds until the access token expires.', examples: [1800] }),
    refresh_token: z.string().meta({
      description: 'Gives the next tokens at POST /users/refresh, once.',
      examples: ['AQAAAAEAAAAAu3R9Zk1vYQ'],
    }),
    refresh_expires_in: seconds.meta({
      description: 'Seconds until the refresh token expires, unless it is used before.',
      examples: [604_800],
    }),
  })
  .meta({ id: 'TokenAnswer', description: 'The tokens of a session.' });

const refresh_token = textOrEmpty(256).meta({
  description: 'The last refresh token of the session.',
  examples: ['AQAAAAEAAAAAu3R9Zk1vYQ'],
});

export const Refresh = z
  .object({ refresh_token })
  .meta({ id: 'Refresh', description: 'Which session goes on.' });
export const SignOut = z
  .object({ refresh_token: refresh_token.optional() })
  .meta({
    id: 'SignOut',
    description: 'Which session ends. Without a refresh token it is that of the access token.',
  })
  .optional();

export const PasswordChange = z
  .object({ current_password: password, new_password: newPassword })
  .meta({ id: 'PasswordChange', description: 'The password as it is and as it is to be.' });

/** The tokens of the session that stays: its refresh token from before is no longer taken. */
export const PasswordChanged = TokenAnswer.extend({ message }).meta({
  id: 'PasswordChanged',
  description: 'The next tokens of the session that changed the password.',
});

const code = textOrEmpty(64)
  .refine((value) => hasMinLength(value, 1), 'must not be empty')
  .meta({
    minLength: 1,
    maxLength: 64,
    description: 'The code that an operator has given. Case, spaces and hyphens do not matter.',
    examples: ['4k7m-xq2d-9v0t-hc6w-8rzb-e51n-jp3y'],
  });

export const PasswordReset = z
  .object({ login: givenLogin, code, new_password: newPassword })
  .meta({ id: 'PasswordReset', description: 'A code from an operator, and the password as it is to be.' });

const row = z
  .looseObject({ id })
  .meta({ id: 'ExportedRow', description: "A row with all that is kept of it: the tables' own columns." });

/** For examples: PostgreSQL writes an offset where the other answers have a `Z`. */
const AT = '2026-11-20T08:30:00.000+00:00';
const EXPIRES_AT = '2026-11-27T08:30:00.000+00:00';

const list = (description: string, example: object) =>
  z.array(row).meta({ description, examples: [[example]] });

const created_at = z.string().meta({
  format: 'date-time',
  description: 'When the user registered: ISO 8601 with an offset.',
  examples: [AT],
});

/** Everything that is kept of a user. The rows are the tables' own. */
export const Export = z
  .object({
    user: z
      .object({ id, login: ownLogin, created_at })
      .meta({ id: 'ExportedUser', description: 'The account itself.' }),
    sessions: list('The sessions that are open.', {
      id: 1,
      device: 'curl/8.14.1',
      created_at: AT,
      last_seen_at: AT,
      idle_expires_at: EXPIRES_AT,
    }),
    physical_plans: list('The physical plans with their workouts.', {
      id: 1,
      goal: 'Run 10 km',
      age: 30,
      gender: 'female',
      weight: 70.5,
      height: 178,
      days: [{ workout_id: 1, day_of_week: 1, exercise_ids: [1, 2, 3, 4, 5, 6, 7, 8] }],
    }),
    mental_plans: list('The mental plans with the progress in their resources.', {
      id: 1,
      name: 'Spring',
      goal: 'Read more',
      progress: 30,
      resources: [{ resource_id: 1, progress: 25 }],
    }),
    resources: list('The books, courses and videos.', {
      id: 1,
      type: 'book',
      name: 'The Pragmatic Programmer',
      volume: 352,
      created_at: AT,
    }),
    tasks: list('The things to do.', { id: 1, title: 'Buy running shoes', status: false, created_at: AT }),
    task_series: list('The tasks that come again: each occurrence is one of `tasks`.', {
      id: 1,
      title: 'Water the plants',
      freq: 'daily',
      interval: 3,
      anchor: '2026-11-20',
    }),
    body_weights: z
      .array(
        z
          .looseObject({
            date: localDate.describe('The date that it is the weight of.'),
            weight: z.number().meta({ description: 'Kilograms.', examples: [70.5] }),
          })
          .meta({ id: 'ExportedWeight', description: 'What the user weighed on a date.' }),
      )
      .meta({
        description: 'Weights in kilograms, one a date.',
        examples: [[{ date: '2026-11-20', weight: 70.5, at: AT, zone: 'Europe/Berlin', source: 'body' }]],
      }),
    calendars: list('The addresses of calendar files, without their tokens.', {
      id: 1,
      name: 'Phone',
      created_at: AT,
      last_read_at: null,
    }),
    profile: z
      .array(
        z
          .looseObject({
            time_zone: z.string().meta({ description: 'The time zone.', examples: ['Europe/Berlin'] }),
          })
          .meta({ id: 'ExportedProfile', description: 'What the days of a user depend on.' }),
      )
      .meta({
        description: 'The profile: one row, or none while nothing of it was changed.',
        examples: [[{ time_zone: 'Europe/Berlin', day_start: 3, lang: 'en', study_days: 31 }]],
      }),
    schedules: z
      .array(
        z
          .looseObject({ from_date: localDate.describe('The first date that it holds for.') })
          .meta({ id: 'ExportedSchedule', description: 'What is due from a date on.' }),
      )
      .meta({
        description: 'On which weekdays something was due, from a date on: bit 0 is Monday.',
        examples: [[{ from_date: '2026-11-20', training: 127, study: 31 }]],
      }),
    days: z
      .array(
        z
          .looseObject({ date: localDate.describe('The date of the day.') })
          .meta({ id: 'ExportedDay', description: 'A date with the sums of what was done on it.' }),
      )
      .meta({
        description: 'The days on which something was reported, with sums.',
        examples: [[{ date: '2026-11-20', state: 'done', revision: 1, reps: 5, chapters: 2, run: 1 }]],
      }),
    facts: z
      .array(
        z
          .looseObject({
            seq: longCount.describe('The number of the fact.'),
            date: localDate.describe('The date that it is about.'),
          })
          .meta({ id: 'ExportedFact', description: 'Something that was reported, as it was said.' }),
      )
      .meta({
        description: 'What was reported, for good, with the numbers before and after it.',
        examples: [
          [
            {
              seq: 7,
              kind: 'day.skipped',
              date: '2026-11-20',
              at: AT,
              zone: 'Europe/Berlin',
              v: 1,
              data: {},
            },
          ],
        ],
      }),
    events: z
      .array(
        z
          .looseObject({ seq: longCount.describe('The id of the event.') })
          .meta({ id: 'ExportedEvent', description: 'Something that happened.' }),
      )
      .meta({
        description: 'What happened to the rows above, for a week.',
        examples: [[{ seq: 1, type: 'task.removed', data: { id: 2 }, at: AT }]],
      }),
    // All users' lines share one sequence, which outgrows 32 bits.
    audit_trail: z
      .array(
        z
          .looseObject({ id: longCount.describe('The id of the line.') })
          .meta({ id: 'ExportedAuditLine', description: 'Something that was done to the account.' }),
      )
      .meta({
        description: 'Who signed in, from where, and what else was done to the account.',
        examples: [[{ id: 1, event: 'registered', ip: '192.0.2.1', at: AT }]],
      }),
  })
  .meta({ id: 'Export', description: 'Everything that is kept of a user.' });
export type Export = z.output<typeof Export>;

export const Me = z
  .object({ id, login: ownLogin, created_at: moment.describe('When the user registered.') })
  .meta({ id: 'Me', description: 'The user who is signed in.' });

export const AccountRemoval = ById.extend({ password }).meta({
  id: 'AccountRemoval',
  description: 'The password, once more.',
});
