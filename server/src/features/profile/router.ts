import { databaseCode } from '../../db/errors.ts';
import { ageAt, latestDate } from '../../domain/index.ts';
import { endpoint } from '../../trpc/endpoint.ts';
import { invalidField, notFound } from '../../trpc/errors.ts';
import { NoInput } from '../../trpc/fields.ts';
import { protectedProcedure, router } from '../../trpc/procedures.ts';
import { Profile, ProfileChange, UpdatedProfile } from './contract.ts';
import { findProfile, updateProfile } from './queries.ts';

const tag = 'Profile';

/** PostgreSQL's `invalid_parameter_value`: of this statement only a time zone that it does not know. */
const UNKNOWN_TIME_ZONE = '22023';

export const profileRouter = router({
  get: protectedProcedure
    .meta(
      endpoint('GET /users/me/profile', 'How my days are computed', {
        description: 'All keys are there, with the defaults of who has changed nothing.',
        tag,
      }),
    )
    .input(NoInput)
    .output(Profile)
    .query(
      async ({ ctx }) => (await findProfile(ctx.db, ctx.user.id, ctx.services.now())) ?? notFound('User'),
    ),

  update: protectedProcedure
    .meta(
      endpoint('PATCH /users/me/profile', 'Change how my days are computed', {
        description: 'Changes what is sent. Null clears what can be null.',
        example: { message: 'Profile updated' },
        tag,
      }),
    )
    .input(ProfileChange.optional())
    .output(UpdatedProfile)
    .mutation(async ({ ctx, input = {} }) => {
      const now = ctx.services.now();
      if (input.birth_date) {
        const age = ageAt(input.birth_date, latestDate(now));
        if (age < 5 || age > 120) invalidField('birth_date', 'must be an age of 5 to 120 years');
      }
      try {
        const profile = await updateProfile(ctx.db, ctx.user.id, now, input);
        return { message: 'Profile updated', resource: profile ?? notFound('User') };
      } catch (error) {
        if (databaseCode(error) !== UNKNOWN_TIME_ZONE) throw error;
        return invalidField('time_zone', 'must be a name of the IANA time zone database');
      }
    }),
});
