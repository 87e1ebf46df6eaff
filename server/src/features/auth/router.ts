import { z } from 'zod';
import type { Services } from '../../trpc/context.ts';
import { endpoint } from '../../trpc/endpoint.ts';
import { AppError, invalid, notFound, unauthenticated, wrongCredentials } from '../../trpc/errors.ts';
import { hasLength, message } from '../../trpc/fields.ts';
import { protectedProcedure, publicProcedure, router } from '../../trpc/procedures.ts';
import { AccountRemoval, Me, Registration, SignIn, TokenAnswer } from './contract.ts';
import { createUser, findCredentials, findPassword, findUser, rehash, removeUser } from './queries.ts';

const tag = 'Auth';

export const authRouter = router({
  register: publicProcedure
    .meta(endpoint('POST /users', 'Register and sign in', { tag, public: true, status: 201, errors: ['LOGIN_TAKEN'] }))
    .input(Registration)
    .output(TokenAnswer)
    .mutation(async ({ ctx, input }) => {
      if (!hasLength(input.password, ctx.passwordMinLength)) invalid('password', `must have at least ${ctx.passwordMinLength} characters`);
      const user = await createUser(ctx.db, input.login, await ctx.passwords.hash(input.password));
      if (!user) throw new AppError('LOGIN_TAKEN', 'User with this login already exists');
      return tokenAnswer(ctx, user.id);
    }),

  signIn: publicProcedure
    .meta(endpoint('POST /users/signIn', 'Sign in', { tag, public: true, errors: ['WRONG_CREDENTIALS'] }))
    .input(SignIn)
    .output(TokenAnswer)
    .mutation(async ({ ctx, input }) => {
      const user = await findCredentials(ctx.db, input.username);
      const matches = await ctx.passwords.verify(user?.password, input.password);
      if (!user || !matches) wrongCredentials();
      if (ctx.passwords.isOutdated(user.password)) await rehash(ctx.db, user.id, user.password, await ctx.passwords.hash(input.password));
      return tokenAnswer(ctx, user.id);
    }),

  me: protectedProcedure
    .meta(endpoint('GET /users/me', 'Who I am', { tag }))
    .input(z.object({}).optional())
    .output(Me)
    .query(async ({ ctx }) => {
      const user = (await findUser(ctx.db, ctx.user.id)) ?? unauthenticated();
      return { ...user, created_at: user.created_at.toISOString() };
    }),

  remove: protectedProcedure
    .meta(endpoint('DELETE /users/{id}', 'Remove my account and everything in it', { tag, errors: ['WRONG_CREDENTIALS'] }))
    .input(AccountRemoval)
    .output(z.object({ message }))
    .mutation(async ({ ctx, input }) => {
      if (input.id !== ctx.user.id) notFound('User');
      const matches = await ctx.passwords.verify(await findPassword(ctx.db, ctx.user.id), input.password);
      if (!matches) wrongCredentials();
      await removeUser(ctx.db, ctx.user.id);
      ctx.presence.forget(ctx.user.id);
      return { message: 'User removed' };
    }),
});

async function tokenAnswer({ tokens }: Services, user_id: number): Promise<z.output<typeof TokenAnswer>> {
  return { access_token: await tokens.sign(user_id), token_type: 'Bearer', user_id, expires_in: tokens.lifetime };
}
