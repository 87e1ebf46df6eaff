import type { z } from 'zod';
import type { Claims } from '../../security/accessTokens.ts';
import { findWeakness } from '../../security/blocklist.ts';
import { loginKey } from '../../security/loginKey.ts';
import { accountKey, addressKey, type PasswordAttempt } from '../../security/rateLimits.ts';
import { hashResetCode } from '../../security/resetCode.ts';
import type { Caller, Context, Services } from '../../trpc/context.ts';
import { endpoint } from '../../trpc/endpoint.ts';
import { AppError, invalidField, requireSelf, unauthenticated, wrongCredentials } from '../../trpc/errors.ts';
import { hasMinLength, Message, NoInput } from '../../trpc/fields.ts';
import { protectedProcedure, publicProcedure, router } from '../../trpc/procedures.ts';
import {
  AccountRemoval,
  Export,
  Me,
  PasswordChange,
  PasswordChanged,
  PasswordReset,
  Refresh,
  Registration,
  SignIn,
  SignOut,
  TokenAnswer,
} from './contract.ts';
import { exportsRouter } from './exports/router.ts';
import {
  changePassword,
  createUser,
  exportUser,
  findAccount,
  findCredentials,
  findReset,
  findUser,
  rehash,
  removeUser,
  resetPassword,
} from './queries.ts';
import { endSession, openSession, recordAudit, refreshSession } from './sessions/queries.ts';
import { sessionsRouter } from './sessions/router.ts';

const tag = 'Auth';

/** What one answer may hold: larger ones would stop everything else while they are put together. */
const MAX_EXPORT_BYTES = 5_000_000;

export const authRouter = router({
  register: publicProcedure
    .meta(
      endpoint('POST /users', 'Register and sign in', {
        description:
          'Makes an account and signs in to it. The answer holds the access token that every other request needs.',
        tag,
        public: true,
        status: 201,
        errors: ['LOGIN_TAKEN', 'WEAK_PASSWORD', 'REGISTRATION_CLOSED'],
      }),
    )
    .input(Registration)
    .output(TokenAnswer)
    .mutation(async ({ ctx, input }) => {
      if (!ctx.services.isRegistrationOpen)
        throw new AppError('REGISTRATION_CLOSED', 'Registration is closed');
      const { ip } = ctx.request.client;
      await ctx.services.limits.consumeAuth('registration', ip);
      await checkNewPassword(ctx.services, 'password', input.password, input.login);
      const made = await createUser(
        ctx.db,
        input.login,
        await ctx.services.passwords.hash(input.password, addressKey(ip)),
        ctx.request.client,
        ctx.services.sessionLimits,
      );
      if (!made) throw new AppError('LOGIN_TAKEN', 'User with this login already exists');
      await ctx.services.limits.rememberAddress(accountKey(loginKey(input.login)), ip);
      return tokenAnswer(ctx.services, made, 0);
    }),

  signIn: publicProcedure
    .meta(
      endpoint('POST /users/signIn', 'Sign in', {
        description:
          'Opens a session. Its access token goes with each request as `Authorization: Bearer <access_token>`; its refresh token gives the next one. When a user has too many sessions, the oldest ends. That an account is blocked is told to who knows its password.',
        tag,
        public: true,
        errors: ['WRONG_CREDENTIALS', 'ACCOUNT_BLOCKED'],
      }),
    )
    .input(SignIn)
    .output(TokenAnswer)
    .mutation(async ({ ctx, input }) => {
      const { ip } = ctx.request.client;
      await ctx.services.limits.consumeAuth('signIn', ip);
      const attempt = await ctx.services.limits.beginSignInAttempt(accountKey(loginKey(input.username)), ip);
      const { ended, ...claims } = await retryIfHashChanged(() => signIn(ctx, input, attempt));
      await attempt.clearFailures();
      ctx.services.sessionCache.invalidate(ended);
      return tokenAnswer(ctx.services, claims, 0);
    }),

  refresh: publicProcedure
    .meta(
      endpoint('POST /users/refresh', 'Exchange a refresh token for new tokens', {
        description:
          'Gives the next access token and the next refresh token of the session. A refresh token is good for one exchange: when it comes back later, the session ends.',
        tag,
        public: true,
        errors: ['UNAUTHENTICATED'],
      }),
    )
    .input(Refresh)
    .output(TokenAnswer)
    .mutation(async ({ ctx, input }) => {
      const token = ctx.services.refreshTokens.decode(input.refresh_token) ?? unauthenticated();
      const refresh = await refreshSession(ctx.db, token, ctx.request.client, ctx.services.sessionLimits);
      if (refresh.outcome === 'reused') ctx.services.sessionCache.invalidate([token.session_id]);
      if (refresh.outcome !== 'refreshed') unauthenticated();
      const { session_id, nonce } = token;
      return tokenAnswer(ctx.services, { user_id: refresh.user_id, session_id, nonce }, refresh.counter);
    }),

  signOut: publicProcedure
    .meta(
      endpoint('POST /users/signOut', 'End the session of the token', {
        description:
          'The session is named by its refresh token in the body, or by its access token in the header. Whoever signs out twice is signed out.',
        example: { message: 'Signed out' },
        tag,
        public: true,
        takesBearer: true,
        errors: ['UNAUTHENTICATED'],
      }),
    )
    .input(SignOut)
    .output(Message)
    .mutation(async ({ ctx, input }) => {
      // A session that has ended already is no error: whoever signs out twice is signed out.
      const named =
        input?.refresh_token === undefined
          ? await ctx.request.claims()
          : ctx.services.refreshTokens.decode(input.refresh_token);
      const session = named ?? unauthenticated();
      if (await endSession(ctx.db, session, ctx.request.client))
        ctx.services.sessionCache.invalidate([session.session_id]);
      return { message: 'Signed out' };
    }),

  sessions: sessionsRouter,

  exports: exportsRouter,

  changePassword: protectedProcedure
    .meta(
      endpoint('POST /users/me/password', 'Change my password, which ends my other sessions', {
        description:
          'Asks for the password as it is. The session of this call stays: the answer has its next tokens.',
        example: { message: 'Password changed' },
        tag,
        changesAccount: true,
        errors: ['WRONG_CREDENTIALS', 'WEAK_PASSWORD'],
      }),
    )
    .input(PasswordChange)
    .output(PasswordChanged)
    .mutation(async ({ ctx, input }) => {
      const { id: user_id, session_id, nonce } = ctx.user;
      const claims = { user_id, session_id, nonce };
      const { ended, counter } = await retryIfHashChanged(async () => {
        const user = (await findAccount(ctx.db, { user_id })) ?? unauthenticated();
        await confirmPassword(ctx, user.password, input.current_password, 2);
        await checkNewPassword(ctx.services, 'new_password', input.new_password, user.login);
        const after = await ctx.services.passwords.hash(
          input.new_password,
          addressKey(ctx.request.client.ip),
        );
        return changePassword(
          ctx.db,
          claims,
          { before: user.password, after },
          ctx.request.client,
          ctx.services.sessionLimits,
        );
      });
      ctx.services.sessionCache.invalidate(ended);
      return { message: 'Password changed', ...(await tokenAnswer(ctx.services, claims, counter)) };
    }),

  resetPassword: publicProcedure
    .meta(
      endpoint('POST /users/resetPassword', 'Set a new password with a code from an operator', {
        description:
          'For who has forgotten the password. A code is good for an hour and for one reset, and a new one replaces it. It ends all sessions of the user, who then signs in.',
        example: { message: 'Password changed' },
        tag,
        public: true,
        errors: ['WRONG_CREDENTIALS', 'WEAK_PASSWORD'],
      }),
    )
    .input(PasswordReset)
    .output(Message)
    .mutation(async ({ ctx, input }) => {
      const { ip } = ctx.request.client;
      await ctx.services.limits.consumeAuth('signIn', ip);
      await checkNewPassword(ctx.services, 'new_password', input.new_password, input.login);
      const attempt = await ctx.services.limits.beginSignInAttempt(accountKey(loginKey(input.login)), ip);
      const { user_id, ended } = await attempt.run(() => redeemResetCode(ctx, input));
      if (!ended) {
        await recordAudit(ctx.db, 'password_reset_failed', ctx.request.client, user_id);
        wrongCredentials();
      }
      await attempt.clearFailures();
      ctx.services.sessionCache.invalidate(ended);
      return { message: 'Password changed' };
    }),

  export: protectedProcedure
    .meta(
      endpoint('GET /users/me/export', 'Everything that is kept of me', {
        description:
          'All in one answer, of 5 MB at most. POST /users/me/exports writes larger ones into a file.',
        tag,
        errors: ['PAYLOAD_TOO_LARGE'],
      }),
    )
    .input(NoInput)
    .output(Export)
    .query(async ({ ctx }) => {
      await recordAudit(ctx.db, 'account_exported', ctx.request.client, ctx.user.id);
      const document = await ctx.services.runLargeRead(ctx.user.id, 0, () =>
        exportUser(ctx.db, ctx.user.id, MAX_EXPORT_BYTES),
      );
      if (document === null)
        throw new AppError(
          'PAYLOAD_TOO_LARGE',
          'More than 5 MB are kept: POST /users/me/exports writes them into a file',
        );
      return document ?? unauthenticated();
    }),

  me: protectedProcedure
    .meta(endpoint('GET /users/me', 'Who I am', { description: 'The account of the access token.', tag }))
    .input(NoInput)
    .output(Me)
    .query(async ({ ctx }) => {
      const user = (await findUser(ctx.db, { user_id: ctx.user.id })) ?? unauthenticated();
      return { ...user, created_at: new Date(user.created_at).toISOString() };
    }),

  remove: protectedProcedure
    .meta(
      endpoint('DELETE /users/{id}', 'Remove my account and everything in it', {
        description: 'Asks for the password. Nothing of the account can be brought back.',
        example: { message: 'User removed' },
        tag,
        changesAccount: true,
        errors: ['WRONG_CREDENTIALS'],
      }),
    )
    .input(AccountRemoval)
    .output(Message)
    .mutation(async ({ ctx, input }) => {
      requireSelf(ctx, input.id);
      const ended = await retryIfHashChanged(async () => {
        const user = (await findAccount(ctx.db, { user_id: ctx.user.id })) ?? unauthenticated();
        await confirmPassword(ctx, user.password, input.password, 1);
        return removeUser(ctx.db, ctx.user.id, user.password, ctx.request.client);
      });
      ctx.services.sessionCache.invalidate(ended, 'user_removed');
      return { message: 'User removed' };
    }),
});

/** Times that a password is compared with a stored hash which is replaced before something comes of it. */
const MAX_ATTEMPTS = 3;

/**
 * Runs what checks a password and then does something on condition that the hash still stands. The hash can have been
 * made anew for the same password, so the check is made again: whoever no longer knows the password fails there.
 * @param run answers undefined when the hash was replaced meanwhile
 */
async function retryIfHashChanged<T>(run: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const done = await run();
    if (done !== undefined) return done;
  }
  wrongCredentials();
}

/**
 * Sets the password that comes with a good code.
 * @returns whose account the login names, and the sessions that ended: undefined for a code that is not good
 */
async function redeemResetCode(
  { db, services, request }: Context,
  { login, code, new_password }: z.output<typeof PasswordReset>,
) {
  const user = await findCredentials(db, login);
  // Asked in either case, so that the time says nothing about who exists.
  const reset = { user_id: user?.id ?? 0, code_hash: hashResetCode(code) };
  if (!(await findReset(db, reset))) return { user_id: user?.id, ended: undefined };
  const hash = await services.passwords.hash(new_password, addressKey(request.client.ip));
  return { user_id: user?.id, ended: await resetPassword(db, { ...reset, hash }, request.client) };
}

/** @returns the new session, undefined when the stored hash was replaced meanwhile @throws 401 for a wrong password */
async function signIn(
  { db, services, request }: Context,
  { username, password }: z.output<typeof SignIn>,
  attempt: PasswordAttempt,
) {
  const client = addressKey(request.client.ip);
  const { user, matches } = await attempt.run(async () => {
    const user = await findCredentials(db, username);
    const matches = await services.passwords.verify(user?.password, password, client);
    // Said to nobody but who knows the password, whose attempt is no failure.
    if (user?.blocked && matches) {
      await recordAudit(db, 'sign_in_blocked', request.client, user.id);
      throw new AppError('ACCOUNT_BLOCKED', 'The account is blocked');
    }
    return { user, matches };
  });
  if (!user || !matches) {
    await recordAudit(db, 'sign_in_failed', request.client, user?.id);
    wrongCredentials();
  }
  if (services.passwords.isOutdated(user.password)) {
    const after = await services.passwords.hash(password, client);
    await rehash(db, { user_id: user.id, before: user.password, after });
    user.password = after;
  }
  const session = await openSession(db, user, request.client, services.sessionLimits);
  return session && { user_id: user.id, ...session };
}

/**
 * @param hashes passwords that are hashed for the change, this comparison included
 * @throws 401 unless the signed-in user knows the password
 */
async function confirmPassword(
  ctx: Context & { user: Caller },
  stored: string,
  password: string,
  hashes: number,
): Promise<void> {
  const { ip } = ctx.request.client;
  const attempt = await ctx.services.limits.beginConfirmationAttempt(ctx.user.id, ip, hashes);
  if (await attempt.run(() => ctx.services.passwords.verify(stored, password, addressKey(ip))))
    return attempt.clearFailures();
  await recordAudit(ctx.db, 'password_refused', ctx.request.client, ctx.user.id);
  wrongCredentials();
}

/** @throws 400 for a password that is too short or too easy to guess */
async function checkNewPassword(
  { passwordMinLength }: Services,
  path: string,
  password: string,
  login: string,
): Promise<void> {
  if (!hasMinLength(password, passwordMinLength))
    invalidField(path, `must have at least ${passwordMinLength} characters`);
  const reason = await findWeakness(password, login);
  if (reason)
    throw new AppError('WEAK_PASSWORD', 'The password is too easy to guess', {
      errors: [{ path, message: reason }],
    });
}

async function tokenAnswer(
  { accessTokens, refreshTokens, sessionLimits }: Services,
  claims: Claims,
  counter: number,
): Promise<z.output<typeof TokenAnswer>> {
  return {
    access_token: await accessTokens.sign(claims),
    token_type: 'Bearer',
    user_id: claims.user_id,
    expires_in: accessTokens.lifetimeSeconds,
    refresh_token: refreshTokens.encode({ ...claims, counter }),
    refresh_expires_in: sessionLimits.idle,
  };
}
